"""``vggsweep diff A B``: what differs between two trials or two sweeps, a line each."""

from __future__ import annotations

import argparse
import json
from typing import Any

from vggsweep.results.disk.choice import CHOICE_HELP
from vggsweep.results.findings.comparison import (
    MACHINE_COLUMNS,
    Side,
    compare_accuracies,
    different_data,
    different_environment,
    different_fields,
    sweep_figures,
    trial_figures,
    values_in_words,
)
from vggsweep.results.findings.evidence import Evidence
from vggsweep.results.units import cell_text
from vggsweep.verbs.compare import read_sides
from vggsweep.visible import show

HELP = "what differs between two trials, or two sweeps: settings, data, versions, results; a line each"
EXAMPLE = """\
examples:
  vggsweep diff quickstart/3 quickstart/7
  vggsweep diff iso_macs iso_params --json

Every line is one difference: what it is of, its name, A's value, B's value. Where nothing differs nothing is
printed. Settings that decide no result are left out. `vggsweep compare` judges the difference in accuracy.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("a", metavar="A", help=CHOICE_HELP)
    parser.add_argument("b", metavar="B", help="another")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Read both sides and print what differs."""
    a, b, is_trials = read_sides(arguments.a, arguments.b)
    records = list(a.records.values()), list(b.records.values())
    parts = {
        "setting": different_fields(*records),
        "data": different_data(*records),
        "machine": different_environment(*records),
        "result": different_results(a, b, is_trials=is_trials),
    }
    if arguments.json:
        plain = {kind: {one.name: [one.a, one.b] for one in sides} for kind, sides in parts.items()}
        print(json.dumps({"a": arguments.a, "b": arguments.b, **plain}, indent=2))
        return 0
    names = [one.name for sides in parts.values() for one in sides]
    width = max(map(len, names), default=0)
    for kind, sides in parts.items():
        for one in sides:
            values = " → ".join(_words(kind, one.name, value) for value in (one.a, one.b))
            show(f"{kind:<7}  {one.name:<{width}}  {values}")
    return 0


def different_results(a: Evidence, b: Evidence, *, is_trials: bool) -> list[Side]:
    """Figures that are not the same on both sides; of sweeps also the best accuracy, seeds averaged."""
    if is_trials:
        figures = [one for one in trial_figures(a, b) if one.name not in MACHINE_COLUMNS]
    else:
        best = compare_accuracies(a, b)
        figures = sweep_figures(a, b)
        figures += [Side(f"best {best.column}", best.a, best.b)] if best is not None else []
    return [one for one in figures if one.a != one.b]


def _words(kind: str, name: str, value: Any) -> str:
    if kind != "result":
        return values_in_words([_shortened(one) for one in value] if kind == "data" else value)
    return "–" if value is None else cell_text(name.removeprefix("best "), value)


def _shortened(fingerprint: str | None) -> str | None:
    return None if fingerprint is None else fingerprint[:12]
