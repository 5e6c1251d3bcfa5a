"""Everything that can be known to be wrong before data are read, a device is touched or a file is made."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from vggsweep.configuration.logger_settings import check_loggers
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import Configuration
from vggsweep.configuration.secrets import check_storage
from vggsweep.configuration.sweep_settings import SpaceSettings
from vggsweep.data.catalog import check_dataset, check_test_split, training_size
from vggsweep.errors import ConfigError
from vggsweep.training.schedule_settings import CustomSchedule, TorchSchedule
from vggsweep.training.settings import (
    CustomLossSettings,
    CustomOptimizerSettings,
    TorchOptimizerSettings,
)

DEVICE_PATTERN = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
LONGEST_NAME = 100
LONGEST_COMPONENT = 255  # bytes that file systems allow for one directory name


def check_configuration(configuration: Configuration) -> None:
    """Refuse a configuration that cannot work.

    Raises:
        InfeasibleConfig: well-formed, but no such network exists.
        ConfigError: everything else; the text names the value and what would work.
    """
    check_name(configuration.sweep.name)
    check_storage(configuration.sweep.storage)
    check_loggers(configuration.logger)
    check_device_word(configuration.device)
    check_dataset(configuration.dataset)
    network = configured_network(configuration)
    network.check()
    _check_own_parts(configuration, network.shape.num_classes)
    if configuration.train.evaluate_test:
        check_test_split(configuration.dataset)
    _check_batch_size(configuration)
    _check_policy(configuration)
    _check_schedule(configuration)
    _check_space(configuration.space)


def check_name(name: str | None) -> None:
    """Refuse a sweep name that could lead outside ``outputs/`` or confuse a shell.

    >>> check_name("my-sweep")
    """
    if name is None:
        return
    if (
        not name.strip()
        or name in (".", "..")
        or ".." in name
        or re.search(r"[/\\\x00-\x1f\x7f-\x9f]", name)
        or len(name) > LONGEST_NAME
        or len(os.fsencode(name)) > LONGEST_COMPONENT
    ):
        raise ConfigError(
            f"sweep.name={name!r} is not usable as a directory name. Use letters, digits, '-' and '_', "
            f"at most {LONGEST_NAME} characters and {LONGEST_COMPONENT} bytes, without separators or '..'."
        )


def _check_own_parts(configuration: Configuration, num_classes: int) -> None:
    """Try the parts that a user names; torch is imported only for them."""
    optimizer, loss = configuration.optimizer, configuration.loss
    if isinstance(optimizer, CustomOptimizerSettings | TorchOptimizerSettings):
        from vggsweep.training.rehearsal import try_optimizer

        try_optimizer(optimizer)
    if configuration.train.cuda_graph == "always":
        from vggsweep.training.optimizers import can_be_captured

        if not can_be_captured(optimizer):
            raise ConfigError(
                f"train.cuda_graph=always captures each step, and a step of optimizer.name={optimizer.name} "
                "reads numbers on the host. Use train.cuda_graph=auto."
            )
    if isinstance(loss, CustomLossSettings):
        from vggsweep.training.custom import try_loss

        try_loss(loss, num_classes)


def check_device_word(device: str) -> None:
    """Refuse what names no device of any machine.

    Raises:
        ConfigError: with what does.
    """
    if not DEVICE_PATTERN.fullmatch(device):
        raise ConfigError(f"device={device} is not a device. Valid: auto, cpu, cuda, cuda:0, cuda:1, …, mps.")


def _check_space(space: SpaceSettings) -> None:
    if space.params is not None and not isinstance(space.params, Mapping):
        raise ConfigError(
            f"space.params={space.params} should be override keys with sweep syntax, such as "
            "space.params={arch.depth: 'range(4, 13)'}."
        )


def _check_batch_size(configuration: Configuration) -> None:
    images = training_size(configuration.dataset)
    batch_size = configuration.train.batch_size
    if batch_size > images:
        raise ConfigError(
            f"train.batch_size={batch_size} is larger than the {images} training images of "
            f"dataset={configuration.dataset.name}. Use train.batch_size={images} or less."
        )


def _check_policy(configuration: Configuration) -> None:
    policy, channels = configuration.augment.policy, configuration.dataset.channels
    if policy is not None and channels not in (1, 3):
        raise ConfigError(
            f"augment.policy={policy} changes brightness and colour of grey or RGB images, and "
            f"dataset.channels={channels}. Use augment.policy=null."
        )


def _check_schedule(configuration: Configuration) -> None:
    warmup, epochs = configuration.scheduler.warmup_epochs, configuration.train.epochs
    if warmup > epochs:
        raise ConfigError(
            f"scheduler.warmup_epochs={warmup:g} is longer than train.epochs={epochs}; the learning rate "
            "would never reach optimizer.lr."
        )
    if isinstance(configuration.scheduler, TorchSchedule | CustomSchedule):
        from vggsweep.data.batches import BatchPlan
        from vggsweep.training.stepped import try_schedule

        size, batch_size = training_size(configuration.dataset), configuration.train.batch_size
        steps = BatchPlan(size, batch_size, seed=0, is_training=True).steps_per_epoch
        try_schedule(configuration.scheduler, configuration.optimizer.lr, epochs, steps)
