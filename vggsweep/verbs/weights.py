"""``vggsweep weights SWEEP/7``: the weights of a finished trial, by training its network once more."""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import TYPE_CHECKING

from vggsweep.errors import EXIT_FAILED, EXIT_INTERRUPTED, ConfigError, Interrupted
from vggsweep.results.disk.address import TRIAL_HELP, find_trial
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record, read_record
from vggsweep.visible import show

if TYPE_CHECKING:
    from vggsweep.sweep.retrain import Retrained

HELP = "the weights of a finished trial, by training the same network once more"
EXAMPLE = """\
examples:
  vggsweep weights quickstart/best
  vggsweep weights quickstart/7 --device cpu

Configuration, seed, threads and precision are those of the record. On a CPU the result is the same to the
last bit, and model.safetensors is put beside the record, which stays as it is. Another result, as a GPU or
other versions give, is told (exit code 1) and stays by itself in the trial's folder retrained/, which predict
and export read as well. The same command continues an interrupted one. `sweep.keep=front` and
`train.keep_weights=true` keep weights in the first place.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("trial", metavar="TRIAL", help=TRIAL_HELP)
    parser.add_argument("--device", help="cpu, cuda, … (default: where it was trained)")


def run(arguments: argparse.Namespace) -> int:
    """Train the network once more, unless its weights are there, and say whether the result is the same."""
    directory = find_trial(arguments.trial)
    record = read_record(directory.record)
    if record.state != "COMPLETE":
        raise ConfigError(
            f"{directory.address} is {record.state}: only a trial that was trained to its end has weights."
        )
    if directory.weights.is_file():
        show(f"{directory.address} keeps its weights: {directory.weights}")
        return 0
    from rich.console import Console

    from vggsweep.sweep.retrain import retrain
    from vggsweep.training.interruption import stop_on_signals

    console = Console(stderr=True)
    with stop_on_signals() as stop:
        try:
            done = retrain(directory, record, device=arguments.device, stop=stop, console=console)
        except (Interrupted, KeyboardInterrupt):
            print(f"\nStopped by {stop.signal_name}. The same command continues.", file=sys.stderr)
            return EXIT_INTERRUPTED
    if done.differences:
        show("\n".join(told_apart(directory, record, done)), sys.stderr)
        return EXIT_FAILED
    show(
        f"{directory.address}: the same result as in its record\n"
        f"  weights   {directory.weights}\n"
        f"  next      vggsweep predict {shlex.quote(directory.address)} PICTURE"
    )
    return 0


def told_apart(directory: TrialDirectory, record: Record, done: Retrained) -> list[str]:
    """What differs, under which circumstances, and where the other network lies."""
    return [
        f"{directory.address}: trained once more, with another result:",
        *(f"  differs   {one}" for one in done.differences),
        f"  before    {_circumstances(record)}",
        f"  now       {_circumstances(done.record)}",
        f"  weights   {done.directory.weights}",
        f"  next      vggsweep predict {shlex.quote(str(done.directory.path))} PICTURE",
    ]


def _circumstances(record: Record) -> str:
    ran = record.environment
    packages = ran.get("packages", {})
    return (
        f"{ran.get('device')} ({ran.get('device_name')}), {ran.get('precision')}, "
        f"{ran.get('threads')} threads, torch {packages.get('torch')}, vggsweep {packages.get('vggsweep')}"
    )
