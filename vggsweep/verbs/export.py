"""``vggsweep export SWEEP/7 --to onnx``: a folder with the network, ready for another program."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from vggsweep.errors import ConfigError, near_match
from vggsweep.results.disk.address import TRIAL_HELP, find_trial
from vggsweep.results.disk.record import read_record
from vggsweep.visible import show

# those of vggsweep.export.formats, which imports torch
FORMATS = ("onnx", "torch-export", "safetensors")
HELP = "a folder with a trained network, its preprocessing and its model card"
EXAMPLE = """\
examples:
  vggsweep export quickstart/best --to onnx
  vggsweep export quickstart/7 --to torch-export --out boots
  vggsweep export quickstart/7 --to safetensors --json

Raw pixels in (uint8), probabilities out, any number of images at once. What was written is read again and
must score as the network does; the card (README.md, card.json) says accuracy with its interval, cost, data
with licence, command and versions, and for ONNX the latency under onnxruntime. --to onnx needs
`pip install 'vggsweep[onnx]'`. A trial needs its weights: `vggsweep weights TRIAL`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("trial", metavar="TRIAL", help=TRIAL_HELP)
    parser.add_argument("--to", metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where (default: SWEEP-NUMBER-FORMAT here)"
    )
    parser.add_argument("--json", action="store_true", help="print the card as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write the folder and say what is in it."""
    if arguments.to not in FORMATS:
        given = "is missing" if arguments.to is None else f"{arguments.to}: no such format"
        raise ConfigError(f"--to {given}. {near_match(arguments.to or '', FORMATS)}")
    directory = find_trial(arguments.trial)
    record = read_record(directory.record)
    out = arguments.out or Path(f"{record.sweep}-{record.trial}-{arguments.to}")
    words = ["export", arguments.trial, "--to", arguments.to]
    words += ["--out", str(arguments.out)] if arguments.out is not None else []
    from vggsweep.export.folder import export_trial
    from vggsweep.export.formats import FORMATS as KNOWN

    card = export_trial(directory, KNOWN[arguments.to], out.resolve(), words)
    if arguments.json:
        print(json.dumps(card, indent=2))
        return 0
    accuracy, check, latency = card["accuracy"], card["check"], card["latency"]
    lines = [
        f"{directory.address} as {arguments.to}",
        f"  folder    {out.resolve()}",
        f"  accuracy  val_acc {accuracy['val_acc']:.4f}",
        f"  check     probabilities within {check['largest_difference']:.1e} on {check['images']} "
        f"{check['source']}",
    ]
    if latency is not None:
        lines.append(f"  latency   {latency['latency_ms_p50']:.3f} ms an image under {latency['runtime']}")
    show("\n".join([*lines, f"  card      {out.resolve() / 'README.md'}"]))
    return 0
