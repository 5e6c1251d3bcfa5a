"""Who owns a trial, without training: several schedulers of one sweep in one process."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import sqlalchemy
from optuna.trial import TrialState

from tests.sweep.conftest import drain, record_of, scheduler_of, spec_of
from tests.sweep.postgres import Server
from vggsweep.errors import Interrupted, Superseded, TimedOut
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import read_record, write_record
from vggsweep.sweep.scheduling.decisions import Assignment, Wait
from vggsweep.sweep.scheduling.heartbeat import HeartbeatThread
from vggsweep.sweep.scheduling.ownership import OWNER, LeaseMonitor, is_signed_by, owner_of
from vggsweep.sweep.scheduling.scheduler import TrialScheduler
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.study import database_of
from vggsweep.training.interruption import StopRequest


def take(scheduler: TrialScheduler) -> Assignment:
    step = scheduler.next()
    assert isinstance(step, Assignment)
    return step


def wait_for_other(scheduler: TrialScheduler) -> Assignment:
    """Ask until a trial of somebody else is free."""
    deadline = time.monotonic() + 20
    while not isinstance(step := scheduler.next(), Assignment):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return step


@pytest.fixture
def one() -> SweepSpec:
    return spec_of("arch.depth=4", "arch.width=8,16", "n_trials=1", "sweep.lease=1")


def test_trial_costs_the_study_two_transactions_from_suggestion_to_result(one: SweepSpec) -> None:
    scheduler = scheduler_of(replace(one, settings=replace(one.settings, n_trials=2)))
    drain_patiently(scheduler_of(one))  # what is done once a study lies behind
    engine = database_of(scheduler.study).engine
    steps: list[str] = []
    sqlalchemy.event.listen(
        engine, "before_cursor_execute", lambda _c, _k, statement, *_: steps.append(statement.split()[0])
    )
    sqlalchemy.event.listen(engine, "commit", lambda _: steps.append("COMMIT"))
    assignment = take(scheduler)
    assert owner_of(scheduler.study.get_trials()[assignment.number]) == assignment.owner
    write_record(record_of(assignment), assignment.directory.path)
    assert scheduler.finish(assignment, record_of(assignment))
    assignment.lock.release()
    transactions = " ".join(steps).split("COMMIT")
    assert sum("INSERT" in one or "UPDATE" in one for one in transactions) == 2


def test_silent_owner_loses_its_trial_and_its_late_result_is_set_aside(one: SweepSpec) -> None:
    slow, quick = scheduler_of(one, "slow"), scheduler_of(one, "quick")
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


def test_owner_that_shows_signs_of_life_keeps_its_trial(one: SweepSpec) -> None:
    slow, quick = scheduler_of(one, "slow"), scheduler_of(one, "quick")
    assignment, stop = take(slow), StopRequest()
    with HeartbeatThread(lambda: scheduler_of(one).study, slow.lease_monitor, stop, None) as heartbeats:
        heartbeats.trial_began(assignment)
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            assert quick.next() == Wait()
            time.sleep(0.1)
    assert not stop.is_superseded


def test_heartbeat_thread_tells_a_training_that_it_was_superseded(one: SweepSpec) -> None:
    slow, quick = scheduler_of(one, "slow"), scheduler_of(one, "quick")
    assignment, stop = take(slow), StopRequest()
    wait_for_other(quick)
    with HeartbeatThread(lambda: scheduler_of(one).study, slow.lease_monitor, stop, None) as heartbeats:
        heartbeats.trial_began(assignment)
        with pytest.raises(Superseded):
            while True:
                stop.check()
                time.sleep(0.05)


def test_heartbeat_thread_ends_a_trial_that_takes_too_long(one: SweepSpec) -> None:
    scheduler, stop = scheduler_of(one), StopRequest()
    with HeartbeatThread(
        lambda: scheduler_of(one).study, scheduler.lease_monitor, stop, trial_timeout=0.3
    ) as heartbeats:
        heartbeats.trial_began(take(scheduler))
        with pytest.raises(TimedOut, match="sweep.trial_timeout=0.3 s"):
            while True:
                stop.check()
                time.sleep(0.05)


def test_heartbeat_thread_stops_a_worker_whose_parent_is_gone(one: SweepSpec) -> None:
    scheduler, stop = scheduler_of(one), StopRequest()
    with (
        HeartbeatThread(
            lambda: scheduler_of(one).study, scheduler.lease_monitor, stop, None, is_orphan=lambda: True
        ),
        pytest.raises(Interrupted),
    ):
        while True:
            stop.check()
            time.sleep(0.05)


def test_time_in_which_nobody_looked_is_no_silence(monkeypatch: pytest.MonkeyPatch, one: SweepSpec) -> None:
    """A process that was stopped, or whose database was away, has not seen others being silent."""
    scheduler = scheduler_of(one)
    assignment = take(scheduler)
    trials = scheduler.study.get_trials()
    clock = [1000.0]
    monkeypatch.setattr("vggsweep.sweep.scheduling.ownership.time.monotonic", lambda: clock[0])
    lease_monitor = LeaseMonitor(lease=60)
    lease_monitor.look(trials)
    clock[0] += 3600
    lease_monitor.look(trials)
    assert not lease_monitor.is_silent(assignment.owner)
    for _ in range(3):
        clock[0] += 15
        lease_monitor.look(trials)
    assert lease_monitor.is_silent(assignment.owner)


def test_owner_on_another_host_is_waited_for_though_its_lock_is_free_here(
    one: SweepSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = take(scheduler_of(one))
    far.lock.release()  # a lock that this host cannot see
    monkeypatch.setenv("VGGSWEEP_HOST", "another")
    here = scheduler_of(one)
    assert here.next() == Wait()
    assert wait_for_other(here).number == far.number


def test_released_trial_is_free_for_every_host_at_once(
    one: SweepSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = scheduler_of(one)
    assignment = take(first)
    first.release(assignment)
    assignment.lock.release()
    monkeypatch.setenv("VGGSWEEP_HOST", "another")
    assert take(scheduler_of(one)).number == assignment.number


def test_deaths_on_hosts_without_common_files_are_counted(
    monkeypatch: pytest.MonkeyPatch, one: SweepSpec
) -> None:
    spec = replace(one, settings=replace(one.settings, max_retries=1))
    take(scheduler_of(spec)).lock.release()
    for host in ("b", "c"):
        monkeypatch.setenv("VGGSWEEP_HOST", host)
        scheduler = scheduler_of(spec)
        scheduler.next()
        deadline = time.monotonic() + 20
        while isinstance(step := scheduler.next(), Wait):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        if isinstance(step, Assignment):
            step.lock.release()
    (trial,) = scheduler.study.get_trials()
    assert trial.state is TrialState.FAIL
    assert "died 2 times" in trial.user_attrs["reason"]


def test_trial_whose_process_hung_fails_with_that_reason(one: SweepSpec) -> None:
    assignment = take(scheduler_of(one))
    assignment.directory.hung.write_text("It took longer than sweep.trial_timeout=5 s and did not answer.")
    assignment.lock.release()
    scheduler = scheduler_of(one)
    scheduler.next()
    assert read_record(assignment.directory.record).reason == assignment.directory.hung.read_text()
    assert [trial.state for trial in scheduler.study.get_trials()] == [TrialState.FAIL]


def test_suggestion_that_a_database_stored_twice_is_trained_once(one: SweepSpec) -> None:
    scheduler = scheduler_of(one)
    assignment = take(scheduler)
    storage, study = scheduler.study._storage, scheduler.study
    twin = study.get_trials()[0]
    twin.user_attrs.pop(OWNER)
    storage.create_new_trial(study._study_id, template_trial=twin)
    write_record(record_of(assignment), assignment.directory.path)
    scheduler.finish(assignment, record_of(assignment))
    assignment.lock.release()
    other = scheduler_of(replace(one, settings=replace(one.settings, n_trials=2)))
    tasks = drain_patiently(other)
    assert [other.plain["arch"]["width"] for other in tasks] == [24 - assignment.plain["arch"]["width"]]


# --- two hosts and a server


@pytest.fixture
def hosts(
    server: Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> tuple[TrialScheduler, TrialScheduler]:
    """Two hosts, each with its own output directory, on one database."""
    spec = spec_of(
        "arch.depth=range(4,12)",
        "n_trials=6",
        "sweep.lease=1",
        f"sweep.storage={server.url}",
        f"sweep.name={request.node.name}",
    )
    schedulers = []
    for host in ("alpha", "beta"):
        monkeypatch.setenv("VGGSWEEP_HOST", host)
        own = replace(spec, root=spec.root.parent.parent / host / "outputs" / spec.name)
        schedulers.append(scheduler_of(own, host))
    return schedulers[0], schedulers[1]


def test_two_hosts_share_a_sweep_through_a_server(hosts: tuple[TrialScheduler, TrialScheduler]) -> None:
    alpha, beta = hosts
    first, second = take(alpha), take(beta)
    assert first.number != second.number
    assert first.directory.path.is_relative_to(alpha.directory.path)
    for host, assignment in ((alpha, first), (beta, second)):
        write_record(record_of(assignment), assignment.directory.path)
        assert host.finish(assignment, record_of(assignment))
        assignment.lock.release()
    tasks, stop = drain(beta)
    assert (len(tasks), stop.is_early) == (4, False)
    assert SweepDirectory(alpha.directory.path).trial(first.number).record.exists()


def test_trial_of_a_dead_host_is_adopted_by_the_other(hosts: tuple[TrialScheduler, TrialScheduler]) -> None:
    alpha, beta = hosts
    dead = take(alpha)
    dead.lock.release()
    tasks = drain_patiently(beta)
    assert dead.number in [assignment.number for assignment in tasks]
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
    hosts: tuple[TrialScheduler, TrialScheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = hosts
    dead = take(alpha)
    write_record(record_of(dead, val_acc=0.1), dead.directory.path)  # killed before it could tell
    dead.lock.release()
    drain_patiently(beta)
    monkeypatch.setenv("VGGSWEEP_HOST", "alpha")
    scheduler_of(alpha.spec).next()
    assert not dead.directory.record.exists()
    aside = list(dead.directory.path.glob("superseded-*.json"))
    assert [read_record(path).metrics["val_acc"] for path in aside] == [0.1]
    assert beta.directory.trial(dead.number).record.exists()


def drain_patiently(scheduler: TrialScheduler) -> list[Assignment]:
    tasks = []
    deadline = time.monotonic() + 30
    while True:
        step = scheduler.next()
        if isinstance(step, Wait):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        elif isinstance(step, Assignment):
            write_record(record_of(step), step.directory.path)
            assert scheduler.finish(step, record_of(step))
            step.lock.release()
            tasks.append(step)
        else:
            return tasks
