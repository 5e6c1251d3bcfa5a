"""Event files, as TensorBoard itself reads them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from tests.loggers.conftest import LoggedTrial
from tests.processes import Command
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import sweep_directory

Logged = Callable[..., LoggedTrial]


def events_of(place: Path) -> EventAccumulator:
    return EventAccumulator(str(place)).Reload()


def curve(events: EventAccumulator, name: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_event_files_hold_curves_results_and_hyperparameters(logged: Logged) -> None:
    trial = logged("logger=tensorboard")
    record = trial()

    events = events_of(trial.directory.path)
    history = read_history(trial.directory.history)
    for name in ("train_loss", "train_acc", "val_loss", "val_acc", "lr", "train_seconds"):
        assert curve(events, name) == [(row["epoch"], pytest.approx(row[name])) for row in history]
    assert curve(events, "costs/macs") == [(2, record.costs["macs"])]
    assert curve(events, "metrics/val_acc") == [(2, pytest.approx(record.metrics["val_acc"]))]
    [state] = events.Tensors("state/text_summary")
    assert state.tensor_proto.string_val == [b"COMPLETE"]
    started = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    hparams = HParamsPluginData.FromString(started).session_start_info.hparams
    assert hparams["arch.depth"].number_value == 2
    assert hparams["train.ema"].string_value == "null"


@pytest.mark.parametrize("word", ["train.epochs=2", "train.epochs=4"])
def test_a_trial_that_is_trained_anew_shows_its_new_epochs_alone(logged: Logged, word: str) -> None:
    logged("logger=tensorboard", word)()
    logged("logger=tensorboard", "train.epochs=2")()

    events = events_of(sweep_directory("logged").trial(7).path)
    assert [step for step, _ in curve(events, "val_loss")] == [1, 2]
    assert [step for step, _ in curve(events, "costs/macs")] == [2]


def test_the_files_lie_where_the_configuration_says(logged: Logged, own_folder: Path) -> None:
    logged("logger=tensorboard", f"logger.tensorboard.dir={own_folder}/board")()

    assert curve(events_of(own_folder / "board" / "logged" / "00007"), "val_acc")


def test_a_killed_trial_goes_on_in_the_same_curves(start: Callable[..., Command]) -> None:
    words = ("logger=tensorboard", "train.epochs=30", "sweep.name=killed")
    command = start(*words)
    command.wait_for("epoch 3/30")
    command.send(signal.SIGKILL)
    command.end()

    again = start(*words)

    assert again.end() == 0, again.text
    events = events_of(sweep_directory("killed").trial(0).path)
    assert [step for step, _ in curve(events, "val_loss")] == list(range(1, 31))
