"""``vggsweep pareto [SWEEP ...]``: the front for two columns, as a table and a picture."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vggsweep.errors import ConfigError, near_match
from vggsweep.files import write_atomically
from vggsweep.results.disk.choice import CHOICE_HELP, choose
from vggsweep.results.findings.evidence import check_column, load_evidence
from vggsweep.results.findings.fair_rates import at_own_rates
from vggsweep.results.statistics.front import machines, pareto_front
from vggsweep.results.statistics.front_summary import FrontSummary, summarise_fronts
from vggsweep.results.statistics.replicates import CONFIGURATION, has_replicates, mean_over_seeds
from vggsweep.results.statistics.settings import varied_settings
from vggsweep.results.tables.terminal import output_console
from vggsweep.results.units import short_count
from vggsweep.visible import show, visible

HELP = "the front for two columns: table, hypervolume, knee, picture"
EXAMPLE = """\
examples:
  vggsweep pareto                                  val_acc against macs, the newest sweep
  vggsweep pareto quickstart --out front.svg
  vggsweep pareto --where "depth <= 8 and state == 'COMPLETE'"
  vggsweep pareto runs quickstart --x latency_ms_p50 --y val_acc --json
"""
FORMATS = (".png", ".svg", ".pdf")
FILE_WIDTH = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("sweeps", nargs="*", metavar="SWEEP", help=CHOICE_HELP)
    parser.add_argument("--x", metavar="COLUMN", default="macs", help="first column, a cost (default: macs)")
    parser.add_argument("--y", metavar="COLUMN", default="val_acc", help="second column (default: val_acc)")
    parser.add_argument(
        "--where", metavar="CONDITION", help="only trials for which it is true, as in vggsweep table"
    )
    parser.add_argument("--mean", action="store_true", help="average the seeds of each configuration first")
    parser.add_argument("--device", metavar="NAME", help="only trials of this device")
    parser.add_argument("--precision", metavar="NAME", help="only trials of this precision")
    parser.add_argument(
        "--reference",
        nargs=2,
        type=float,
        metavar=("X", "Y"),
        help="reference point of the hypervolume (default: 1.1 times the largest cost, accuracy 0)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="draw it: .png, .svg or .pdf")
    parser.add_argument(
        "--json", action="store_true", help="every row with its flag, and each front's numbers"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the front and draw it where asked."""
    x, y, out = arguments.x, arguments.y, arguments.out
    if out is not None and out.suffix.lower() not in FORMATS:
        raise ConfigError(f"--out {out}: the picture's name should end in {', '.join(FORMATS)}.")
    choice = choose(arguments.sweeps)
    evidence = load_evidence(choice.sweeps, arguments.where, choice)
    for error in evidence.damaged:
        show(f"damaged: {error}", sys.stderr)
    if arguments.mean and arguments.where is None and not choice.trials:
        evidence = at_own_rates(evidence, y)  # the mean is that of the seeds that compare
    trials = _filtered(evidence.table, arguments)
    table = mean_over_seeds(trials) if arguments.mean else trials
    is_front = pd.Series(False, index=table.index)
    fronts: list[FrontSummary] = []
    if (table["state"] == "COMPLETE").any():  # before that, columns may still be missing
        for name in (x, y):
            check_column(table, name)
        reference = tuple(arguments.reference) if arguments.reference else None
        fronts, is_front = summarise_fronts(table, x, y, reference), pareto_front(table, x, y)
    if out is not None:
        _draw(trials, x, y, out, average=arguments.mean)
    if arguments.json:
        print(json.dumps(_plain(table, is_front, fronts, x, y), indent=2))
        return 0
    console = output_console(FILE_WIDTH)
    _print(console, table, fronts, x, y)
    if not arguments.mean and has_replicates(trials):
        console.print("Some configurations have several seeds: --mean puts their means on the front.")
    if out is not None:
        console.print(Text(visible(f"picture   {out.resolve()}")), soft_wrap=True)
    return 0


