from __future__ import annotations

import pytest
from optuna.trial import TrialState

from tests.sweep.conftest import drain, finish, record_of, scheduler_of, spec_of
from vggsweep.results.disk.record import write_record
from vggsweep.sweep.scheduling.decisions import Assignment, Stop, Wait
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.trial_attrs import attrs_of, is_duplicate, is_infeasible

FEW = {"tpe": "n_startup_trials", "gp": "n_startup_trials", "nsgaii": "population_size"}
SAMPLERS = ("tpe", "random", "nsgaii", "gp", "qmc", "grid", "cmaes")


def points(tasks: list[Assignment]) -> list[tuple[object, object]]:
    return [(assignment.plain["arch"]["depth"], assignment.plain["arch"]["width"]) for assignment in tasks]


def test_small_finite_space_is_run_exactly_once_each_in_hydras_order(small: SweepSpec) -> None:
    tasks, stop = drain(scheduler_of(small))
    assert points(tasks) == [(4, 4), (4, 8), (5, 4), (5, 8)]
    assert stop == Stop("every point of the space is done", is_early=False)


def test_same_command_runs_nothing_again(small: SweepSpec) -> None:
    drain(scheduler_of(small))
    tasks, stop = drain(scheduler_of(small))
    assert tasks == []
    assert not stop.is_early


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_reaches_the_total_without_repeating_a_configuration(sampler: str) -> None:
    spec = spec_of(
        "arch.depth=range(4,8)", "arch.width=range(4,12)", "n_trials=10", f"hydra/sweeper/sampler={sampler}"
    )
    tasks, stop = drain(scheduler_of(spec), score=lambda assignment: assignment.plain["arch"]["width"] / 100)
    assert len(tasks) == 10
    assert len(set(points(tasks))) == 10
    assert stop == Stop("all 10 trials are done", is_early=False)


@pytest.mark.parametrize("sampler", ["tpe", "nsgaii", pytest.param("gp", marks=pytest.mark.slow)])
def test_samplers_handle_two_objectives_with_pruned_and_infeasible_trials(sampler: str) -> None:
    spec = spec_of(
        "arch.depth=range(2,9)",  # 2 and 3 are below the four blocks
        "arch.width=range(4,30)",
        "objective=acc_vs_macs",
        "pruner=pareto",
        "n_trials=14",
        f"hydra/sweeper/sampler={sampler}",
        "hydra.sweeper.sampler.n_startup_trials=4"
        if sampler != "nsgaii"
        else "hydra.sweeper.sampler.population_size=4",
    )
    scheduler = scheduler_of(spec)
    done = 0
    while isinstance(step := scheduler.next(), Assignment):
        state = "PRUNED" if done % 3 == 2 else "COMPLETE"
        finish(scheduler, step, state=state, val_acc=step.plain["arch"]["depth"] / 10)
        done += 1
    assert done == 14
    assert isinstance(step, Stop)
    assert not step.is_early


def test_infeasible_suggestions_cost_nothing_and_teach_the_sampler() -> None:
    spec = spec_of("arch.depth=range(2,6)", "n_trials=4")
    scheduler = scheduler_of(spec)
    tasks, stop = drain(scheduler)
    trials = scheduler.study.get_trials()
    infeasible = [trial for trial in trials if is_infeasible(trial)]
    assert [assignment.plain["arch"]["depth"] for assignment in tasks] == [4, 5]
    assert len(infeasible) == 2
    assert all(trial.state is TrialState.PRUNED and trial.constraints["feasible"] > 0 for trial in infeasible)
    assert "arch.num_blocks=4" in infeasible[0].user_attrs["infeasible"]
    assert stop.reason == "every point of the space is done"
    assert len(list(spec.directory.trials.iterdir())) == 2


