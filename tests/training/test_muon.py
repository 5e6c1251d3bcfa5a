"""Muon beside AdamW: torch's own steps on matrices, whatever memory format a convolution has."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.settings import read_settings
from vggsweep.training.muon import hidden_matrices
from vggsweep.training.optimizers import build_optimizer, can_be_captured
from vggsweep.training.settings import MuonSettings

PLAIN: dict[str, Any] = {
    "name": "muon",
    "lr": 0.02,
    "momentum": 0.9,
    "nesterov": True,
    "ns_steps": 5,
    "fallback_lr": 0.003,
    "fallback_betas": [0.9, 0.95],
    "fallback_eps": 1e-8,
    "weight_decay": 0.1,
    "decay_biases_and_norms": False,
}
SETTINGS = read_settings(MuonSettings, PLAIN, "optimizer")


def small(memory_format: torch.memory_format = torch.contiguous_format) -> nn.Module:
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(2, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 6, 3),
        nn.ReLU(),
        nn.Conv2d(6, 6, 1),
    ]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(96, 5), nn.ReLU(), nn.Linear(5, 3))
    return network.to(memory_format=memory_format)  # type: ignore[call-overload,no-any-return]


def take_step(optimizer: torch.optim.Optimizer, network: nn.Module, step: int) -> None:
    images = torch.rand(8, 2, 8, 8, generator=torch.Generator().manual_seed(step))
    optimizer.zero_grad(set_to_none=True)
    network(images).square().mean().backward()
    optimizer.step()


def test_hidden_matrices_are_all_weights_but_the_first_the_last_and_the_norms() -> None:
    assert [tuple(weight.shape) for weight in hidden_matrices(small())] == [
        (6, 8, 3, 3),
        (6, 6, 1, 1),
        (5, 96),
    ]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_step_is_that_of_torchs_muon_and_adamw_on_the_weights_as_matrices(
    memory_format: torch.memory_format,
) -> None:
    ours, theirs = small(memory_format), small()
    optimizer = build_optimizer(SETTINGS, ours)
    hidden = hidden_matrices(theirs)
    matrices = [nn.Parameter(weight.detach().flatten(1).clone()) for weight in hidden]
    rest = [p for p in theirs.parameters() if all(p is not weight for weight in hidden)]
    muon = torch.optim.Muon(matrices, lr=0.02, momentum=0.9, weight_decay=0.1)
    adamw = torch.optim.AdamW(
        [
            {"params": [p for p in rest if p.ndim > 1], "weight_decay": 0.1},
            {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=0.003,
        betas=(0.9, 0.95),
    )
    for step in range(3):
        take_step(optimizer, ours, step)
        theirs.zero_grad()
        images = torch.rand(8, 2, 8, 8, generator=torch.Generator().manual_seed(step))
        theirs(images).square().mean().backward()
        for weight, matrix in zip(hidden, matrices, strict=True):
            assert weight.grad is not None
            matrix.grad = weight.grad.flatten(1)
        muon.step()
        adamw.step()
        for weight, matrix in zip(hidden, matrices, strict=True):
            weight.data.copy_(matrix.detach().view_as(weight))
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        # channels_last changes the order of additions, and the orthogonalisation is in bfloat16
        torch.testing.assert_close(one, other, rtol=0.02, atol=1e-3)
        if memory_format == torch.contiguous_format:
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_an_update_of_a_hidden_convolution_is_nearly_orthogonal() -> None:
    network = small(torch.channels_last)
    settings = read_settings(MuonSettings, {**PLAIN, "weight_decay": 0.0}, "optimizer")
    weight = hidden_matrices(network)[0]
    before = weight.detach().clone()
    take_step(build_optimizer(settings, network), network, 0)
    update = (before - weight.detach()).flatten(1) / 0.02
    singular = torch.linalg.svdvals(update)
    assert singular.min() > 0.4
    assert singular.max() < 1.4


def test_both_rates_follow_the_schedule_in_their_ratio(prepare: Callable[..., Any]) -> None:
    run = prepare("optimizer=muon", "optimizer.lr=0.04", "optimizer.fallback_lr=0.002", "train.epochs=1")()
    groups = run.training.optimizer.param_groups
    assert groups[0]["lr"] == run.training.history[-1].lr
    assert len(groups) == 3
    assert [group["lr"] / groups[0]["lr"] for group in groups[1:]] == pytest.approx([0.05, 0.05])


@pytest.mark.parametrize("channels_last", ["true", "false"])
def test_a_training_with_muon_continues_bit_for_bit(prepare: Callable[..., Any], channels_last: str) -> None:
    words = ("optimizer=muon", "train.epochs=3", "train.ema=0.9", f"train.channels_last={channels_last}")
    whole, broken = prepare(*words)(), prepare(*words)
    saved: dict[str, Any] = {}
    broken.on_epoch = lambda result: saved or saved.update(copy.deepcopy(broken.training.state_dict()))
    broken()
    continued = prepare(*words)
    continued.training.load_state_dict(saved)
    assert continued().metrics == whole.metrics
    assert whole.training.history[-1].train_loss < whole.training.history[0].train_loss


def test_a_frozen_weight_and_one_without_gradient_stay() -> None:
    network = small()
    frozen, idle, moving = hidden_matrices(network)
    frozen.requires_grad_(False)
    optimizer = build_optimizer(SETTINGS, network)
    before = [one.detach().clone() for one in (frozen, idle, moving)]
    images = torch.rand(8, 2, 8, 8)
    network(images).sum().backward()
    idle.grad = None
    optimizer.step()
    assert [torch.equal(a, b) for a, b in zip(before, (frozen, idle, moving), strict=True)] == [
        True,
        True,
        False,
    ]


def test_a_network_without_hidden_matrices_and_a_lone_beta_are_refused() -> None:
    with pytest.raises(InfeasibleConfig, match="has none. Use optimizer=adamw"):
        build_optimizer(SETTINGS, nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2, 2)))
    with pytest.raises(ConfigError, match=r"optimizer.fallback_betas=\[0.9\] should be two numbers"):
        read_settings(MuonSettings, {**PLAIN, "fallback_betas": [0.9]}, "optimizer")


def test_a_graph_of_every_step_is_refused(tiny: Callable[..., dict[str, Any]]) -> None:
    assert not can_be_captured(SETTINGS)
    with pytest.raises(ConfigError, match=r"optimizer.name=muon reads numbers.*train.cuda_graph=auto"):
        check_configuration(read_configuration(tiny("optimizer=muon", "train.cuda_graph=always")))
