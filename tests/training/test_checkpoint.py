from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vggsweep.device import random_states, restore_random_states
from vggsweep.errors import CheckpointError
from vggsweep.training.checkpoint import CheckpointFile

CPU = torch.device("cpu")


def state_of(epoch: int) -> dict[str, Any]:
    weights = torch.arange(24.0).reshape(2, 3, 2, 2).add(epoch).to(memory_format=torch.channels_last)
    return {"network": {"weights": weights}, "history": [{"epoch": epoch, "val_loss": 1 / 3}]}


@pytest.fixture
def checkpoint(tmp_path: Path) -> CheckpointFile:
    """After the second epoch: the last file and the one before."""
    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt")
    checkpoint.save(state_of(1))
    checkpoint.save(state_of(2))
    return checkpoint


def epoch_in(checkpoint: CheckpointFile) -> int:
    epoch = checkpoint.load().state["history"][-1]["epoch"]
    assert isinstance(epoch, int)
    return epoch


def test_what_is_loaded_is_what_was_saved(checkpoint: CheckpointFile) -> None:
    loaded = checkpoint.load()
    weights = loaded.state["network"]["weights"]
    assert torch.equal(weights, state_of(2)["network"]["weights"])
    assert weights.is_contiguous(memory_format=torch.channels_last)
    assert loaded.state["history"] == [{"epoch": 2, "val_loss": 1 / 3}]
    assert loaded.warning is None


def test_saving_leaves_two_files_and_nothing_else(checkpoint: CheckpointFile) -> None:
    for epoch in (3, 4, 5):
        checkpoint.save(state_of(epoch))
    assert {path.name for path in checkpoint.path.parent.iterdir()} == {"checkpoint.pt", "checkpoint.pt.prev"}
    checkpoint.path.unlink()
    assert epoch_in(checkpoint) == 4


def test_a_kill_while_writing_leaves_the_last_checkpoint(checkpoint: CheckpointFile) -> None:
    checkpoint.path.with_name("checkpoint.pt.tmp").write_bytes(checkpoint.path.read_bytes()[:100])
    assert epoch_in(checkpoint) == 2
    checkpoint.save(state_of(3))
    assert epoch_in(checkpoint) == 3


def test_a_kill_between_the_two_renames_leaves_the_one_before(checkpoint: CheckpointFile) -> None:
    checkpoint.path.replace(checkpoint.previous)
    assert checkpoint.exists()
    assert epoch_in(checkpoint) == 2
    assert checkpoint.load().warning is None


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def without_last_byte(content: bytes) -> bytes:
    return content[:-1]


def empty(content: bytes) -> bytes:
    return b""


def shorter_than_a_digest(content: bytes) -> bytes:
    return content[:7]


def zeros(content: bytes) -> bytes:
    return bytes(len(content))


@pytest.mark.parametrize("damage", [cut, without_last_byte, empty, shorter_than_a_digest, zeros])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    checkpoint: CheckpointFile, damage: Callable[[bytes], bytes]
) -> None:
    checkpoint.path.write_bytes(damage(checkpoint.path.read_bytes()))
    loaded = checkpoint.load()
    assert loaded.state["history"][-1]["epoch"] == 1
    assert loaded.warning is not None
    assert "checkpoint.pt is damaged (its checksum does not match)" in loaded.warning
    assert loaded.warning.endswith("continuing from checkpoint.pt.prev.")


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_flipped_bit_anywhere_is_noticed(checkpoint: CheckpointFile, place: float, bit: int) -> None:
    whole = checkpoint.path.read_bytes()
    flipped = bytearray(whole)
    flipped[math.floor(place * len(whole))] ^= 1 << bit
    try:
        checkpoint.path.write_bytes(flipped)
        assert checkpoint.load().warning is not None
    finally:
        checkpoint.path.write_bytes(whole)
    assert checkpoint.load().warning is None


def test_two_damaged_checkpoints_are_an_error_that_names_both(checkpoint: CheckpointFile) -> None:
    for path in (checkpoint.path, checkpoint.previous):
        path.write_bytes(b"")
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load()
    assert str(checkpoint.path) in str(caught.value)
    assert str(checkpoint.previous) in str(caught.value)


def test_a_missing_checkpoint_is_an_error(tmp_path: Path) -> None:
    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt")
    assert not checkpoint.exists()
    with pytest.raises(CheckpointError, match="no checkpoint"):
        checkpoint.load()


def test_remove_deletes_both_and_may_be_called_twice(checkpoint: CheckpointFile) -> None:
    checkpoint.remove()
    checkpoint.remove()
    assert list(checkpoint.path.parent.iterdir()) == []


def test_restored_random_states_draw_the_same_numbers() -> None:
    states = random_states(CPU)
    drawn = torch.rand(5)
    restore_random_states(states, CPU)
    assert torch.equal(torch.rand(5), drawn)
