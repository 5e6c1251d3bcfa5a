"""Whether `vggsweep measure` says the same twice, or rejects itself.

The networks of a sweep are timed several times over, as `vggsweep measure SWEEP` does it. Each session is
judged, and the rank correlation of every pair of sessions is set beside what became of the two.

    vggsweep -m arch.depth=4,6,8,10,12 arch.width=8,20 objective=acc_vs_latency sweep.name=ten \
        dataset.limit=512 train.epochs=1 train.threads=1
    python benchmarks/measure_twice.py ten
"""

from __future__ import annotations

import argparse
from itertools import combinations

import pandas as pd
from machine import add_json_option, facts, print_table, show_facts, write_json

from vggsweep.results.disk.choice import choose
from vggsweep.results.disk.record import read_record
from vggsweep.results.findings.latencies import spearman
from vggsweep.retiming.conditions import conditions_of, machine_of
from vggsweep.retiming.networks import candidates
from vggsweep.retiming.session import time_condition


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweep", metavar="SWEEP")
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--max-drift", type=float, default=0.05)
    add_json_option(parser)
    arguments = parser.parse_args()
    show_facts(measured_on := facts())
    (sweep,) = choose([arguments.sweep]).sweeps
    trials = [(sweep.trial(at), read_record(sweep.trial(at).record)) for at in sweep.begun_trials()]
    records = [record for _, record in trials]
    machine = machine_of(records, "auto", None)
    (condition,) = conditions_of(records, machine, ["eager"], [], [])
    networks = candidates(trials)
    sessions = [
        time_condition(networks, condition, machine, rounds=arguments.rounds, max_drift=arguments.max_drift)
        for _ in range(arguments.sessions)
    ]
    latencies = [pd.Series([timing.latency_ms for timing in session.timings]) for session in sessions]
    seen = pd.Series([record.measurements.get("latency_ms_p50") for record in records], dtype=float)
    rows = [
        [
            str(at),
            f"{session.drift:.1%}",
            f"{session.spread:.1%}",
            "rejected" if session.refusal else "accepted",
            f"{_rank(one, seen):.3f}",
        ]
        for at, (session, one) in enumerate(zip(sessions, latencies, strict=True))
    ]
    print(f"{len(networks)} networks, {condition}, {machine.threads} threads, {arguments.rounds} rounds")
    print_table(["session", "drift", "spread", "", "Spearman with the sweep's own"], rows)
    ranks: dict[str, list[float]] = {"accepted": [], "rejected": []}
    for a, b in combinations(range(len(sessions)), 2):
        fate = "rejected" if sessions[a].refusal or sessions[b].refusal else "accepted"
        ranks[fate].append(_rank(latencies[a], latencies[b]))
    for fate, found in ranks.items():
        if found:
            which = "both accepted" if fate == "accepted" else "one or both rejected"
            print(f"{len(found)} pairs of sessions, {which}: Spearman {min(found):.3f} to {max(found):.3f}")
    write_json(
        arguments.json,
        {
            "machine": measured_on,
            "condition": str(condition),
            "sessions": [
                {
                    "drift": session.drift,
                    "spread": session.spread,
                    "refusal": session.refusal,
                    "contended": session.contended,
                    "latency_ms": one.tolist(),
                }
                for session, one in zip(sessions, latencies, strict=True)
            ],
            "in_sweep_ms": seen.tolist(),
            "spearman": ranks,
        },
    )


def _rank(a: pd.Series, b: pd.Series) -> float:
    found = spearman(a, b)
    return float("nan") if found is None else found


if __name__ == "__main__":
    main()
