"""torchvision's weights under our names: the documented mapping between the two layouts.

Tensors stand in nearly the same order in both, so the mapping pairs them, one by one:

    VGG         features.0.weight → block1.conv1.weight, features.1.weight → block1.norm1.weight (_bn), …
                classifier.0 → linear1, classifier.3 → linear2, classifier.6 → linear3
    ResNet      conv1 → stem.conv, bn1 → stem.norm, layer2.0.conv1 → stage2.block1.add.body.conv1,
                layer2.0.downsample.0 → stage2.block1.add.shortcut.conv, fc → linear

Two rules say where they differ. What torchvision names before a block's layers and we after them (`LATE`)
moves behind the block. A tensor takes our shape: torchvision's linear layer over the channels of a feature
map is our 1x1 convolution.

Vision transformers are mapped name by name (`TOKENS`): the queries, keys and values of torchvision's
MultiheadAttention lie side by side as ours do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor, nn

# RegNet's projection; ConvNeXt's layer scale.
LATE = re.compile(r"(?P<block>.+)\.(proj\..+|layer_scale)")
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


def torchvision_key_map(network: nn.Module, torchvision_keys: Iterable[str]) -> dict[str, str]:
    """torchvision's state-dict keys, each with the key of the same tensor in ours.

    Args:
        network: a built family with the settings of the torchvision network.
        torchvision_keys: of its state dict, in order.
    """
    keys = list(torchvision_keys)
    if "class_token" in keys:
        return {key: _token_key(key) for key in keys}
    theirs, ours = _in_our_order(keys), list(network.state_dict())
    assert len(ours) == len(theirs), (len(ours), len(theirs))
    return dict(zip(theirs, ours, strict=True))


def from_torchvision(network: nn.Module, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A torchvision state dict with our keys and shapes, ready for ``network.load_state_dict``."""
    keys, ours = torchvision_key_map(network, state_dict), network.state_dict()
    return {keys[key]: value.reshape(ours[keys[key]].shape) for key, value in state_dict.items()}


def _in_our_order(keys: Iterable[str]) -> list[str]:
    ordered = list(keys)
    for key in tuple(ordered):
        late = LATE.fullmatch(key)
        if late:
            ordered.remove(key)
            block = [i for i, other in enumerate(ordered) if other.startswith(f"{late['block']}.")]
            ordered.insert(block[-1] + 1, key)
    return ordered


def _token_key(key: str) -> str:
    """Our name of a tensor of torchvision's vision transformers.

    >>> _token_key("encoder.layers.encoder_layer_0.self_attention.in_proj_weight")
    'block1.attention.body.qkv.weight'
    """
    for theirs, ours in TOKENS.items():
        key = re.sub(theirs, ours, key, count=1)
    return re.sub(r"^encoder\.layers\.encoder_layer_(\d+)", lambda found: f"block{int(found[1]) + 1}", key)
