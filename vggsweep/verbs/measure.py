"""``vggsweep measure [SWEEP ...]``: finished networks timed anew, side by side in one process."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from vggsweep.configuration.checks import check_device_word
from vggsweep.errors import EXIT_FAILED, ConfigError, near_match
from vggsweep.machine import usable_cores
from vggsweep.results.disk.choice import CHOICE_HELP, choose
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory
from vggsweep.results.disk.measurements import Measurement, append_measurement
from vggsweep.results.disk.record import Record
from vggsweep.results.findings.evidence import Evidence, load_evidence
from vggsweep.results.findings.latencies import Agreement, compare_latencies
from vggsweep.results.tables.terminal import output_console
from vggsweep.results.units import cell_text
from vggsweep.visible import show, visible

ENGINES = ("eager", "compile", "onnxruntime")
PRECISIONS = ("fp32", "bf16", "fp16")
ROUNDS, LEAST_ROUNDS, MAX_DRIFT = 21, 6, 0.05
ADVICE = (
    "Other work on the machine is the usual cause: stop it, or average over more of it with --rounds; a "
    "larger --max-drift accepts it, and is written beside the figures."
)
HEADINGS = {"latency_ms_p50": "in sweep ms", "val_acc": "val_acc"}
# Without a terminal behind it a line is as long as it needs to be.
FILE_WIDTH = 200
HELP = "latencies of finished networks, timed anew side by side in one process"
EXAMPLE = f"""\
examples:
  vggsweep measure                          every network of the newest sweep
  vggsweep measure quickstart --front       those of its front
  vggsweep measure quickstart/3 quickstart/7
  vggsweep measure quickstart --top 10 --batch-sizes 1,32 --engine eager,onnxruntime
  vggsweep measure quickstart --precision fp32,bf16 --threads 2 --json

