"""Descriptions of a user's making: what tests hold for our own families is looked at here each time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from vggsweep.arch.description import Concat, DoesNotFit, InputShape, Network, Residual, Scale, Sequence
from vggsweep.errors import ConfigError, InfeasibleConfig, VggsweepError
from vggsweep.importing import own_words


def described_by(describe: Callable[[], object], family: str, shape: InputShape) -> Network:
    """The network that a user's family describes.

    Args:
        describe: its method, bound to its arguments.
        family: its dotted name.
        shape: what the network sees and answers.

    Raises:
        InfeasibleConfig: the user's code refuses these settings, by raising.
        ConfigError: what it returns is no description of a classifier.
    """
    try:
        network = describe()
    except (VggsweepError, DoesNotFit):
        raise
    except Exception as error:
        raise InfeasibleConfig(f"{family} cannot describe this network ({own_words(error)}).") from error
    if not isinstance(network, Network):
        raise ConfigError(
            f"{family}.describe returned a {type(network).__name__}; it should return "
            "Network(layers, depth, width), with the layers as a Sequence."
        )
    check_description(network, family, shape)
    return network


def check_description(network: Network, family: str, shape: InputShape) -> None:
    """Refuse what could not be built or trained, naming the layer.

    Raises:
        ConfigError: a layer is none, has no name of its own, or holds a number that is not whole; or the
            network answers an image with something else than class scores.
    """
    for name, value in (("depth", network.depth), ("width", network.width)):
        if not _is_whole(value):
            raise ConfigError(f"{family} describes a network of {name}={value!r}, which should be whole.")
    for fault in _faults(network.layers, ""):
        raise ConfigError(f"{family} describes a network that cannot be built: {fault}.")
    try:
        answer = network.layers.effect(shape.image).shape
    except DoesNotFit:
        return  # told by whoever counts it, with a resolution that fits
    if answer != (shape.num_classes,):
        raise ConfigError(
            f"The network of {family} answers one image with {_shown(answer)} numbers; "
            f"{shape.num_classes} class scores are needed. End with Flatten() and Linear(shape.num_classes), "
            "or with the layers of classifier(head, shape.num_classes)."
        )


def _faults(layer: object, path: str) -> Iterator[str]:
    where = f"layer {path}" if path else "the whole"
    if not dataclasses.is_dataclass(layer) or not hasattr(layer, "effect"):
        yield f"{where} is {layer!r}, which is no layer of vggsweep.arch"
        return
    if isinstance(layer, Sequence):
        seen: set[str] = set()
        for name, child in layer.layers:
            if not isinstance(name, str) or not name.isidentifier():
                yield f"{where} holds a layer called {name!r}; a name is a word such as conv1"
            if name in seen:
                yield f"{where} holds two layers called {name}; each needs a name of its own"
            seen.add(name)
            yield from _faults(child, f"{path}.{name}".lstrip("."))
        return
    for field in dataclasses.fields(layer):
        value = getattr(layer, field.name)
        if isinstance(layer, Residual | Concat | Scale):
            if field.name == "shortcut" and value is None:
                continue
            if not isinstance(value, Sequence):
                yield f"{where} has a {field.name} of type {type(value).__name__}, which should be a Sequence"
            yield from _faults(value, f"{path}.{field.name}".lstrip("."))
        elif field.type == "int" and not _is_whole(value):
            yield f"{where} has {field.name}={value!r}, which should be a whole number"
        elif field.type == "int" and value < (0 if field.name == "padding" else 1):
            yield f"{where} has {field.name}={value!r}, which is too small"


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
