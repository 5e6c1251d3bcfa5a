"""Optimizers of torch by name: every class trains and resumes, what cannot is refused in one sentence."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.training.by_name import NO_OPTIMIZER
from vggsweep.training.optimizers import build_optimizer, can_be_captured
from vggsweep.training.rehearsal import try_optimizer
from vggsweep.training.settings import TorchOptimizerSettings

CLASSES = sorted(
    name
    for name, value in vars(torch.optim).items()
    if inspect.isclass(value)
    and issubclass(value, torch.optim.Optimizer)
    and value is not torch.optim.Optimizer
)


def named(name: str, weight_decay: float = 0.0, **options: Any) -> TorchOptimizerSettings:
    return TorchOptimizerSettings(
        library="torch",
        name=name,
        lr=0.01,
        weight_decay=weight_decay,
        decay_biases_and_norms=False,
        options=options,
    )


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, 3)
    )


def take_step(optimizer: torch.optim.Optimizer, network: nn.Module, step: int) -> None:
    for group in optimizer.param_groups:
        group["lr"] = 0.01 / (step + 1)  # as a schedule does
    images = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(step))
    network(images).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in NO_OPTIMIZER])
def test_every_class_for_dense_gradients_goes_on_bit_for_bit_from_its_saved_state(name: str) -> None:
    try_optimizer(named(name))
    whole, broken = small(), small()
    ours, theirs = (build_optimizer(named(name), network) for network in (whole, broken))
    for step in range(3):
        take_step(ours, whole, step)
        take_step(theirs, broken, step)
    continued = small()
    continued.load_state_dict(broken.state_dict())
    resumed = build_optimizer(named(name), continued)
    resumed.load_state_dict(copy.deepcopy(theirs.state_dict()))
    for step in range(3, 6):
        take_step(ours, whole, step)
        take_step(resumed, continued, step)

    start = list(small().parameters())
    assert not any(torch.equal(one, other) for one, other in zip(whole.parameters(), start, strict=True))
    assert all(
        torch.equal(one, other) for one, other in zip(whole.parameters(), continued.parameters(), strict=True)
    )


def test_the_optimizer_of_a_name_is_torchs_own_with_the_same_numbers() -> None:
    ours, theirs = small(), small()
    built = build_optimizer(named("NAdam", 0.1, betas=[0.8, 0.9], momentum_decay=0.1), ours)
    decayed, free = ([p for p in theirs.parameters() if (p.ndim > 1) is wanted] for wanted in (True, False))
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": free, "weight_decay": 0.0}]
    reference = torch.optim.NAdam(groups, lr=0.01, betas=(0.8, 0.9), momentum_decay=0.1)
    for step in range(4):
        take_step(built, ours, step)
        take_step(reference, theirs, step)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


@pytest.mark.parametrize("words", [{}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.5}])
def test_a_named_sgd_begins_as_torchs_does(words: dict[str, float]) -> None:
    ours, theirs = small(), small()
    built = build_optimizer(named("SGD", **words), ours)
    reference = torch.optim.SGD(theirs.parameters(), lr=0.01, **words)
    for step in range(3):
        take_step(built, ours, step)
        take_step(reference, theirs, step)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_fused_steps_are_used_where_torch_has_them_and_only_those_that_can_are_captured() -> None:
    assert build_optimizer(named("Adam"), small()).defaults["fused"] is True
    assert [can_be_captured(named(name)) for name in ("NAdam", "Adafactor", "SGD")] == [True, False, False]


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        (named("Ndam"), ConfigError, "optimizer.name=Ndam is no class of torch's. Did you mean 'NAdam'"),
        (named("Optimizer"), ConfigError, "is no class of torch's"),
        (named("LBFGS"), ConfigError, "several times a step"),
        (named("SparseAdam"), ConfigError, "sparse gradients alone.*optimizer.name=Adam"),
        (named("Muon"), ConfigError, "matrices alone. optimizer=muon"),
        (
            named("NAdam", betsa=[0.9, 0.9]),
            ConfigError,
            r"no field optimizer.options.betsa. Did you mean 'betas'",
        ),
        (named("NAdam", lr=1), ConfigError, "it is the field optimizer.lr"),
        (named("NAdam", fused=True), ConfigError, "follows from the device"),
        (named("Rprop", 0.1), ConfigError, "optimizer.weight_decay=0.1 would be ignored: Rprop"),
        (named("NAdam", betas=[2, 3]), InfeasibleConfig, "NAdam.*Invalid beta"),
        (named("Adam", betas="fast"), ConfigError, "optimizer.name=Adam cannot take a step|cannot be built"),
    ],
)
def test_what_cannot_train_is_refused(
    settings: TorchOptimizerSettings, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        try_optimizer(settings)


def test_a_name_is_asked_for_and_checked_with_the_configuration(tiny: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(
        ConfigError, match=r"needs the name of a class of torch.optim, such as optimizer.name="
    ):
        read_configuration(tiny("optimizer=torch"))
    check_configuration(read_configuration(tiny("optimizer=torch", "optimizer.name=RAdam")))
    with pytest.raises(ConfigError, match="Did you mean 'RAdam'"):
        check_configuration(read_configuration(tiny("optimizer=torch", "optimizer.name=RAdm")))


def test_a_training_with_a_named_optimizer_continues_bit_for_bit(prepare: Callable[..., Any]) -> None:
    words = ("optimizer=torch", "optimizer.name=NAdam", "train.epochs=3", "train.ema=0.9")
    whole, broken = prepare(*words)(), prepare(*words)
    saved: dict[str, Any] = {}
    broken.on_epoch = lambda result: saved or saved.update(copy.deepcopy(broken.training.state_dict()))
    broken()
    continued = prepare(*words)
    continued.training.load_state_dict(saved)
    assert continued().metrics == whole.metrics
