"""``vggsweep fit [SWEEP ...]``: what doubling depth or width buys, with intervals."""

from __future__ import annotations

import argparse
import io
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from vggsweep.errors import ConfigError
from vggsweep.files import write_atomically
from vggsweep.results.disk.choice import CHOICE_HELP, choose
from vggsweep.results.tables.terminal import output_console
from vggsweep.visible import show, visible

if TYPE_CHECKING:
    from vggsweep.results.scaling.fit import ScalingFit

HELP = "what doubling depth, width or resolution buys in accuracy, at equal cost, with intervals"
EXAMPLE = """\
examples:
  vggsweep fit                              val_acc over the sizes of the newest sweep
  vggsweep fit quickstart iso_macs --macs 8e6
  vggsweep fit quickstart --where "depth <= 8" --out fit.png
  vggsweep fit quickstart --json
"""
FORMATS = (".png", ".svg", ".pdf")
FILE_WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("sweeps", nargs="*", metavar="SWEEP", help=CHOICE_HELP)
    parser.add_argument("--y", metavar="COLUMN", default="val_acc", help="an accuracy (default: val_acc)")
    parser.add_argument(
        "--macs", type=float, metavar="NUMBER", help="the equal cost (default: the networks' own)"
    )
    parser.add_argument(
        "--where", metavar="CONDITION", help="only trials for which it is true, as in vggsweep table"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="draw it: .png, .svg or .pdf")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Fit, print, and draw where asked."""
    from vggsweep.results.findings.evidence import check_column, load_evidence
    from vggsweep.results.findings.fair_rates import at_own_rates
    from vggsweep.results.scaling.fit import fit_scaling

    out, macs = arguments.out, arguments.macs
    if out is not None and out.suffix.lower() not in FORMATS:
        raise ConfigError(f"--out {out}: the picture's name should end in {', '.join(FORMATS)}.")
    if macs is not None and not 0 < macs < float("inf"):
        raise ConfigError(f"--macs {macs:g} should be multiply-accumulates of one image, such as --macs 8e6.")
    choice = choose(arguments.sweeps)
    evidence = load_evidence(choice.sweeps, arguments.where, choice)
    for error in evidence.damaged:
        show(f"damaged: {error}", sys.stderr)
    if arguments.y != "val_acc":
        check_column(evidence.table, arguments.y)
    if evidence.table.empty and arguments.where is not None:
        names = ", ".join(one.name for one in choice.sweeps)
        raise ConfigError(f"No trial of {names} satisfies {arguments.where}.")
    if arguments.where is None and not choice.trials:
        evidence = at_own_rates(evidence, arguments.y)
    fit = fit_scaling(evidence.table, arguments.y, macs)
    if out is not None:
        _draw(fit, out)
    if arguments.json:
        print(json.dumps(plain_fit(fit), indent=2))
        return 0
    _print(fit)
    if out is not None:
        show(f"picture   {out.resolve()}")
    return 0


def _print(fit: ScalingFit) -> None:
    from vggsweep.results.scaling.words import fit_sentences, subject

    console = output_console(FILE_WIDTH)
    console.print(Text(visible(subject(fit)), style="bold"))
    for sentence in fit_sentences(fit):
        console.print(Text(visible(sentence)))
    for caution in fit.data.cautions:
        console.print(Text(visible(f"{caution[0].upper()}{caution[1:]}.")))


def _draw(fit: ScalingFit, out: Path) -> None:
    from vggsweep.results.figures.scaling import draw_scaling

    buffer = io.BytesIO()
    draw_scaling(fit).savefig(buffer, format=out.suffix[1:].lower(), dpi=200)
    try:
        write_atomically(out, buffer.getvalue())
    except OSError as error:
        raise ConfigError(f"--out {error}") from error


def plain_fit(fit: ScalingFit) -> dict[str, Any]:
    """A fit as JSON holds it."""
    from vggsweep.results.scaling.words import step_sentence

    data = fit.data
    return {
        "y": data.y,
        "networks": len(data.networks),
        "trainings": data.trials,
        "dials": list(data.varied),
        "settings": [one.name for one in data.settings],
        "steps": [{**asdict(step), "sentence": step_sentence(step, data.y)} for step in fit.steps],
        "held_out": None if fit.held_out is None else asdict(fit.held_out),
        "noise": fit.surface.noise,
        "lack_of_fit": fit.surface.lack_of_fit,
        "cautions": list(data.cautions),
        "no_equal_cost": fit.arithmetic if isinstance(fit.arithmetic, str) else None,
    }
