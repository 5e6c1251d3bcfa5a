"""Layers as a YAML file lists them, read into a description: `docs/families.md` has the form.

- conv: {out: width, kernel: 3}     a layer with its arguments
- act: relu                         … with its first one alone
- flatten                           … with none
- repeat: depth                     so many blocks; i is the number of each, from 0
  layers: [ … ]
- residual: {body: [ … ], shortcut: [ … ]}
"""

from __future__ import annotations

import dataclasses
import typing
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from vggsweep.arch.description import Concat, Layer, Residual, Scale, Sequence
from vggsweep.arch.expressions import evaluate
from vggsweep.arch.layers import (
    Act,
    Attend,
    ClassToken,
    Conv,
    Dropout,
    FirstToken,
    Flatten,
    GlobalPool,
    LayerScale,
    Linear,
    Norm,
    Patches,
    Pool,
    Positions,
    StochasticDepth,
)
from vggsweep.errors import ConfigError, InfeasibleConfig, near_match
from vggsweep.settings import read_settings

LEAVES: dict[str, type] = {
    "conv": Conv,
    "norm": Norm,
    "act": Act,
    "pool": Pool,
    "global_pool": GlobalPool,
    "flatten": Flatten,
    "linear": Linear,
    "dropout": Dropout,
    "stochastic_depth": StochasticDepth,
    "layer_scale": LayerScale,
    "patches": Patches,
    "class_token": ClassToken,
    "positions": Positions,
    "attend": Attend,
    "first_token": FirstToken,
}
BRANCHES: dict[str, type[Residual | Concat | Scale]] = {
    "residual": Residual,
    "concat": Concat,
    "scale": Scale,
}
REPEAT = "repeat"
WORDS = (*LEAVES, *BRANCHES, REPEAT)
MOST_REPEATS = 10_000  # in all that nest; a mistyped product should be told, not built


def read_layers(written: object, names: Mapping[str, float], place: str, copies: int = 1) -> Sequence:
    """The sequence that a list means.

    Layers are named by their word and number within their list (``conv1``, ``norm1``, ``block3``) unless they
    have a ``name``.

    Args:
        written: plain values, as YAML gives them.
        names: what expressions may use.
        place: of the list in the configuration, for error texts.
        copies: how many times the blocks around it repeat the list.

    Raises:
        ConfigError: naming the place and what would do.
        InfeasibleConfig: an expression gives an impossible number at these dials.
    """
    if not isinstance(written, (list, tuple)) or not written:
        raise ConfigError(
            f"{place} should be a list of layers, such as {place}=[{{conv: width}}, {{act: relu}}]; "
            f"it is {written!r}."
        )
    counts: Counter[str] = Counter()
    pairs: list[tuple[str, Layer]] = []
    for index, item in enumerate(written):
        pairs += _read_item(item, names, f"{place}[{index}]", counts, copies)
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        raise ConfigError(
            f"{place} has two layers called {twice[0]}; give one of them another name, such as name: other."
        )
    return Sequence(tuple(pairs))


def _read_item(
    item: object, names: Mapping[str, float], place: str, counts: Counter[str], copies: int
) -> Iterator[tuple[str, Layer]]:
    fields = {item: None} if isinstance(item, str) else item
    if not isinstance(fields, Mapping):
        raise ConfigError(f"{place}={item!r} should be a layer, such as {{conv: width}}.")
    fields = {str(key): value for key, value in fields.items()}
    given = fields.pop("name", None)
    if given is not None and not (isinstance(given, str) and given.isidentifier()):
        raise ConfigError(f"{place}.name={given} should be a word of letters, digits and _, such as stem.")
    body = fields.pop("layers", None) if REPEAT in fields else None
    if len(fields) != 1:
        raise ConfigError(
            f"{place} should name one layer, such as {{conv: width}}; it names "
            f"{', '.join(fields) or 'none'}. A layer's arguments stand in braces of their own: "
            "{conv: {out: width, kernel: 5}}."
        )
    ((word, value),) = fields.items()
    if word not in WORDS:
        raise ConfigError(f"{place}.{word}: there is no such layer. {near_match(word, WORDS)}")
    if word == REPEAT:
        repeats = _repeats(value, names, f"{place}.{REPEAT}", copies)
        for number in range(repeats):
            block = read_layers(body, {**names, "i": number}, f"{place}.layers", copies * repeats)
            yield _called(given or "block", counts), block
        return
    layer = (
        _branch(word, value, names, f"{place}.{word}", copies)
        if word in BRANCHES
        else _leaf(word, value, names, f"{place}.{word}")
    )
    yield (given or _called(word, counts)), layer


def _called(word: str, counts: Counter[str]) -> str:
    counts[word] += 1
    return f"{word}{counts[word]}"


def _repeats(value: object, names: Mapping[str, float], place: str, copies: int) -> int:
    count = _number(value, names, place)
    if count != int(count):
        raise ConfigError(f"{place}={value} is {count:g} here; it should be a whole number.")
    if not 0 <= count <= MOST_REPEATS / copies:
        around = f" in each of {copies:,} blocks" if copies > 1 else ""
        raise InfeasibleConfig(f"{place}={value} is {count:g}{around} at {_shown(names)}.")
    return int(count)


def _branch(word: str, value: object, names: Mapping[str, float], place: str, copies: int) -> Layer:
    parts = value if isinstance(value, Mapping) else {"body": value}
    known = [field.name for field in dataclasses.fields(BRANCHES[word])]
    for key in parts:
        if key not in known:
            raise ConfigError(f"Unknown field {place}.{key}. {near_match(str(key), known)}")
    if "body" not in parts:
        raise ConfigError(f"{place}.body is missing: the layers of the branch, as a list.")
    read = {
        key: read_layers(layers, names, f"{place}.{key}", copies)
        for key, layers in parts.items()
        if not (key == "shortcut" and layers is None)
    }
    return BRANCHES[word](**read)


def _leaf(word: str, value: object, names: Mapping[str, float], place: str) -> Layer:
    cls = LEAVES[word]
    declared, hints = dataclasses.fields(cls), typing.get_type_hints(cls)
    if value is not None and not isinstance(value, Mapping):
        if not declared:
            raise ConfigError(f"{place}={value} takes no argument; write {word} alone.")
        value = {declared[0].name: value}
    given: dict[str, Any] = dict(value or {})
    for name, written in given.items():
        if name in hints and int in (hints[name], *typing.get_args(hints[name])) and written is not None:
            given[name] = _whole(written, names, f"{place}.{name}", least=0 if name == "padding" else 1)
    defaults = {field.name: field.default for field in declared if field.default is not dataclasses.MISSING}
    layer: Layer = read_settings(cls, {**defaults, **given}, place)
    return layer


def _whole(value: object, names: Mapping[str, float], place: str, least: int) -> int:
    """A number of channels, pixels or heads: rounded, and at least one where it is more than nothing."""
    number = _number(value, names, place)
    rounded = max(int(number + 0.5), 1) if number > 0 else int(number)
    if rounded < least:
        raise InfeasibleConfig(f"{place}={value} is {number:g} at {_shown(names)}; the least is {least}.")
    return rounded


def _number(value: object, names: Mapping[str, float], place: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return evaluate(str(value), names, place)


def _shown(names: Mapping[str, float]) -> str:
    return ", ".join(f"{name}={value:g}" for name, value in names.items())