Each network is timed once a round, in random order, with a reference network before and after; its latency
is the median of its ratio to the reference beside it. A session in which the reference drifts by more than
--max-drift, or a network's even and odd rounds differ by more, is rejected: nothing of it is written, and
the exit code is {EXIT_FAILED}. Any other gets a line in measurements.jsonl of the sweep; records stay.
Networks are built anew with random weights: neither data nor weights are needed. --engine onnxruntime needs
`pip install 'vggsweep[onnx]'`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("sweeps", nargs="*", metavar="SWEEP", help=CHOICE_HELP)
    parser.add_argument("--front", action="store_true", help="only networks on the front")
    parser.add_argument("--top", type=int, metavar="N", help="only the N most accurate networks")
    parser.add_argument(
        "--where", metavar="CONDITION", help="only trials for which it is true, as in vggsweep table"
    )
    parser.add_argument("--batch-sizes", metavar="N,N", help="images a call (default: as in the sweep, or 1)")
    parser.add_argument(
        "--precision", metavar="NAMES", help=f"{', '.join(PRECISIONS)} (default: as in the sweep, or fp32)"
    )
    parser.add_argument(
        "--engine", metavar="NAMES", default="eager", help=f"{', '.join(ENGINES)} (default: eager)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.add_argument("--threads", type=int, metavar="N", help="of the CPU (default: as in the sweep)")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, metavar="N", help=f"at least {LEAST_ROUNDS} (default: {ROUNDS})"
    )
    parser.add_argument(
        "--max-drift",
        type=float,
        default=MAX_DRIFT,
        metavar="SHARE",
        help=f"by which the reference may drift before the session is rejected (default: {MAX_DRIFT})",
    )
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Time the networks under each condition; print and write what holds."""
    engines, precisions, batch_sizes = _check(arguments)
    choice = choose(arguments.sweeps)
    evidence = load_evidence(choice.sweeps, arguments.where, choice)
    for error in evidence.damaged:
        show(f"damaged: {error}", sys.stderr)
    trials = _chosen_trials(evidence, is_front=arguments.front, by_accuracy=arguments.top is not None)
    # from here on torch is needed
    from vggsweep.retiming.conditions import conditions_of, machine_of
    from vggsweep.retiming.lines import measurement_of
    from vggsweep.retiming.networks import candidates
    from vggsweep.retiming.session import check_memory, time_condition

    records = [record for _, record in trials]
    machine = machine_of(records, arguments.device, arguments.threads)
    conditions = conditions_of(records, machine, engines, precisions, batch_sizes)
    networks = candidates(trials)[: arguments.top]
    check_memory(networks, machine)
    found: list[dict[str, Any]] = []
    for condition in conditions:
        show(f"timing {len(networks)} networks in {arguments.rounds} rounds: {condition}", sys.stderr)
        session = time_condition(
            networks, condition, machine, rounds=arguments.rounds, max_drift=arguments.max_drift
        )
        if session.refusal is not None:
            found.append({**asdict(condition), "is_accepted": False, "reason": session.refusal})
            show(f"rejected, nothing is written: {session.refusal}. {ADVICE}", sys.stderr)
            continue
        for sweep, facts in zip(choice.sweeps, evidence.sweeps, strict=True):
            one = measurement_of(
                networks, sweep, session, condition, machine, arguments.max_drift, _command(arguments)
            )
            if one.networks:
                append_measurement(one, sweep.measurements)
                rows = _rows_of(evidence.table, sweep)
                agreement = compare_latencies(one, rows, facts.objective)
                found.append({**asdict(one), "is_accepted": True, "agreement": asdict(agreement)})
                if not arguments.json:
                    _print(one, agreement, sweep, rows)
    if arguments.json:
        print(json.dumps(found, indent=2))
    return 0 if all(one["is_accepted"] for one in found) else EXIT_FAILED


def _check(arguments: argparse.Namespace) -> tuple[list[str], list[str], list[int]]:
    """The engines, precisions and batch sizes of the line; the latter two empty where it says nothing.

    Raises:
        ConfigError: a flag's value cannot work.
    """
    check_device_word(arguments.device)
    words = {name: (getattr(arguments, name) or "").split(",") for name in ("engine", "precision")}
    for name, valid in (("engine", ENGINES), ("precision", PRECISIONS)):
        words[name] = list(dict.fromkeys(word.strip() for word in words[name] if word.strip()))
        for word in words[name]:
            if word not in valid:
                raise ConfigError(f"--{name} {word}: no such {name}. {near_match(word, valid)}")
    sizes = [size.strip() for size in (arguments.batch_sizes or "").split(",") if size.strip()]
    for size in sizes:
        if not (size.isascii() and size.isdecimal() and int(size)):
            raise ConfigError(
                f"--batch-sizes {size} should be numbers of images, such as --batch-sizes 1,32."
            )
    least = {"rounds": LEAST_ROUNDS, "top": 1, "threads": 1}
    for name, bound in least.items():
        value = getattr(arguments, name)
        if value is not None and value < bound:
            raise ConfigError(f"--{name} {value} should be at least {bound}.")
    if arguments.threads is not None and arguments.threads > (cores := usable_cores()):
        raise ConfigError(
            f"--threads {arguments.threads}: this process gets {cores} {'core' if cores == 1 else 'cores'}, "
            "and more threads than that time how they wait for each other."
        )
    if not 0 < arguments.max_drift < float("inf"):
        raise ConfigError(
            f"--max-drift {arguments.max_drift:g} should be a share above 0, such as {MAX_DRIFT}."
        )
    return words["engine"] or ["eager"], words["precision"], [int(size) for size in dict.fromkeys(sizes)]


def _chosen_trials(
    evidence: Evidence, *, is_front: bool, by_accuracy: bool
) -> list[tuple[TrialDirectory, Record]]:
    """The finished trials, in their order or the most accurate first.

    Raises:
        ConfigError: none is finished.
    """
    from vggsweep.results.findings.evidence import objective_accuracy, objective_cost
    from vggsweep.results.statistics.front import pareto_front

    table = evidence.table
    rows = table[table["state"] == "COMPLETE"]
    rows = rows[rows.index.isin(evidence.records)]
    if rows.empty:
        names = ", ".join(sweep.name for sweep in evidence.sweeps)
        where = f" and satisfies {evidence.where}" if evidence.where is not None else ""
        raise ConfigError(
            f"None of the trials of {names} that were named is COMPLETE{where}, so there is nothing to time. "
            "`vggsweep table` shows their states."
        )
    y = objective_accuracy(evidence)
    if is_front:
        rows = rows[pareto_front(rows, objective_cost(evidence), y)]
    if by_accuracy:
        rows = rows.sort_values(y, ascending=False, kind="stable")
    return [(TrialDirectory(Path(str(rows["dir"][at]))), evidence.records[at]) for at in rows.index]


def _rows_of(table: pd.DataFrame, sweep: SweepDirectory) -> pd.DataFrame:
    places = table["dir"].map(lambda place: Path(str(place)).parent.parent)
    return table[places == sweep.path]


def _command(arguments: argparse.Namespace) -> str:
    """The line once more, defaults left out."""
    words = ["vggsweep", "measure", *arguments.sweeps, *(["--front"] if arguments.front else [])]
    usual = {"engine": "eager", "device": "auto", "rounds": ROUNDS, "max_drift": MAX_DRIFT}
    for name in (
        "top",
        "where",
        "batch_sizes",
        "precision",
        "engine",
        "device",
        "threads",
        "rounds",
        "max_drift",
    ):
        value = getattr(arguments, name)
        if value is not None and value != usual.get(name):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)


def _print(measurement: Measurement, agreement: Agreement, sweep: SweepDirectory, rows: pd.DataFrame) -> None:
    console = output_console(FILE_WIDTH)
    beside = "; other work ran beside it" if measurement.contended else ""
    console.print(Text(visible(f"{sweep.name}: {measurement.condition}"), style="bold"), soft_wrap=True)
    console.print(
        f"{measurement.rounds} rounds; reference {measurement.reference} {measurement.reference_ms:.3g} ms, "
        f"its drift {measurement.drift:.1%}; even and odd rounds within {measurement.spread:.1%}{beside}",
        soft_wrap=True,
    )
    by_trial = rows.set_index("trial")
    dials = ("arch", "depth", "width", "resolution")
    names = [name for name in dials if name in rows.columns and rows[name].nunique() > 1]
    shown = [name for name in ("latency_ms_p50", "val_acc") if name in rows.columns]
    table = Table()
    for heading in (
        "trial",
        *names,
        "MACs",
        "latency ms",
        "95 % interval",
        "÷ reference",
        *(HEADINGS[name] for name in shown),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in sorted(measurement.networks, key=lambda network: network.latency_ms):
        first = by_trial.loc[one.trials[0]]
        own = by_trial.loc[list(one.trials)]
        more = f" +{len(one.trials) - 1}" if len(one.trials) > 1 else ""
        table.add_row(
            f"{one.trials[0]}{more}",
            *(Text(visible(cell_text(name, first[name]))) for name in names),
            f"{one.macs:,}",
            f"{one.latency_ms:.4g}",
            f"{one.low_ms:.4g} – {one.high_ms:.4g}",
            f"{one.relative:.3f}",
            *(cell_text(name, own[name].median()) for name in shown),
        )
    console.print(table)
    console.print(Text(visible(str(agreement))), soft_wrap=True)
    console.print(Text(visible(f"file      {sweep.measurements}")), soft_wrap=True)
