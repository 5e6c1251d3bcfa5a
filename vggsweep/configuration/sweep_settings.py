"""What a configuration says about a sweep: objective, space, pruner, and the sweep as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from vggsweep.settings import setting

ObjectiveName = Literal[
    "val_acc", "balanced_acc", "acc_vs_macs", "acc_vs_params", "acc_vs_latency", "acc_vs_train_time"
]


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """Everything about a sweep as a whole; every field is explained in ``conf/config.yaml``."""

    name: str | None
    n_trials: int = setting(minimum=1)
    n_workers: int = setting(minimum=1)
    timeout: float | None = setting(above=0.0)
    trial_timeout: float | None = setting(above=0.0)
    lease: float = setting(minimum=1.0)
    max_retries: int = setting(minimum=0)
    max_failures: float = setting(minimum=0.0, maximum=1.0)
    replicates: int = setting(minimum=1)
    fair_lr: int | None = setting(minimum=1)
    stop: Literal["plateau"] | None
    plateau_share: float = setting(above=0.0, below=1.0)
    plateau_risk: float = setting(above=0.0, below=1.0)
    warm_start: Any
    prior: Any
    allow_sampler: str | None
    enqueue: Any
    keep: Literal["front"] | None
    storage: str | None
    detach: bool


@dataclass(frozen=True, kw_only=True)
class ObjectiveSettings:
    """The ``objective`` group; `vggsweep.sweep.spec.objectives` says what each name means."""

    name: ObjectiveName


@dataclass(frozen=True, kw_only=True)
class SpaceSettings:
    """The ``space`` group.

    Args:
        params: override key and Hydra sweep syntax; None for nothing, whatever an experiment says.
        hook: dotted name of a function that adds conditional parameters.
    """

    params: Any
    hook: str | None


@dataclass(frozen=True, kw_only=True)
class NoPruner:
    """Every trial trains to its last epoch."""

    name: Literal["none"]


@dataclass(frozen=True, kw_only=True)
class MedianPrunerSettings:
    """Optuna's median rule."""

    name: Literal["median"]
    startup_trials: int = setting(minimum=0)
    warmup_epochs: int = setting(minimum=0)


@dataclass(frozen=True, kw_only=True)
class HalvingSettings:
    """Optuna's successive halving and Hyperband."""

    name: Literal["successive_halving", "hyperband"]
    first_rung: int = setting(minimum=1)
    eta: int = setting(minimum=2)


@dataclass(frozen=True, kw_only=True)
class ParetoSettings:
    """Stop what is clearly dominated at a rung, see `vggsweep.sweep.pruning.pareto`."""

    name: Literal["pareto"]
    first_rung: int | None = setting(minimum=1)
    rung_factor: int = setting(minimum=2)
    margin: float = setting(minimum=0.0)


PrunerSettings = NoPruner | MedianPrunerSettings | HalvingSettings | ParetoSettings
PRUNERS: dict[str, type[PrunerSettings]] = {
    "none": NoPruner,
    "median": MedianPrunerSettings,
    "successive_halving": HalvingSettings,
    "hyperband": HalvingSettings,
    "pareto": ParetoSettings,
}
