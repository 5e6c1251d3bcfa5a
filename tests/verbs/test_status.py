"""What ``vggsweep status`` says of a sweep without a finished training in sight."""

from __future__ import annotations

import time

import pytest
from rich.console import Console

from tests.sweep.conftest import dispatcher_of, finish, order_of
from vggsweep.errors import ConfigError
from vggsweep.results.layout import sweep_directory
from vggsweep.sweep.run import save_order
from vggsweep.sweep.step import Task
from vggsweep.sweep.watchman import Watchman
from vggsweep.training.interruption import StopRequest
from vggsweep.verbs.status import StatusView


def shown(name: str) -> tuple[str, bool]:
    console = Console(width=160, record=True, quiet=False)
    with StatusView(sweep_directory(name)) as view:
        picture, is_done = view.look()
    with console.capture() as capture:
        console.print(picture)
    return capture.get(), is_done


def test_status_tells_done_running_infeasible_and_retried_trials_apart() -> None:
    order = order_of("arch.depth=range(3,8)", "sweep.name=mine", "n_trials=5")
    dispatcher = dispatcher_of(order)
    save_order(order)
    first = dispatcher.next()
    assert isinstance(first, Task)
    finish(dispatcher, first, val_acc=0.75)
    second = dispatcher.next()
    assert isinstance(second, Task)

    text, is_done = shown("mine")
    assert "1 of 4 done" in text  # a point of five is no network
    assert "1 COMPLETE" in text
    assert "1 INFEASIBLE" in text
    assert "training now" in text
    assert "0.7500" in text
    assert not is_done

    second.directory.config.write_text("begun")
    second.lock.release()
    assert "none: the same command continues it" in shown("mine")[0]
    again = dispatcher_of(order).next()
    assert isinstance(again, Task)
    assert "1 continued after a death" in shown("mine")[0]


def test_directory_without_a_study_is_refused() -> None:
    sweep_directory("empty").trials.mkdir(parents=True)
    with pytest.raises(ConfigError, match="holds no study"):
        shown("empty")


def test_status_says_why_a_depth_is_infeasible_under_a_budget() -> None:
    order = order_of("budget=macs", "budget.target=2e6", "arch.depth=7,8", "sweep.name=equal")
    dispatcher = dispatcher_of(order)
    save_order(order)
    while isinstance(step := dispatcher.next(), Task):
        finish(dispatcher, step)

    text, _ = shown("equal")
    assert "INFEASIBLE 1 x arch.depth=8 cannot cost 2,000,000 MACs: the nearest reachable is" in text


def test_workers_of_other_hosts_are_shown_with_their_last_sign_of_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = order_of("arch.depth=4,5", "sweep.name=far", "sweep.lease=2")
    order.directory.trials.mkdir(parents=True)
    save_order(order)
    monkeypatch.setenv("VGGSWEEP_HOST", "beta")
    far = dispatcher_of(order, "beta-0")
    task = far.next()
    assert isinstance(task, Task)
    with Watchman(lambda: dispatcher_of(order).study, far.pulse, StopRequest(), None) as watchman:
        watchman.trial_began(task)
        monkeypatch.setenv("VGGSWEEP_HOST", "alpha")
        deadline = time.monotonic() + 20
        while "beta-0: heard of" not in (text := shown("far")[0]):
            assert time.monotonic() < deadline, text
            time.sleep(0.1)
