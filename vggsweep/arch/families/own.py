"""Families of a user: the class behind a dotted name, or behind a name that an installed package announces.

A package announces its families in its ``pyproject.toml``:

    [project.entry-points."vggsweep.families"]
    pyramid = "my_package.families:Pyramid"
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
import types
import typing
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, Union

from vggsweep.arch.family import Family
from vggsweep.errors import ConfigError
from vggsweep.importing import load_callable, own_words

ENTRY_POINTS = "vggsweep.families"
FIELD = "arch.family"
EXAMPLE = "my_families.Pyramid"


@functools.cache
def announced_families() -> dict[str, EntryPoint]:
    """What installed packages announce, by name."""
    return {found.name: found for found in entry_points(group=ENTRY_POINTS)}


@functools.cache
def own_family(name: str) -> type[Family] | None:
    """The class behind a name that is none of ours; None where the name leads nowhere and has no dot.

    Raises:
        ConfigError: it cannot be imported, or is no family.
    """
    if "." in name:
        found: object = load_callable(name, FIELD, EXAMPLE)
    elif (announced := announced_families().get(name)) is not None:
        try:
            found = announced.load()
        except (Exception, SystemExit) as error:  # importing runs the package's file
            raise ConfigError(
                f"{FIELD}={name} is announced by an installed package as {announced.value}, which cannot be "
                f"loaded ({own_words(error)})."
            ) from error
    else:
        return None
    return _checked(found, name)


def family_at_hand(name: str) -> type[Family] | None:
    """The class behind a name that a file gave: announced by an installed package, or loaded already.

    A dotted name imports nothing here, so that no file can choose what code runs.

    Raises:
        ConfigError: what a package announces cannot be loaded, or the class describes nothing.
    """
    module, dot, attribute = name.rpartition(".")
    if not dot:
        return own_family(name)
    found = getattr(sys.modules.get(module), attribute, None)
    return _checked(found, name) if inspect.isclass(found) and issubclass(found, Family) else None


def _checked(found: object, name: str) -> type[Family]:
    """The class, where every field of it can be read from a configuration."""
    if not inspect.isclass(found) or not issubclass(found, Family):
        kind = "a class" if inspect.isclass(found) else f"a {type(found).__name__}"
        raise ConfigError(
            f"{FIELD}={name} is {kind} and no family: derive it from ScaledFamily (with the dials depth and "
            "width) or Family of vggsweep.arch.family."
        )
    if found.describe is Family.describe:
        raise ConfigError(f"{FIELD}={name} has no method describe(self, head, shape) that returns a Network.")
    if "__dataclass_params__" not in vars(found) and inspect.get_annotations(found):
        raise ConfigError(
            f"{FIELD}={name} declares fields and is no dataclass: put @dataclass(frozen=True, kw_only=True) "
            "above the class."
        )
    try:
        hints = typing.get_type_hints(found)
    except Exception as error:
        raise ConfigError(f"{FIELD}={name}: its annotations cannot be read ({own_words(error)}).") from error
    for field in dataclasses.fields(found):
        if not _is_readable(hints[field.name]):
            raise ConfigError(
                f"{FIELD}={name}: its field {field.name} is of type {field.type}. A field is bool, int, "
                "float, str, Literal[…], tuple[T, …] or Any, or one of these or None."
            )
    return found


def _is_readable(hint: Any) -> bool:
    if hint in (Any, bool, int, float, str, type(None)) or dataclasses.is_dataclass(hint):
        return True
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return len(inner) == 2 and inner[1] is ... and _is_readable(inner[0])
    return origin is Literal or (
        origin in (Union, types.UnionType) and all(_is_readable(member) for member in inner)
    )
