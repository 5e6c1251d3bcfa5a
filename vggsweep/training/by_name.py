"""Optimizers of torch by the names of their classes, their fields checked against the signature."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch

from vggsweep.errors import ConfigError, near_match
from vggsweep.importing import called
from vggsweep.training.settings import TorchOptimizerSettings

# Classes of torch.optim that no step of ours can drive, and what to choose instead.
NO_OPTIMIZER = {
    "LBFGS": "computes the loss several times a step (a closure), and a step here is one forward and one "
    "backward pass. Use another, such as optimizer.name=NAdam.",
    "SparseAdam": "takes sparse gradients alone, and convolutions and linear layers have dense ones. "
    "Use optimizer.name=Adam.",
    "Muon": "takes matrices alone. optimizer=muon gives it the hidden ones, convolutions included, and "
    "everything else to AdamW.",
}
# Keywords that do not stand in options, and where they come from.
OPTIMIZER_KEYWORDS = {
    "params": "the network's parameters are handed over by themselves",
    "lr": "it is the field optimizer.lr",
    "weight_decay": "it is the field optimizer.weight_decay",
    "foreach": "how a step is computed follows from the device",
    "fused": "how a step is computed follows from the device",
    "capturable": "train.cuda_graph decides it",
    "differentiable": "nothing differentiates through a step",
}
# Whose fused step equals the plain one on every device that has one.
FUSED = ("SGD", "Adam", "AdamW")


def optimizer_class(name: str) -> type[torch.optim.Optimizer]:
    """The class of ``torch.optim`` that has this name.

    Raises:
        ConfigError: there is none, or it cannot train here.

    >>> optimizer_class("NAdam").__name__
    'NAdam'
    """
    classes = {
        key: value
        for key, value in vars(torch.optim).items()
        if isinstance(value, type)
        and issubclass(value, torch.optim.Optimizer)
        and value is not torch.optim.Optimizer
    }
    found: type[torch.optim.Optimizer] = chosen_class(name, "optimizer.name", classes, NO_OPTIMIZER)
    return found


def build_torch_optimizer(
    settings: TorchOptimizerSettings,
    groups: Sequence[Mapping[str, Any]],
    *,
    fused: bool | None,
    capturable: bool,
) -> torch.optim.Optimizer:
    """The optimizer that a class of ``torch.optim`` makes.

    Args:
        settings: which, and its numbers.
        groups: parameters with their weight decay.
        fused: whether the device has fused steps; None where it has not.
        capturable: its step will be part of a CUDA graph.

    Raises:
        ConfigError: torch has no such class, or the class no such field.
        InfeasibleConfig: the class refuses these values.
    """
    cls = optimizer_class(settings.name)
    takes = inspect.signature(cls).parameters
    words = checked_options(settings.options, takes, OPTIMIZER_KEYWORDS, "optimizer", settings.name)
    if "weight_decay" not in takes:
        if settings.weight_decay > 0:
            raise ConfigError(
                f"optimizer.weight_decay={settings.weight_decay:g} would be ignored: {settings.name} has no "
                "weight decay. Use optimizer.weight_decay=0."
            )
        groups = [{"params": group["params"]} for group in groups]
    # with a dampening, torch's first momentum is not what a momentum of zero would become
    if settings.name in FUSED and not words.get("dampening"):
        words["fused"] = fused
    if "capturable" in takes:
        words["capturable"] = capturable
    made: torch.optim.Optimizer = called(
        cls, f"torch.optim.{settings.name}", {"lr": settings.lr, **words}, parameters=groups
    )
    return made


def is_capturable(name: str) -> bool:
    """Whether steps of this class of ``torch.optim`` can be part of a CUDA graph."""
    return "capturable" in inspect.signature(optimizer_class(name)).parameters


def checked_options(
    options: object, takes: Collection[str], given: Mapping[str, str], group: str, name: str
) -> dict[str, Any]:
    """Keywords of a class, refused by name where it has no such one.

    Args:
        options: as configured.
        takes: the keywords of its signature.
        given: keywords that do not stand in options, and why.
        group: of the configuration, for error texts.
        name: of the class.

    Raises:
        ConfigError: naming the field, with a near match.

    >>> checked_options({"betas": [0.9, 0.99]}, ["lr", "betas"], {}, "optimizer", "Adam")
    {'betas': (0.9, 0.99)}
    """
    node = f"{group}.options"
    if not isinstance(options, Mapping):
        raise ConfigError(f"{node}={options} should be keywords of {name}, such as '+{node}.KEY=VALUE'.")
    for key in options:
        if key in given:
            raise ConfigError(f"{node}.{key}={options[key]} has no effect there: {given[key]}. Leave it out.")
        if key not in takes:
            known = [one for one in takes if one not in given and one != "self"]
            raise ConfigError(f"{name} has no field {node}.{key}. {near_match(str(key), known)}")
    return {
        key: tuple(value) if isinstance(value, (list, tuple)) else value for key, value in options.items()
    }


def chosen_class(name: str, field: str, classes: Mapping[str, type], refused: Mapping[str, str]) -> Any:
    """The class of a name.

    Args:
        name: as configured.
        field: of the configuration, for error texts.
        classes: all that there are.
        refused: those that cannot be used, and why.

    Raises:
        ConfigError: with a near match, or the reason.
    """
    if name in refused:
        raise ConfigError(f"{field}={name} {refused[name]}")
    if name not in classes:
        known = [key for key in classes if key not in refused]
        raise ConfigError(f"{field}={name} is no class of torch's. {near_match(name, known)}")
    return classes[name]
