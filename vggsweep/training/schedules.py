"""Learning rates as pure functions of the time trained: unlike torch's schedulers, with no state to save.

Schedules that are stepped, torch's and a user's, are made into the same by `vggsweep.training.stepped`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from vggsweep.training.schedule_settings import (
    ConstantSchedule,
    CosineSchedule,
    CustomSchedule,
    MultistepSchedule,
    OnecycleSchedule,
    SchedulerSettings,
    StepSchedule,
    TorchSchedule,
)
from vggsweep.training.stepped import SteppedRates

# From an epoch, a step of it, both from 0, and the results of the epochs before, to the step's rate.
Rates = Callable[[int, int, Sequence[Any]], float]


def learning_rates(schedule: SchedulerSettings, base_lr: float, epochs: int, steps_per_epoch: int) -> Rates:
    """What gives each step its learning rate; steps are asked for in their order, from any one on.

    Args:
        schedule: which curve.
        base_lr: its full height, ``optimizer.lr``.
        epochs: of the whole training.
        steps_per_epoch: batches of one epoch.
    """
    stepped: SteppedRates | None = None
    if isinstance(schedule, TorchSchedule | CustomSchedule):
        stepped = SteppedRates(schedule, base_lr, epochs, steps_per_epoch)

    def rate(epoch: int, step: int, history: Sequence[Any]) -> float:
        middle = epoch + (step + 0.5) / steps_per_epoch
        full = base_lr if stepped is None else stepped(epoch, step, history)
        return full * lr_factor(schedule, middle, epochs)

    return rate


def lr_factor(schedule: SchedulerSettings, time: float, epochs: int) -> float:
    """The share of ``optimizer.lr`` that one step uses.

    Args:
        schedule: which curve.
        time: epochs trained at the middle of the step, with their fraction, so that a warm-up never
            begins at nothing.
        epochs: of the whole training.

    Returns:
        A factor from 0 to 1: the curve's height, times the linear warm-up; of a schedule that is stepped the
        warm-up alone.

    >>> lr_factor(ConstantSchedule(name="constant", warmup_epochs=2.0), time=1.0, epochs=10)
    0.5
    """
    warmup = min(1.0, time / schedule.warmup_epochs) if schedule.warmup_epochs > 0 else 1.0
    return warmup * _height(schedule, time, epochs)


def _height(schedule: SchedulerSettings, time: float, epochs: int) -> float:
    match schedule:
        case ConstantSchedule() | TorchSchedule() | CustomSchedule():
            return 1.0
        case StepSchedule():
            return schedule.gamma ** math.floor(time / schedule.step_epochs)
        case MultistepSchedule():
            return schedule.gamma ** sum(time >= milestone for milestone in schedule.milestones)
        case CosineSchedule():
            span = max(epochs - schedule.warmup_epochs, 1e-9)
            progress = min(1.0, max(0.0, (time - schedule.warmup_epochs) / span))
            return schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * progress)) / 2
        case OnecycleSchedule():
            progress = time / epochs
            if progress < schedule.peak_at:
                return schedule.start + (1 - schedule.start) * progress / schedule.peak_at
            return 1 + (schedule.final - 1) * (progress - schedule.peak_at) / (1 - schedule.peak_at)
