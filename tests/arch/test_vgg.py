"""The module against the paper's own order of layers, built by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from vggsweep.arch.build import build_network
from vggsweep.arch.describe import network_costs
from vggsweep.arch.description import InputShape

Build = Callable[..., Any]
LARGE = InputShape(channels=3, resolution=32, num_classes=10)
SHAPE = InputShape(channels=2, resolution=16, num_classes=5)


def paper_order(network: nn.Sequential) -> nn.Sequential:
    """The same modules with every block's pool behind its last activation, as the paper has it."""
    blocks = []
    for name, child in network.named_children():
        if not name.startswith("block"):
            blocks.append(child)
            continue
        layers = dict(child.named_children())
        pool, dropout = layers.pop("pool"), layers.pop("dropout", nn.Identity())
        # not in place, so that nothing is overwritten that the other order reads
        plain = [nn.ReLU() if isinstance(layer, nn.ReLU) else layer for layer in layers.values()]
        blocks.append(nn.Sequential(*plain, pool, dropout))
    return nn.Sequential(*blocks)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "gelu", "silu"])
@pytest.mark.parametrize("option", ["vgg", "gap"])
def test_pooling_first_gives_the_scores_and_gradients_of_the_papers_order(
    arch: Build, head: Build, batch_norm: bool, activation: str, option: str
) -> None:
    torch.manual_seed(0)
    settings = arch(
        "vgg_small", stages=[[1, 4], [2, 6], [2, 8]], batch_norm=batch_norm, activation=activation
    )
    top = head(option, dropout=0.0, **({"hidden": 12} if option == "vgg" else {}))
    network = build_network(settings, top, SHAPE)
    assert isinstance(network, nn.Sequential)
    images, labels = torch.randn(6, 2, 16, 16), torch.arange(6) % 5

    def scores_and_gradients(module: nn.Module) -> tuple[torch.Tensor, list[torch.Tensor]]:
        network.zero_grad()
        scores = module(images)
        nn.functional.cross_entropy(scores, labels).backward()
        return scores.detach(), [parameter.grad.clone() for parameter in network.parameters()]  # type: ignore[union-attr]

    scores, gradients = scores_and_gradients(network)
    expected_scores, expected_gradients = scores_and_gradients(paper_order(network))

    torch.testing.assert_close(scores, expected_scores, rtol=0, atol=0)
    for gradient, expected in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-7)


def names_of(network: nn.Module, block: str) -> list[str]:
    return [name for name, _ in network.get_submodule(block).named_children()]


def test_pool_comes_before_the_last_activation_only_where_that_never_falls(arch: Build, head: Build) -> None:
    def names(**changes: Any) -> list[str]:
        settings = arch("vgg_small", stages=[[2, 4]], **changes)
        return names_of(build_network(settings, head("gap"), SHAPE), "block1")

    assert names(activation="relu") == ["conv1", "act1", "conv2", "pool", "act2"]
    assert names(activation="leaky_relu", batch_norm=True) == [
        "conv1",
        "norm1",
        "act1",
        "conv2",
        "norm2",
        "pool",
        "act2",
    ]
    assert names(activation="gelu") == ["conv1", "act1", "conv2", "act2", "pool"]
    assert names(activation="silu", dropout=0.2) == ["conv1", "act1", "conv2", "act2", "pool", "dropout"]


def test_net_a_lrn_normalises_after_the_first_activation_with_the_papers_constants(
    arch: Build, head: Build
) -> None:
    network = build_network(arch("vgg_a_lrn", stages=[[1, 4], [2, 6]]), head("gap"), InputShape(3, 8, 10))
    lrn = network.get_submodule("block1.lrn")

    assert names_of(network, "block1") == ["conv1", "act1", "lrn", "pool"]
    assert names_of(network, "block2") == ["conv1", "act1", "conv2", "pool", "act2"]
    assert isinstance(lrn, nn.LocalResponseNorm)
    assert (lrn.size, lrn.alpha, lrn.beta, lrn.k) == (5, 1e-4, 0.75, 2.0)
    assert sum(isinstance(module, nn.LocalResponseNorm) for module in network.modules()) == 1


def test_dropout_of_blocks_and_head_is_what_was_set(arch: Build, head: Build) -> None:
    network = build_network(
        arch("vgg_small", stages=[[1, 4]], dropout=0.25), head("vgg", hidden=8, dropout=0.5), SHAPE
    )
    shares = {name: module.p for name, module in network.named_modules() if isinstance(module, nn.Dropout)}

    assert shares == {"block1.dropout": 0.25, "dropout1": 0.5, "dropout2": 0.5}


@pytest.mark.parametrize("resolution", [16, 17, 31])
def test_odd_resolutions_run_through(arch: Build, head: Build, resolution: int) -> None:
    shape = InputShape(1, resolution, 7)
    for top in (head("gap"), head("vgg", hidden=8)):
        network = build_network(arch(depth=5, width=2), top, shape).eval()
        assert network(torch.zeros(3, 1, resolution, resolution)).shape == (3, 7)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_shortcuts_change_no_cost(arch: Build, head: Build, batch_norm: bool) -> None:
    for depth in range(4, 41):
        plain, shortcut = (
            network_costs(arch(depth=depth, residual=residual, batch_norm=batch_norm), head("gap"), LARGE)
            for residual in (False, True)
        )
        assert shortcut == plain


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_shortcuts_go_around_two_convolutions_each(arch: Build, head: Build, activation: str) -> None:
    torch.manual_seed(0)
    settings = {"stages": [[4, 4], [5, 6]], "activation": activation, "init": "torch"}
    with_shortcuts = build_network(arch(residual=True, **settings), head("gap"), SHAPE).eval()
    plain = build_network(arch(residual=False, **settings), head("gap"), SHAPE).eval()
    weights = zip(plain.state_dict().values(), with_shortcuts.state_dict().values(), strict=True)
    for value, other in weights:
        value.copy_(other)
    x = torch.randn(3, 2, 16, 16)

    def by_hand(x: torch.Tensor) -> torch.Tensor:
        def unit(block: nn.Module, number: int, x: torch.Tensor) -> torch.Tensor:
            layers = dict(block.named_children())
            return layers[f"norm{number}"](layers[f"conv{number}"](x))

        act = torch.nn.functional.relu if activation == "relu" else torch.nn.functional.gelu
        children = dict(plain.named_children())
        for name, count in (("block1", 4), ("block2", 5)):
            block = children[name]
            x = act(unit(block, 1, x))
            for number in range(2, count, 2):
                x = act(x + unit(block, number + 1, act(unit(block, number, x))))
            if count % 2 == 0:
                x = act(unit(block, count, x))
            x = torch.nn.functional.max_pool2d(x, 2)
        scores: torch.Tensor = children["linear"](x.mean((2, 3)))
        return scores

    with torch.no_grad():
        torch.testing.assert_close(with_shortcuts(x), by_hand(x))
        assert not torch.allclose(with_shortcuts(x), plain(x))
