"""``vggsweep compare A B``: two sweeps, or two trials: what differs in settings and in results."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vggsweep.errors import ConfigError
from vggsweep.results.disk.choice import CHOICE_HELP, choose
from vggsweep.results.findings.comparison import (
    Accuracies,
    Fronts,
    Side,
    compare_accuracies,
    compare_fronts,
    different_fields,
    is_better,
    sweep_figures,
    trial_figures,
    values_in_words,
)
from vggsweep.results.findings.evidence import Evidence, check_column, load_evidence
from vggsweep.results.plain import is_number
from vggsweep.results.tables.terminal import output_console
from vggsweep.results.units import cell_text, short_count
from vggsweep.visible import show, visible

HELP = "two sweeps, or two trials: what differs in their settings, and what in their results"
EXAMPLE = """\
examples:
  vggsweep compare iso_macs iso_params
  vggsweep compare quickstart/3 quickstart/7
  vggsweep compare iso_macs iso_params --x latency_ms_p50 --json

Of the configuration only fields that differ are shown. Two sweeps are compared by the best configuration of
each (seeds averaged), and by their fronts: hypervolumes up to one common reference point, and which networks
of one front dominate some of the other.
"""
FILE_WIDTH = 200
MOST_NAMED = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("a", metavar="A", help=CHOICE_HELP)
    parser.add_argument("b", metavar="B", help="another")
    parser.add_argument("--x", metavar="COLUMN", default="macs", help="cost of the fronts (default: macs)")
    parser.add_argument("--y", metavar="COLUMN", default="val_acc", help="the accuracy (default: val_acc)")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Read both sides, set them against each other, print."""
    a, b, is_trials = read_sides(arguments.a, arguments.b)
    x, y = arguments.x, arguments.y
    for name, usual in ((x, "macs"), (y, "val_acc")):
        if name != usual:
            for one in (a, b):
                check_column(one.table, name)
    fields = different_fields(a.records.values(), b.records.values())
    figures = trial_figures(a, b) if is_trials else sweep_figures(a, b)
    accuracies = compare_accuracies(a, b, y)
    fronts = None if is_trials else compare_fronts(a, b, x, y)
    if arguments.json:
        print(json.dumps(_plain(arguments, fields, figures, accuracies, fronts), indent=2))
        return 0
    console = output_console(FILE_WIDTH)
    _line(console, f"A  {_title(arguments.a, a)}")
    _line(console, f"B  {_title(arguments.b, b)}")
    words = [Side(one.name, values_in_words(one.a), values_in_words(one.b)) for one in fields]
    _print_sides(console, "settings that differ", words)
    if not fields:
        _line(console, "Their settings are the same.")
    _print_sides(console, "results", figures)
    if accuracies is not None:
        _print_accuracies(console, accuracies, is_sweep=not is_trials)
    if fronts is not None:
        _print_fronts(console, fronts)
    return 0


def read_sides(first: str, second: str) -> tuple[Evidence, Evidence, bool]:
    """What two words name, and whether both are single trials.

    Raises:
        ConfigError: one is a trial and the other a sweep, or a side has no result.
    """
    choices = [choose([word]) for word in (first, second)]
    singles = [choice.single is not None for choice in choices]
    if singles[0] != singles[1]:
        trial, sweep = (first, second) if singles[0] else (second, first)
        raise ConfigError(
            f"{trial} is one trial and {sweep} a whole sweep: compare two sweeps, or two trials such as "
            f"{trial} {sweep}/best."
        )
    sides = [load_evidence(choice.sweeps, None, choice) for choice in choices]
    for word, one in zip((first, second), sides, strict=True):
        for error in one.damaged:
            show(f"damaged: {error}", sys.stderr)
        if one.table.empty:
            raise ConfigError(f"{word} has no result yet: `vggsweep status {word}` shows how far it is.")
    a, b = sides
    return a, b, singles[0]


def _title(word: str, evidence: Evidence) -> str:
    row = evidence.table.iloc[0]
    kind = f"trial {row['trial']} of {row['sweep']}" if len(evidence.table) == 1 else "sweep"
    return f"{word} ({kind})"


def _line(console: Console, text: str) -> None:
    console.print(Text(visible(text)), soft_wrap=True)


def _print_sides(console: Console, title: str, sides: Sequence[Side]) -> None:
    if not sides:
        return
    table = Table(title=title, title_justify="left", show_edge=False)
    is_numbers = any(is_number(one.a) and is_number(one.b) for one in sides)
    for name in ("", "A", "B", *(["B / A", "better"] if is_numbers else [])):
        table.add_column(name, justify="left" if name in ("", "better") else "right")
    for one in sides:
        cells = [one.name, *(_text(one.name, value) for value in (one.a, one.b))]
        if is_number(one.a) and is_number(one.b):
            cells += [f"{one.b / one.a:.3g}" if one.a else "", is_better(one.name, one.a, one.b)]
        table.add_row(*(Text(visible(cell)) for cell in cells))
    console.print(table)


def _text(name: str, value: Any) -> str:
    return "–" if value is None else cell_text(name, value)


def _print_accuracies(console: Console, found: Accuracies, *, is_sweep: bool) -> None:
    for side, value, seeds, interval in zip(
        "AB", (found.a, found.b), found.seeds, found.intervals, strict=True
    ):
        best = "best " if is_sweep else ""
        mean = f", mean of {seeds} seeds" if seeds > 1 else ""
        within = f", 95 % interval {interval}" if interval is not None else ""
        _line(console, f"{side}  {best}{found.column} {value:.4f}{mean}{within}")
    _line(console, found.verdict + (f" Noise: {found.noise}." if found.noise and found.a != found.b else ""))
    if is_sweep:
        _line(console, "The best of many looks better than it is, the more so the more were tried.")


def _print_fronts(console: Console, fronts: Fronts | str) -> None:
    if isinstance(fronts, str):
        _line(console, fronts)
        return
    x, y = fronts.reference
    _line(
        console,
        f"fronts of {fronts.y} against {fronts.x}, up to {fronts.x} {short_count(x)}, {fronts.y} {y:g}:",
    )
    for at, (side, other) in enumerate((("A", "B"), ("B", "A"))):
        trials = fronts.beats[at]
        named = ", ".join(map(str, trials[:MOST_NAMED])) + (", …" if len(trials) > MOST_NAMED else "")
        does = f"trial {named} dominates" if len(trials) == 1 else f"trials {named} dominate"
        won = f"{does} {fronts.beaten[1 - at]} of {other}'s" if trials else f"none dominates one of {other}'s"
        sizes = f"{fronts.sizes[at]} on its front, {fronts.common[at]} on that of both together"
        _line(console, f"{side}  hypervolume {short_count(fronts.volumes[at])}; {sizes}; {won}")


def _plain(
    arguments: argparse.Namespace,
    fields: Sequence[Side],
    figures: Sequence[Side],
    accuracies: Accuracies | None,
    fronts: Fronts | str | None,
) -> dict[str, Any]:
    return {
        "a": arguments.a,
        "b": arguments.b,
        "settings": {one.name: [one.a, one.b] for one in fields},
        "results": {one.name: [one.a, one.b] for one in figures},
        "accuracy": None if accuracies is None else asdict(accuracies),
        "fronts": asdict(fronts) if isinstance(fronts, Fronts) else fronts,
    }
