"""Schedules of torch by name and a user's own: torch's rates, the same from any epoch on."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.settings import read_settings
from vggsweep.training.schedule_settings import CustomSchedule, SchedulerSettings, TorchSchedule
from vggsweep.training.schedules import learning_rates
from vggsweep.training.stepped import NO_SCHEDULE, try_schedule

EPOCHS, STEPS, LR = 6, 5, 0.4
HISTORY = [SimpleNamespace(val_loss=loss, val_acc=0.5) for loss in (1.0, 0.9, 0.95, 0.91, 0.8, 0.7)]
# Every class of torch that a configuration can describe, with what it needs.
OPTIONS: dict[str, dict[str, Any]] = {
    "StepLR": {"step_size": 2},
    "MultiStepLR": {"milestones": [2, 4], "gamma": 0.5},
    "ConstantLR": {"total_iters": 3},
    "LinearLR": {"total_iters": 4},
    "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {},
    "CosineAnnealingWarmRestarts": {"T_0": 2, "T_mult": 2},
    "PolynomialLR": {"total_iters": 6, "power": 2.0},
    "CyclicLR": {"base_lr": 0.1, "step_size_up": 3},
    "OneCycleLR": {},
    "ReduceLROnPlateau": {"patience": 0, "factor": 0.5},
}


def named(name: str, per: str = "epoch", metric: str | None = None, **options: Any) -> TorchSchedule:
    if name == "ReduceLROnPlateau" and metric is None:
        metric = "val_loss"
    plain = {"library": "torch", "name": name, "warmup_epochs": 0.0, "per": per, "metric": metric}
    return read_settings(TorchSchedule, {**plain, "options": options}, "scheduler")


def own(target: Any, per: str = "epoch", metric: str | None = None, **options: Any) -> CustomSchedule:
    return CustomSchedule(
        name="custom",
        target=f"{__name__}.{target.__name__}",
        warmup_epochs=0.0,
        per=per,  # type: ignore[arg-type]
        metric=metric,  # type: ignore[arg-type]
        options=options,
    )


def rates(schedule: SchedulerSettings, first_epoch: int = 0) -> list[float]:
    """Of all steps, by a schedule that begins with this epoch."""
    found = learning_rates(schedule, LR, EPOCHS, STEPS)
    return [
        found(epoch, step, HISTORY[:epoch]) for epoch in range(first_epoch, EPOCHS) for step in range(STEPS)
    ]


def test_every_schedule_of_torchs_is_offered_or_refused_by_name() -> None:
    base = torch.optim.lr_scheduler.LRScheduler
    known = {
        name
        for name, value in vars(torch.optim.lr_scheduler).items()
        if isinstance(value, type) and issubclass(value, base) and value is not base and name[0] != "_"
    }
    assert known == {*OPTIONS, *NO_SCHEDULE}


@pytest.mark.parametrize("per", ["epoch", "step"])
@pytest.mark.parametrize("name", OPTIONS)
def test_the_rates_of_a_name_are_torchs_and_the_same_from_any_epoch_on(name: str, per: str) -> None:
    if name == "ReduceLROnPlateau" and per == "step":
        pytest.skip("it waits for an epoch's score")
    schedule = named(name, per, **OPTIONS[name])
    try_schedule(schedule, LR, EPOCHS, STEPS)
    whole = rates(schedule)

    length = EPOCHS * (STEPS if per == "step" else 1)
    more = {
        "CosineAnnealingLR": {"T_max": length},
        "OneCycleLR": {"max_lr": LR, "total_steps": length, "cycle_momentum": False},
        "CyclicLR": {"max_lr": LR, "cycle_momentum": False},
    }.get(name, {})
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **OPTIONS[name], **more)
    theirs = []
    for at in range(length):
        theirs += [optimizer.param_groups[0]["lr"]] * (1 if per == "step" else STEPS)
        optimizer.step()
        scheduler.step(*([HISTORY[at].val_loss] if name == "ReduceLROnPlateau" else []))

    assert whole == theirs
    assert len(set(whole)) > 1
    for epoch in range(1, EPOCHS):
        assert rates(schedule, epoch) == whole[epoch * STEPS :]


def test_the_warm_up_multiplies_a_schedule_that_is_stepped() -> None:
    plain = named("StepLR", step_size=2, gamma=0.5)
    warmed = TorchSchedule(**{**vars(plain), "warmup_epochs": 2.0})
    share = [min(1.0, (at + 0.5) / STEPS / 2) for at in range(EPOCHS * STEPS)]
    assert rates(warmed) == pytest.approx([a * b for a, b in zip(rates(plain), share, strict=True)])


class Halving:
    """A schedule of one's own."""

    def __init__(self, optimizer: torch.optim.Optimizer, every: int = 1) -> None:
        self.optimizer, self.every, self.steps = optimizer, every, 0

    def step(self) -> None:
        self.steps += 1
        if self.steps % self.every == 0:
            self.optimizer.param_groups[0]["lr"] /= 2


