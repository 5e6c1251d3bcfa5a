"""Which trial of a sweep is called its best: that of the best configuration, never the luckiest."""

from __future__ import annotations

import json

import pytest

import vggsweep
from tests.sweep.conftest import begin, drain, record_of, scheduler_of, spec_of
from vggsweep.cli import run_verb
from vggsweep.results.disk.address import find_trial
from vggsweep.results.disk.best import ranked_configurations
from vggsweep.results.disk.record import write_record
from vggsweep.results.findings.comparison import Fronts, compare_fronts
from vggsweep.results.findings.evidence import load_evidence
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

    sides = load_evidence([spec.directory])
    fronts = compare_fronts(sides, sides)
    assert isinstance(fronts, Fronts)
    assert fronts.sizes == (1, 1), "the search's luckiest trial is on no front"


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


def test_the_objective_says_by_which_accuracy_the_best_is_the_best(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Width 2 guesses the common class, which `val_acc` likes and `balanced_acc` does not."""
    spec = spec_of("arch.depth=4", "arch.width=2,4", "objective=balanced_acc", "sweep.name=s", "n_trials=2")
    scheduler = scheduler_of(spec)
    save_spec(spec)
    for val_acc, balanced_acc in ((0.9, 0.5), (0.8, 0.8)):
        assignment = scheduler.next()
        assert isinstance(assignment, Assignment)
        record = record_of(assignment, val_acc=val_acc)
        record.metrics["balanced_acc"] = balanced_acc
        write_record(record, assignment.directory.path)
        scheduler.finish(assignment, record)
        assignment.lock.release()

    (ours,) = best_trials(spec.open_study(), directory=spec.directory).trials
    assert ours.values == [0.8]
    assert find_trial("s/best") == spec.directory.trial(ours.number)
    assert listed(capsys) == (0.8, 1)


def test_of_equals_every_surface_names_the_cheapest() -> None:
    spec = spec_of("arch.depth=4", "arch.width=8,4", "sweep.name=s", "n_trials=2")
    begin(spec, score=0.9)

    cheapest = find_trial("s/best")
    assert cheapest == spec.directory.trial(1), "the grid begins with width 8"
    (ours,) = best_trials(spec.open_study(), directory=spec.directory).trials
    assert ours.number == 1
    close(spec)
    assert "best_trial: 1\n" in spec.directory.best.read_text()


def test_a_record_in_another_trials_place_is_not_the_best(capsys: pytest.CaptureFixture[str]) -> None:
    spec = spec_of("arch.depth=4", "arch.width=2,4", "sweep.name=s", "sweep.replicates=2", "n_trials=4")
    begin(spec)
    first, other = spec.directory.trial(0), spec.directory.trial(3)
    foreign = json.loads(other.record.read_text())
    foreign["trial"], foreign["metrics"]["val_acc"] = 0, 0.99
    first.record.write_text(json.dumps(foreign))
    spec.directory.trial(9).path.mkdir()
    spec.directory.trial(9).record.write_text(other.record.read_text().replace("0.5", "0.98"))

    assert {number for one in ranked_configurations(spec.directory) for number in one.trials} == {1, 2, 3}
    assert listed(capsys)[0] < 0.9


def test_seeds_that_other_machines_trained_count_for_their_configuration(
    replicates: SweepSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    """The luckiest seed, alone on its machine, is no configuration of its own."""
    for number, name in enumerate(("A100", "H100", "A100", "H100")):
        file = replicates.directory.trial(number).record
        record = json.loads(file.read_text())
        file.write_text(json.dumps({**record, "environment": {"device_name": name, "precision": "bf16"}}))

    assert find_trial("s/best").path == vggsweep.open_sweep("s").best().directory
    assert listed(capsys) == (pytest.approx(0.7), 2)
