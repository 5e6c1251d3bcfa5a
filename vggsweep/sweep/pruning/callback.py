"""The link between a pruner and a running trial: told of each epoch, it may end the trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import optuna

from vggsweep.configuration.sweep_settings import (
    HalvingSettings,
    MedianPrunerSettings,
    ParetoSettings,
    PrunerSettings,
)
from vggsweep.errors import TrialPruned
from vggsweep.sweep.pruning.pareto import is_stopped, pareto_rungs, score, standard_error
from vggsweep.sweep.spec.objectives import Metric
from vggsweep.sweep.storage.study import storage_of
from vggsweep.sweep.storage.trial_attrs import KNOWN_COSTS, RUNG

if TYPE_CHECKING:
    from vggsweep.training.loop import EpochResult


def rungs(settings: PrunerSettings, epochs: int) -> list[int]:
    """Epochs at which a pruner looks, all before the last."""
    match settings:
        case ParetoSettings():
            return pareto_rungs(settings, epochs)
        case HalvingSettings():
            powers = (settings.first_rung * settings.eta**power for power in range(epochs))
            return [rung for rung in powers if rung < epochs]
        case MedianPrunerSettings():
            return list(range(1, epochs))
    return []


def score_of(result: EpochResult) -> float | None:
    """What is compared at a rung, see `vggsweep.sweep.pruning.pareto`; None at an epoch that is none."""
    if result.averaged_val_acc is None:
        return None
    return score(result.averaged_val_acc, result.train_acc)


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

    def __call__(self, result: EpochResult, val_images: int) -> None:
        """Record the epoch where the pruner needs it.

        Args:
            result: of the epoch.
            val_images: images of its validation accuracy.

        Raises:
            TrialPruned: the trial ends here.
        """
        if result.epoch not in rungs(self.settings, self.epochs) or (own := score_of(result)) is None:
            return
        if isinstance(self.settings, ParetoSettings):
            self._look_at_rung(self.settings, result.epoch, own, val_images)
            return
        trial = optuna.Trial(self.study, self.trial_id)
        if result.epoch not in trial._cached_frozen_trial.intermediate_values:
            trial.report(own, result.epoch)
        if trial.should_prune():
            raise TrialPruned(result.epoch)

    def _look_at_rung(self, settings: ParetoSettings, epoch: int, reached: float, val_images: int) -> None:
        key = f"{RUNG}{epoch}"
        rungs_there = {
            trial._trial_id: trial.user_attrs[key]
            for trial in self.study.get_trials(deepcopy=False)
            if "score" in trial.user_attrs.get(key, ())
        }
        own = rungs_there.pop(self.trial_id, None)
        if own is None:  # a continued trial looks at its rung again, but came there only once
            own = {
                "score": reached,
                "at": len(rungs_there),
                **{name: self.costs[name] for name in KNOWN_COSTS},
            }
            storage_of(self.study).set_trial_user_attr(self.trial_id, key, own)
        before = [
            (rung["score"], self._cost(rung)) for rung in rungs_there.values() if rung["at"] <= own["at"]
        ]
        margin = settings.margin * standard_error(own["score"], val_images)
        if is_stopped(own["score"], self._cost(own), before, margin):
            raise TrialPruned(epoch)

    def _cost(self, rung: Mapping[str, Any]) -> float:
        if len(self.metrics) < 2:
            return 0.0
        name = self.metrics[1].name
        return float(rung[name if name in KNOWN_COSTS else "macs"])
