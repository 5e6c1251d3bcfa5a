"""Which width a latency would be solved to, time after time.

Networks of one depth and many widths are timed as `vggsweep measure` does it, in several sessions. A budget
of latency would take the width whose latency is nearest to a target: the widths of all sessions stand side by
side, and with them how often latency falls from one width to the next.

    python benchmarks/latency_widths.py
    python benchmarks/latency_widths.py --depth 12 --widths 16 48 --sessions 8
"""

from __future__ import annotations

import argparse
import statistics
from functools import partial

import torch
from machine import add_json_option, facts, print_table, show_facts, write_json

from vggsweep.arch.build import build_network
from vggsweep.arch.costs import family_costs
from vggsweep.arch.family import ScaledFamily
from vggsweep.configuration.compose import compose
from vggsweep.configuration.network import input_shape
from vggsweep.configuration.schema import read_configuration, resolved
from vggsweep.measure.drift import judge
from vggsweep.measure.rounds import take_rounds, visit


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--widths", type=int, nargs=2, default=(12, 36), metavar=("FIRST", "LAST"))
    parser.add_argument("--sessions", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--max-drift", type=float, default=0.05)
    add_json_option(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    show_facts(machine := facts(arguments.threads))
    configuration = read_configuration(resolved(compose([f"arch.depth={arguments.depth}"])))
    arch, shape = configuration.arch, input_shape(configuration)
    assert isinstance(arch, ScaledFamily)
    widths = range(arguments.widths[0], arguments.widths[1] + 1)
    x_NCHW = torch.rand(1, shape.channels, shape.resolution, shape.resolution)
    x_NCHW = x_NCHW.contiguous(memory_format=torch.channels_last)
    visits, macs = [], []
    for width in widths:
        scaled = arch.at_width(float(width))
        macs.append(family_costs(scaled, configuration.head, shape).macs)
        network = build_network(scaled, configuration.head, shape).eval()
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        visits.append(partial(visit, partial(network, x_NCHW), torch.device("cpu")))
    sessions = []
    with torch.inference_mode():
        for _ in range(arguments.sessions):
            taken = take_rounds(visits, visits[len(visits) // 2], arguments.rounds)
            sessions.append(judge(taken, arguments.max_drift))
    latencies = [[timing.latency_ms for timing in session.timings] for session in sessions]
    medians = [statistics.median(column) for column in zip(*latencies, strict=True)]
    falls = [width for width, a, b in zip(widths[1:], medians, medians[1:], strict=False) if b < a]
    targets = [medians[len(medians) * part // 4] for part in (1, 2, 3)]
    rows, solved = [], []
    for target in targets:
        found = [widths[_nearest(one, target)] for one in latencies]
        costs = [macs[width - widths[0]] for width in found]
        solved.append({"target_ms": target, "widths": found, "macs": costs})
        spread = max(costs) / min(costs) - 1
        rows.append([f"{target:.3f} ms", ", ".join(map(str, found)), f"{spread:.0%}"])
    refused = sum(session.refusal is not None for session in sessions)
    drifts = ", ".join(f"{session.drift:.1%}" for session in sessions)
    print(
        f"depth {arguments.depth}, widths {widths[0]} to {widths[-1]}; drift {drifts}; "
        f"{refused} of {len(sessions)} sessions rejected"
    )
    print(
        f"latency falls at {len(falls)} of {len(widths) - 1} steps of a channel: {', '.join(map(str, falls))}"
    )
    print_table(["target", "widths that a session would take", "MACs apart"], rows)
    write_json(
        arguments.json,
        {
            "machine": machine,
            "depth": arguments.depth,
            "widths": list(widths),
            "macs": macs,
            "latency_ms": latencies,
            "drift": [session.drift for session in sessions],
            "spread": [session.spread for session in sessions],
            "falls": falls,
            "solved": solved,
        },
    )


def _nearest(latencies: list[float], target: float) -> int:
    return min(range(len(latencies)), key=lambda at: abs(latencies[at] - target))


if __name__ == "__main__":
    main()
