"""Progress as the files and the study tell it."""

from __future__ import annotations

from dataclasses import replace

from tests.sweep.conftest import finish, record_of, scheduler_of, spec_of
from vggsweep.results.disk.record import write_record
from vggsweep.sweep.display.progress import ProgressReader
from vggsweep.sweep.scheduling.decisions import Assignment


def finish_after(scheduler: object, assignment: Assignment, seconds: float) -> None:
    """End a trial whose record says how long it trained."""
    finish(scheduler, assignment)  # type: ignore[arg-type]
    timings = {"total_seconds": seconds, "train_seconds": seconds / 2}
    write_record(replace(record_of(assignment), timings=timings), assignment.directory.path)


def test_time_left_is_that_of_the_records_shared_by_the_workers() -> None:
    spec = spec_of("arch.depth=4,5,6,7", "n_workers=2", "sweep.replicates=2", "sweep.name=timed")
    scheduler = scheduler_of(spec)
    for seconds in (10.0, 30.0):
        assignment = scheduler.next()
        assert isinstance(assignment, Assignment)
        finish_after(scheduler, assignment, seconds)

    reader = ProgressReader(spec.directory)
    progress = reader.read(scheduler.study.get_trials(), spec.extent)

    assert (progress.done, progress.total) == (2, 8)
    assert progress.seconds_left == 60.0, "six of 20 s, two at a time"


def test_a_trial_that_trains_has_less_before_it() -> None:
    spec = spec_of("arch.depth=4,5", "sweep.name=timed")
    scheduler = scheduler_of(spec)
    first = scheduler.next()
    assert isinstance(first, Assignment)
    finish_after(scheduler, first, 1000.0)
    second = scheduler.next()
    assert isinstance(second, Assignment)
    import os

    began = second.directory.owner.stat().st_mtime - 400
    os.utime(second.directory.owner, (began, began))

    progress = ProgressReader(spec.directory).read(scheduler.study.get_trials(), spec.extent)

    assert progress.seconds_left is not None
    assert 500 < progress.seconds_left <= 600
    assert not progress.is_done
    second.lock.release()


def test_a_damaged_record_takes_the_time_of_the_study() -> None:
    spec = spec_of("arch.depth=4,5", "sweep.name=damaged")
    scheduler = scheduler_of(spec)
    assignment = scheduler.next()
    assert isinstance(assignment, Assignment)
    finish(scheduler, assignment)
    assignment.directory.record.write_text("{")

    progress = ProgressReader(spec.directory).read(scheduler.study.get_trials(), spec.extent)

    assert progress.seconds_left is not None
    assert progress.seconds_left < 60
