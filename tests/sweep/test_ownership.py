"""Who owns a trial, without training: several dispatchers of one sweep in one process."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import sqlalchemy
from optuna.trial import TrialState

from tests.sweep.conftest import dispatcher_of, drain, order_of, record_of
from tests.sweep.postgres import Server
from vggsweep.errors import Interrupted, Superseded, TimedOut
from vggsweep.results.layout import SweepDirectory
from vggsweep.results.record import read_record, write_record
from vggsweep.sweep.dispatch import Dispatcher
from vggsweep.sweep.order import SweepOrder
from vggsweep.sweep.ownership import OWNER, Pulse, is_signed_by, owner_of
from vggsweep.sweep.step import Task, Wait
from vggsweep.sweep.study import database_of
from vggsweep.sweep.watchman import Watchman
from vggsweep.training.interruption import StopRequest


def take(dispatcher: Dispatcher) -> Task:
    step = dispatcher.next()
    assert isinstance(step, Task)
    return step


def wait_for_other(dispatcher: Dispatcher) -> Task:
    """Ask until a trial of somebody else is free."""
    deadline = time.monotonic() + 20
    while not isinstance(step := dispatcher.next(), Task):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return step


@pytest.fixture
def one() -> SweepOrder:
    return order_of("arch.depth=4", "arch.width=8,16", "n_trials=1", "sweep.lease=1")


def test_trial_costs_the_study_two_transactions_from_suggestion_to_result(one: SweepOrder) -> None:
    dispatcher = dispatcher_of(replace(one, settings=replace(one.settings, n_trials=2)))
    drain_patiently(dispatcher_of(one))  # what is done once a study lies behind
    engine = database_of(dispatcher.study).engine
    steps: list[str] = []
    sqlalchemy.event.listen(
        engine, "before_cursor_execute", lambda _c, _k, statement, *_: steps.append(statement.split()[0])
    )
    sqlalchemy.event.listen(engine, "commit", lambda _: steps.append("COMMIT"))
    task = take(dispatcher)
    assert owner_of(dispatcher.study.get_trials()[task.number]) == task.owner
    write_record(record_of(task), task.directory.path)
    assert dispatcher.finish(task, record_of(task))
    task.lock.release()
    transactions = " ".join(steps).split("COMMIT")
    assert sum("INSERT" in one or "UPDATE" in one for one in transactions) == 2


def test_silent_owner_loses_its_trial_and_its_late_result_is_set_aside(one: SweepOrder) -> None:
    slow, quick = dispatcher_of(one, "slow"), dispatcher_of(one, "quick")
    late = take(slow)  # holds the lock, as a process that was stopped does
    assert quick.next() == Wait()
    taken = wait_for_other(quick)
    assert (taken.number, taken.plain) == (late.number, late.plain)
    assert not is_signed_by(late.directory, late.owner)
    write_record(record_of(taken, val_acc=0.9), taken.directory.path)
    assert quick.finish(taken, record_of(taken, val_acc=0.9))
    assert not slow.finish(late, record_of(late, val_acc=0.1))
    assert read_record(late.directory.record).metrics["val_acc"] == 0.9
    aside = list(late.directory.path.glob("superseded-*.json"))
    assert [read_record(path).metrics["val_acc"] for path in aside] == [0.1]
    assert [trial.value for trial in quick.study.get_trials()] == [0.9]


def test_owner_that_shows_signs_of_life_keeps_its_trial(one: SweepOrder) -> None:
    slow, quick = dispatcher_of(one, "slow"), dispatcher_of(one, "quick")
    task, stop = take(slow), StopRequest()
    with Watchman(lambda: dispatcher_of(one).study, slow.pulse, stop, None) as watchman:
        watchman.trial_began(task)
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            assert quick.next() == Wait()
            time.sleep(0.1)
    assert not stop.is_superseded


def test_watchman_tells_a_training_that_it_was_superseded(one: SweepOrder) -> None:
    slow, quick = dispatcher_of(one, "slow"), dispatcher_of(one, "quick")
    task, stop = take(slow), StopRequest()
    wait_for_other(quick)
    with Watchman(lambda: dispatcher_of(one).study, slow.pulse, stop, None) as watchman:
        watchman.trial_began(task)
        with pytest.raises(Superseded):
            while True:
                stop.check()
                time.sleep(0.05)


def test_watchman_ends_a_trial_that_takes_too_long(one: SweepOrder) -> None:
    dispatcher, stop = dispatcher_of(one), StopRequest()
    with Watchman(lambda: dispatcher_of(one).study, dispatcher.pulse, stop, trial_timeout=0.3) as watchman:
        watchman.trial_began(take(dispatcher))
        with pytest.raises(TimedOut, match="sweep.trial_timeout=0.3 s"):
            while True:
                stop.check()
                time.sleep(0.05)


def test_watchman_stops_a_worker_whose_starter_is_gone(one: SweepOrder) -> None:
    dispatcher, stop = dispatcher_of(one), StopRequest()
    with (
        Watchman(lambda: dispatcher_of(one).study, dispatcher.pulse, stop, None, is_orphan=lambda: True),
        pytest.raises(Interrupted),
    ):
        while True:
            stop.check()
            time.sleep(0.05)


def test_time_in_which_nobody_looked_is_no_silence(monkeypatch: pytest.MonkeyPatch, one: SweepOrder) -> None:
    """A process that was stopped, or whose database was away, has not seen others being silent."""
    dispatcher = dispatcher_of(one)
    task = take(dispatcher)
    trials = dispatcher.study.get_trials()
    clock = [1000.0]
    monkeypatch.setattr("vggsweep.sweep.ownership.time.monotonic", lambda: clock[0])
    pulse = Pulse(lease=60)
    pulse.look(trials)
    clock[0] += 3600
    pulse.look(trials)
    assert not pulse.is_silent(task.owner)
    for _ in range(3):
        clock[0] += 15
        pulse.look(trials)
    assert pulse.is_silent(task.owner)


def test_owner_on_another_host_is_waited_for_though_its_lock_is_free_here(
    one: SweepOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = take(dispatcher_of(one))
    far.lock.release()  # a lock that this host cannot see
    monkeypatch.setenv("VGGSWEEP_HOST", "another")
    here = dispatcher_of(one)
    assert here.next() == Wait()
    assert wait_for_other(here).number == far.number


def test_released_trial_is_free_for_every_host_at_once(
    one: SweepOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = dispatcher_of(one)
    task = take(first)
    first.release(task)
    task.lock.release()
    monkeypatch.setenv("VGGSWEEP_HOST", "another")
    assert take(dispatcher_of(one)).number == task.number


def test_deaths_on_hosts_without_common_files_are_counted(
    monkeypatch: pytest.MonkeyPatch, one: SweepOrder
) -> None:
    order = replace(one, settings=replace(one.settings, max_retries=1))
    take(dispatcher_of(order)).lock.release()
    for host in ("b", "c"):
        monkeypatch.setenv("VGGSWEEP_HOST", host)
        dispatcher = dispatcher_of(order)
        dispatcher.next()
        deadline = time.monotonic() + 20
        while isinstance(step := dispatcher.next(), Wait):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        if isinstance(step, Task):
            step.lock.release()
    (trial,) = dispatcher.study.get_trials()
    assert trial.state is TrialState.FAIL
    assert "died 2 times" in trial.user_attrs["reason"]


def test_trial_whose_process_hung_fails_with_that_reason(one: SweepOrder) -> None:
    task = take(dispatcher_of(one))
    task.directory.hung.write_text("It took longer than sweep.trial_timeout=5 s and did not answer.")
    task.lock.release()
    dispatcher = dispatcher_of(one)
    dispatcher.next()
    assert read_record(task.directory.record).reason == task.directory.hung.read_text()
    assert [trial.state for trial in dispatcher.study.get_trials()] == [TrialState.FAIL]


def test_suggestion_that_a_database_stored_twice_is_trained_once(one: SweepOrder) -> None:
    dispatcher = dispatcher_of(one)
    task = take(dispatcher)
    storage, study = dispatcher.study._storage, dispatcher.study
    twin = study.get_trials()[0]
    twin.user_attrs.pop(OWNER)
    storage.create_new_trial(study._study_id, template_trial=twin)
    write_record(record_of(task), task.directory.path)
    dispatcher.finish(task, record_of(task))
    task.lock.release()
    other = dispatcher_of(replace(one, settings=replace(one.settings, n_trials=2)))
    tasks = drain_patiently(other)
    assert [other.plain["arch"]["width"] for other in tasks] == [24 - task.plain["arch"]["width"]]


# --- two hosts and a server


@pytest.fixture
def hosts(
    server: Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> tuple[Dispatcher, Dispatcher]:
    """Two hosts, each with its own output directory, on one database."""
    order = order_of(
        "arch.depth=range(4,12)",
        "n_trials=6",
        "sweep.lease=1",
        f"sweep.storage={server.url}",
        f"sweep.name={request.node.name}",
    )
    dispatchers = []
    for host in ("alpha", "beta"):
        monkeypatch.setenv("VGGSWEEP_HOST", host)
        own = replace(order, root=order.root.parent.parent / host / "outputs" / order.name)
        dispatchers.append(dispatcher_of(own, host))
    return dispatchers[0], dispatchers[1]


def test_two_hosts_share_a_sweep_through_a_server(hosts: tuple[Dispatcher, Dispatcher]) -> None:
    alpha, beta = hosts
    first, second = take(alpha), take(beta)
    assert first.number != second.number
    assert first.directory.path.is_relative_to(alpha.directory.path)
    for host, task in ((alpha, first), (beta, second)):
        write_record(record_of(task), task.directory.path)
        assert host.finish(task, record_of(task))
        task.lock.release()
    tasks, stop = drain(beta)
    assert (len(tasks), stop.is_early) == (4, False)
    assert SweepDirectory(alpha.directory.path).trial(first.number).record.exists()


def test_trial_of_a_dead_host_is_adopted_by_the_other(hosts: tuple[Dispatcher, Dispatcher]) -> None:
    alpha, beta = hosts
    dead = take(alpha)
    dead.lock.release()
    tasks = drain_patiently(beta)
    assert dead.number in [task.number for task in tasks]
    trial = beta.study.get_trials()[dead.number]
    owner = owner_of(trial)
    assert owner is not None
    assert owner.host == "beta"
    # and what the first host brings later does not count
    write_record(record_of(dead, val_acc=0.1), dead.directory.path)
    assert not alpha.finish(dead, record_of(dead, val_acc=0.1))
    assert not dead.directory.record.exists()
    assert beta.study.get_trials()[dead.number].value == 0.5


def test_result_that_was_never_told_gives_way_to_that_of_the_host_that_took_over(
    hosts: tuple[Dispatcher, Dispatcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = hosts
    dead = take(alpha)
    write_record(record_of(dead, val_acc=0.1), dead.directory.path)  # killed before it could tell
    dead.lock.release()
    drain_patiently(beta)
    monkeypatch.setenv("VGGSWEEP_HOST", "alpha")
    dispatcher_of(alpha.order).next()
    assert not dead.directory.record.exists()
    aside = list(dead.directory.path.glob("superseded-*.json"))
    assert [read_record(path).metrics["val_acc"] for path in aside] == [0.1]
    assert beta.directory.trial(dead.number).record.exists()


def drain_patiently(dispatcher: Dispatcher) -> list[Task]:
    tasks = []
    deadline = time.monotonic() + 30
    while True:
        step = dispatcher.next()
        if isinstance(step, Wait):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        elif isinstance(step, Task):
            write_record(record_of(step), step.directory.path)
            assert dispatcher.finish(step, record_of(step))
            step.lock.release()
            tasks.append(step)
        else:
            return tasks
