"""Sweeps that tests move on trial by trial, while the page looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.sweep.conftest import finish, scheduler_of, spec_of
from vggsweep.results.disk.history import write_history
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment
from vggsweep.sweep.scheduling.scheduler import TrialScheduler
from vggsweep.sweep.storage.study import close_study


@dataclass
class MovedSweep:
    """A sweep whose trials a test begins and finishes."""

    scheduler: TrialScheduler
    directory: SweepDirectory
    begun: list[Assignment] = field(default_factory=list)  # whose locks would else be let go

    def begin(self, *accuracies: float) -> Assignment:
        """Begin the next trial; it has trained so many epochs."""
        assignment = self.scheduler.next()
        assert isinstance(assignment, Assignment)
        self.begun.append(assignment)
        if accuracies:
            rows = [{"epoch": at, "val_acc": acc} for at, acc in enumerate(accuracies, start=1)]
            write_history(rows, assignment.directory.history, assignment.identity)
        return assignment

    def finish(self, assignment: Assignment, **changes: object) -> None:
        """Write and tell its record."""
        finish(self.scheduler, assignment, **changes)


@pytest.fixture
def moved() -> Iterator[MovedSweep]:
    """``mine``: three depths, none begun."""
    spec = spec_of("arch.depth=4,5,6", "sweep.name=mine")
    scheduler = scheduler_of(spec)
    save_spec(spec)
    yield MovedSweep(scheduler, spec.directory)
    close_study(scheduler.study)
