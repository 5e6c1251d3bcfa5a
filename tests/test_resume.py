"""Real processes, really stopped and really killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from rich.console import Console

from tests.processes import PATIENCE, Command
from vggsweep.configuration.identity import configuration_hash
from vggsweep.errors import ConfigError
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import TrialDirectory, sweep_directory
from vggsweep.results.disk.record import Record, read_record
from vggsweep.results.tables.table import read_records
from vggsweep.sweep.storage.file_lock import claim
from vggsweep.sweep.storage.study import open_study
from vggsweep.sweep.storage.trial_attrs import TrialAttrs
from vggsweep.training.interruption import StopRequest
from vggsweep.trial import TrialSpec, run_trial

if TYPE_CHECKING:
    Train = Callable[..., tuple[Record, TrialDirectory]]

CHECKOUT = Path(__file__).parents[1]
METRICS = ("epoch", "lr", "train_loss", "train_acc", "val_loss", "val_acc")


def trial_directory(number: int = 0) -> TrialDirectory:
    return sweep_directory("runs").trial(number)


def history_of(directory: TrialDirectory) -> list[tuple[float, ...]]:
    """What must be equal in equal trainings: everything but times."""
    return [tuple(row[name] for name in METRICS) for row in read_history(directory.history)]


def states() -> list[TrialState]:
    study = open_study(sweep_directory("runs"))
    return [trial.state for trial in study.get_trials(deepcopy=False)]


# --- signals

LONG = ("train.epochs=200", "scheduler=constant")


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_keeps_the_last_epoch_and_the_same_command_continues(
    start: Callable[..., Command], number: signal.Signals
) -> None:
    words = ("train.epochs=20", "train.ema=0.9")
    command = start(*words)
    command.wait_for("epoch 2/20")
    command.send(number)
    assert command.end() == 130
    assert (
        f"Stopped by {number.name}. The same command continues after the last finished epoch:" in command.text
    )
    assert "train.ema=0.9" in command.text.splitlines()[-1]
    assert "Traceback" not in command.text
    directory = trial_directory()
    kept = history_of(directory)
    assert 2 <= len(kept) < 20
    assert directory.checkpoint.exists()
    assert not directory.record.exists()
    assert states() == [TrialState.RUNNING]
    again = start(*words)
    assert again.end() == 0
    assert f"continues after epoch {len(kept)} of 20" in again.text
    assert history_of(directory)[: len(kept)] == kept
    assert len(history_of(directory)) == 20
    assert states() == [TrialState.COMPLETE]


def test_a_second_signal_stops_a_measurement_and_continuing_trains_nothing_again(
    start: Callable[..., Command],
) -> None:
    command = start("measure=default", "measure.min_seconds=600")
    command.wait_for("epoch 2/2")
    time.sleep(0.2)
    command.send(signal.SIGINT)
    time.sleep(0.2)
    command.send(signal.SIGINT)
    assert command.end() == 130
    assert "The same command continues" in command.text
    assert "Traceback" not in command.text
    assert states() == [TrialState.RUNNING]
    again = start("measure=none")
    assert again.end() == 0
    assert "continues after epoch 2 of 2" in again.text
    assert "epoch 1/2" not in again.text
    assert "epoch 2/2" not in again.text
    assert states() == [TrialState.COMPLETE]
    assert not trial_directory().checkpoint.exists()


def test_a_stopped_run_without_checkpoints_says_that_it_starts_over(start: Callable[..., Command]) -> None:
    command = start(*LONG, "train.checkpoint=false")
    command.wait_for("epoch 1/200")
    command.send(signal.SIGINT)
    assert command.end() == 130
    assert "The same command starts over" in command.text


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_of_a_shell_ends_with_130(own_folder: Path, number: signal.Signals) -> None:
    words = ["arch.num_blocks=2", "arch.depth=2", "arch.width=4", *LONG]
    with subprocess.Popen(
        [sys.executable, "-m", "vggsweep", *words],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        while not process.stderr.readline().startswith("epoch 1/200"):
            assert process.poll() is None
        process.send_signal(number)
        _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "vggsweep arch.num_blocks=2 arch.depth=2 arch.width=4 train.epochs=200" in error


# --- kills


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_a_training_killed_at_random_moments_ends_as_if_nothing_had_happened(
    start: Callable[..., Command], own_folder: Path
) -> None:
    """Kills: while it starts, trains, evaluates, writes a checkpoint, or says goodbye."""
    words = ("train.epochs=6", "train.threads=2", "arch.width=8", "dataset.limit=800", "augment=crop_flip")
    words += ("train.keep_weights=true", "optimizer=adamw", "train.ema=0.9")
    calm = own_folder / "calm"
    calm.mkdir()
    began = time.monotonic()
    assert start(*words, folder=calm).end() == 0
    seconds = time.monotonic() - began
    reference = TrialDirectory(calm / "outputs/runs/trials/00000")
    moments = random.Random(7)  # the moments, not what happens at them
    kills = 0
    while kills < 10 or "continues after epoch" not in (own_folder / "output.txt").read_text():
        command = start(*words)
        time.sleep(moments.uniform(0.1, 0.8) * seconds)
        command.send(signal.SIGKILL)
        kills += command.end() == -signal.SIGKILL
    assert start(*words).end() == 0
    records, errors = read_records(sweep_directory("runs").path)
    assert errors == []
    assert records
    for directory, record in records:
        trial = TrialDirectory(directory)
        assert record.state == "COMPLETE"
        assert record.metrics == read_record(reference.path).metrics
        assert history_of(trial) == history_of(reference)
        assert trial.weights.read_bytes() == reference.weights.read_bytes()
        files = {path.name for path in directory.iterdir()} - {"trial.lock"}
        assert files == {path.name for path in reference.path.iterdir()} - {"trial.lock"}
    assert states() == [TrialState.COMPLETE] * len(records)


# --- between the record and the study


def add_running(study: optuna.Study, plain: dict[str, Any]) -> None:
    attributes = TrialAttrs(configuration_hash(plain)).attributes()
    study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs=attributes))


def untold_trial(plain: dict[str, Any]) -> tuple[optuna.Study, Record]:
    """What a kill between writing a record and telling it leaves behind, its checkpoint included."""
    sweep = sweep_directory("runs")
    sweep.trials.mkdir(parents=True)
    study = open_study(sweep)
    add_running(study, plain)
    directory = sweep.trial(0)
    directory.path.mkdir()
    assignment = TrialSpec("runs", 0, directory, plain)
    record = run_trial(assignment, stop=StopRequest(), console=Console(file=StringIO()))
    directory.checkpoint.write_bytes(b"left over")
    return study, record


def test_a_record_that_was_not_told_is_told_and_not_trained_again(
    train: Train, tiny: Callable[..., dict[str, Any]]
) -> None:
    study, written = untold_trial(tiny())
    content = trial_directory().record.read_bytes()
    record, directory = train()
    assert record.trial == 0
    assert record.metrics == written.metrics
    assert directory.record.read_bytes() == content
    assert not directory.checkpoint.exists()
    (trial,) = study.get_trials()
    assert (trial.state, trial.value) == (TrialState.COMPLETE, written.metrics["val_acc"])
    assert train()[0].trial == 1


def test_a_damaged_record_that_was_not_told_is_made_again(
    train: Train, tiny: Callable[..., dict[str, Any]]
) -> None:
    _, written = untold_trial(tiny())
    trial_directory().record.write_text('{"half": ')
    trial_directory().checkpoint.unlink()
    record, _ = train()
    assert record.trial == 0
    assert record.metrics == written.metrics
    assert read_record(trial_directory().path).metrics == written.metrics


def test_a_number_without_a_directory_is_used(train: Train, tiny: Callable[..., dict[str, Any]]) -> None:
    """A kill right after the study gave the number."""
    sweep = sweep_directory("runs")
    sweep.trials.mkdir(parents=True)
    add_running(open_study(sweep), tiny())
    assert train()[0].trial == 0
    assert states() == [TrialState.COMPLETE]


def test_what_another_process_trains_is_left_to_it(train: Train, tiny: Callable[..., dict[str, Any]]) -> None:
    sweep = sweep_directory("runs")
    sweep.trials.mkdir(parents=True)
    add_running(open_study(sweep), tiny())
    trial_directory(0).path.mkdir()
    lock = claim(trial_directory(0).lock)
    assert lock is not None
    try:
        assert train()[0].trial == 1
    finally:
        lock.release()
    assert states() == [TrialState.RUNNING, TrialState.COMPLETE]
    assert train()[0].trial == 0


def test_another_configuration_does_not_continue_this_one(
    train: Train, tiny: Callable[..., dict[str, Any]]
) -> None:
    sweep = sweep_directory("runs")
    sweep.trials.mkdir(parents=True)
    add_running(open_study(sweep), tiny())
    assert train("seed=1")[0].trial == 1


def test_a_failed_run_is_finished_and_told(train: Train) -> None:
    words = ("optimizer.lr=1e30", "scheduler=constant")
    assert (train(*words)[0].state, train(*words)[0].trial) == ("FAIL", 1)
    assert states() == [TrialState.FAIL, TrialState.FAIL]


def test_a_single_run_is_no_part_of_a_sweep_with_two_objectives(train: Train) -> None:
    sweep = sweep_directory("both")
    sweep.trials.mkdir(parents=True)
    open_study(sweep, directions=[StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE])
    with pytest.raises(ConfigError, match="both is a sweep.s, and a single run is no trial of it"):
        train("sweep.name=both")


# --- what cannot work


def test_outputs_that_cannot_be_written_are_one_paragraph(
    start: Callable[..., Command], own_folder: Path
) -> None:
    (own_folder / "outputs").write_text("a file in the way")
    command = start()
    assert command.end() == 1
    (paragraph,) = command.text.strip().split("\n")
    assert paragraph.startswith(f"vggsweep: {own_folder / 'outputs' / 'runs' / 'trials'} cannot be written: ")
    assert "Move what stands in the way" in paragraph


def test_a_corrupt_data_file_is_one_paragraph(start: Callable[..., Command], own_folder: Path) -> None:
    folder = own_folder / "own" / "mnist"
    folder.mkdir(parents=True)
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (folder / name).write_bytes(b"no images")
    command = start("dataset=mnist", f"dataset.root={folder.parent}")
    assert command.end() == 1
    assert "Traceback" not in command.text
    paragraph, pointer = command.text.strip().split("\n")
    assert paragraph.startswith("vggsweep: trial 0 failed: ")
    assert str(folder / "train-images-idx3-ubyte") in paragraph
    assert pointer == f"See {trial_directory().log}"
    assert read_record(trial_directory().path).state == "FAIL"


def test_a_run_that_fails_ends_with_1_and_one_that_completes_with_0(start: Callable[..., Command]) -> None:
    failed = start("optimizer.lr=1e30", "scheduler=constant")
    assert failed.end() == 1
    assert "NaN or infinite in epoch 1, step 2" in failed.text
    done = start()
    assert done.end() == 0
    assert "val_acc" in done.text
    assert "vggsweep table runs" in done.text
    assert [record.trial for _, record in read_records(sweep_directory("runs").path)[0]] == [0, 1]
