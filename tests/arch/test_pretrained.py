"""Weights of another training: adapted to channels and classes by the stated rule, or refused by name."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from vggsweep.arch.build import build_network
from vggsweep.arch.describe import check_network, network_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.pretrained import of_channels
from vggsweep.errors import ConfigError

Build = Callable[..., Any]


@pytest.fixture
def theirs() -> torch.nn.Module:
    """A ResNet-18 of a thousand classes, with statistics that would show a mix-up."""
    torch.manual_seed(1)
    network = torchvision.models.resnet18()
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.uniform_(-0.1, 0.1)
    return network.eval()


@pytest.mark.parametrize(("suffix", "wrapped"), [(".pth", False), (".pth", True), (".safetensors", False)])
def test_features_of_a_file_are_kept_and_the_classifier_starts_fresh(
    arch: Build, head: Build, theirs: torch.nn.Module, tmp_path: Path, suffix: str, wrapped: bool
) -> None:
    file, state = tmp_path / f"weights{suffix}", theirs.state_dict()
    if suffix == ".safetensors":
        save_file(state, file)
    else:
        torch.save(
            {"model": {f"module.{key}": value for key, value in state.items()}} if wrapped else state, file
        )

    ours = build_network(
        arch("torchvision", pretrained=str(file)), head("native"), InputShape(3, 32, 7)
    ).eval()

    assert ours.fc.out_features == 7  # type: ignore[union-attr]
    theirs.fc = ours.fc
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))


def test_grey_images_give_what_three_equal_channels_would(
    arch: Build, head: Build, theirs: torch.nn.Module, tmp_path: Path
) -> None:
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    settings = arch("torchvision", pretrained=str(tmp_path / "weights.pth"))
    ours = build_network(settings, head("native"), InputShape(1, 32, 1000)).eval()

    grey = torch.randn(2, 1, 32, 32)
    with torch.no_grad():  # a thousand classes: the classifier is kept as well
        torch.testing.assert_close(ours(grey), theirs(grey.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4)


def test_more_channels_repeat_the_weights_and_share_the_response() -> None:
    weight = torch.arange(6.0).reshape(1, 3, 1, 2)
    six = of_channels(weight, 6)

    assert torch.equal(six[:, 3:], six[:, :3])
    assert torch.equal(six.sum(1), weight.sum(1))
    assert of_channels(weight, 4).shape == (1, 4, 1, 2)


def test_weights_of_another_network_are_refused(arch: Build, head: Build, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(torchvision.models.alexnet(num_classes=2).state_dict(), file)
    with pytest.raises(ConfigError, match="weights of another network: .* the first is features.0.weight"):
        build_network(arch("torchvision", pretrained=str(file)), head("native"), InputShape(3, 32, 7))
    file.write_bytes(b"no weights")
    with pytest.raises(ConfigError, match="weights.pth cannot be read as weights"):
        build_network(arch("torchvision", pretrained=str(file)), head("native"), InputShape(3, 32, 7))


def test_missing_file_is_refused_before_anything_is_built(arch: Build, head: Build) -> None:
    with pytest.raises(ConfigError, match="arch.pretrained=none.pth: there is no such file"):
        check_network(arch("torchvision", pretrained="none.pth"), head("native"), InputShape(3, 32, 7))


def test_published_weights_that_cannot_be_had_ask_for_a_file(
    arch: Build, head: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for proxy in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first use
    with pytest.raises(ConfigError, match="weights of resnet18 cannot be had here .*arch.pretrained=FILE"):
        build_network(arch("torchvision", pretrained=True), head("native"), InputShape(3, 32, 7))


def test_timm_networks_are_counted_and_built(arch: Build, head: Build, tmp_path: Path) -> None:
    pytest.importorskip("timm")
    settings = arch("timm", name="test_resnet")
    shape = InputShape(1, 32, 7)
    network = build_network(settings, head("native"), shape)
    torch.save(build_network(settings, head("native"), InputShape(3, 32, 5)).state_dict(), tmp_path / "w.pth")

    again = build_network(
        arch("timm", name="test_resnet", pretrained=str(tmp_path / "w.pth")), head("native"), shape
    )

    assert network(torch.randn(2, 1, 32, 32)).shape == again(torch.randn(2, 1, 32, 32)).shape == (2, 7)
    assert network_costs(settings, head("native"), shape).params == sum(
        p.numel() for p in network.parameters()
    )
    with pytest.raises(ConfigError, match="arch.name=resnet81 is not a classifier of timm. Did you mean"):
        build_network(arch("timm", name="resnet81"), head("native"), shape)
