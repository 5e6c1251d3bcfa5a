"""torchvision's weights under our names: the documented mapping between the two layouts.

VGG

torchvision numbers the layers of one long ``features`` list and one ``classifier`` list; ours are
named by block. Layers with parameters stand in the same order in both, so the mapping pairs them:

    features.0.weight    → block1.conv1.weight        classifier.0 → linear1
    features.1.weight    → block1.norm1.weight (_bn)  classifier.3 → linear2
    …                                                 classifier.6 → linear3

Vision transformers

The queries, keys and values of torchvision's MultiheadAttention lie side by side as ours do; `TOKENS` says
which name of theirs is which of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from torch import Tensor, nn

PARAMETRIC = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
TOKENS = {
    r"conv_proj\.": "patches.",
    r"class_token": "class_token.weight",
    r"encoder\.pos_embedding": "positions.weight",
    r"encoder\.ln\.": "norm.",
    r"heads\.head\.": "linear.",
    r"\.ln_1\.": ".attention.body.norm.",
    r"\.self_attention\.in_proj_": ".attention.body.qkv.",
    r"\.self_attention\.out_proj\.": ".attention.body.proj.",
    r"\.ln_2\.": ".mlp.body.norm.",
    r"\.mlp\.(0|linear_1)\.": ".mlp.body.fc1.",
    r"\.mlp\.(3|linear_2)\.": ".mlp.body.fc2.",
}


def torchvision_key_map(network: nn.Module, torchvision_keys: Mapping[str, Tensor]) -> dict[str, str]:
    """torchvision's state-dict keys, each with the key of the same tensor in ours.

    Args:
        network: the module of the same network of ours (of VGG with ``head=vgg`` and 4096 hidden units).
        torchvision_keys: the state dict of ``torchvision.models.vgg11`` … ``vgg19_bn`` or ``vit_b_16`` ….
    """
    if "class_token" in torchvision_keys:
        return {key: _token_key(key) for key in torchvision_keys}
    theirs = list(dict.fromkeys(key.rpartition(".")[0] for key in torchvision_keys))
    ours = list(_parametric_names(network))
    assert len(ours) == len(theirs), (len(ours), len(theirs))
    pairs = dict(zip(theirs, ours, strict=True))
    return {key: f"{pairs[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}" for key in torchvision_keys}


def from_torchvision(network: nn.Module, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A torchvision state dict with our keys, ready for ``network.load_state_dict``."""
    keys = torchvision_key_map(network, state_dict)
    return {keys[key]: value for key, value in state_dict.items()}


def _token_key(key: str) -> str:
    """Our name of a tensor of torchvision's vision transformers.

    >>> _token_key("encoder.layers.encoder_layer_0.self_attention.in_proj_weight")
    'block1.attention.body.qkv.weight'
    """
    for theirs, ours in TOKENS.items():
        key = re.sub(theirs, ours, key, count=1)
    return re.sub(r"^encoder\.layers\.encoder_layer_(\d+)", lambda found: f"block{int(found[1]) + 1}", key)


def _parametric_names(network: nn.Module) -> Iterator[str]:
    for name, module in network.named_modules():
        if isinstance(module, PARAMETRIC):
            yield name
