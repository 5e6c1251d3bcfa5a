"""What vggsweep writes on an Optuna trial, and how it is read back.

Owners and heartbeats have keys of their own in `vggsweep.sweep.scheduling.ownership`. Keys and fields stay:
studies that were begun before are read by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from vggsweep.identity import Identity
from vggsweep.results.disk.record import Record

ATTRS = "vggsweep"
INFEASIBLE = "infeasible"
DUPLICATE_OF = "duplicate_of"
ENQUEUED = "enqueued"
WAITING = "waiting"
DEATHS = "deaths"
REASON = "reason"
# What a pruner compared at an epoch: "rung:2". Optuna's own intermediate values work with one objective
# only, and with several its TPE fails on a pruned trial that has them (Optuna 5.0.0).
RUNG = "rung:"
# What a trial costs before it is trained; objectives that are measured afterwards rank by MACs instead.
KNOWN_COSTS = ("macs", "params")
# Why earlier attempts failed, of a trial that was trained again.
EARLIER = "earlier"


@dataclass(frozen=True)
class TrialAttrs:
    """What a trial of ours is; written in one transaction, so that a trial has it whole or not at all.

    Args:
        configuration_hash: see `vggsweep.configuration.identity`.
        words: overrides beyond the sweep's fixed ones; with them any host can compose it again.
        swept: parameters that the sweep varied, with their values.
        first: number of the first trial of its configuration; None means the trial itself, whose
            number is not known before it is written.
        data: fingerprint of its data; None in marks of earlier releases.
    """

    configuration_hash: str
    words: tuple[str, ...] = ()
    swept: dict[str, Any] | None = None
    first: int | None = None
    data: str | None = None

    @property
    def identity(self) -> Identity:
        """What its result belongs to."""
        return Identity(self.configuration_hash, self.data)

    def attributes(self) -> dict[str, Any]:
        """As Optuna's user attributes."""
        return {ATTRS: asdict(self)}


def swept_fields(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by the field that they set, without the ``+`` by which Hydra adds one.

    >>> swept_fields({"arch.depth": 8, "+arch.options.hidden": 64})
    {'arch.depth': 8, 'arch.options.hidden': 64}
    """
    return {name.lstrip("+"): value for name, value in params.items()}


def shown_parameters(trial: FrozenTrial) -> dict[str, object]:
    """What tells a trial from others, for people: what the sweep varied, or the words of a single run."""
    attrs = attrs_of(trial)
    if attrs is not None and attrs.swept:
        return dict(attrs.swept)
    if trial.params or attrs is None:
        return dict(trial.params)
    pairs = (word.partition("=") for word in attrs.words)
    return {key: value for key, _, value in pairs if key != "sweep.name"}


def told_state(record: Record, values: Sequence[float] | None) -> TrialState:
    """What Optuna is told of a record; one that completed fails where it lacks an objective's value."""
    state = TrialState[record.state]
    return TrialState.FAIL if state is TrialState.COMPLETE and values is None else state


def reason_of(record: Record) -> str:
    """Why a trial failed, of a record that is told as FAIL."""
    return record.reason or "no objective value"


def attrs_of(trial: FrozenTrial) -> TrialAttrs | None:
    """Our attributes of a trial; None for one that is not ours or was killed before it had them."""
    plain = trial.user_attrs.get(ATTRS)
    if plain is None:
        return None
    return TrialAttrs(**{**plain, "words": tuple(plain["words"]), "first": first_of(trial)})


def notes_of(trial: FrozenTrial) -> tuple[str, ...]:
    """What a reader of its result should know from before: why earlier attempts failed."""
    return tuple(f"trained again after it failed: {why}" for why in trial.user_attrs.get(EARLIER, ()))


def scores_of(trial: FrozenTrial) -> dict[int, float]:
    """The scores that a pruner took, by epoch; rungs of releases that compared something else have none."""
    rungs = {key: rung for key, rung in trial.user_attrs.items() if key.startswith(RUNG) and "score" in rung}
    return {int(key.removeprefix(RUNG)): float(rung["score"]) for key, rung in rungs.items()} | dict(
        trial.intermediate_values
    )


def rung_attributes(scores: Mapping[int, float], record: Record) -> dict[str, Any]:
    """What a trial of the `pareto` pruner had at its rungs, as far as its files say it.

    In which order trials came there is not known any more: this one is compared with by all later ones.
    """
    costs = {name: record.costs.get(name, 0) for name in KNOWN_COSTS}
    return {f"{RUNG}{epoch}": {"score": value, "at": 0, **costs} for epoch, value in scores.items()}


def is_ours(trial: FrozenTrial) -> bool:
    """Whether it carries `TrialAttrs`, which infeasible and duplicate trials do not."""
    return trial.user_attrs.get(ATTRS) is not None


def is_counted(trial: FrozenTrial) -> bool:
    """Whether ``n_trials`` counts it: ours, and COMPLETE, PRUNED or FAIL, or only waiting to be told."""
    if not is_ours(trial) or is_infeasible(trial) or is_duplicate(trial):
        return False
    return trial.state.is_finished() or WAITING in trial.user_attrs


def is_infeasible(trial: FrozenTrial) -> bool:
    """Whether the suggestion was no network at all (PRUNED for Optuna, with a violated constraint)."""
    return INFEASIBLE in trial.user_attrs


def is_duplicate(trial: FrozenTrial) -> bool:
    """Whether the suggestion repeated a configuration and was told that one's result."""
    return DUPLICATE_OF in trial.user_attrs


def is_in_progress(trial: FrozenTrial) -> bool:
    """Whether it is trained, or should be."""
    return trial.state is TrialState.RUNNING and is_ours(trial) and WAITING not in trial.user_attrs


def counted(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that ``n_trials`` counts."""
    return [trial for trial in trials if is_counted(trial)]


def of_identity(trials: Iterable[FrozenTrial], identities: Sequence[Identity]) -> Iterator[FrozenTrial]:
    """The trials of one configuration on its data that are no duplicates, in the order given.

    Args:
        trials: of the study.
        identities: under the hash of this release, and of earlier ones where it differs.
    """
    hashes = {identity.configuration for identity in identities}
    for trial in trials:
        attrs = trial.user_attrs.get(ATTRS)
        if attrs is not None and attrs["configuration_hash"] in hashes and not is_duplicate(trial):
            own = Identity(attrs["configuration_hash"], attrs.get("data"))
            if any(own.fits(identity) for identity in identities):
                yield trial


def family_of(trials: Iterable[FrozenTrial], first: int | None) -> list[FrozenTrial]:
    """The replicates of one configuration, the first of them included, no duplicates."""
    return [
        trial for trial in trials if is_ours(trial) and not is_duplicate(trial) and first_of(trial) == first
    ]


def unfinished_families(trials: Iterable[FrozenTrial], replicates: int) -> dict[int, list[FrozenTrial]]:
    """The configurations of which there are fewer trials than replicates, by the number of their first."""
    if replicates == 1:
        return {}
    families: dict[int, list[FrozenTrial]] = {}
    for trial in trials:
        if is_ours(trial) and not is_duplicate(trial):
            families.setdefault(first_of(trial), []).append(trial)
    return {number: family for number, family in families.items() if len(family) < replicates}


def first_of(trial: FrozenTrial) -> int:
    """The number of the first trial of its configuration."""
    first: int | None = trial.user_attrs[ATTRS]["first"]
    return trial.number if first is None else first
