"""``answers.json``: which validation images a trial's network got right, one bit an image.

10,000 images are 1.7 kB. Networks that answered the same images can be compared image by image
(`vggsweep.results.statistics.paired`), which tells smaller differences from noise than two accuracies can.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vggsweep.errors import RecordError
from vggsweep.files import write_atomically
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import read_record

SCHEMA_VERSION = 1
RightArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network answered on its validation images after the last finished epoch.

    Args:
        right: whether the guess was right, bool [images] in the order of the split.
        split: fingerprint of the validation images: which, in which order, with which labels. Answers with
            equal ones can be set against each other image by image.
    """

    right: RightArray
    split: str

    @property
    def accuracy(self) -> float:
        """Share of right answers: the trial's `val_acc`, to the last bit."""
        return int(self.right.sum()) / len(self.right)


def write_answers(answers: Answers, path: Path) -> Path:
    """Write ``answers.json``, whole or not at all; to be done before the record, which completes a trial."""
    plain = {
        "schema_version": SCHEMA_VERSION,
        "images": len(answers.right),
        "split": answers.split,
        "answers": base64.b64encode(np.packbits(answers.right).tobytes()).decode("ascii"),
    }
    return write_atomically(path, json.dumps(plain, indent=2) + "\n")


def read_answers(directory: Path, val_acc: float | None = None) -> Answers | None:
    """Read the answers of a finished trial.

    Args:
        directory: the trial's.
        val_acc: of its record; None reads the record for it.

    Returns:
        None where the trial kept none, as those of earlier releases.

    Raises:
        RecordError: the file is damaged, of another schema, or does not add up to the record's `val_acc`; or
            the record cannot be read.
    """
    file = TrialDirectory(directory).answers
    try:
        plain = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise RecordError(f"{file} cannot be read: {error}.") from None
    if val_acc is None:
        val_acc = read_record(directory).metrics.get("val_acc")
    answers = _from_plain(plain, file)
    if answers.accuracy != val_acc:
        raise RecordError(
            f"{file} does not belong to its record: {answers.accuracy:.6g} of its answers are right, and the "
            f"record's val_acc is {val_acc}. Without the file the trial is compared by its accuracy alone."
        )
    return answers


def _from_plain(plain: Any, file: Path) -> Answers:
    if not isinstance(plain, dict) or plain.get("schema_version") != SCHEMA_VERSION:
        raise RecordError(
            f"{file} is not of schema_version {SCHEMA_VERSION}, which this vggsweep reads. Upgrade vggsweep."
        )
    images, split, text = (plain.get(name) for name in ("images", "split", "answers"))
    if not (type(images) is int and images > 0 and isinstance(split, str) and isinstance(text, str)):
        raise RecordError(f"{file} is damaged: it lacks images, split or answers.")
    try:
        packed = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
    except ValueError as error:
        raise RecordError(f"{file} is damaged: {error}.") from None
    if len(packed) != -(-images // 8):
        raise RecordError(f"{file} is damaged: it holds {len(packed)} bytes for {images} images.")
    return Answers(np.unpackbits(packed, count=images).astype(bool), split)
