"""A trial's full state on disk after each epoch: whole or not at all, with the one before it kept.

    checkpoint.pt        the last finished epoch
    checkpoint.pt.prev   the one before, read when the last turns out damaged

Both end with the digest of what stands before it.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vggsweep.errors import CheckpointError

DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Loaded:
    """A checkpoint that could be read.

    Args:
        state: what `CheckpointFile.save` was given.
        warning: what a person should know (the last one was damaged), or None.
    """

    state: dict[str, Any]
    warning: str | None


class CheckpointFile:
    """The checkpoint of one trial.

    Args:
        path: ``checkpoint.pt``; its predecessor lies beside it with ``.prev`` added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.previous = path.with_name(f"{path.name}.prev")

    def exists(self) -> bool:
        """Whether there is anything to continue from."""
        return self.path.exists() or self.previous.exists()

    def save(self, state: dict[str, Any]) -> None:
        """Write the state beside the last checkpoint, then let it take its place.

        A SHA-256 digest follows the data: a file cut short or flipped by a failing disk is noticed.
        """
        buffer = io.BytesIO()
        torch.save(state, buffer)
        data = buffer.getvalue()
        # a name of its own: a process that was stopped for long may wake up while another writes
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        with temporary.open("wb") as file:
            file.write(data)
            file.write(hashlib.sha256(data).digest())
            file.flush()
            os.fsync(file.fileno())
        if self.path.exists():
            self.path.replace(self.previous)
        temporary.replace(self.path)
        _sync_directory(self.path.parent)

    def load(self) -> Loaded:
        """The last whole checkpoint, its tensors on the CPU.

        Raises:
            CheckpointError: neither file can be read.
        """
        damages = []
        for path in (self.path, self.previous):
            if not path.exists():
                continue
            try:
                state = _read(path)
            except (OSError, ValueError, RuntimeError) as error:
                damages.append(f"{path} is damaged ({error})")
                continue
            warning = f"{damages[0]}; continuing from {path.name}." if damages else None
            return Loaded(state, warning)
        found = "; ".join(damages) or f"There is no checkpoint at {self.path}"
        raise CheckpointError(f"{found}. The same command starts a new trial.")

    def remove(self) -> None:
        """Delete both files."""
        self.path.unlink(missing_ok=True)
        self.previous.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    data, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if hashlib.sha256(data).digest() != digest:
        raise ValueError("its checksum does not match")
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    assert isinstance(state, dict)
    return state


def _sync_directory(directory: Path) -> None:
    # The rename itself must reach the disk, or a power cut could bring the old name back.
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
