"""A network of one's own: depthwise separable convolutions (Howard et al. 2017), made from two numbers.

PYTHONPATH=examples vggsweep arch=custom arch.target=my_network.separable +arch.options.width=8 train.epochs=2
"""

from torch import nn


def separable(channels: int, num_classes: int, width: int = 16, num_blocks: int = 3) -> nn.Module:
    """Make the network; vggsweep hands over channels and num_classes, and what arch.options says."""
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
    for block in range(num_blocks):
        before, after = width * 2**block, width * 2 ** (block + 1)
        layers += [
            nn.Conv2d(before, before, 3, stride=2, padding=1, groups=before, bias=False),
            nn.Conv2d(before, after, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(num_classes))
