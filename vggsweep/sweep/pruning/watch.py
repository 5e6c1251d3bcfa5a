"""The link between a pruner and a running trial: told of each epoch, it may end the trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import optuna
from optuna.trial import TrialState

from vggsweep.configuration.sweep_settings import (
    HalvingSettings,
    MedianPrunerSettings,
    NoPruner,
    ParetoSettings,
    PrunerSettings,
)
from vggsweep.errors import ConfigError, TrialPruned
from vggsweep.sweep.objectives import Metric
from vggsweep.sweep.pruning.pareto import is_stopped, rungs

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


def check_pruner(settings: PrunerSettings, metrics: Sequence[Metric]) -> None:
    """Refuse a pruner that cannot work with the objective.

    Raises:
        ConfigError: a single-objective pruner with two objectives.
    """
    if len(metrics) > 1 and not isinstance(settings, (NoPruner, ParetoSettings)):
        names = " and ".join(metric.name for metric in metrics)
        raise ConfigError(
            f"pruner={settings.name} compares one value, and this objective has two ({names}). "
            "Use pruner=pareto, pruner=none or objective=val_acc."
        )


def optuna_pruner(settings: PrunerSettings, epochs: int) -> optuna.pruners.BasePruner:
    """The Optuna pruner that a study needs; ours works beside it."""
    match settings:
        case MedianPrunerSettings():
            return optuna.pruners.MedianPruner(settings.startup_trials, settings.warmup_epochs)
        case HalvingSettings(name="successive_halving"):
            return optuna.pruners.SuccessiveHalvingPruner(settings.first_rung, settings.eta)
        case HalvingSettings():
            return optuna.pruners.HyperbandPruner(
                min_resource=settings.first_rung, max_resource=epochs, reduction_factor=settings.eta
            )
    return optuna.pruners.NopPruner()


@dataclass(frozen=True)
class Watch:
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
            self.study._storage.set_trial_user_attr(self.trial_id, key, own)
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


def is_pruned(trial: optuna.trial.FrozenTrial) -> bool:
    """Whether a pruner ended the trial (an infeasible suggestion is PRUNED for Optuna too)."""
    return trial.state is TrialState.PRUNED and "infeasible" not in trial.user_attrs
