"""``vggsweep dashboard [SWEEP]``: a page in the browser that follows a running sweep."""

from __future__ import annotations

import argparse
import time

from vggsweep.dashboard.live_sweep import LiveSweep
from vggsweep.dashboard.server import PORT, serving
from vggsweep.dashboard.state import WAITING
from vggsweep.training.interruption import stop_on_signals
from vggsweep.visible import show

HELP = "a page in the browser that follows a running sweep: progress, workers, time left, the report"
EXAMPLE = """\
examples:
  vggsweep dashboard                     the newest sweep under outputs/
  vggsweep dashboard quickstart --open

It waits for a sweep that has not begun, goes on when one ends, and changes nothing; only this machine can
ask it. Ctrl-C ends it. With optuna-dashboard installed the page links to it.
"""
LARGEST_PORT = 65_535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("sweep", nargs="?", metavar="SWEEP", help="directory or name under outputs/")
    parser.add_argument(
        "--port",
        type=_port,
        metavar="N",
        help=f"where it listens (default: the first free one from {PORT} on; 0: any)",
    )
    parser.add_argument("--open", action="store_true", help="open it in the browser")


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until a signal comes."""
    sweep = LiveSweep(arguments.sweep)
    with stop_on_signals() as stop, serving(sweep, arguments.port) as address:
        state = sweep.state()
        show(f"dashboard {address}  {state.message if state.phase == WAITING else state.name}")
        show("Ctrl-C ends it")
        if arguments.open and not _open(address):
            show("There is no browser that could be opened; copy the address into one.")
        while not stop.is_set:
            time.sleep(0.2)
    show(f"dashboard ended by {stop.signal_name}")
    return 0


def _open(address: str) -> bool:
    import webbrowser

    return webbrowser.open(address)


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) <= LARGEST_PORT:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port; they go from 0 to {LARGEST_PORT}")
