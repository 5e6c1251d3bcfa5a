"""Checkpoints that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from vggsweep.errors import Interrupted
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.sweep.single_run import train_one
from vggsweep.training.interruption import StopRequest


class StopAfter(StopRequest):
    """Somebody presses Ctrl-C after some steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def check(self) -> None:
        self.steps -= 1
        if self.steps <= 0:
            self.signal_name = "SIGINT"
        super().check()


@pytest.mark.fault("a checkpoint damaged", "the one before, or a fresh start; said so")
@pytest.mark.parametrize("which", [("checkpoint.pt",), ("checkpoint.pt", "checkpoint.pt.prev")], ids=len)
def test_training_goes_on_from_what_can_be_read_and_says_so(
    own_folder: Path, tiny: Callable[..., dict[str, object]], which: tuple[str, ...]
) -> None:
    plain = tiny("train.epochs=4")
    with pytest.raises(Interrupted):
        train_one(plain, [], stop=StopAfter(11), console=Console(quiet=True))
    directory = TrialDirectory(own_folder / "outputs/runs/trials/00000")
    for name in which:
        (directory.path / name).write_bytes(b"no checkpoint")

    record, _ = train_one(plain, [], stop=StopRequest(), console=Console(quiet=True))

    assert (record.trial, record.state) == (0, "COMPLETE")
    assert record.metrics["epochs_run"] == 4
    note = " ".join(record.notes)
    assert "checkpoint.pt is damaged (its checksum does not match)" in note
    assert ("The training starts anew" if len(which) == 2 else "continuing from checkpoint.pt.prev") in note
    assert len(list(directory.path.glob("unused-checkpoint.pt*"))) == len(which)
