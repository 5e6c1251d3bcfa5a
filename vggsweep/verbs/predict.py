"""``vggsweep predict SWEEP/7 PICTURE…``: what a trained network sees on pictures of one's own."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from vggsweep.configuration.checks import check_device_word
from vggsweep.errors import EXIT_FAILED, ConfigError, DataError
from vggsweep.files import write_atomically
from vggsweep.results.disk.address import TRIAL_HELP, find_trial
from vggsweep.visible import show

if TYPE_CHECKING:
    from vggsweep.data.images import PixelArray
    from vggsweep.model import Guess, TrainedModel

HELP = "what a trained network sees on pictures of your own"
EXAMPLE = """\
examples:
  vggsweep predict quickstart/best boot.jpg shirt.png
  vggsweep predict quickstart/7 boot.jpg --json
  vggsweep predict quickstart/7 --folder pictures/ > answers.csv
  vggsweep predict quickstart/7 --folder pictures/ --top 5 --out answers.csv

A picture is turned upright, cropped to a square and resized as those of a picture folder are. What cannot be
read is named on standard error and skipped, and the exit code is 1. A trial needs its weights:
`vggsweep weights TRIAL`. An export to safetensors is a trial's directory too.
"""
BATCH = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("trial", metavar="TRIAL", help=TRIAL_HELP)
    parser.add_argument("pictures", nargs="*", metavar="PICTURE", help="files")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="all pictures below it, as CSV")
    parser.add_argument("--top", type=int, default=3, metavar="K", help="classes a picture (default 3)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the CSV here instead of printing it")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, … (default: cpu)")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Answer for each picture that can be read; the exit code says whether all could."""
    paths = chosen_pictures(arguments)
    _check_out(arguments.out)
    check_device_word(arguments.device)
    directory = find_trial(arguments.trial)
    from vggsweep.device import resolve_device
    from vggsweep.model import load_model

    model = load_model(directory.path, resolve_device(arguments.device))
    skipped: list[str] = []
    answers = list(answered(model, paths, arguments.top, skipped))
    if arguments.json:
        content = [
            {"path": path, "classes": [{"class": name, "probability": share} for name, share in guesses]}
            for path, guesses in answers
        ]
        _put(json.dumps(content, indent=2) + "\n", arguments.out)
    elif arguments.folder is not None or arguments.out is not None:
        _put(csv_of(answers, min(arguments.top, len(model.class_names))), arguments.out)
    else:
        for path, guesses in answers:
            show(f"{path}  " + ", ".join(f"{name} {share:.1%}" for name, share in guesses))
    for line in skipped:
        show(f"skipped: {line}", sys.stderr)
    if skipped:
        show(f"{len(skipped)} of {len(paths)} pictures could not be read.", sys.stderr)
    return EXIT_FAILED if skipped else 0


def chosen_pictures(arguments: argparse.Namespace) -> list[str]:
    """Paths of the pictures that the line names.

    Raises:
        ConfigError: it names none, none that is there, or no such folder.
    """
    if arguments.top < 1:
        raise ConfigError(f"--top {arguments.top}: at least one class is told.")
    folder: Path | None = arguments.folder
    if folder is None:
        if not arguments.pictures:
            raise ConfigError("Name a picture, or a folder of them: --folder pictures/")
        folders = [path for path in arguments.pictures if Path(path).is_dir()]
        if folders:
            raise ConfigError(f"{folders[0]} is a folder. All pictures below it: --folder {folders[0]}")
        if not any(map(os.path.exists, arguments.pictures)):  # of several, those that are there are answered
            raise ConfigError(f"There is no picture {arguments.pictures[0]!r} (looked in {Path.cwd()}).")
        return list(arguments.pictures)
    if arguments.pictures:
        raise ConfigError("Name pictures or a --folder, not both.")
    if not folder.is_dir():
        raise ConfigError(f"--folder {folder}: there is no such folder.")
    from vggsweep.data.scan import EXTENSIONS, scan

    top = scan(folder)
    found = [
        os.path.normpath(os.path.join(folder, os.path.relpath(part.path, top.path), picture.name))
        for part in top.walk()
        for picture in part.listing.pictures
    ]
    if not found:
        raise ConfigError(f"--folder {folder} holds no pictures ({' '.join(EXTENSIONS)}).")
    return sorted(found)


def _check_out(out: Path | None) -> None:
    """Refuse a file that could not be written once all pictures are answered."""
    if out is not None and out.is_dir():
        raise ConfigError(f"--out {out} is a folder; name a file in it, such as --out {out / 'answers.csv'}")
    if out is not None and not out.parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent} to write it to.")


def answered(
    model: TrainedModel, paths: Sequence[str], top: int, skipped: list[str]
) -> Iterator[tuple[str, list[Guess]]]:
    """Each picture that can be read with its likeliest classes, in order.

    Args:
        model: on its device.
        paths: of the pictures.
        top: how many classes.
        skipped: gets a sentence for each that cannot be read.
    """
    import numpy as np

    from vggsweep.data.threads import map_in_threads

    def read(path: str) -> PixelArray | DataError:
        try:
            return model.read(path)
        except DataError as error:
            return error

    for start in range(0, len(paths), BATCH):
        batch = paths[start : start + BATCH]
        found = list(zip(batch, map_in_threads(read, batch), strict=True))
        skipped += [str(error) for _, error in found if isinstance(error, DataError)]
        read_ones = [(path, pixels) for path, pixels in found if not isinstance(pixels, DataError)]
        if read_ones:
            guesses = model.guesses(np.stack([pixels for _, pixels in read_ones]), top)
            yield from zip((path for path, _ in read_ones), guesses, strict=True)


def csv_of(answers: Sequence[tuple[str, Sequence[Guess]]], top: int) -> str:
    """``path,class,probability,class_2,probability_2 …``: a line each.

    >>> print(csv_of([("a.jpg", [("cat", 0.9), ("dog", 0.1)])], 2), end="")
    path,class,probability,class_2,probability_2
    a.jpg,cat,0.9,dog,0.1
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    places = ["", *(f"_{rank}" for rank in range(2, top + 1))]
    writer.writerow(["path", *(name + place for place in places for name in ("class", "probability"))])
    writer.writerows([path, *(value for guess in guesses for value in guess)] for path, guesses in answers)
    return text.getvalue()


def _put(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
    else:
        write_atomically(out, text)
        show(f"answers   {out.resolve()}")
