"""Schedules of torch by the names of their classes, and a user's own: objects that are stepped.

Nothing of them is saved. A continued training steps a new one through what is behind it, with the scores of
the epochs that its history holds, and so gets the same rates.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch

from vggsweep.errors import ConfigError
from vggsweep.importing import called, check_call, load_callable, own_words
from vggsweep.training.by_name import checked_options, chosen_class
from vggsweep.training.schedule_settings import CustomSchedule, TorchSchedule

SteppedSchedule = TorchSchedule | CustomSchedule
# Classes of torch.optim.lr_scheduler that no configuration can describe, and what to do instead.
_FUNCTION = "takes a function. scheduler=custom steps a schedule of your own, see docs/custom.md."
_JOINED = (
    "joins schedules that exist. scheduler=custom steps what a function of yours joins, see docs/custom.md."
)
NO_SCHEDULE = {
    "LambdaLR": _FUNCTION,
    "MultiplicativeLR": _FUNCTION,
    "SequentialLR": _JOINED,
    "ChainedScheduler": _JOINED,
}
_RATE_ALONE = "a schedule moves the learning rate alone"
SCHEDULE_KEYWORDS = {
    "optimizer": "it is handed over by itself",
    "last_epoch": "a continued training goes on where it was",
    "max_lr": "it is the field optimizer.lr",
    **dict.fromkeys(("cycle_momentum", "base_momentum", "max_momentum"), _RATE_ALONE),
}
# Steps of a user's schedule that have to come out alike twice.
COMPARED_STEPS = 1000


class SteppedRates:
    """The learning rate of each step, from a scheduler that moves an optimizer of its own.

    Args:
        settings: which scheduler, and when it is stepped.
        base_lr: where it begins.
        epochs: of the whole training.
        steps_per_epoch: batches of one epoch.

    Raises:
        ConfigError: there is no such scheduler, or it takes other fields.
        InfeasibleConfig: it refuses these values.
    """

    def __init__(self, settings: SteppedSchedule, base_lr: float, epochs: int, steps_per_epoch: int) -> None:
        self._settings = settings
        self._steps_per_epoch = steps_per_epoch
        self._optimizer = torch.optim.SGD([torch.zeros((), requires_grad=True)], lr=base_lr)
        length = epochs * (steps_per_epoch if settings.per == "step" else 1)
        self._scheduler = _scheduler(settings, self._optimizer, base_lr, length)
        self._taken = 0

    def __call__(self, epoch: int, step: int, history: Sequence[Any]) -> float:
        """The rate of a step, without warm-up; steps may be left out, but not asked for backwards.

        Args:
            epoch, step: from 0.
            history: a result with the metric for each epoch before.
        """
        wanted = epoch if self._settings.per == "epoch" else epoch * self._steps_per_epoch + step
        metric = self._settings.metric
        while self._taken < wanted:
            self._optimizer.step()
            self._scheduler.step(*(() if metric is None else (getattr(history[self._taken], metric),)))
            self._taken += 1
        return float(self._optimizer.param_groups[0]["lr"])


def try_schedule(settings: SteppedSchedule, base_lr: float, epochs: int, steps_per_epoch: int) -> None:
    """Step a schedule through the whole training, and refuse rates that nothing can train with.

    Raises:
        ConfigError: naming what it did.
        InfeasibleConfig: it refuses these values.
    """
    word = _word(settings)
    once, twice = (SteppedRates(settings, base_lr, epochs, steps_per_epoch) for _ in range(2))
    history = [SimpleNamespace(train_loss=1.0, train_acc=0.5, val_loss=1.0, val_acc=0.5)] * epochs
    compared = 0 if isinstance(settings, TorchSchedule) else COMPARED_STEPS
    step_epochs = steps_per_epoch if settings.per == "step" else 1
    for at in range(epochs * step_epochs):
        epoch, step = divmod(at, step_epochs)
        try:
            rate = once(epoch, step, history)
            is_alike = at >= compared or twice(epoch, step, history) == rate
        except Exception as error:
            raise ConfigError(
                f"{word} cannot be stepped to {settings.per} {at + 1} of {epochs * step_epochs} "
                f"({own_words(error)})."
            ) from error
        if not math.isfinite(rate) or rate < 0:
            raise ConfigError(f"{word} gives the learning rate {rate:g} in {settings.per} {at + 1}.")
        if not is_alike:
            raise ConfigError(
                f"{word} gives other rates when it is stepped again, so that an interrupted trial would end "
                "with another result. Let its rates depend on its steps alone."
            )


def _scheduler(
    settings: SteppedSchedule, optimizer: torch.optim.Optimizer, base_lr: float, length: int
) -> Any:
    if isinstance(settings, TorchSchedule):
        return _torch_scheduler(settings, optimizer, base_lr, length)
    target = load_callable(settings.target, "scheduler.target", "my_schedule.MySchedule")
    words = check_call(
        target,
        settings.target,
        "scheduler.target",
        gets="an optimizer whose group's lr it moves",
        options=settings.options,
        places=("optimizer",),
    )
    made = called(target, settings.target, words, optimizer=optimizer)
    if not callable(getattr(made, "step", None)):
        raise ConfigError(
            f"scheduler.target={settings.target} made a {type(made).__name__}, which has no step(). It "
            'should move optimizer.param_groups[0]["lr"] at each, as a torch LRScheduler does.'
        )
    return made


def _torch_scheduler(
    settings: TorchSchedule, optimizer: torch.optim.Optimizer, base_lr: float, length: int
) -> Any:
    every = vars(torch.optim.lr_scheduler)
    base: Any = torch.optim.lr_scheduler.LRScheduler
    known = {
        name: value
        for name, value in every.items()
        if isinstance(value, type) and issubclass(value, base) and value is not base and name[0] != "_"
    }
    cls = chosen_class(settings.name, "scheduler.name", known, NO_SCHEDULE)
    takes = inspect.signature(cls).parameters
    words = checked_options(settings.options, takes, SCHEDULE_KEYWORDS, "scheduler", settings.name)
    is_plateau = settings.name == "ReduceLROnPlateau"
    if is_plateau != (settings.metric is not None):
        raise ConfigError(
            "scheduler.name=ReduceLROnPlateau waits for a metric: scheduler.metric=val_loss."
            if is_plateau
            else f"scheduler.metric={settings.metric} would be ignored: {settings.name} looks at none."
        )
    if is_plateau and words.get("mode", "min") != (
        "min" if settings.metric in ("val_loss", "train_loss") else "max"
    ):
        raise ConfigError(
            f"scheduler.metric={settings.metric} and scheduler.options.mode={words.get('mode', 'min')} "
            "contradict each other: a loss is best at its min, an accuracy at its max."
        )
    whole = {"T_max": length, "total_steps": length, "max_lr": base_lr, "cycle_momentum": False}
    if "epochs" in words:  # a one-cycle's other way to say its length
        del whole["total_steps"]
    words = {**{key: value for key, value in whole.items() if key in takes}, **words}
    needed = [
        key for key, one in takes.items() if one.default is one.empty and key not in (*words, "optimizer")
    ]
    if needed:
        raise ConfigError(
            f"scheduler.name={settings.name} needs its {needed[0]}: such as "
            f"'+scheduler.options.{needed[0]}=2'."
        )
    return called(cls, settings.name, words, optimizer=optimizer)


def _word(settings: SteppedSchedule) -> str:
    if isinstance(settings, CustomSchedule):
        return f"scheduler.target={settings.target}"
    return f"scheduler.name={settings.name}"
