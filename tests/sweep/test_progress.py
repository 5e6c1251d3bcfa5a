"""Progress as the files and the study tell it."""

from __future__ import annotations

from dataclasses import replace

from tests.sweep.conftest import dispatcher_of, finish, order_of, record_of
from vggsweep.results.record import write_record
from vggsweep.sweep.progress import ProgressReader
from vggsweep.sweep.step import Task


def finish_after(dispatcher: object, task: Task, seconds: float) -> None:
    """End a trial whose record says how long it trained."""
    finish(dispatcher, task)  # type: ignore[arg-type]
    timings = {"total_seconds": seconds, "train_seconds": seconds / 2}
    write_record(replace(record_of(task), timings=timings), task.directory.path)


def test_time_left_is_that_of_the_records_shared_by_the_workers() -> None:
    order = order_of("arch.depth=4,5,6,7", "n_workers=2", "sweep.replicates=2", "sweep.name=timed")
    dispatcher = dispatcher_of(order)
    for seconds in (10.0, 30.0):
        task = dispatcher.next()
        assert isinstance(task, Task)
        finish_after(dispatcher, task, seconds)

    reader = ProgressReader(order.directory)
    progress = reader.read(dispatcher.study.get_trials(), order.extent)

    assert (progress.done, progress.total) == (2, 8)
    assert progress.seconds_left == 60.0, "six of 20 s, two at a time"


def test_a_trial_that_trains_has_less_before_it() -> None:
    order = order_of("arch.depth=4,5", "sweep.name=timed")
    dispatcher = dispatcher_of(order)
    first = dispatcher.next()
    assert isinstance(first, Task)
    finish_after(dispatcher, first, 1000.0)
    second = dispatcher.next()
    assert isinstance(second, Task)
    import os

    began = second.directory.owner.stat().st_mtime - 400
    os.utime(second.directory.owner, (began, began))

    progress = ProgressReader(order.directory).read(dispatcher.study.get_trials(), order.extent)

    assert progress.seconds_left is not None
    assert 500 < progress.seconds_left <= 600
    assert not progress.is_done
    second.lock.release()


def test_a_damaged_record_takes_the_time_of_the_study() -> None:
    order = order_of("arch.depth=4,5", "sweep.name=damaged")
    dispatcher = dispatcher_of(order)
    task = dispatcher.next()
    assert isinstance(task, Task)
    finish(dispatcher, task)
    task.directory.record.write_text("{")

    progress = ProgressReader(order.directory).read(dispatcher.study.get_trials(), order.extent)

    assert progress.seconds_left is not None
    assert progress.seconds_left < 60