class Drawn(Halving):
    def step(self) -> None:
        self.optimizer.param_groups[0]["lr"] = float(torch.rand(()))


class Falling(Halving):
    def step(self) -> None:
        self.optimizer.param_groups[0]["lr"] -= 0.3


class Following(Halving):
    def step(self, loss: float) -> None:  # type: ignore[override]
        self.optimizer.param_groups[0]["lr"] = loss


def no_schedule(optimizer: torch.optim.Optimizer) -> str:
    return "words"


def test_a_schedule_of_ones_own_is_stepped_and_told_the_score() -> None:
    assert rates(own(Halving, every=2))[:: 2 * STEPS] == [0.4, 0.2, 0.1]
    assert rates(own(Halving, per="step"))[:3] == [0.4, 0.2, 0.1]
    assert rates(own(Following, metric="val_loss"))[::STEPS] == [0.4, 1.0, 0.9, 0.95, 0.91, 0.8]


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: named("StepLr", step_size=2), ConfigError, "no class of torch's. Did you mean 'StepLR'"),
        (lambda: named("LambdaLR"), ConfigError, "LambdaLR takes a function. scheduler=custom"),
        (lambda: named("SequentialLR"), ConfigError, "joins schedules.*scheduler=custom"),
        (lambda: named("StepLR"), ConfigError, r"needs its step_size.*\+scheduler.options.step_size="),
        (
            lambda: named("StepLR", step=2),
            ConfigError,
            "no field scheduler.options.step. Did you mean 'step_size'",
        ),
        (lambda: named("OneCycleLR", max_lr=2), ConfigError, "it is the field optimizer.lr"),
        (lambda: named("CyclicLR", base_lr=0.1, cycle_momentum=True), ConfigError, "the learning rate alone"),
        (
            lambda: named("OneCycleLR", per="epoch", total_steps=3),
            ConfigError,
            "cannot be stepped to epoch 5 of 6",
        ),
        (lambda: named("OneCycleLR", pct_start=2.0), InfeasibleConfig, "pct_start"),
        (lambda: named("ReduceLROnPlateau", per="step"), ConfigError, "known after an epoch"),
        (lambda: named("ReduceLROnPlateau", metric="val_acc"), ConfigError, "contradict each other"),
        (lambda: named("StepLR", metric="val_acc", step_size=1), ConfigError, "would be ignored: StepLR"),
        (lambda: own(Drawn), ConfigError, "other rates when it is stepped again"),
        (lambda: own(Falling), ConfigError, "gives the learning rate -0.2 in epoch 3"),
        (lambda: own(Following), ConfigError, "cannot be stepped to epoch 2"),
        (lambda: own(Halving, evry=2), ConfigError, "unexpected keyword argument 'evry'"),
        (lambda: own(no_schedule), ConfigError, "made a str, which has no step"),
    ],
)
def test_what_gives_no_rates_is_refused(make: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        try_schedule(make(), LR, EPOCHS, STEPS)


def test_a_name_is_asked_for_and_checked_with_the_configuration(tiny: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ConfigError, match="needs the name of a class of torch.optim.lr_scheduler"):
        read_configuration(tiny("scheduler=torch"))
    with pytest.raises(ConfigError, match="needs its T_0"):
        words = ("scheduler=torch", "scheduler.name=CosineAnnealingWarmRestarts")
        check_configuration(read_configuration(tiny(*words)))


@pytest.mark.parametrize(
    "words",
    [
        (
            "scheduler.name=ReduceLROnPlateau",
            "scheduler.metric=val_loss",
            "+scheduler.options={patience: 0, threshold: 0.5}",
        ),
        ("scheduler.name=CosineAnnealingWarmRestarts", "scheduler.per=step", "+scheduler.options.T_0=3"),
    ],
)
def test_a_training_with_a_named_schedule_continues_bit_for_bit(
    prepare: Callable[..., Any], words: tuple[str, ...]
) -> None:
    line = ("scheduler=torch", *words, "train.epochs=4", "optimizer.lr=0.5")
    whole, broken = prepare(*line)(), prepare(*line)
    saved: dict[str, Any] = {}

    def remember(result: Any) -> None:
        if result.epoch == 3:
            saved.update(copy.deepcopy(broken.training.state_dict()))

    broken.on_epoch = remember
    broken()
    continued = prepare(*line)
    continued.training.load_state_dict(saved)
    assert continued().metrics == whole.metrics
    assert len({result.lr for result in whole.training.history}) > 1
    assert all(math.isfinite(result.train_loss) for result in whole.training.history)
