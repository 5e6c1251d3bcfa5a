"""What vggsweep writes on an Optuna trial, and how it reads it back: the only place that knows the keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

MARK = "vggsweep"
INFEASIBLE = "infeasible"
DUPLICATE_OF = "duplicate_of"
ENQUEUED = "enqueued"
WAITING = "waiting"
DEATHS = "deaths"
REASON = "reason"


@dataclass(frozen=True)
class Mark:
    """What a trial of ours is; written in one transaction, so that a trial has it whole or not at all.

    Args:
        configuration_hash: see `vggsweep.configuration.identity`.
        words: overrides beyond the sweep's fixed ones; with them any host can compose it again.
        swept: parameters that the sweep varied, with their values.
        first: number of the first trial of its configuration; None means the trial itself, whose
            number is not known before it is written.
    """

    configuration_hash: str
    words: tuple[str, ...] = ()
    swept: dict[str, Any] | None = None
    first: int | None = None

    def attributes(self) -> dict[str, Any]:
        """As Optuna's user attributes."""
        return {MARK: asdict(self)}


def swept_fields(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by the field that they set, without the ``+`` by which Hydra adds one.

    >>> swept_fields({"arch.depth": 8, "+arch.options.hidden": 64})
    {'arch.depth': 8, 'arch.options.hidden': 64}
    """
    return {name.lstrip("+"): value for name, value in params.items()}


def mark_of(trial: FrozenTrial) -> Mark | None:
    """The mark of a trial; None for one that is not ours or was killed before it was marked."""
    plain = trial.user_attrs.get(MARK)
    if plain is None:
        return None
    return Mark(plain["configuration_hash"], tuple(plain["words"]), plain["swept"], _first_of(trial))


def is_marked(trial: FrozenTrial) -> bool:
    """Whether it is ours, whole: `mark_of` for whoever asks every trial of a study, again and again."""
    return trial.user_attrs.get(MARK) is not None


def is_counted(trial: FrozenTrial) -> bool:
    """Whether ``n_trials`` counts it: ours, and COMPLETE, PRUNED or FAIL, or only waiting to be told."""
    if not is_marked(trial) or is_infeasible(trial) or is_duplicate(trial):
        return False
    return trial.state.is_finished() or WAITING in trial.user_attrs


def is_infeasible(trial: FrozenTrial) -> bool:
    """Whether the suggestion was no network at all (PRUNED for Optuna, with a violated constraint)."""
    return INFEASIBLE in trial.user_attrs


def is_duplicate(trial: FrozenTrial) -> bool:
    """Whether the suggestion repeated a configuration and was told that one's result."""
    return DUPLICATE_OF in trial.user_attrs


def is_in_progress(trial: FrozenTrial) -> bool:
    """Whether somebody trains it, or should."""
    return trial.state is TrialState.RUNNING and is_marked(trial) and WAITING not in trial.user_attrs


def counted(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that ``n_trials`` counts."""
    return [trial for trial in trials if is_counted(trial)]


def by_hash(trials: Sequence[FrozenTrial], configuration_hash: str) -> FrozenTrial | None:
    """The trial of this configuration that stands for it (no duplicate), or None."""
    for trial in trials:
        if not is_marked(trial) or is_duplicate(trial):
            continue
        if trial.user_attrs[MARK]["configuration_hash"] == configuration_hash:
            return trial
    return None


def family_of(trials: Iterable[FrozenTrial], first: int | None) -> list[FrozenTrial]:
    """The replicates of one configuration, the first of them included, no duplicates."""
    return [
        trial
        for trial in trials
        if is_marked(trial) and not is_duplicate(trial) and _first_of(trial) == first
    ]


def _first_of(trial: FrozenTrial) -> int:
    """The number of the first trial of its configuration."""
    first: int | None = trial.user_attrs[MARK]["first"]
    return trial.number if first is None else first
