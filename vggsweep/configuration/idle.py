"""Fields that another field makes idle: swept they are refused, set they are said to change nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from hydra.core.override_parser.types import Override

from vggsweep.arch.family import Family
from vggsweep.configuration.schema import Configuration
from vggsweep.training.schedule_settings import MultistepSchedule, StepSchedule


@dataclass(frozen=True)
class Idleness:
    """One field without effect.

    Args:
        field: its dotted name.
        because: the field that makes it idle, as a clause.
        is_network: whether its values name different networks, so that even a part of a sweep in which it
            is idle would be labelled wrongly.
    """

    field: str
    because: str
    is_network: bool = False


def idle_fields(configuration: Configuration) -> dict[str, Idleness]:
    """The fields of a configuration that change nothing that is trained or measured, by dotted name."""
    return {idleness.field: idleness for idleness in _found(configuration)}


def _found(configuration: Configuration) -> Iterator[Idleness]:
    arch, train, dataset = configuration.arch, configuration.train, configuration.dataset
    if isinstance(arch, Family):
        for name, because in arch.idle_fields().items():
            yield Idleness(f"arch.{name}", because, is_network=True)
    if configuration.head.name == "native":
        yield Idleness("head.dropout", f"arch={arch.name} brings a head of its own")
    if configuration.loss.name == "custom":
        yield Idleness("train.label_smoothing", "loss=custom is the whole loss")
    if getattr(configuration.optimizer, "weight_decay", None) == 0:
        yield Idleness("optimizer.decay_biases_and_norms", "optimizer.weight_decay=0 decays nothing")
    scheduler = configuration.scheduler
    if isinstance(scheduler, StepSchedule) and scheduler.step_epochs >= train.epochs:
        yield Idleness("scheduler.gamma", f"no step comes within train.epochs={train.epochs}")
    if isinstance(scheduler, MultistepSchedule) and min(scheduler.milestones, default=0) >= train.epochs:
        yield Idleness("scheduler.gamma", f"no milestone lies within train.epochs={train.epochs}")
    if configuration.augment.erase_probability == 0:
        for name in ("erase_min_area", "erase_max_area"):
            yield Idleness(f"augment.{name}", "augment.erase_probability=0 erases nothing")
    policy = configuration.augment.policy
    if policy != "randaugment":
        because = "augment.policy=null draws no operations"
        if policy is not None:
            because = f"augment.policy={policy} draws one operation of any strength"
        for name in ("policy_ops", "policy_magnitude"):
            yield Idleness(f"augment.{name}", because)
    if not configuration.augment.mixes_images:
        yield Idleness("augment.mix_probability", "augment.mixup=0 and augment.cutmix=0 mix nothing")
    if dataset.name == "fashion_mnist_mini":
        yield Idleness("dataset.root", "dataset=fashion_mnist_mini comes with the package")
    if dataset.validation == "test":
        yield Idleness("dataset.val_fraction", "dataset.validation=test validates on the test split")
        if dataset.limit is None:
            yield Idleness("dataset.split_seed", "with dataset.validation=test no part is drawn")
    if dataset.loader == "resident":
        yield Idleness("dataset.workers", "dataset.loader=resident reads in the training process")
    if not train.checkpoint:
        yield Idleness("train.keep_checkpoint", "train.checkpoint=false writes none")
    if configuration.measure.name == "none":
        for field in fields(configuration.measure):
            if field.name != "name":
                yield Idleness(f"measure.{field.name}", "measure=none measures nothing")


def warn_of_idle_words(configuration: Configuration, parsed: Sequence[Override]) -> None:
    """Say on standard error which typed words change nothing."""
    idle = idle_fields(configuration)
    for override in parsed:
        if override.key_or_group in idle and not override.is_sweep_override():
            because = idle[override.key_or_group].because
            print(f"note: {override.input_line} changes nothing: {because}.", file=sys.stderr)