def test_repeated_configuration_is_told_again_and_not_counted() -> None:
    # two spellings of one width are one configuration
    spec = spec_of("arch.width=choice(8,8.0)", "arch.depth=4,5", "n_trials=6")
    scheduler = scheduler_of(spec)
    tasks, _ = drain(scheduler)
    trials = scheduler.study.get_trials()
    assert [(one.plain["arch"]["depth"], one.plain["arch"]["width"]) for one in tasks] == [(4, 8), (5, 8)]
    assert sum(map(is_duplicate, trials)) == len(trials) - 2


def test_repeated_point_of_a_walked_space_gets_the_earlier_result() -> None:
    # the threshold decides nothing that is trained
    spec = spec_of("arch.depth=4,5", "train.threshold_acc=0.8,0.9", "n_trials=4")
    scheduler = scheduler_of(spec)
    tasks, stop = drain(scheduler, lambda assignment: assignment.plain["arch"]["depth"] / 10)
    trials = scheduler.study.get_trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    assert [trial.value for trial in trials] == [0.4, 0.4, 0.5, 0.5]
    assert (len(tasks), sum(map(is_duplicate, trials)), stop.is_early) == (2, 2, False)


def test_repeated_point_waits_while_another_worker_trains_the_first() -> None:
    spec = spec_of("arch.depth=4", "train.threshold_acc=0.8,0.9", "n_trials=2")
    first, second = scheduler_of(spec), scheduler_of(spec)
    assignment = first.next()
    assert isinstance(assignment, Assignment)
    assert second.next() == Wait()
    finish(first, assignment, val_acc=0.7)
    assert isinstance(second.next(), Stop)
    assert [trial.value for trial in second.study.get_trials()] == [0.7, 0.7]


def test_sampler_that_repeats_itself_is_sent_to_points_that_nobody_has_seen() -> None:
    spec = spec_of("arch.depth=4,5,6", "arch.width=4,8", "n_trials=6", "sweep.replicates=1")
    order_large = spec_of(
        "arch.depth=4,5,6", "arch.width=4,8,12", "n_trials=8", "hydra/sweeper/sampler=random"
    )
    tasks, stop = drain(scheduler_of(order_large))
    assert len(set(points(tasks))) == 8
    assert not stop.is_early
    assert spec.name != order_large.name


def test_interrupted_trial_is_adopted_under_its_own_number(small: SweepSpec) -> None:
    scheduler = scheduler_of(small)
    first = scheduler.next()
    assert isinstance(first, Assignment)
    first.lock.release()  # its owner died
    again = scheduler_of(small).next()
    assert isinstance(again, Assignment)
    assert (again.number, again.plain) == (first.number, first.plain)


def test_trial_of_a_living_worker_is_left_alone(small: SweepSpec) -> None:
    first = scheduler_of(small).next()
    second = scheduler_of(small).next()
    assert isinstance(first, Assignment)
    assert isinstance(second, Assignment)
    assert first.number != second.number


def test_worker_waits_while_others_train_the_last_trials() -> None:
    spec = spec_of("arch.depth=4,5", "n_trials=2")
    held = [scheduler_of(spec).next() for _ in range(2)]
    assert all(isinstance(step, Assignment) for step in held)
    assert scheduler_of(spec).next() == Wait()


def test_record_that_was_written_but_not_told_is_told_and_not_trained_again(small: SweepSpec) -> None:
    scheduler = scheduler_of(small)
    assignment = scheduler.next()
    assert isinstance(assignment, Assignment)
    write_record(record_of(assignment, val_acc=0.7), assignment.directory.path)
    assignment.lock.release()  # killed exactly between record and tell
    tasks, _ = drain(scheduler_of(small))
    assert assignment.number not in [other.number for other in tasks]
    assert scheduler.study.get_trials()[assignment.number].values == [0.7]


def test_trial_killed_before_it_was_marked_is_not_counted(small: SweepSpec) -> None:
    scheduler = scheduler_of(small)
    scheduler.study.ask()
    tasks, _ = drain(scheduler)
    assert len(tasks) == 4
    trials = scheduler.study.get_trials()
    assert [trial.state for trial in trials if attrs_of(trial) is None] == [TrialState.FAIL]


