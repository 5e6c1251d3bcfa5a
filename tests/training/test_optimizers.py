from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from vggsweep.arch.build import build_network
from vggsweep.configuration.network import input_shape
from vggsweep.configuration.schema import Configuration, read_configuration
from vggsweep.errors import ConfigError
from vggsweep.training.optimizers import build_optimizer, parameter_groups

CONF = Path(__file__).parents[2] / "conf"
OPTIONS = sorted({path.stem for path in (CONF / "optimizer").glob("*.yaml")} - {"custom", "torch"})


def network_of(configuration: Configuration) -> nn.Module:
    torch.manual_seed(0)
    return build_network(configuration.arch, configuration.head, input_shape(configuration))


def take_steps(optimizer: torch.optim.Optimizer, network: nn.Module, steps: int = 5) -> None:
    """Steps on gradients that depend on the weights, as real ones do."""
    images = torch.rand(8, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        optimizer.zero_grad()
        network(images).square().mean().backward()
        optimizer.step()


def test_weight_decay_is_kept_off_biases_and_norms(tiny: Callable[..., dict[str, Any]]) -> None:
    network = network_of(read_configuration(tiny()))
    decayed, free = parameter_groups(network, 0.1, decay_biases_and_norms=False)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert decayed["weight_decay"] == 0.1
    assert free["weight_decay"] == 0.0
    norms = {
        f"{name}.weight" for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)
    }
    expected = {name for name in names.values() if name.endswith(".weight")} - norms
    assert norms
    assert {names[id(p)] for p in decayed["params"]} == expected  # type: ignore[attr-defined]
    assert {names[id(p)] for p in free["params"]} == set(names.values()) - expected  # type: ignore[attr-defined]


def test_weight_decay_reaches_everything_when_asked(tiny: Callable[..., dict[str, Any]]) -> None:
    network = network_of(read_configuration(tiny()))
    (group,) = parameter_groups(network, 0.1, decay_biases_and_norms=True)
    assert group == {"params": list(network.parameters()), "weight_decay": 0.1}


def test_a_frozen_parameter_is_not_optimised(tiny: Callable[..., dict[str, Any]]) -> None:
    network = network_of(read_configuration(tiny()))
    frozen = next(network.parameters()).requires_grad_(False)
    groups = parameter_groups(network, 0.1, decay_biases_and_norms=False)
    assert all(parameter is not frozen for group in groups for parameter in group["params"])  # type: ignore[attr-defined]


def test_without_gradient_only_decayed_weights_shrink(tiny: Callable[..., dict[str, Any]]) -> None:
    configuration = read_configuration(
        tiny("optimizer.weight_decay=0.1", "optimizer.momentum=0", "optimizer.nesterov=false")
    )
    network = network_of(configuration)
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    build_optimizer(configuration.optimizer, network).step()
    shrink = 1 - 0.1 * configuration.optimizer.lr
    for name, parameter in network.named_parameters():
        factor = shrink if parameter.ndim > 1 else 1.0
        torch.testing.assert_close(parameter.detach(), before[name] * factor)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_builds_and_moves_every_parameter(
    option: str, tiny: Callable[..., dict[str, Any]]
) -> None:
    configuration = read_configuration(tiny(f"optimizer={option}"))
    network = network_of(configuration)
    before = copy.deepcopy(list(network.parameters()))
    take_steps(build_optimizer(configuration.optimizer, network), network)
    moved = [not torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True)]
    # A bias before a norm has no gradient but rounding; everything else moves.
    assert sum(moved) >= len(moved) - 2


@pytest.mark.parametrize("option", sorted({*OPTIONS} - {"muon"}))
def test_fused_steps_equal_the_plain_ones(option: str, tiny: Callable[..., dict[str, Any]]) -> None:
    configuration = read_configuration(tiny(f"optimizer={option}", "arch.batch_norm=false"))
    ours, plain = network_of(configuration), network_of(configuration)
    built = build_optimizer(configuration.optimizer, ours)
    settings = configuration.optimizer
    groups = parameter_groups(plain, settings.weight_decay, settings.decay_biases_and_norms)
    left_out = ("fused", "foreach", "weight_decay", "decoupled_weight_decay")
    options = {name: value for name, value in built.defaults.items() if name not in left_out}
    reference = type(built)(groups, **options, foreach=False)
    assert built.defaults.get("fused", False) == (option != "rmsprop"), "torch has no fused RMSprop"
    take_steps(built, ours)
    take_steps(reference, plain)
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_betas_that_are_no_pair_are_refused(tiny: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ConfigError, match=r"optimizer.betas=\[0.9\] should be two numbers"):
        read_configuration(tiny("optimizer=adam", "optimizer.betas=[0.9]"))


def test_nesterov_without_momentum_is_refused(tiny: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ConfigError, match="optimizer.momentum=0"):
        read_configuration(tiny("optimizer.momentum=0"))


def test_a_first_step_that_overflows_leaves_no_momentum(tiny: Callable[..., dict[str, Any]]) -> None:
    networks = [network_of(read_configuration(tiny("optimizer=sgd_nesterov"))) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    ours, plain = (
        build_optimizer(read_configuration(tiny("optimizer=sgd_nesterov")).optimizer, network)
        for network in networks
    )
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn(p.shape, generator=generator) for p in networks[0].parameters()]
    for network in networks:
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            parameter.grad = gradient.clone()
    ours.grad_scale, ours.found_inf = torch.ones(()), torch.ones(())  # type: ignore[attr-defined]
    ours.step()
    del ours.grad_scale, ours.found_inf  # type: ignore[attr-defined]
    ours.step()
    plain.step()
    for mine, theirs in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        assert torch.equal(mine, theirs)
