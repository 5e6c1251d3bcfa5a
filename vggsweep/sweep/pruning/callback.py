"""The link between a pruner and a running trial: told of each epoch, it may end the trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import optuna

from vggsweep.configuration.sweep_settings import (
    NoPruner,
    ParetoSettings,
    PrunerSettings,
)
from vggsweep.errors import TrialPruned
from vggsweep.sweep.pruning.pareto import is_stopped, rungs
from vggsweep.sweep.spec.objectives import Metric
from vggsweep.sweep.storage.study import storage_of

# Rung values live in trial attributes: Optuna's intermediate values work with one objective only, and
# with several its TPE fails on a pruned trial that has them (Optuna 5.0.0).
RUNG = "rung:"
# What a trial costs before it is trained; objectives that are measured afterwards rank by MACs instead.
KNOWN_COSTS = ("macs", "params")


class Epoch(Protocol):
    """What a pruner sees of a finished epoch."""

    @property
    def epoch(self) -> int: ...

    @property
    def val_acc(self) -> float: ...


@dataclass(frozen=True)
class PruningCallback:
    """Told of each epoch of one trial.

    Args:
        study: where the trial is RUNNING.
        trial_id: its id in the storage.
        settings: which pruner.
        metrics: the objective; its second metric names the cost.
        costs: of the trial's network, by column name.
        epochs: of the whole training.
    """

    study: optuna.Study
    trial_id: int
    settings: PrunerSettings
    metrics: Sequence[Metric]
    costs: Mapping[str, Any]
    epochs: int

    def __call__(self, result: Epoch) -> None:
        """Record the epoch where the pruner needs it.

        Raises:
            TrialPruned: the trial ends here.
        """
        if isinstance(self.settings, NoPruner) or result.epoch >= self.epochs:
            return
        if isinstance(self.settings, ParetoSettings):
            self._look_at_rung(self.settings, result)
            return
        trial = optuna.Trial(self.study, self.trial_id)
        if result.epoch not in trial._cached_frozen_trial.intermediate_values:
            trial.report(result.val_acc, result.epoch)
        if trial.should_prune():
            raise TrialPruned(result.epoch)

    def _look_at_rung(self, settings: ParetoSettings, result: Epoch) -> None:
        if result.epoch not in rungs(settings, self.epochs):
            return
        key = f"{RUNG}{result.epoch}"
        trials = self.study.get_trials(deepcopy=False)
        others = [
            trial.user_attrs[key]
            for trial in trials
            if key in trial.user_attrs and trial._trial_id != self.trial_id
        ]
        own = next((trial.user_attrs.get(key) for trial in trials if trial._trial_id == self.trial_id), None)
        if own is None:  # a continued trial looks at its rung again, but came there only once
            own = {"val_acc": result.val_acc, "at": len(others)}
            own |= {name: self.costs[name] for name in KNOWN_COSTS}
            storage_of(self.study).set_trial_user_attr(self.trial_id, key, own)
        before = sorted(
            (rung for rung in others if rung["at"] <= own["at"]), key=lambda rung: int(rung["at"])
        )
        if is_stopped(settings, [self._losses(rung["val_acc"], rung) for rung in (*before, own)]):
            raise TrialPruned(result.epoch)

    def _losses(self, val_acc: float, costs: Mapping[str, Any]) -> list[float]:
        losses = [1.0 - val_acc]
        if len(self.metrics) > 1:
            name = self.metrics[1].name
            losses.append(float(costs[name if name in KNOWN_COSTS else "macs"]))
        return losses
