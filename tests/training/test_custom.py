"""A user's optimizer and loss: trained like ours, continued bit for bit, refused in the user's words."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.training.custom import try_loss
from vggsweep.training.rehearsal import try_optimizer
from vggsweep.training.settings import CustomLossSettings, CustomOptimizerSettings


class Signed(torch.optim.Optimizer):
    """Steps by the sign of a momentum, with a little noise of its own."""

    def __init__(self, params: Any, lr: float, beta: float = 0.9, noise: float = 0.0) -> None:
        if not 0 <= beta < 1:
            raise ValueError(f"beta={beta}")
        super().__init__(params, {"lr": lr, "beta": beta, "noise": noise})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                momentum = self.state[parameter].setdefault("m", torch.zeros_like(parameter))
                momentum.lerp_(parameter.grad, 1 - group["beta"])
                momentum.add_(torch.randn_like(momentum), alpha=group["noise"])
                parameter.sub_(momentum.sign() * group["lr"])


class Forgetful(Signed):
    """Counts its steps where no checkpoint looks."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, lr)
        self.steps = 0

    def step(self) -> None:  # type: ignore[override]
        self.steps += 1
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.data.sub_(parameter.grad * group["lr"] / self.steps)


class Hoarder(Signed):
    """Keeps what a checkpoint cannot hold."""

    def step(self) -> None:  # type: ignore[override]
        super().step()
        self.state[self.param_groups[0]["params"][0]]["note"] = Signed


class Rateless(torch.optim.Optimizer):
    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {})


def no_optimizer(params: Any, lr: float) -> str:
    return "words"


def at_home(name: str) -> str:
    return name if "." in name else f"{__name__}.{name}"


def optimizer(target: str, **options: Any) -> CustomOptimizerSettings:
    return CustomOptimizerSettings(name="custom", target=at_home(target), lr=0.01, options=options)


def loss(target: str, **options: Any) -> CustomLossSettings:
    return CustomLossSettings(name="custom", target=at_home(target), options=options)


class Running(nn.Module):
    """Weighs each batch by the mean of the losses before: a state that a checkpoint has to bring back."""

    def __init__(self, pace: float = 0.5) -> None:
        super().__init__()
        self.pace = pace
        self.register_buffer("mean", torch.ones(()))

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        value = nn.functional.cross_entropy(scores, labels)
        self.mean.lerp_(value.detach(), self.pace)
        return value / self.mean


class Learning(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))


def each(scores: Tensor, labels: Tensor) -> Tensor:
    return nn.functional.cross_entropy(scores, labels, reduction="none")


def flat(scores: Tensor, labels: Tensor) -> Tensor:
    return (scores.argmax(dim=1) != labels).float().mean()


def bottomless(scores: Tensor, labels: Tensor) -> Tensor:
    return scores.sum().log() * 0 / 0


def number(scores: Tensor, labels: Tensor) -> float:
    return 1.0


OWN = (
    "optimizer=custom",
    f"optimizer.target={__name__}.Signed",
    "+optimizer.options.noise=0.01",
    "optimizer.lr=0.005",
    "loss=custom",
    f"loss.target={__name__}.Running",
)


def test_own_optimizer_and_loss_continue_bit_for_bit_from_a_checkpoint(
    prepare: Callable[..., Any],
) -> None:
    words = (*OWN, "train.epochs=3")
    whole = prepare(*words)()
    broken = prepare(*words)
    saved: dict[str, Any] = {}

    def remember(result: Any) -> None:
        if result.epoch == 1:
            saved.update(copy.deepcopy(broken.training.state_dict()))

    broken.on_epoch = remember
    broken()
    continued = prepare(*words)
    continued.training.load_state_dict(saved)
    continued()

    assert continued.metrics == whole.metrics == broken.metrics
    assert whole.metrics != prepare("train.epochs=3")().metrics
    assert torch.equal(continued.training.loss.mean, whole.training.loss.mean)


def test_cross_entropy_by_its_dotted_name_is_the_default_to_the_last_bit(prepare: Callable[..., Any]) -> None:
    ours = prepare()()
    theirs = prepare("loss=custom", "loss.target=torch.nn.functional.cross_entropy")()
    as_class = prepare("loss=custom", "loss.target=torch.nn.CrossEntropyLoss")()

    assert ours.metrics == theirs.metrics == as_class.metrics


