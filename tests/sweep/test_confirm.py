"""From a search to the line that confirms its networks, without a training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sweep.conftest import drain, scheduler_of, spec_of
from vggsweep.errors import ConfigError
from vggsweep.results.disk.confirmation import Confirmation, write_confirmation
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.results.findings.chosen import choose_best
from vggsweep.results.findings.evidence import load_evidence
from vggsweep.sweep.confirm import application_of, begin_confirmation, check_words, open_search
from vggsweep.sweep.recovery.continuation import join_study
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment


def searched(*words: str) -> None:
    """Search with these words; a wider network is the more accurate, and the dearer."""
    spec = spec_of(*words, "sweep.name=found", "dataset.limit=300", "measure=none")
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    save_spec(spec)
    drain(scheduler_of(spec), lambda one: 0.1 + (one.plain["arch"]["width"] or one.number) / 100)


def confirmed(
    top: int = 5, seeds: int = 2, trials: tuple[int, ...] = (), words: tuple[str, ...] = ()
) -> Confirmation:
    search = open_search(sweep_directory("found"))
    evidence = load_evidence([search.directory])
    choice = choose_best(evidence, top, trials)
    records = list(evidence.records.values())
    return begin_confirmation(search, choice, records, name="found-confirm", seeds=seeds, words=words)


def trained_by(confirmation: Confirmation) -> list[Assignment]:
    """What the workers of its line would train."""
    application = application_of(confirmation)
    checked = [one for one in application.check().words if one.startswith("sweep.name")]
    spec = spec_of(*application.overrides, *checked)
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    return drain(scheduler_of(spec))[0]


def networks(assignments: list[Assignment]) -> Iterator[tuple[int, int, int]]:
    return (
        (one.plain["arch"]["depth"], one.plain["arch"]["width"], one.plain["seed"]) for one in assignments
    )


def test_the_line_trains_the_best_by_their_mean_with_seeds_of_their_own() -> None:
    searched(
        "arch.depth=4,5", "arch.width=4,8", "sweep.replicates=2", "n_trials=8", "pruner=median", "seed=3"
    )
    found = confirmed(top=2)
    assert [one.accuracy for one in found.chosen] == pytest.approx([0.18, 0.18])
    assert [len(one.trials) for one in found.chosen] == [2, 2]
    trained = trained_by(found)
    assert sorted(networks(trained)) == [(4, 8, 5), (4, 8, 6), (5, 8, 5), (5, 8, 6)]
    assert {one.plain["pruner"]["name"] for one in trained} == {"none"}
    assert all(one.plain["train"]["keep_weights"] for one in trained)
    assert {one.plain["dataset"]["limit"] for one in trained} == {300}


def test_of_two_objectives_those_of_the_front_are_trained_group_options_and_all() -> None:
    searched("experiment=quickstart", "optimizer=sgd,adam", "objective=acc_vs_macs", "n_trials=6")
    evidence = load_evidence([sweep_directory("found")])
    found = confirmed(top=3)
    front = set(evidence.table[evidence.table["pareto"]]["trial"])
    first = [one.trials[0] for one in found.chosen]
    assert set(first) <= front
    wanted = [record.configuration for record in evidence.records.values() if record.trial in first]
    trained = [one.plain for one in trained_by(found)]
    assert len(trained) == found.networks == 2 * len(first)
    for node in ("arch", "optimizer"):
        assert {str(one[node]) for one in trained} == {str(one[node]) for one in wanted}


def test_what_a_hook_drew_is_trained_without_the_hook() -> None:
    searched("space=stagewise", "n_trials=3")
    wanted = {
        str(one.configuration["arch"]) for one in load_evidence([sweep_directory("found")]).records.values()
    }
    trained = trained_by(confirmed(seeds=1))
    assert {str(one.plain["arch"]) for one in trained} == wanted
    assert {one.plain["space"]["hook"] for one in trained} == {None}


def test_one_network_is_trained_by_a_line_that_varies_nothing() -> None:
    searched("arch.depth=4,5", "arch.width=4,8")
    found = confirmed(trials=(0,), seeds=3)
    assert sorted(networks(trained_by(found))) == [(4, 4, 1), (4, 4, 2), (4, 4, 3)]


@pytest.mark.parametrize("of", ["found", "as-it-was-called-before"])
def test_a_second_confirmation_takes_seeds_that_the_first_one_did_not(of: str) -> None:
    searched("arch.depth=4,5")
    first = confirmed(seeds=3)
    directory = sweep_directory("found-confirm")
    directory.path.mkdir()
    write_confirmation(replace(first, sweep=of), directory.confirmation)
    assert (first.first_seed, confirmed().first_seed) == (1, 4)


def test_where_it_is_trained_may_be_said_and_nothing_else() -> None:
    searched("arch.depth=4,5")
    found = confirmed(words=tuple(check_words(["n_workers=2", "device=cpu"])))
    assert found.words[-2:] == ("sweep.n_workers=2", "device=cpu")
    assert application_of(found, ["device=cuda"]).overrides[-2:] == ("sweep.n_workers=2", "device=cuda")
    for word in ("train.epochs=3", "seed=0", "sweep.replicates=2", "arch.depth=4,5"):
        with pytest.raises(ConfigError, match="cannot be set here"):
            check_words([word])


def test_images_that_validated_the_search_confirm_nothing() -> None:
    searched("arch.depth=4,5", "dataset.validation=test")
    with pytest.raises(ConfigError, match="dataset.validation=test: the test images validated every network"):
        confirmed()


def test_a_sweep_that_would_open_the_test_set_for_every_network_is_refused(own_folder: Path) -> None:
    with pytest.raises(ConfigError, match="train.evaluate_test=true in a sweep would open the test set"):
        spec_of("arch.depth=4,5", "train.evaluate_test=true")
    with pytest.raises(ConfigError, match="train.evaluate_test=true in a sweep would open the test set"):
        spec_of("arch.depth=4,5", "train.evaluate_test=false,true")
    assert not Path("outputs").exists()


def test_a_sweep_of_nothing_but_its_enqueued_networks_trains_these_and_ends() -> None:
    spec = spec_of("sweep.enqueue=[{arch.width:4},{arch.width:8}]", "sweep.replicates=2", "sweep.name=two")
    assert spec.extent.most(spec.space_size) == 4
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    trained, stop = drain(scheduler_of(spec))
    assert [one.plain["arch"]["width"] for one in trained] == [4, 4, 8, 8]
    assert stop.reason == "every configuration of sweep.enqueue is done"
    assert not stop.is_early
