"""torchvision's VGG weights under our names: the documented mapping between the two layouts.

torchvision numbers the layers of one long ``features`` list and one ``classifier`` list; ours are
named by block. Layers with parameters stand in the same order in both, so the mapping pairs them:

    features.0.weight    → block1.conv1.weight        classifier.0 → linear1
    features.1.weight    → block1.norm1.weight (_bn)  classifier.3 → linear2
    …                                                 classifier.6 → linear3
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

PARAMETRIC = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)


def torchvision_key_map(network: nn.Module, torchvision_keys: Mapping[str, Tensor]) -> dict[str, str]:
    """torchvision's state-dict keys, each with the key of the same tensor in ours.

    Args:
        network: a module of `vggsweep.arch.vgg.build_vgg` with ``head=vgg`` and 4096 hidden units.
        torchvision_keys: the state dict of ``torchvision.models.vgg11`` … ``vgg19_bn``.
    """
    theirs = list(dict.fromkeys(key.rpartition(".")[0] for key in torchvision_keys))
    ours = list(_parametric_names(network))
    assert len(ours) == len(theirs), (len(ours), len(theirs))
    pairs = dict(zip(theirs, ours, strict=True))
    return {key: f"{pairs[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}" for key in torchvision_keys}


def from_torchvision(network: nn.Module, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A torchvision VGG state dict with our keys, ready for ``network.load_state_dict``."""
    keys = torchvision_key_map(network, state_dict)
    return {keys[key]: value for key, value in state_dict.items()}


def _parametric_names(network: nn.Module) -> Iterator[str]:
    for name, module in network.named_modules():
        if isinstance(module, PARAMETRIC):
            yield name