def _filtered(table: pd.DataFrame, arguments: argparse.Namespace) -> pd.DataFrame:
    for name in ("device", "precision"):
        wanted = getattr(arguments, name)
        if wanted is None:
            continue
        known = sorted(set(table[name].dropna().map(str))) if name in table.columns else []
        if wanted not in known:
            raise ConfigError(f"--{name} {wanted!r}: no trial has it. {near_match(wanted, known)}")
        table = table[table[name].map(str) == wanted]
    return table


def _draw(trials: pd.DataFrame, x: str, y: str, out: Path, *, average: bool) -> None:
    from vggsweep.results.figures import accuracy_cost_figure

    buffer = io.BytesIO()
    figure = accuracy_cost_figure(trials, x, y, average=average)
    figure.savefig(buffer, format=out.suffix[1:].lower(), dpi=200)
    try:
        write_atomically(out, buffer.getvalue())
    except OSError as error:
        raise ConfigError(f"--out {error}") from error


def _print(console: Console, table: pd.DataFrame, fronts: list[FrontSummary], x: str, y: str) -> None:
    if not fronts:
        console.print(f"No finished trial has both {x} and {y}: there is no front yet.")
        return
    for front in fronts:
        place = f" on {front.machine}" if front.machine else ""
        title = f"{y} against {x}{place}: {len(front.rows)} of {front.considered} finished on the front"
        console.print(Text(visible(title), style="bold"), soft_wrap=True)
        console.print(_rich(front, x, y, varied_settings(table)))
        volume, (worst_x, worst_y) = front.hypervolume, front.reference
        console.print(
            f"hypervolume {short_count(volume)} ({x} x {y}), "
            f"reference point {x} {short_count(worst_x)}, {y} {worst_y:g}"
        )
        if front.knee is not None:
            row = front.rows.loc[front.knee]
            console.print(f"knee        trial {row['trial']}")
    if len(fronts) > 1:
        console.print(
            f"{x} and {y} are compared only within one device and precision, and on the same images. "
            "Choose with --device NAME, --precision NAME or --where."
        )


def _rich(front: FrontSummary, x: str, y: str, varied: list[str]) -> Table:
    table = Table()
    rows = front.rows
    several = "sweep" in rows.columns and rows["sweep"].nunique() > 1
    names = [*(["sweep"] if several else []), "trial", "depth", "width", *varied[:4]]
    names = [name for name in dict.fromkeys(names) if name in rows.columns and name not in (x, y)]
    extra = [name for name in (f"{y}_sd", "seeds") if name in rows.columns]
    for name in (*names, x, y, *extra, "knee"):
        table.add_column(name, justify="left" if name in ("sweep", "knee") else "right", no_wrap=True)
    for label, row in rows.iterrows():
        mark = "knee" if label == front.knee else ""
        table.add_row(*(Text(visible(_text(name, row[name]))) for name in (*names, x, y, *extra)), mark)
    return table


def _text(name: str, value: Any) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if isinstance(value, (str, list)):
        return str(value)
    if "_acc" in name:
        return f"{value:.4f}"
    number = float(value)
    return f"{int(number):,}" if number.is_integer() else f"{number:,.4g}"


def _plain(
    table: pd.DataFrame, is_front: pd.Series, fronts: list[FrontSummary], x: str, y: str
) -> dict[str, Any]:
    """Values for JSON; missing ones are null."""
    kept = table.drop(columns=[CONFIGURATION], errors="ignore").assign(pareto=is_front)
    if x in table.columns and y in table.columns:
        place = machines(table, x, y)
    else:
        place = pd.Series("", index=table.index)
    return {
        "x": x,
        "y": y,
        "rows": json.loads(kept.to_json(orient="records", double_precision=15)),
        "fronts": [
            {
                "machine": front.machine or None,
                "trials": [
                    {"sweep": row.get("sweep"), "trial": int(row["trial"])}
                    for _, row in front.rows.iterrows()
                ],
                "considered": front.considered,
                "hypervolume": front.hypervolume,
                "reference_point": {x: front.reference[0], y: front.reference[1]},
                "knee": None if front.knee is None else int(table["trial"][front.knee]),
            }
            for front in fronts
        ],
        "machines": sorted(set(place) - {""}),
    }
