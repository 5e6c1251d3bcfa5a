"""Learning rates as pure functions of the time trained: unlike torch's schedulers, with no state to save."""

from __future__ import annotations

import math

from vggsweep.training.settings import (
    ConstantSchedule,
    CosineSchedule,
    MultistepSchedule,
    OnecycleSchedule,
    SchedulerSettings,
    StepSchedule,
)


def lr_factor(schedule: SchedulerSettings, time: float, epochs: int) -> float:
    """The share of ``optimizer.lr`` that one step uses.

    Args:
        schedule: which curve.
        time: epochs trained at the middle of the step, with their fraction, so that a warm-up never
            begins at nothing.
        epochs: of the whole training.

    Returns:
        A factor from 0 to 1: the curve's height, times the linear warm-up.

    >>> lr_factor(ConstantSchedule(name="constant", warmup_epochs=2.0), time=1.0, epochs=10)
    0.5
    """
    warmup = min(1.0, time / schedule.warmup_epochs) if schedule.warmup_epochs > 0 else 1.0
    return warmup * _height(schedule, time, epochs)


def _height(schedule: SchedulerSettings, time: float, epochs: int) -> float:
    match schedule:
        case ConstantSchedule():
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
