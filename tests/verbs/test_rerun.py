"""Failed trials trained again, by the real command."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.processes import Command
from tests.sweep.conftest import finish, scheduler_of, spec_of
from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.results.disk.record import read_record
from vggsweep.sweep.recovery.continuation import join_study
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment

Start = Callable[..., Command]
FRAGILE = """
import pathlib
from torch import nn

class Net(nn.Sequential):
    def __init__(self, channels, num_classes, hidden):
        super().__init__(nn.Conv2d(channels, hidden, 3), nn.Flatten(), nn.LazyLinear(num_classes))
        self.hidden = hidden

    def forward(self, images):
        if self.training and self.hidden > 2 and not pathlib.Path("cured").exists():
            raise OSError("No space left on device")
        return super().forward(images)
"""


def test_a_sweeps_failed_trials_are_trained_again_under_their_numbers(start: Start, own_folder: Path) -> None:
    (own_folder / "fragile.py").write_text(FRAGILE)
    line = ("-m", "arch=custom", "arch.target=fragile.Net", "+arch.options.hidden=2,3,4", "sweep.name=s")
    first = start(*line, "train.epochs=1", "sweep.max_failures=1")
    assert first.end() == 0
    assert "again     vggsweep rerun s" in first.text
    sweep = sweep_directory("s")
    untouched = sweep.trial(0).record.read_bytes()
    (own_folder / "cured").touch()
    again = start("rerun", "s", "1")
    assert again.end() == 0, again.text
    assert [read_record(sweep.trial(number).record).state for number in range(3)] == [
        "COMPLETE",
        "COMPLETE",
        "FAIL",
    ]
    assert "1 trials were trained again" in again.text
    assert sweep.trial(0).record.read_bytes() == untouched
    record = read_record(sweep.trial(1).record)
    assert record.trial == 1
    assert record.notes[0].startswith("trained again after it failed: ")
    assert "No space left on device" in record.notes[0]
    assert "again     vggsweep rerun s" in again.text
    rest = start("rerun", "s")
    assert rest.end() == 0, rest.text
    assert [trial.state for trial in read_study(sweep).get_trials()] == [TrialState.COMPLETE] * 3
    assert "vggsweep rerun" not in rest.text


def test_only_a_trial_that_failed_or_lost_its_record_is_trained_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = spec_of("arch.depth=4,5,6", "sweep.name=s", "sweep.max_failures=1")
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    save_spec(spec)
    scheduler = scheduler_of(spec)
    while isinstance(step := scheduler.next(), Assignment):
        finish(scheduler, step, state="FAIL" if step.number == 1 else "COMPLETE", reason=None)
    with pytest.raises(
        ConfigError, match=r"Trial 0 of s did not fail, or there is none. May be trained again: 1."
    ):
        run_verb("rerun", ["s", "0"])
    shutil.rmtree(spec.directory.trial(2).path)
    with pytest.raises(ConfigError, match="May be trained again: 1, 2."):
        run_verb("rerun", ["s", "7"])


@pytest.mark.parametrize(
    ("words", "told"), [([], "required: SWEEP."), (["my", "sweep"], "'sweep' is no trial number")]
)
def test_a_line_that_is_none_is_told_in_a_sentence(words: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        run_verb("rerun", words)


@pytest.mark.slow
def test_a_failed_single_run_is_trained_again_from_what_it_had(
    start: Start, own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_folder / "fragile.py").write_text(FRAGILE)
    first = start("arch=custom", "arch.target=fragile.Net", "+arch.options.hidden=3")
    assert first.end() == 1
    runs = sweep_directory("runs")
    record = read_record(runs.trial(0).record)
    assert record.state == "FAIL"
    run_verb("status", ["runs"])
    assert f"FAIL 1 x {record.reason}"[:60] in capsys.readouterr().out
    (own_folder / "cured").touch()
    again = start("rerun", "runs")
    assert again.end() == 0, again.text
    record = read_record(runs.trial(0).record)
    assert (record.state, record.trial) == ("COMPLETE", 0)
    run_verb("status", ["runs"])
    assert "hidden" in capsys.readouterr().out  # what was typed tells a run from others
    assert "No space left on device" in record.notes[0]
    assert [trial.state for trial in read_study(runs).get_trials()] == [TrialState.COMPLETE]
    assert start("rerun", "runs").end() == 0
    twice = start("arch=custom", "arch.target=fragile.Net", "+arch.options.hidden=3")
    assert twice.end() == 0
    assert "run 0 of runs finished with this configuration and seed: this is another" in twice.text
