"""``test_openings.jsonl``: each look at a sweep's test set, a line each; nothing that selects reads it.

A test set tells the truth about a network as long as nobody chooses by it. What was looked at, when and with
which result is written down, so that a reader of an accuracy knows how often its images were opened before.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vggsweep.files import append_line
from vggsweep.results.disk.record import Record


@dataclass(frozen=True, kw_only=True)
class Opening:
    """One look at the test set.

    Args:
        trial: its number.
        test_acc: fraction of right answers.
        test_loss: mean cross-entropy in nats.
        images: test images.
        command: what opened it.
        when: UTC in ISO 8601.
        who: user and host.
    """

    trial: int
    test_acc: float
    test_loss: float
    images: int
    command: str
    when: str
    who: str


def new_opening(trial: int, test_acc: float, test_loss: float, images: int, command: str) -> Opening:
    """An opening by this user on this host, now."""
    when = datetime.now(UTC).isoformat(timespec="milliseconds")  # two looks within a second differ
    return Opening(
        trial=trial,
        test_acc=test_acc,
        test_loss=test_loss,
        images=images,
        command=command,
        when=when,
        who=f"{_user()}@{socket.gethostname()}",
    )


def log_opening(opening: Opening, path: Path) -> None:
    """Add one line; of several processes each adds its own whole.

    Args:
        opening: the look.
        path: ``test_openings.jsonl`` of the sweep.

    Raises:
        WriteFailed: the file system refused.
    """
    append_line(path, json.dumps(asdict(opening)))


def read_openings(path: Path) -> list[Opening]:
    """All looks at the test set of a sweep, the earliest first; damaged lines are left out."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            plain: dict[str, Any] = json.loads(line)
            found.append(Opening(**{name: plain[name] for name in Opening.__dataclass_fields__}))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    return found


def earlier_openings(path: Path, record: Record) -> list[str]:
    """When the test set was opened for a trial before, a line each, the earliest first.

    Args:
        path: ``test_openings.jsonl`` of its sweep.
        record: the trial's; it may have been opened after the training by a release that kept no log.
    """
    found = [one for one in read_openings(path) if one.trial == record.trial]
    if not found and (accuracy := record.metrics.get("test_acc")) is not None:
        when = record.timings.get("ended", "an unknown day")
        return [f"on {when}, after the training, test_acc {accuracy:.4f}"]
    return [f"on {one.when} by {one.who}, test_acc {one.test_acc:.4f}" for one in found]


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's number without a name
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"
