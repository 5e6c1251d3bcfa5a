"""Which networks of a sweep are worth a confirmation: by what the search saw, never by the test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from vggsweep.configuration.identity import replicate_hash
from vggsweep.errors import ConfigError
from vggsweep.results.columns import MEASURED
from vggsweep.results.disk.address import ranges
from vggsweep.results.disk.confirmation import ChosenNetwork
from vggsweep.results.disk.record import Record
from vggsweep.results.findings.evidence import Evidence
from vggsweep.results.findings.fair_rates import at_own_rates
from vggsweep.results.findings.standing import describe_network
from vggsweep.results.statistics.front import data_sets, pareto_front
from vggsweep.results.statistics.replicates import CONFIGURATION, mean_over_seeds
from vggsweep.results.statistics.settings import varied_settings

# A refusal suggests so many trials.
MOST_NAMED = 5


@dataclass(frozen=True)
class Choice:
    """Networks that a search suggests.

    Args:
        networks: the most accurate first; their ``point`` is left empty.
        records: of the first trial of each.
        rule: how they were chosen, in words.
        accuracy: column by which.
        top: at most so many networks were asked for.
        named: the trials that a person named; empty where the search decided.
    """

    networks: tuple[ChosenNetwork, ...]
    records: tuple[Record, ...]
    rule: str
    accuracy: str
    top: int
    named: tuple[int, ...]


def choose_best(evidence: Evidence, top: int, trials: Sequence[int] = ()) -> Choice:
    """Choose the most accurate configurations of a sweep, seeds averaged; of two objectives its front's.

    Where each network's learning rate was searched, only fresh seeds at its own rate count.

    Args:
        evidence: one sweep.
        top: at most so many.
        trials: numbers of the trials that a person chose instead; replicates of one configuration count once.

    Raises:
        ConfigError: no trial has finished, or one that was named did not; or the networks were validated, or
            would be tested, on different images.
    """
    (facts,) = evidence.sweeps
    accuracy, *costs = facts.objective or ("val_acc",)
    table = evidence.table if trials else at_own_rates(evidence, accuracy).table
    has_all = {accuracy, *costs} <= set(table.columns)
    is_finished = (table["state"] == "COMPLETE") if has_all else pd.Series(False, index=table.index)
    finished = table[is_finished]
    if finished.empty:
        raise ConfigError(
            f"No trial of {facts.name} is COMPLETE, so there is nothing to confirm. `vggsweep table "
            f"{facts.name}` says why trials failed."
        )
    # Workers on several kinds of machine share the seeds of a configuration, which is one network still.
    machine = [] if MEASURED & set(costs) else [name for name in ("device", "precision") if name in finished]
    means = mean_over_seeds(finished.drop(columns=machine))
    means = means[means[accuracy].notna()].sort_values(accuracy, ascending=False, kind="stable")
    if trials:
        named = _configurations_of(evidence, facts.name, finished, trials)
        rows = means[means[CONFIGURATION].isin(named) & ~means[CONFIGURATION].duplicated()]
        rule = f"the networks of trials {ranges(sorted(set(trials)))}, which were named"
        seen = pd.Series([_test_images(evidence.records[label]) for label in rows.index], index=rows.index)
        what = f"The networks of trials {ranges(sorted(set(trials)))} of {facts.name} would be tested"
        _refuse_several(seen, rows, what)
    else:
        what = f"The {accuracy} of {facts.name} was counted"
        _refuse_several(data_sets(means), means, what)
        rows = means[pareto_front(means, costs[0], accuracy)] if costs else means
        rows = rows[~rows[CONFIGURATION].duplicated()].head(top)
        place = f"on the front of {accuracy} against {costs[0]}" if costs else f"by {accuracy}"
        rule = f"the {len(rows)} most accurate {place}, seeds averaged"
        if len(table) < len(evidence.table):
            rule += ", each at its own learning rate"
    varied = varied_settings(means)
    networks, records = [], []
    for label, row in rows.iterrows():
        own = finished[finished[CONFIGURATION] == row[CONFIGURATION]]
        record = evidence.records[label]
        networks.append(
            ChosenNetwork(
                name=describe_network(row, varied),
                trials=tuple(int(number) for number in own["trial"]),
                accuracy=float(row[accuracy]),
                point={},
                key=key_of(record.configuration),
                seconds=_mean_seconds([evidence.records[one] for one in own.index]),
            )
        )
        records.append(record)
    return Choice(tuple(networks), tuple(records), rule, accuracy, top, tuple(trials))


def _refuse_several(images: pd.Series, rows: pd.DataFrame, what: str) -> None:
    """Refuse networks whose accuracies do not compare, before a test set is opened for them in vain.

    Args:
        images: of each row, equal where they are the same.
        rows: the networks, the most accurate first.
        what: happened on these images, the beginning of the refusal.

    Raises:
        ConfigError: there are several, with a flag that names networks on the images of the first.
    """
    if images.nunique() > 1:
        same = rows["trial"][images == images.iloc[0]]
        some = ",".join(str(int(number)) for number in sorted(same)[:MOST_NAMED])
        raise ConfigError(
            f"{what} on {images.nunique()} different sets of images, so that these networks cannot be "
            f"compared. Confirm those of one set at a time, each under a --name of its own: --trials {some}"
        )


def _test_images(record: Record) -> str:
    """Equal for networks that answer the same test images, as far as a record says it."""
    node = record.configuration.get("dataset")
    dataset = node if isinstance(node, Mapping) else {}
    limit = dataset.get("limit")
    part = None if limit is None else (limit, dataset.get("split_seed"))  # it draws them
    return f"{dataset.get('name')} {record.data_fingerprint} {part}"


def key_of(configuration: Mapping[str, Any]) -> str:
    """Hash that a network shares with its replicates; whether its training opened the test set decides none.

    Args:
        configuration: resolved values of every setting.
    """
    train = {**configuration["train"], "evaluate_test": False}
    return replicate_hash({**configuration, "train": train})


def _configurations_of(
    evidence: Evidence, name: str, finished: pd.DataFrame, trials: Sequence[int]
) -> set[str]:
    """The configurations of the trials that a person named.

    Raises:
        ConfigError: one of them has no result to confirm.
    """
    found = finished[finished["trial"].isin(list(trials))]
    missing = sorted(set(trials) - {int(number) for number in found["trial"]})
    if missing:
        states = evidence.table.set_index("trial")["state"].to_dict()
        state = states.get(missing[0])
        why = f"is {state}" if state is not None else "is no trial with a result"
        known = ranges(sorted(int(number) for number in finished["trial"]))
        raise ConfigError(f"Trial {missing[0]} of {name} {why}. COMPLETE are {known}.")
    return {str(key) for key in found[CONFIGURATION]}


def _mean_seconds(records: Sequence[Record]) -> float | None:
    known = [record.timings.get("total_seconds") for record in records]
    seconds = [float(one) for one in known if one is not None]
    return sum(seconds) / len(seconds) if seconds else None
