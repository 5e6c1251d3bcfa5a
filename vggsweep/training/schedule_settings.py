"""What a configuration says about the learning rate's schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from vggsweep.errors import ConfigError
from vggsweep.settings import setting


@dataclass(frozen=True, kw_only=True)
class ConstantSchedule:
    """The same learning rate from the end of the warm-up on."""

    name: Literal["constant"]
    warmup_epochs: float = setting(minimum=0.0)


@dataclass(frozen=True, kw_only=True)
class StepSchedule:
    """Multiply by gamma every so many epochs."""

    name: Literal["step"]
    warmup_epochs: float = setting(minimum=0.0)
    step_epochs: float = setting(above=0.0)
    gamma: float = setting(above=0.0, maximum=1.0)


@dataclass(frozen=True, kw_only=True)
class MultistepSchedule:
    """Multiply by gamma at each milestone, given in epochs."""

    name: Literal["multistep"]
    warmup_epochs: float = setting(minimum=0.0)
    milestones: tuple[float, ...] = setting(above=0.0)
    gamma: float = setting(above=0.0, maximum=1.0)


@dataclass(frozen=True, kw_only=True)
class CosineSchedule:
    """Half a cosine from the full rate to the final one (Loshchilov & Hutter 2017)."""

    name: Literal["cosine"]
    warmup_epochs: float = setting(minimum=0.0)
    final: float = setting(minimum=0.0, maximum=1.0)


@dataclass(frozen=True, kw_only=True)
class OnecycleSchedule:
    """Linear up to the full rate, linear down to the final one (Smith & Topin 2018)."""

    name: Literal["onecycle"]
    warmup_epochs: float = setting(minimum=0.0)
    start: float = setting(minimum=0.0, maximum=1.0)
    peak_at: float = setting(above=0.0, below=1.0)
    final: float = setting(minimum=0.0, maximum=1.0)


Unit = Literal["step", "epoch"]
Metric = Literal["val_loss", "val_acc", "train_loss", "train_acc"]


@dataclass(frozen=True, kw_only=True)
class TorchSchedule:
    """A schedule of torch's own by its name, see `vggsweep.training.stepped`.

    Args:
        name: a class of ``torch.optim.lr_scheduler``.
        per: when it is stepped, and so the unit of its numbers.
        metric: of the last epoch, handed to a class that waits for one.
        options: keywords of that class.
    """

    library: Literal["torch"]
    name: str
    warmup_epochs: float = setting(minimum=0.0)
    per: Unit
    metric: Metric | None
    options: Any

    def __post_init__(self) -> None:
        _check_unit(self.per, self.metric)


@dataclass(frozen=True, kw_only=True)
class CustomSchedule:
    """A schedule of the user's own, see `vggsweep.training.stepped`.

    Args:
        target: dotted name of what makes it from an optimizer.
        per: when it is stepped.
        metric: of the last epoch, handed to its step; None hands over nothing.
        options: keywords.
    """

    name: Literal["custom"]
    target: str
    warmup_epochs: float = setting(minimum=0.0)
    per: Unit
    metric: Metric | None
    options: Any

    def __post_init__(self) -> None:
        _check_unit(self.per, self.metric)


def _check_unit(per: Unit, metric: Metric | None) -> None:
    if metric is not None and per == "step":
        raise ConfigError(f"scheduler.metric={metric} is known after an epoch. Use scheduler.per=epoch.")


SchedulerSettings = (
    ConstantSchedule
    | StepSchedule
    | MultistepSchedule
    | CosineSchedule
    | OnecycleSchedule
    | TorchSchedule
    | CustomSchedule
)
SCHEDULES: dict[str, type[SchedulerSettings]] = {
    "constant": ConstantSchedule,
    "step": StepSchedule,
    "multistep": MultistepSchedule,
    "cosine": CosineSchedule,
    "onecycle": OnecycleSchedule,
    "torch": TorchSchedule,
    "custom": CustomSchedule,
}
