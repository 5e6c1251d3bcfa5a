"""When are two configurations the same? When everything that decides the result is equal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Where and how fast a configuration runs, and where its files lie, do not change what it computes.
NODES_WITHOUT_EFFECT = ("device", "measure", "sweep", "logger")
FIELDS_WITHOUT_EFFECT = (
    *(("dataset", name) for name in ("root", "path", "download")),
    *(("train", name) for name in ("threshold_acc", "cuda_graph", "nproc")),
)
# What a trial leaves on disk beside its record, at the values that stand for every other.
FILES_LEFT = {"checkpoint": True, "keep_checkpoint": False, "keep_weights": False}
# How a configuration was found decides no result.
SEARCH_NODES = ("space", "objective", "pruner")
# Replicates of one configuration may differ in these.
REPLICATES_DIFFER = ("seed", *SEARCH_NODES)
# Nodes that came after the first records, at the values that those trials had.
PLAIN_LOSS = {"name": "cross_entropy"}
NO_BUDGET = {"name": "none", "target": None, "like": None, "tolerance": None}
# Fields that came after the first records and decide results, at the values that those trials had.
LATER_FIELDS: dict[str, dict[str, Any]] = {
    "augment": {
        "policy": None,
        "policy_ops": 2,
        "policy_magnitude": 9,
        "mixup": 0.0,
        "cutmix": 0.0,
        "mix_probability": 1.0,
    },
    "train": {"freeze": "none"},
    "loss": {"class_weights": "none"},
}
# The same for fields of ``arch``, by family.
LATER_IN_ARCH: dict[str, dict[str, Any]] = {
    "vgg_scaled": {"residual": False},
    "custom": {"scale_by": None},
    "torchvision": {"pretrained": False},
}


def configuration_hash(plain: Mapping[str, Any]) -> str:
    """SHA-256 over the resolved configuration, without what has no effect on what it computes.

    Left out are device, measure, sweep, logger, dataset.root, dataset.path, dataset.download (the data have a
    fingerprint of their own), train.threshold_acc, train.cuda_graph and train.nproc (as the device, these
    change last bits at most), a budget that is none, a loss that is cross-entropy, and fields that came later
    where they are as if they had not. A width that a budget solves stays as it was given, null: the budget
    stands for it. Nor does it count whether checkpoints and weights are kept.

    Args:
        plain: resolved values, see `vggsweep.configuration.schema.resolved`.

    Returns:
        64 hexadecimal digits.
    """
    train = plain.get("train")
    if isinstance(train, Mapping):
        plain = {**plain, "train": {key: FILES_LEFT.get(key, value) for key, value in train.items()}}
    return _hash(plain)


def configuration_hashes(plain: Mapping[str, Any]) -> tuple[str, ...]:
    """The hash, and the one that earlier releases gave where that differs; each names the configuration."""
    return tuple(dict.fromkeys((configuration_hash(plain), _hash(plain))))


def _hash(plain: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in plain.items() if key not in NODES_WITHOUT_EFFECT}
    canonical = json.dumps(
        _same_numbers(without_idle_fields(kept)), sort_keys=True, separators=(",", ":"), default=str
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def replicate_hash(plain: Mapping[str, Any]) -> str:
    """Hash what replicates share: the configuration without its seed, and without how it was searched for.

    >>> replicate_hash({"seed": 0, "arch": {"depth": 4}}) == replicate_hash({"seed": 1, "arch": {"depth": 4}})
    True
    """
    return configuration_hash({key: value for key, value in plain.items() if key not in REPLICATES_DIFFER})


def training_hash(plain: Mapping[str, Any]) -> str:
    """Hash what decides a training: the configuration without how it was searched for.

    >>> of_one, of_another = ({"seed": 0, "pruner": {"name": name}} for name in ("none", "pareto"))
    >>> training_hash(of_one) == training_hash(of_another) != training_hash({"seed": 1})
    True
    """
    return configuration_hash({key: value for key, value in plain.items() if key not in SEARCH_NODES})


def has_effect(field: str) -> bool:
    """Whether a field such as ``train.epochs`` decides what a configuration computes.

    >>> has_effect("arch.depth"), has_effect("train.threshold_acc"), has_effect("measure.min_runs")
    (True, False, False)
    """
    group, _, name = field.partition(".")
    is_idle = (group, name) in FIELDS_WITHOUT_EFFECT or (group == "train" and name in FILES_LEFT)
    return group not in NODES_WITHOUT_EFFECT and not is_idle


def without_idle_fields(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without single fields that decide no result.

    A budget that is none goes too, a loss that is cross-entropy, and fields that came later, at the
    value that stands for their absence, so that earlier records keep their hash.
    """
    kept = dict(plain)
    for group, name in FIELDS_WITHOUT_EFFECT:
        if isinstance(kept.get(group), Mapping):
            kept[group] = {key: value for key, value in kept[group].items() if key != name}
    arch = kept.get("arch")
    of_arch = LATER_IN_ARCH.get(str(arch.get("family")), {}) if isinstance(arch, Mapping) else {}
    for group, later in {**LATER_FIELDS, "arch": of_arch}.items():
        if isinstance(fields := kept.get(group), Mapping):
            kept[group] = _without(fields, later)
    if kept.get("budget") == NO_BUDGET:
        del kept["budget"]
    if kept.get("loss") == PLAIN_LOSS:
        del kept["loss"]
    return kept


def _without(node: Mapping[str, Any], absent: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without fields at these values."""
    return {key: value for key, value in node.items() if not (key in absent and value == absent[key])}


def _same_numbers(value: Any) -> Any:
    """8.0 as 8: a width is the same width however it was typed."""
    if isinstance(value, Mapping):
        return {key: _same_numbers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_same_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
