"""A sweep that is killed at any moment ends with exactly its total."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.processes import KILLS, PATIENCE, Command
from vggsweep.results.disk.layout import SweepDirectory, sweep_directory
from vggsweep.results.disk.record import Record
from vggsweep.results.tables.table import read_records
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.storage.trial_attrs import DEATHS, counted

Start = Callable[..., Command]


def records_of(sweep: SweepDirectory) -> list[Record]:
    records, damaged = read_records(sweep.path)
    assert damaged == []
    return [record for _, record in records]


def test_killed_between_record_and_tell_the_result_is_told_and_not_trained_again(start: Start) -> None:
    line = ("-m", "arch.width=2,4", "train.epochs=1", "sweep.name=cut")
    sweep = sweep_directory("cut")
    written: dict[int, bytes] = {}
    for number in (0, 1):
        command = start(*line, killed_after="vggsweep.trial.write_record")
        assert command.end() == -signal.SIGKILL
        # what was untold before was told by this run, which then trained the next one
        states = [trial.state for trial in read_study(sweep).get_trials()]
        assert states == [TrialState.COMPLETE] * number + [TrialState.RUNNING]
        written[number] = sweep.trial(number).record.read_bytes()
    command = start(*line)
    assert command.end() == 0, command.text
    assert "epoch" not in command.text
    trials = read_study(sweep).get_trials()
    records = records_of(sweep)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 2
    assert [trial.value for trial in trials] == [record.metrics["val_acc"] for record in records]
    assert {number: sweep.trial(number).record.read_bytes() for number in written} == written
    assert not list(sweep.path.rglob("checkpoint*"))


def wait_for_an_epoch(command: Command) -> None:
    """Wait until it has trained one, or has run for so long that it never will."""
    deadline = time.monotonic() + PATIENCE
    while "epoch " not in command.text and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.mark.fault(
    "`kill -9`, Ctrl-C and SIGTERM, one worker", "the same command continues; exactly the total"
)
@pytest.mark.slow
@pytest.mark.timeout(100 * KILLS)
def test_sweep_under_fire_ends_with_exactly_its_total(
    start: Start, own_folder: Path, tmp_path: Path, record_property: Callable[[str, int], None]
) -> None:
    record_property("rounds", KILLS)
    epochs = f"train.epochs={max(6, KILLS)}"
    line = (
        "-m",
        "arch.width=range(2,30)",
        "n_trials=20",
        epochs,
        f"sweep.max_retries={KILLS}",
        "train.keep_weights=true",
        "hydra/sweeper/sampler=random",
        "sweep.name=fire",
    )
    sweep = sweep_directory("fire")
    kills = 0
    luck = random.Random(0)
    finished: dict[Path, bytes] = {}
    while True:
        command = start(*line)
        if kills < KILLS:
            if kills % 2:  # in the middle of a training, however long a busy machine takes to get there
                wait_for_an_epoch(command)
                time.sleep(luck.uniform(0.0, 1.0))
            else:
                time.sleep(luck.uniform(1.0, 4.0))
            command.send(signal.SIGKILL)
        code = command.end()
        # Whole, and never written again: whatever was trained to its end is not trained once more.
        assert read_records(sweep.path)[1] == []
        now = {path: path.read_bytes() for path in sweep.trials.glob("*/record.json")}
        assert {path: now[path] for path in finished} == finished
        finished = now
        if code == 0:
            break
        assert code == -signal.SIGKILL, command.text
        kills += 1
    study = read_study(sweep)
    trials = counted(study.get_trials())
    records = records_of(sweep)
    assert kills >= KILLS - 4
    assert len(trials) == 20
    assert [record.trial for record in records] == [trial.number for trial in trials]
    assert len({record.configuration_hash for record in records}) == 20
    assert not list(sweep.path.rglob("*.tmp"))
    continued = [trial.number for trial in trials if DEATHS in trial.user_attrs]
    assert continued
    for number in continued:
        record = next(record for record in records if record.trial == number)
        folder = tmp_path / f"undisturbed-{number}"
        folder.mkdir()
        words = (f"arch.width={record.network['width']}", epochs, "train.keep_weights=true")
        again = start(*words, folder=folder)
        assert again.end() == 0, again.text
        undisturbed = folder / "outputs/runs/trials/00000/model.safetensors"
        assert sweep.trial(number).weights.read_bytes() == undisturbed.read_bytes()
