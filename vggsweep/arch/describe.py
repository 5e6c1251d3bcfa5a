"""What a configured network is and costs; described families are answered by arithmetic, without torch."""

from __future__ import annotations

from pathlib import Path

from vggsweep.arch.costs import Costs, LayerCost, family_costs, layer_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.families import ArchSettings
from vggsweep.arch.family import Family, described, refuse_other_head
from vggsweep.arch.settings import CustomSettings, HeadSettings, TorchvisionSettings
from vggsweep.errors import ConfigError, InfeasibleConfig

RESOLUTIONS_TO_SUGGEST = (28, 32, 48, 64, 96, 128, 160, 192, 224, 256, 299)


def check_network(arch: ArchSettings, head: HeadSettings, shape: InputShape) -> None:
    """Refuse a network that cannot exist, before any data is read.

    Raises:
        InfeasibleConfig: no such network at this resolution, depth or width.
        ConfigError: the settings contradict each other.
    """
    if isinstance(arch, Family):
        network_costs(arch, head, shape)
        return
    refuse_other_head(arch.name, head)
    if isinstance(arch, CustomSettings):
        from vggsweep.arch.custom import try_custom

        try_custom(arch, shape)
        return
    if isinstance(arch.pretrained, str) and not Path(arch.pretrained).is_file():
        raise ConfigError(
            f"arch.pretrained={arch.pretrained}: there is no such file. Name a file of weights, .pth or "
            ".safetensors, or use true for those of the package."
        )
    _check_resolution(arch, shape)


def network_costs(arch: ArchSettings, head: HeadSettings, shape: InputShape) -> Costs:
    """Costs of a configured network: by arithmetic for described families, else counted on meta.

    Raises:
        InfeasibleConfig: a layer cannot take what comes before it.
    """
    if isinstance(arch, Family):
        return family_costs(arch, head, shape)
    # torch costs two seconds of start-up, and only networks of other packages need it here.
    from vggsweep.arch.build import build_on_meta
    from vggsweep.arch.counting import count_costs

    return count_costs(build_on_meta(arch, head, shape), shape.channels, shape.resolution)


def network_layers(
    arch: ArchSettings, head: HeadSettings, shape: InputShape, *, expand: bool = False
) -> list[LayerCost]:
    """The rows of the summary (see `vggsweep.arch.costs.layer_costs`)."""
    if isinstance(arch, Family):
        return layer_costs(described(arch, head, shape), shape.image, expand=expand)
    from vggsweep.arch.build import build_on_meta
    from vggsweep.arch.counting import count_layers

    network = build_on_meta(arch, head, shape)
    return count_layers(network, shape.channels, shape.resolution, expand=expand)


def network_stages(arch: ArchSettings, head: HeadSettings, shape: InputShape) -> str | None:
    """What the dials became as one word (``1x16-1x32``); None where a network has no dials."""
    return described(arch, head, shape).stages if isinstance(arch, Family) else None


def _check_resolution(arch: TorchvisionSettings, shape: InputShape) -> None:
    from vggsweep.arch.build import runs_at

    if runs_at(arch, shape, shape.resolution):
        return
    works = next((r for r in RESOLUTIONS_TO_SUGGEST if runs_at(arch, shape, r)), None)
    hint = f" The smallest common one that works is dataset.resolution={works}." if works else ""
    # A vision transformer takes one size only, so that a refused resolution may also be too large.
    claim = "does not fit" if works and works < shape.resolution else "is too small for"
    raise InfeasibleConfig(f"dataset.resolution={shape.resolution} {claim} {arch.name}.{hint}")
