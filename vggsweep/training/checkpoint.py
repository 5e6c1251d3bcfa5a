"""A trial's full state on disk after each epoch: whole or not at all, with the one before it kept.

    checkpoint.pt        the last finished epoch
    checkpoint.pt.prev   the one before, read when the last turns out damaged

Both end with the digest of what stands before it, and carry the identity of the training.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vggsweep.errors import CheckpointError
from vggsweep.files import write_atomically
from vggsweep.identity import Identity

IDENTITY = "identity"
DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Loaded:
    """A checkpoint that could be read.

    Args:
        state: what `CheckpointFile.save` was given.
        warning: what a person should know (the last one was damaged), or None.
        unused: files that are damaged or another training's.
    """

    state: dict[str, Any]
    warning: str | None
    unused: tuple[Path, ...] = ()


class CheckpointFile:
    """The checkpoint of one trial.

    Args:
        path: ``checkpoint.pt``; its predecessor lies beside it with ``.prev`` added.
        identity: of the training, saved with each state.
    """

    def __init__(self, path: Path, identity: Identity | None = None) -> None:
        self.path = path
        self.identity = identity
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
        own = {} if self.identity is None else {IDENTITY: self.identity.plain()}
        torch.save({**state, **own}, buffer)
        data = buffer.getvalue()
        write_atomically(self.path, data + hashlib.sha256(data).digest(), previous=self.previous)

    def load(self, *, trusts_unmarked: bool = True) -> Loaded:
        """The last whole checkpoint of this training, its tensors on the CPU.

        Args:
            trusts_unmarked: whether a file that does not say what it belongs to, as those of earlier
                releases, is this training's.

        Raises:
            CheckpointError: neither file can be read and is this training's.
        """
        damages: list[str] = []
        unused: list[Path] = []
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
                unused.append(path)
                continue
            identity = Identity.read(state.pop(IDENTITY, None))
            if not self._is_own(identity, trusts_unmarked):
                damages.append(f"{path} belongs to another configuration or data set")
                unused.append(path)
                continue
            warning = f"{damages[0]}; continuing from {path.name}." if damages else None
            return Loaded(state, warning, tuple(unused))
        found = "; ".join(damages) or f"There is no checkpoint at {self.path}"
        raise CheckpointError(f"{found}.")

    def _is_own(self, identity: Identity | None, trusts_unmarked: bool) -> bool:
        if self.identity is None:
            return True
        return trusts_unmarked if identity is None else identity.fits(self.identity)

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
