"""How weights are drawn: the spread that each scheme promises, and nothing else touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
import torch
from torch import nn

from vggsweep.arch.build import build_network
from vggsweep.arch.description import InputShape
from vggsweep.arch.initialization import initialize

Build = Callable[..., Any]
Kind = TypeVar("Kind", bound=nn.Module)
SHAPE = InputShape(3, 16, 10)


def network_of(arch: Build, head: Build, init: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    settings = arch("vgg_small", stages=[[1, 64], [1, 96]], batch_norm=True, init=init)
    return build_network(settings, head("vgg", hidden=256), SHAPE)


def modules_of(network: nn.Module, kind: type[Kind]) -> list[Kind]:
    return [module for module in network.modules() if isinstance(module, kind)]


def test_xavier_uniform_stays_within_its_bound_and_fills_it(arch: Build, head: Build) -> None:
    # Glorot & Bengio 2010: U(-a, a), a = sqrt(6 / (fan_in + fan_out))
    for module in network_of(arch, head, "xavier_uniform").modules():
        if not isinstance(module, (nn.Conv2d, nn.Linear)):
            continue
        weight = module.weight.detach()
        receptive = weight[0, 0].numel()
        bound = (6 / (receptive * (weight.shape[0] + weight.shape[1]))) ** 0.5
        assert weight.abs().max() <= bound
        assert weight.abs().max() > 0.95 * bound
        assert float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.1)


def test_kaiming_normal_is_torchvisions_choice_for_vgg(arch: Build, head: Build) -> None:
    network = network_of(arch, head, "kaiming_normal")

    for conv in modules_of(network, nn.Conv2d):
        fan_out = conv.weight.shape[0] * 9
        assert float(conv.weight.detach().std()) == pytest.approx((2 / fan_out) ** 0.5, rel=0.1)
        assert conv.bias is not None
        assert not conv.bias.any()
    for linear in modules_of(network, nn.Linear):
        assert float(linear.weight.detach().std()) == pytest.approx(0.01, rel=0.1)
        assert not linear.bias.any()


def test_torch_leaves_everything_as_pytorch_draws_it(arch: Build, head: Build) -> None:
    network = network_of(arch, head, "torch")
    before = {name: value.clone() for name, value in network.state_dict().items()}

    initialize(network, "torch")

    torch.manual_seed(0)
    first = nn.Conv2d(3, 64, 3, padding=1)
    assert torch.equal(first.weight, network.get_parameter("block1.conv1.weight"))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("init", ["xavier_uniform", "kaiming_normal", "trunc_normal", "torch"])
def test_same_seed_gives_the_same_weights_and_another_seed_others(
    arch: Build, head: Build, init: str
) -> None:
    first, again, other = (network_of(arch, head, init, seed).state_dict() for seed in (7, 7, 8))

    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not torch.equal(first["block1.conv1.weight"], other["block1.conv1.weight"])


def test_batch_norm_starts_as_the_identity(arch: Build, head: Build) -> None:
    for norm in modules_of(network_of(arch, head, "kaiming_normal"), nn.BatchNorm2d):
        assert bool((norm.weight == 1).all())
        assert not norm.bias.any()


def test_trunc_normal_is_narrow_and_leaves_biases_zero(arch: Build, head: Build) -> None:
    network = network_of(arch, head, "trunc_normal")

    for module in [*modules_of(network, nn.Conv2d), *modules_of(network, nn.Linear)]:
        if module.weight.numel() > 1000:
            assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
        assert module.bias is not None
        assert not module.bias.any()
