"""``vggsweep report [SWEEP ...]``: one self-contained HTML file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vggsweep import __version__
from vggsweep.errors import ConfigError
from vggsweep.files import write_atomically
from vggsweep.results.disk.layout import find_sweep
from vggsweep.results.statistics.evidence import load_evidence
from vggsweep.visible import show

HELP = "one self-contained HTML file: verdict, front, table, figures, failures, commands"
EXAMPLE = """\
examples:
  vggsweep report                          report.html in the directory of the newest sweep
  vggsweep report quickstart --out answer.html
  vggsweep report iso_macs iso_params --x latency_ms_p50
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("sweeps", nargs="*", metavar="SWEEP", help="directory or name under outputs/")
    parser.add_argument(
        "--where", metavar="CONDITION", help="only trials for which it is true, as in vggsweep table"
    )
    parser.add_argument("--x", metavar="COLUMN", help="the cost (default: that of the objective, else macs)")
    parser.add_argument("--y", metavar="COLUMN", default="val_acc", help="the accuracy (default: val_acc)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it")


def run(arguments: argparse.Namespace) -> int:
    """Write the page and say where it lies."""
    from vggsweep.results.report import report_page

    sweeps = [find_sweep(word) for word in arguments.sweeps or [None]]
    evidence = load_evidence(sweeps, arguments.where)
    out = arguments.out
    if out is None:
        out = sweeps[0].report if len(sweeps) == 1 else Path("report.html")
    for error in evidence.damaged:
        show(f"damaged: {error}", sys.stderr)
    page = report_page(evidence, x=arguments.x, y=arguments.y, version=__version__)
    try:
        write_atomically(out, page)
    except OSError as error:
        raise ConfigError(f"--out {error}") from error
    show(f"report    {out.resolve()}")
    return 0
