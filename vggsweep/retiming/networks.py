"""The networks of finished trials, built again from their records; equal architectures are one network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import torch
from torch import nn

from vggsweep.arch.build import build_network
from vggsweep.arch.description import InputShape
from vggsweep.arch.families import ArchSettings
from vggsweep.arch.settings import HeadSettings, TorchvisionSettings
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.recorded import recorded_configuration
from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record


@dataclass(frozen=True)
class Candidate:
    """One network to time.

    Args:
        trials: that trained it, in the order in which they were named.
        arch, head, shape: what is built.
        channels_last: memory format of its weights and images.
        macs, params: of its record.
    """

    trials: tuple[TrialDirectory, ...]
    arch: ArchSettings
    head: HeadSettings
    shape: InputShape
    channels_last: bool
    macs: int
    params: int

    @property
    def address(self) -> str:
        """Of the first of its trials."""
        return self.trials[0].address

    def build(self, device: torch.device) -> nn.Module:
        """The network in evaluation mode, with random weights: a call takes as long with any."""
        network = build_network(self.arch, self.head, self.shape)
        memory_format = torch.channels_last if self.channels_last else torch.contiguous_format
        on_device: nn.Module = network.to(device, memory_format=memory_format)  # type: ignore[call-overload]
        return on_device.eval()

    def images(self, batch_size: int, device: torch.device) -> torch.Tensor:
        """Random images in its memory format, the same for every network of its shape."""
        size = (batch_size, self.shape.channels, self.shape.resolution, self.shape.resolution)
        x_NCHW = torch.rand(size, generator=torch.Generator().manual_seed(0)).to(device)
        return x_NCHW.contiguous(
            memory_format=torch.channels_last if self.channels_last else torch.contiguous_format
        )


def candidates(records: Sequence[tuple[TrialDirectory, Record]]) -> list[Candidate]:
    """The different networks of some finished trials.

    Args:
        records: trials in the order in which their networks are wanted.

    Raises:
        ConfigError: a record's network cannot be built by this version; the text names the trial.
    """
    found: dict[str, Candidate] = {}
    for directory, record in records:
        try:
            one = _candidate(directory, record)
        except (ConfigError, KeyError) as error:
            raise ConfigError(f"{directory.address} cannot be built again: {error}") from error
        key = json.dumps(
            [asdict(one.arch), asdict(one.head), asdict(one.shape), one.channels_last], default=str
        )
        earlier = found.get(key)
        found[key] = one if earlier is None else replace(earlier, trials=(*earlier.trials, directory))
    return list(found.values())


def _candidate(directory: TrialDirectory, record: Record) -> Candidate:
    configuration = recorded_configuration(record)
    seen = record.network
    # of the record, as a folder of pictures may be on another machine
    dataset = replace(configuration.dataset, num_classes=seen["num_classes"])
    configured = configured_network(replace(configuration, dataset=dataset))
    arch = configured.arch
    if isinstance(arch, TorchvisionSettings):
        arch = replace(arch, pretrained=False)
    return Candidate(
        trials=(directory,),
        arch=arch,
        head=configured.head,
        shape=configured.shape,
        channels_last=configuration.train.channels_last,
        macs=int(record.costs["macs"]),
        params=int(record.costs["params"]),
    )


def middle(networks: Sequence[Candidate]) -> Candidate:
    """The network that serves as the reference: of the middle by MACs, so that it is slowed as most are."""
    return sorted(networks, key=lambda one: one.macs)[len(networks) // 2]
