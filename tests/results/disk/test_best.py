"""Which trial of a sweep is called its best: that of the best configuration, never the luckiest."""

from __future__ import annotations

import json

import pytest

import vggsweep
from tests.sweep.conftest import begin, drain, scheduler_of, spec_of
from vggsweep.cli import run_verb
from vggsweep.results.disk.address import find_trial
from vggsweep.results.disk.best import ranked_configurations
from vggsweep.sweep.display.closing import conclude
from vggsweep.sweep.outcome import WorkerOutcome
from vggsweep.sweep.recovery.continuation import join_study
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment
from vggsweep.sweep.scheduling.front import best_trials
from vggsweep.sweep.spec.spec import SweepSpec


def close(spec: SweepSpec) -> str:
    """The closing lines; the sweep's files are written."""
    return conclude(spec, WorkerOutcome("all done", is_early=False))


def listed(capsys: pytest.CaptureFixture[str]) -> tuple[float, int]:
    """What ``vggsweep list sweeps`` says of the only sweep: its best accuracy, and of how many seeds."""
    capsys.readouterr()
    run_verb("list", ["sweeps", "--json"])
    (row,) = json.loads(capsys.readouterr().out)
    return row["best_val_acc"], row["seeds"]


@pytest.fixture
def replicates() -> SweepSpec:
    """Width 2 has the luckiest trial, 0.9, and a mean of 0.6; width 4 has 0.7 twice."""
    spec = spec_of("arch.depth=4", "arch.width=2,4", "sweep.replicates=2", "sweep.name=s", "n_trials=4")
    scores = {(2, 0): 0.3, (2, 1): 0.9, (4, 0): 0.69, (4, 1): 0.71}
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    save_spec(spec)
    drain(scheduler_of(spec), lambda one: scores[one.plain["arch"]["width"], one.plain["seed"]])
    return spec


def test_of_replicates_the_mean_decides_and_every_surface_names_the_same_trial(
    replicates: SweepSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    best = find_trial("s/best")

    ours = best_trials(replicates.open_study())
    assert best == replicates.directory.trial(ours.trials[0].number)
    assert vggsweep.open_sweep("s").best().directory == best.path
    assert vggsweep.open_sweep("s").best().record.configuration["arch"]["width"] == 4
    assert listed(capsys) == (pytest.approx(0.7), 2)
    assert close(replicates).count("optimization_results.yaml  (seeds averaged)") == 1
    assert f"best_trial: {ours.trials[0].number}\n" in replicates.directory.best.read_text()


def fair_score(one: Assignment) -> float:
    """The search's luckiest is depth 8 at the common rate; with fresh seeds depth 4 is the better one."""
    depth, rate, seed = one.plain["arch"]["depth"], one.plain["optimizer"]["lr"], one.plain["seed"]
    if seed == 0:
        return 0.5 if rate != 0.1 else 0.95 if depth == 8 else 0.6
    return (0.60 if depth == 4 else 0.55) + (0.01 if rate != 0.1 else 0.2) + 0.01 * seed


FAIR = ("arch.depth=4,8", "optimizer.lr=choice(0.02,0.1,0.6)", "sweep.fair_lr=2", "sweep.name=s")


def test_of_searched_rates_the_fresh_seeds_at_own_rates_decide(capsys: pytest.CaptureFixture[str]) -> None:
    spec = spec_of(*FAIR, "n_trials=14")
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    save_spec(spec)
    tasks, _ = drain(scheduler_of(spec), fair_score)
    own = [one for one in tasks if one.plain["seed"] and one.plain["optimizer"]["lr"] != 0.1]
    shallow = [one for one in own if one.plain["arch"]["depth"] == 4]
    assert len(shallow) == 2, "its own rate is not the common one"

    ours = best_trials(spec.open_study(), spec.fair)
    assert [one.number for one in ours.trials] == [shallow[0].number]
    assert ours.trials[0].values == [pytest.approx(0.625)]
    assert find_trial("s/best").path == spec.directory.trial(shallow[0].number).path
    assert vggsweep.open_sweep("s").best().number == shallow[0].number
    assert set(vggsweep.open_sweep("s").front(average=True)["trial"]) <= {one.number for one in own}
    assert listed(capsys) == (pytest.approx(0.625), 2)
    said = close(spec)
    assert "(each network at its own learning rate, seeds averaged)" in said
    assert f"best_trial: {shallow[0].number}\n" in spec.directory.best.read_text()
    capsys.readouterr()
    run_verb("status", ["s"])
    assert "best so far, each network at its own learning rate, seeds averaged" in capsys.readouterr().out


def test_before_anything_is_compared_the_search_has_the_best_trial() -> None:
    spec = spec_of(*FAIR, "n_trials=6")
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    save_spec(spec)
    drain(scheduler_of(spec), fair_score)

    (best,) = best_trials(spec.open_study(), spec.fair).trials
    assert best.values == [0.95]
    assert find_trial("s/best").path == spec.directory.trial(best.number).path


def test_a_seed_that_was_trained_twice_counts_once() -> None:
    spec = spec_of("arch.depth=4", "arch.width=2,4", "sweep.name=s")
    begin(spec)
    twice = spec.directory.trial(0)
    text = twice.record.read_text().replace('"trial": 0', '"trial": 7').replace("0.54", "0.99")
    spec.directory.trial(7).path.mkdir()
    spec.directory.trial(7).record.write_text(text)

    ranked = ranked_configurations(spec.directory)

    assert {(one.trials, one.seeds, round(one.accuracy, 2)) for one in ranked} == {
        ((0, 7), 1, 0.54),
        ((1,), 1, 0.54),
    }
