"""From a configuration to a training that is ready to run: device, kernels, data, network, optimizer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from vggsweep.arch.build import build_network
from vggsweep.arch.heads import classifier
from vggsweep.arch.pretrained import last_layer
from vggsweep.arch.settings import CustomSettings
from vggsweep.configuration.network import ConfiguredNetwork
from vggsweep.configuration.schema import Configuration
from vggsweep.data.batches import Share
from vggsweep.data.loading import LoadedData, load_data
from vggsweep.device import (
    DEFAULT_THREADS,
    ResolvedPrecision,
    configure_kernels,
    devices_of_ranks,
    resolve_device,
    resolve_precision,
)
from vggsweep.errors import ConfigError
from vggsweep.training.allocator import keep_freed_memory
from vggsweep.training.cuda_graph import choose_capture
from vggsweep.training.freezing import freeze_features
from vggsweep.training.loop import Training
from vggsweep.training.optimizers import can_be_captured
from vggsweep.training.settings import CustomLossSettings, CustomOptimizerSettings

if TYPE_CHECKING:
    from vggsweep.training.distributed import Ranks


def prepare_device(
    configuration: Configuration, *, threads: int | None = None, rank: int = 0
) -> tuple[torch.device, ResolvedPrecision]:
    """Choose device and precision, and set every process-wide switch that a training depends on.

    Args:
        configuration: what will be trained.
        threads: of the CPU, where ``train.threads`` leaves them open; ``train.nproc`` processes share them.
        rank: which of these processes this is, from 0.

    Raises:
        ConfigError: this machine has no such device, or it cannot compute in that precision.
    """
    train = configuration.train
    device = devices_of_ranks(resolve_device(configuration.device), train.nproc)[rank]
    if train.nproc > 1:
        threads = max(1, (threads or DEFAULT_THREADS) // train.nproc)
    precision = resolve_precision(train.precision, device)
    configure_kernels(device, precision, deterministic=train.deterministic, threads=train.threads or threads)
    if device.type == "cpu" and train.keep_freed_memory:
        keep_freed_memory()
    return device, precision


def prepare_data(
    configuration: Configuration, device: torch.device, share: Share | None = None
) -> LoadedData:
    """Load the images in the batches and the memory format of the training.

    Args:
        configuration: what will be trained.
        device: where.
        share: of each batch that this process takes; None takes all.
    """
    train = configuration.train
    return load_data(
        configuration.dataset,
        configuration.augment,
        batch_size=train.batch_size,
        eval_batch_size=train.eval_batch_size,
        seed=configuration.seed,
        device=device,
        channels_last=train.channels_last,
        share=share,
    )


def prepare_network(
    configuration: Configuration, configured: ConfiguredNetwork, device: torch.device
) -> nn.Module:
    """Build the network with the weights of its seed, in its memory format on its device."""
    torch.manual_seed(configuration.seed)
    network = build_network(configured.arch, configured.head, configured.shape)
    if configuration.train.freeze == "features":
        freeze_features(network, _classifier(network, configured))
    memory_format = torch.channels_last if configuration.train.channels_last else torch.contiguous_format
    on_device: nn.Module = network.to(device, memory_format=memory_format)  # type: ignore[call-overload]
    return on_device


def _classifier(network: nn.Module, configured: ConfiguredNetwork) -> tuple[str, ...]:
    """The modules that turn features into scores: the configured head, or the last layer with weights.

    Raises:
        ConfigError: the network has no such layer.
    """
    if configured.head.name != "native":
        return tuple(name for name, _ in classifier(configured.head, configured.shape.num_classes).layers)
    if (last := last_layer(network)) is None:
        raise ConfigError(
            "train.freeze=features trains the last linear layer or convolution, and "
            f"arch={configured.arch.name} has none. Use train.freeze=none."
        )
    return (last,)


def prepare_training(
    configuration: Configuration,
    network: nn.Module,
    precision: ResolvedPrecision,
    macs: int,
    rungs: Collection[int] = (),
    ranks: Ranks | None = None,
    class_counts: Sequence[int] = (),
) -> Training:
    """Give the network its optimizer, its schedule and, where that pays, a graph of its step.

    Args:
        configuration: what will be trained.
        network: on its device.
        precision: of the forward pass.
        macs: of a forward pass, per image.
        rungs: epochs at which a pruner looks, see `Training`.
        ranks: this process among those that train it together; None trains alone.
        class_counts: training images of each class; only weights of classes ask for them.
    """
    if ranks is not None:
        network = ranks.spread(network)
    device = next(network.parameters()).device
    own = (CustomSettings, CustomOptimizerSettings, CustomLossSettings)
    parts = (configuration.arch, configuration.optimizer, configuration.loss)
    is_known = (
        can_be_captured(configuration.optimizer)
        and not any(isinstance(part, own) for part in parts)
        and configuration.train.freeze == "none"
    )
    capture = choose_capture(configuration.train, device, precision, macs=macs, is_known=is_known)
    return Training(
        network,
        configuration.optimizer,
        configuration.scheduler,
        configuration.train,
        precision,
        capture,
        rungs,
        configuration.loss,
        ranks,
        class_counts,
    )
