"""Which networks of a search are worth a confirmation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.results.made_tables import network, results
from vggsweep.errors import ConfigError
from vggsweep.results.best_rates import FairFacts
from vggsweep.results.disk.record import Record
from vggsweep.results.findings.chosen import choose_best
from vggsweep.results.findings.evidence import Evidence, SweepFacts
from vggsweep.results.statistics.replicates import CONFIGURATION


def evidence(fair: FairFacts | None) -> Evidence:
    """Two depths: a search with one seed at three rates, its luckiest trial at a rate that suits nobody."""
    rows: list[dict[str, Any]] = [
        {**network(depth, width), "lr": lr, "seed": 0, "val_acc": value}
        for depth, width, values in ((4, 16, (0.80, 0.86, 0.80)), (8, 8, (0.84, 0.85, 0.95)))
        for lr, value in zip((0.01, 0.1, 1.0), values, strict=True)
    ]
    rows += [
        {**network(depth, width), "lr": lr, "seed": seed, "val_acc": value + seed / 1000}
        for depth, width, lr, value in ((4, 16, 0.1, 0.86), (8, 8, 0.1, 0.85), (8, 8, 0.5, 0.88))
        for seed in (1, 2)
    ]
    table = results(*rows).assign(val_images=2000)
    table[CONFIGURATION] = table["depth"].map(str) + "-" + table["lr"].map(str)
    records = {
        label: Record("mine", int(row["trial"]), "COMPLETE", None, "", {"train": {}, "lr": row["lr"]})
        for label, row in table.iterrows()
    }
    return Evidence(table, records, (), (SweepFacts("mine", objective=("val_acc",), fair=fair),))


@pytest.mark.parametrize(
    ("fair", "trials"),
    [(None, (5,)), (FairFacts(common_rate=0.1, seed=0), (10, 11))],
)
def test_where_rates_were_searched_only_fresh_seeds_at_each_ones_own_count(
    fair: FairFacts | None, trials: tuple[int, ...]
) -> None:
    found = choose_best(evidence(fair), 2)

    assert found.networks[0].name.startswith("depth 8, width 8")
    assert found.networks[0].trials == trials
    assert ("each at its own learning rate" in found.rule) == (fair is not None)


def test_trials_that_a_person_names_are_taken_from_all() -> None:
    found = choose_best(evidence(FairFacts(common_rate=0.1, seed=0)), 5, [5])

    assert [one.name for one in found.networks] == ["depth 8, width 8, lr 1"]


def on_images(**more: Any) -> Evidence:
    """The same search with the deeper networks on other images."""
    found = evidence(None)
    is_deep = found.table["depth"] == 8
    table = found.table.assign(dataset="own", images=is_deep.map({True: "22", False: "11"}))
    records = {
        label: replace(
            record,
            data_fingerprint="deep" if is_deep[label] and not more else "same",
            configuration={
                **record.configuration,
                "dataset": {"name": "own", **(more if is_deep[label] else {})},
            },
        )
        for label, record in found.records.items()
    }
    return replace(found, table=table, records=records)


def test_networks_that_were_validated_on_different_images_are_not_ranked_against_each_other() -> None:
    with pytest.raises(ConfigError, match="val_acc of mine was counted on 2 different sets") as refused:
        choose_best(on_images(), 2)

    flag, trials = str(refused.value).split()[-2:]
    assert flag == "--trials"
    named = choose_best(on_images(), 5, [int(one) for one in trials.split(",")])
    assert {one.name.split(",")[0] for one in named.networks} == {"depth 8"}


@pytest.mark.parametrize(("dataset", "is_compared"), [({"val_fraction": 0.2}, True), ({"limit": 100}, False)])
def test_named_networks_are_confirmed_together_where_they_answer_the_same_test_images(
    dataset: dict[str, Any], is_compared: bool
) -> None:
    if is_compared:
        assert len(choose_best(on_images(**dataset), 5, [0, 5]).networks) == 2
    else:
        with pytest.raises(ConfigError, match="would be tested on 2 different sets of images"):
            choose_best(on_images(**dataset), 5, [0, 5])


def test_a_network_whose_seeds_two_machines_shared_is_confirmed_once() -> None:
    rows = [
        {**network(depth, 8), "lr": 0.1, "seed": seed, "val_acc": value, "device": f"GPU {seed}"}
        for depth, values in ((4, (0.95, 0.75)), (8, (0.90, 0.88)))
        for seed, value in enumerate(values)
    ]
    table = results(*rows).assign(**{CONFIGURATION: [str(row["depth"]) for row in rows]})
    records = {
        label: Record("mine", int(row["trial"]), "COMPLETE", None, "", {"train": {}, "depth": row["depth"]})
        for label, row in table.iterrows()
    }
    of_two = Evidence(table, records, (), (SweepFacts("mine", objective=("val_acc",)),))

    for found in (choose_best(of_two, 5), choose_best(of_two, 5, [0, 1, 2, 3])):
        assert [one.trials for one in found.networks] == [(2, 3), (0, 1)]
        assert [one.accuracy for one in found.networks] == pytest.approx([0.89, 0.85])
