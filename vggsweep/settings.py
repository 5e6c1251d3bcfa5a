"""Typed settings: from the plain mapping that Hydra composed to a frozen dataclass.

Each room declares its own settings as a frozen dataclass without defaults: a default lives in one
place, the commented YAML under ``conf/``. Bounds stand beside the field:

    @dataclass(frozen=True)
    class Noise:
        sigma: float = setting(minimum=0.0)
        kind: Literal["gauss", "salt"]
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union

from vggsweep.errors import ConfigError, near_match

Settings = TypeVar("Settings")


def setting(
    *,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    below: float | None = None,
) -> Any:
    """A dataclass field whose number must satisfy ``minimum <= x <= maximum``, ``above < x < below``."""
    return dataclasses.field(
        metadata={"minimum": minimum, "above": above, "maximum": maximum, "below": below}
    )


def read_settings(cls: type[Settings], mapping: Mapping[str, Any], where: str) -> Settings:
    """Build a settings dataclass from plain values and refuse everything that does not fit.

    Args:
        cls: a frozen dataclass whose fields are annotated with ``bool int float str``, ``Literal``,
            ``tuple[T, ...]``, ``T | None``, ``Any`` or another such dataclass.
        mapping: plain Python values, as `OmegaConf.to_container` gives them.
        where: dotted path of the mapping in the configuration, for error texts (``"arch"``).

    Raises:
        ConfigError: a key is unknown or missing, a value has the wrong type or is out of bounds.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Noise:
    ...     sigma: float = setting(minimum=0.0)
    >>> read_settings(Noise, {"sigma": 1}, "noise")
    Noise(sigma=1.0)
    """
    hints, fields = _declared(cls)  # type: ignore[arg-type]
    for key in mapping:
        if key not in fields:
            raise ConfigError(f"Unknown field {where}.{key}. {near_match(str(key), fields)}")
    values = {}
    for name, field in fields.items():
        if name not in mapping:
            raise ConfigError(f"{where}.{name} is missing; give it a value, such as {where}.{name}=…")
        path = f"{where}.{name}"
        value = _convert(hints[name], mapping[name], path)
        _check_bounds(value, field.metadata, path, mapping[name])
        values[name] = value
    return cls(**values)


@functools.cache
def _declared(cls: type) -> tuple[dict[str, Any], dict[str, dataclasses.Field[Any]]]:
    """The annotations and the fields of a dataclass, by name; a sweep reads the same few all the time."""
    return typing.get_type_hints(cls), {field.name: field for field in dataclasses.fields(cls)}


def _convert(hint: Any, value: Any, path: str) -> Any:
    """The value as the annotated type, or a ConfigError that names the path."""
    origin = typing.get_origin(hint)
    if hint is Any:
        return _frozen(value)
    if origin in (Union, types.UnionType):
        members = typing.get_args(hint)
        if value is None and type(None) in members:
            return None
        inner = [member for member in members if member is not type(None)]
        for member in inner[:-1]:
            try:
                return _convert(member, value, path)
            except ConfigError:
                continue
        return _convert(inner[-1], value, path)
    if origin is Literal:
        choices = typing.get_args(hint)
        if value in choices:
            return value
        raise ConfigError(
            f"{path}={_shown(value)} is not a choice. {near_match(str(value), map(str, choices))}"
        )
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{path}={_shown(value)} should be a list, such as {path}=[1,2].")
        member = typing.get_args(hint)[0]
        return tuple(_convert(member, item, f"{path}[{i}]") for i, item in enumerate(value))
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{path}={_shown(value)} should be a group of fields.")
        return read_settings(hint, value, path)  # type: ignore[arg-type]
    return _convert_scalar(hint, value, path)


def _convert_scalar(hint: Any, value: Any, path: str) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is bool and isinstance(value, bool):
        return value
    if hint is int and is_number and float(value).is_integer():
        return int(value)
    if hint is float and is_number:
        if not math.isfinite(value):
            raise ConfigError(f"{path}={value} is not a finite number.")
        return float(value)
    if hint is str and isinstance(value, str):
        return value
    if hint is str and isinstance(value, int) and is_number:  # a folder may be called 42
        return str(value)
    wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}[hint]
    raise ConfigError(f"{path}={_shown(value)} should be {wanted}.{_sweep_syntax(hint, value, path)}")


def _sweep_syntax(hint: Any, value: Any, path: str) -> str:
    """How to write what looks like a range of numbers."""
    span = re.fullmatch(r"(\d+)(?:\.\.\.?|-|:)(\d+)", value) if isinstance(value, str) else None
    if span is None or hint not in (int, float):
        return ""
    return f" To try {span[1]} to {span[2]}: -m '{path}=range({span[1]},{int(span[2]) + 1})'"


def _check_bounds(value: Any, bounds: Mapping[str, float | None], path: str, typed: Any) -> None:
    """Refuse numbers out of bounds, in the words that were typed: a width of 0 is 0, and no 0.0."""
    for item in value if isinstance(value, tuple) else (value,):
        if not isinstance(item, (int, float)) or isinstance(item, bool):
            continue
        low, high = bounds.get("minimum"), bounds.get("maximum")
        above, below = bounds.get("above"), bounds.get("below")
        if low is not None and item < low:
            raise ConfigError(f"{path}={_shown(typed)} is too small; the least is {low:g}.")
        if high is not None and item > high:
            raise ConfigError(f"{path}={_shown(typed)} is too large; the most is {high:g}.")
        if above is not None and item <= above:
            raise ConfigError(f"{path}={_shown(typed)} must be more than {above:g}.")
        if below is not None and item >= below:
            raise ConfigError(f"{path}={_shown(typed)} must be less than {below:g}.")


def _shown(value: Any) -> str:
    """The value as a person would type it on the command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_shown(item) for item in value) + "]"
    return str(value)


def _frozen(value: Any) -> Any:
    """Lists become tuples all the way down, so that a settings object stays immutable."""
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    return value
