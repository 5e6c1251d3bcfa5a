"""Weights that another training left, in a network for other channels and classes.

classes    the last layer with weights starts fresh where its shape differs
channels   input channel i of the first convolution gets the weights of channel i mod n, times n / channels;
           for one channel the n are summed, as a grey image has n equal channels (timm's rule)
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vggsweep.arch.settings import TorchvisionSettings
from vggsweep.errors import ConfigError

# Classifiers for training alone, which are not built.
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
# Where checkpoints of other programs keep the weights.
ENVELOPES = ("state_dict", "model")


def load_pretrained(network: nn.Module, arch: TorchvisionSettings) -> None:
    """Load what ``arch.pretrained`` names into a network that is already adapted.

    Raises:
        ConfigError: the weights cannot be had, or are another network's.
    """
    given = arch.pretrained
    weights = read_weights(Path(given)) if isinstance(given, str) else _published(arch)
    network.load_state_dict(adapted(weights, network, f"arch.pretrained={str(given).lower()}"))


def adapted(weights: Mapping[str, Tensor], network: nn.Module, source: str) -> dict[str, Tensor]:
    """The state of a network with these weights, adapted to its channels and classes.

    Args:
        weights: of the same architecture.
        network: gives names, shapes, and the weights that stay fresh.
        source: where they come from, for error texts.

    Raises:
        ConfigError: names or shapes are of another network.
    """
    state = network.state_dict()
    first = next((f"{name}.weight" for name, m in network.named_modules() if isinstance(m, nn.Conv2d)), None)
    fresh = {key for key in state if key.rpartition(".")[0] == last_layer(network)}
    wrong = [key for key in weights if key not in state and not key.startswith(AUXILIARY)]
    for key, own in state.items():
        if key not in weights:
            wrong += [] if key in fresh else [key]
        elif weights[key].shape == own.shape:
            state[key] = weights[key]
        elif key == first and weights[key].shape[2:] == own.shape[2:] and len(own) == len(weights[key]):
            state[key] = of_channels(weights[key], own.shape[1])
        elif key not in fresh:
            wrong.append(key)
    if wrong:
        raise ConfigError(
            f"{source} holds the weights of another network: {len(wrong)} tensors do not fit, the first is "
            f"{wrong[0]}. Name the network that it was saved from as arch.name."
        )
    return state


def of_channels(weight: Tensor, channels: int) -> Tensor:
    """A first convolution's weight (out, n, height, width) for another number of input channels."""
    if channels == 1:
        return weight.sum(1, keepdim=True)
    n = weight.shape[1]
    return weight[:, [channel % n for channel in range(channels)]] * (n / channels)


def last_layer(network: nn.Module) -> str | None:
    """The name of the last linear layer or convolution: what gives the scores of a network of any package."""
    names = [name for name, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    return names[-1] if names else None


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` file, or of a checkpoint that `torch.save` wrote.

    Raises:
        ConfigError: it cannot be read, or holds no tensors by name.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        said = " ".join(str(error).split())[:200]
        raise ConfigError(f"arch.pretrained={path} cannot be read as weights ({said}).") from error
    for name in ENVELOPES:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(name), Mapping):
            loaded = loaded[name]
    if not isinstance(loaded, Mapping) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise ConfigError(f"arch.pretrained={path} holds no tensors by name (a state dict).")
    return {str(key).removeprefix("module."): value for key, value in loaded.items()}


def _published(arch: TorchvisionSettings) -> Mapping[str, Tensor]:
    """The package's own weights, downloaded once into its cache."""
    try:
        if arch.family == "timm":
            from vggsweep.arch.timm_models import timm_weights

            return timm_weights(arch.name)
        import torchvision

        weights: Mapping[str, Tensor] = torchvision.models.get_model_weights(
            arch.name
        ).DEFAULT.get_state_dict(progress=False, check_hash=True)
        return weights
    except ConfigError:
        raise
    except Exception as error:  # of the hub, the network, the disk, or there are none
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ConfigError(
            f"arch.pretrained=true: the weights of {arch.name} cannot be had here ({said}). Name a file that "
            "holds them: arch.pretrained=FILE, .pth or .safetensors."
        ) from error