def test_trial_that_dies_too_often_without_progress_fails_with_a_record() -> None:
    spec = spec_of("arch.depth=4,5", "sweep.max_retries=2")
    for _ in range(3):
        assignment = scheduler_of(spec).next()
        assert isinstance(assignment, Assignment)
        assert assignment.number == 0
        assignment.directory.config.write_text("begun")
        assignment.lock.release()
    assignment = scheduler_of(spec).next()
    assert isinstance(assignment, Assignment)
    assert assignment.number == 1
    assert "died 3 times" in spec.directory.trial(0).record.read_text()


def test_owner_that_was_asked_to_stop_did_not_die() -> None:
    spec = spec_of("arch.depth=4,5", "sweep.max_retries=0")
    for _ in range(3):
        assignment = scheduler_of(spec).next()
        assert isinstance(assignment, Assignment)
        assert assignment.number == 0
        assignment.directory.config.write_text("begun")
        assignment.directory.released.touch()
        assignment.lock.release()


def test_failed_trials_end_the_sweep_only_beyond_the_share_allowed() -> None:
    spec = spec_of("arch.depth=range(4,12)", "n_trials=8", "sweep.max_failures=0.25")
    scheduler = scheduler_of(spec)
    while isinstance(step := scheduler.next(), Assignment):
        finish(scheduler, step, state="FAIL", reason="the loss became NaN")
    assert isinstance(step, Stop)
    assert step.is_early
    assert step.reason.endswith("3 x the loss became NaN")


def test_sweep_whose_trials_all_failed_says_why_and_counts_as_stopped() -> None:
    spec = spec_of("arch.depth=4,5", "n_trials=2", "sweep.max_failures=1")
    scheduler = scheduler_of(spec)
    while isinstance(step := scheduler.next(), Assignment):
        finish(scheduler, step, state="FAIL", reason="out of memory")
    assert step == Stop("all 2 trials failed:\n  2 x out of memory", is_early=True)


def test_time_limit_stops_before_the_next_trial(small: SweepSpec) -> None:
    spec = spec_of("arch.depth=4,5", "sweep.timeout=60")
    step = scheduler_of(spec).next(is_time_up=True)
    assert isinstance(step, Stop)
    assert step.is_early


def test_replicates_train_each_configuration_with_several_seeds_and_optimise_the_mean() -> None:
    spec = spec_of("arch.depth=4,5", "n_trials=6", "sweep.replicates=3", "seed=10")
    scheduler = scheduler_of(spec)
    tasks, _ = drain(scheduler, score=lambda assignment: 0.5 + assignment.plain["seed"] / 100)
    assert [(assignment.plain["arch"]["depth"], assignment.plain["seed"]) for assignment in tasks] == [
        (depth, seed) for depth in (4, 5) for seed in (10, 11, 12)
    ]
    values = [trial.value for trial in scheduler.study.get_trials() if trial.state is TrialState.COMPLETE]
    assert values == pytest.approx([0.61] * 6)


def test_enqueued_baselines_run_first_with_open_parameters_drawn() -> None:
    spec = spec_of(
        "arch.depth=range(4,12)",
        "arch.width=range(4,32)",
        "n_trials=5",
        "sweep.enqueue=[{arch.depth: 8, arch.width: 16}, {arch.depth: 5}, {arch.depth: 6, arch.width: 8, seed: 3}]",  # noqa: E501
    )
    tasks, _ = drain(scheduler_of(spec))
    assert points(tasks)[0] == (8, 16)
    assert points(tasks)[1][0] == 5
    assert points(tasks)[2] == (6, 8)
    assert tasks[2].plain["seed"] == 3


def test_hook_adds_conditional_parameters() -> None:
    spec = spec_of("space=stagewise", "n_trials=4")
    tasks, _ = drain(scheduler_of(spec))
    for assignment in tasks:
        channels = [block[1] for block in assignment.plain["arch"]["stages"]]
        assert channels == sorted(channels)
        assert len(channels) == 4
