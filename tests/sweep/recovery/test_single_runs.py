"""Single runs and sweeps have directories and studies of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sweep.conftest import begin, spec_of
from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory, sweep_directory
from vggsweep.results.disk.record import Record
from vggsweep.sweep.recovery.continuation import (
    kind_of,
    refuse_sweeps_directory,
)

Train = Callable[..., tuple[Record, TrialDirectory]]


def test_single_runs_whose_study_was_made_anew_are_no_sweep(train: Train) -> None:
    _, first = train("seed=1")
    runs = sweep_directory("runs")
    runs.study.unlink()
    record, _ = train("seed=2")
    assert (record.trial, first.record.exists()) == (1, True)
    assert kind_of(runs) == "runs"
    refuse_sweeps_directory(runs)
    with pytest.raises(ConfigError, match="holds single runs, which are no trials of a sweep"):
        begin(spec_of("arch.depth=4,6", "sweep.name=runs"))


def test_single_runs_and_sweeps_have_directories_of_their_own() -> None:
    begin(spec_of("arch.depth=4,6", "sweep.name=s"))
    sweep = sweep_directory("s")
    for lost in ((), ("study.db",), ("sweep.yaml",)):
        for name in lost:
            (sweep.path / name).unlink()
        assert kind_of(SweepDirectory(sweep.path)) == "sweep"
        with pytest.raises(ConfigError, match="sweep.name=s-runs"):
            refuse_sweeps_directory(sweep)
