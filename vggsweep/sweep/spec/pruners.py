"""Pruners by name: what a study needs of Optuna for each, and which objectives each can work with."""

from __future__ import annotations

from collections.abc import Sequence

import optuna

from vggsweep.configuration.sweep_settings import (
    HalvingSettings,
    MedianPrunerSettings,
    NoPruner,
    ParetoSettings,
    PrunerSettings,
)
from vggsweep.errors import ConfigError
from vggsweep.sweep.spec.objectives import Metric


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
