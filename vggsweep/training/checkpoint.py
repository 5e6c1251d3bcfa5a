"""A trial's full state on disk after each epoch: whole or not at all, with the one before it kept.

    checkpoint.pt        the last finished epoch
    checkpoint.pt.prev   the one before, read when the last turns out damaged

Both end with the digest of what stands before it.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vggsweep.errors import CheckpointError
from vggsweep.files import set_aside, write_atomically

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

        Raises:
            WriteFailed: the last checkpoint stays.
        """
        buffer = io.BytesIO()
        torch.save(state, buffer)
        data = buffer.getvalue()
        write_atomically(self.path, data + hashlib.sha256(data).digest(), previous=self.previous)

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
            except (
                OSError,
                ValueError,
                RuntimeError,
                EOFError,
                LookupError,
                pickle.UnpicklingError,
            ) as error:
                damages.append(f"{path} is damaged ({error})")
                continue
            warning = f"{damages[0]}; continuing from {path.name}." if damages else None
            return Loaded(state, warning)
        found = "; ".join(damages) or f"There is no checkpoint at {self.path}"
        raise CheckpointError(f"{found}.")

    def set_aside(self) -> None:
        """Keep what cannot be read under other names, so that training begins anew.

        Raises:
            WriteFailed: the file system refused.
        """
        for path in (self.path, self.previous):
            if os.path.lexists(path):
                set_aside(path)

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
    if not isinstance(state, dict):
        raise ValueError("it holds no state")
    return state
