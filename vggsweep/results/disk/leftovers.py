"""What trials left on disk besides their results: files that a training could make again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vggsweep.results.disk.layout import TrialDirectory

CHECKPOINT, FAILED, WEIGHTS, TORN = "checkpoint", "failed", "weights", "torn"
# In the order in which they are told.
KINDS = {
    CHECKPOINT: "checkpoints",
    FAILED: "checkpoints of failed trials, without which `vggsweep rerun` begins anew",
    WEIGHTS: "weights",
    TORN: "halves of files that a kill left",
}


@dataclass(frozen=True)
class Leftover:
    """A file that no result is read from.

    Args:
        kind: a key of `KINDS`.
        path: where it lies.
        size: bytes.
    """

    kind: str
    path: Path
    size: int


def leftovers_of(trial: TrialDirectory, state: str) -> Iterator[Leftover]:
    """Find what a finished trial left, what was set aside included.

    Args:
        trial: its directory.
        state: as its record says.
    """
    checkpoints = (trial.checkpoint.name, trial.previous_checkpoint.name)
    for path in sorted(trial.path.iterdir()):
        # unused-checkpoint.pt, earlier-2-model.safetensors: set aside under a reason
        is_one_of = tuple(name for name in (*checkpoints, trial.weights.name) if _is_named(path.name, name))
        if path.is_symlink() or not path.is_file():
            continue
        if path.name.startswith(".") and path.name.endswith(".tmp"):
            kind = TORN
        elif not is_one_of:
            continue
        elif is_one_of[0] in checkpoints:
            kind = FAILED if state == "FAIL" else CHECKPOINT
        else:
            kind = WEIGHTS
        yield Leftover(kind, path, path.stat().st_size)


def _is_named(name: str, own: str) -> bool:
    return name == own or name.endswith(f"-{own}")


def size_of(paths: Iterable[Path]) -> int:
    """Bytes of files and of whole folders."""
    return sum(
        file.lstat().st_size
        for path in paths
        for file in ([path] if not path.is_dir() or path.is_symlink() else path.rglob("*"))
        if not file.is_dir() or file.is_symlink()
    )
