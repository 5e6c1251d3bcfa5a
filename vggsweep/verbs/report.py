"""``vggsweep report [SWEEP ...]``: one self-contained HTML file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vggsweep import __version__
from vggsweep.arch.families import family_class
from vggsweep.errors import ConfigError
from vggsweep.files import write_atomically
from vggsweep.results.disk.choice import CHOICE_HELP, choose
from vggsweep.results.findings.evidence import load_evidence
from vggsweep.visible import show

HELP = "one self-contained HTML file: verdict, front, table, figures, failures, commands"
EXAMPLE = """\
examples:
  vggsweep report                          report.html in the directory of the newest sweep
  vggsweep report quickstart --out answer.html
  vggsweep report quickstart/7             report.html in the directory of that trial
  vggsweep report iso_macs iso_params --x latency_ms_p50
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("sweeps", nargs="*", metavar="SWEEP", help=CHOICE_HELP)
    parser.add_argument(
        "--where", metavar="CONDITION", help="only trials for which it is true, as in vggsweep table"
    )
    parser.add_argument("--x", metavar="COLUMN", help="the cost (default: that of the objective, else macs)")
    parser.add_argument("--y", metavar="COLUMN", help="the accuracy (default: that of the objective)")
    parser.add_argument(
        "--family",
        action="append",
        default=[],
        metavar="NAME",
        help="load a family of your own, such as my_family.Pyramid, so that its networks are drawn",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it")


def run(arguments: argparse.Namespace) -> int:
    """Write the page and say where it lies."""
    from vggsweep.results.report import report_page

    for family in arguments.family:
        try:
            family_class(family)
        except ConfigError as refusal:  # in the words of this line
            raise ConfigError(str(refusal).replace("arch.family=", "--family ")) from refusal
    choice = choose(arguments.sweeps)
    evidence = load_evidence(choice.sweeps, arguments.where, choice)
    out = arguments.out
    if out is None and choice.single is not None:
        out = choice.single.path / choice.sweeps[0].report.name
    elif out is None:
        is_whole = len(choice.sweeps) == 1 and not choice.trials
        out = choice.sweeps[0].report if is_whole else Path("report.html")
    for error in evidence.damaged:
        show(f"damaged: {error}", sys.stderr)
    page = report_page(evidence, x=arguments.x, y=arguments.y, version=__version__)
    try:
        write_atomically(out, page)
    except OSError as error:
        raise ConfigError(f"--out {error}") from error
    show(f"report    {out.resolve()}")
    return 0