def test_schedule_moves_the_rate_of_an_own_optimizer(prepare: Callable[..., Any]) -> None:
    run = prepare(*OWN, "scheduler=step", "scheduler.step_epochs=1", "scheduler.gamma=0.5")()

    assert [row.lr for row in run.training.history] == [0.005, 0.0025]
    assert run.training.optimizer.param_groups[0]["lr"] == 0.0025


@pytest.mark.parametrize(
    ("target", "options", "kind", "said"),
    [
        ("Singed", {}, ConfigError, "cannot be loaded .*Did you mean .*test_custom.Signed?"),
        ("tests.training.tset_custom.Signed", {}, ConfigError, "cannot be loaded .ModuleNotFoundError"),
        ("trch.optim.SGD", {}, ConfigError, "Did you mean torch.optim.SGD?"),
        ("OWN", {}, ConfigError, "is a tuple and cannot be called"),
        ("Signed", {"bta": 1}, ConfigError, r"\(parameters, lr, bta\): got an unexpected keyword .*'bta'"),
        ("Signed", {"lr": 1}, ConfigError, "optimizer.options.lr=1 is handed over by itself"),
        ("Signed", {"beta": 2}, InfeasibleConfig, r"lr=0.01, beta=2\) cannot be built .ValueError: beta=2"),
        ("no_optimizer", {}, ConfigError, "made a str; it should make a torch.optim.Optimizer"),
        ("Rateless", {}, ConfigError, "no 'lr', which the schedule moves"),
        ("torch.optim.LBFGS", {}, ConfigError, "cannot take a step .*closure"),
        ("Forgetful", {}, ConfigError, "goes on otherwise from its saved state"),
        ("Hoarder", {}, ConfigError, "cannot be saved and read again"),
    ],
)
def test_optimizer_that_cannot_train_or_continue_is_refused(
    target: str, options: dict[str, Any], kind: type[ConfigError], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refusal:
        try_optimizer(optimizer(target, **options))

    assert refusal.type is kind


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "NAdam", "Adagrad", "Adadelta", "ASGD"])
def test_optimizers_of_torch_pass_as_own_ones(name: str) -> None:
    try_optimizer(optimizer(f"torch.optim.{name}"))


@pytest.mark.parametrize(
    ("target", "options", "kind", "said"),
    [
        ("flt", {}, ConfigError, "Did you mean .*test_custom.flat?"),
        ("each", {}, ConfigError, r"gave shape \(4,\); one number is needed"),
        ("number", {}, ConfigError, "gave a float; one number is needed, a tensor"),
        ("flat", {}, ConfigError, "without a gradient"),
        ("bottomless", {}, ConfigError, "is not finite"),
        ("Learning", {}, ConfigError, "has parameters of its own"),
        ("Running", {"pce": 1}, ConfigError, r"called with \(pce\): got an unexpected keyword argument"),
        ("each", {"gamma": 1}, ConfigError, r"called with \(scores, labels, gamma\)"),
        ("Running", {"pace": "x"}, InfeasibleConfig, r"scores \(4, 3\) and labels \(4,\) .TypeError"),
    ],
)
def test_loss_that_gives_no_number_with_a_gradient_is_refused(
    target: str, options: dict[str, Any], kind: type[ConfigError], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refusal:
        try_loss(loss(target, **options), 3)

    assert refusal.type is kind


def test_trying_own_parts_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    try_optimizer(optimizer("Signed", noise=0.1))
    try_loss(loss("Running"), 3)

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("group", ["arch", "optimizer", "loss", "scheduler", "dataset"])
def test_missing_name_is_asked_for_with_an_example(tiny: Callable[..., Any], group: str) -> None:
    node = {"family" if group == "arch" else "name": "custom", "target": None, "options": {}, "lr": 0.1}

    with pytest.raises(ConfigError, match=rf"{group}=custom needs the dotted name .*{group}.target=my_"):
        read_configuration({**tiny(), group: node})
