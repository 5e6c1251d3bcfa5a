"""One override as text: read as Hydra reads it, written so that Hydra reads the same value back."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString, Sweep, Transformer
from hydra.errors import HydraException

from vggsweep.errors import ConfigError

# Text that Hydra reads as itself without quotes; numbers and the words below it would read as something else.
BARE = re.compile(r"[A-Za-z_/][A-Za-z0-9_/.-]*")
NOT_TEXT = re.compile(r"true|false|null|nan|inf", re.IGNORECASE)
OPENING = ("[", "{", "'", '"')


def word(key: str, value: Any) -> str:
    """An override that sets a field to this value, whatever the value holds.

    >>> word("sweep.name", "run #3"), word("train.ema", None), word("arch.stages", [[1, 8]])
    ("sweep.name='run #3'", 'train.ema=null', 'arch.stages=[[1,8]]')
    """
    return f"{key}={value_text(value)}"


def value_text(value: Any) -> str:
    """A plain value in Hydra's grammar.

    >>> value_text({"a": [True, 1e-3, "x, y"]}), value_text("42"), value_text("vgg16")
    ("{a:[true,0.001,'x, y']}", "'42'", 'vgg16')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        is_bare = BARE.fullmatch(value) and not NOT_TEXT.fullmatch(value)
        return value if is_bare else QuotedString(value, Quote.single).with_quotes()
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key_text(key)}:{value_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(map(value_text, value)) + "]"
    return str(value)


def _key_text(key: Any) -> str:
    # Keys of a group take no quotes, only backslashes.
    return re.sub(r"([\\()\[\]{}:=, \t])", r"\\\1", key) if isinstance(key, str) else value_text(key)


def loose_word(key: str, value: Any) -> str:
    """An override from a value of a hook or an enqueued trial: text that reads as one value is taken so.

    >>> loose_word("arch.stages", "[[1,8]]"), loose_word("sweep.name", "a, b")
    ('arch.stages=[[1,8]]', "sweep.name='a, b'")
    """
    if isinstance(value, str):
        override = _read(f"{key}={value}")
        if override is not None and not override.is_sweep_override():
            return f"{key}={value}"
    return word(key, value)


def parse(words: Sequence[str]) -> list[Override]:
    """The words as Hydra reads them.

    Raises:
        ConfigError: a word is no override.
    """
    return [parse_override(one) for one in words]


def parse_override(text: str) -> Override:
    """One word as Hydra reads it.

    Raises:
        ConfigError: the word is no override; the text holds one that is, where it can be guessed.
    """
    override = _read(text)
    if override is not None and override.key_or_group:
        return override
    key, _, value = text.partition("=")
    listed = re.fullmatch(r"choice\((.*)\)", value.strip())
    if listed and "null" in value and _read(f"{key}={listed[1]}") is not None:
        raise ConfigError(
            f"{text!r}: Hydra's functions take no null. Write the choices with commas: "
            f"{pasted(f'{key}={listed[1]}')}"
        )
    raise ConfigError(f"{text!r} does not read as an override. {_advice(key, value)}")


def choice_values(override: Override) -> list[int | float | str]:
    """The values of an enumerated sweep: numbers as they are, everything else as text that Hydra reads back.

    Raises:
        ConfigError: a range or an interval stands among single values.

    >>> choice_values(parse_override("train.ema=null,0.5,'a b'"))
    ['null', 0.5, "'a b'"]
    """
    values = list(override.sweep_iterator())
    if any(isinstance(value, Sweep) for value in values):
        raise ConfigError(
            f"{override.input_line!r} mixes single values with a range or an interval. Write all values with "
            "commas, or one range."
        )
    return [_choice(value) for value in values]


def _choice(value: Any) -> int | float | str:
    if isinstance(value, (int, float)):
        return value
    # What stands for another value would be text once its braces are escaped.
    return value if isinstance(value, str) and "${" in value else Transformer.str(value)


def choice_value(choice: int | float | str) -> Any:
    """The value that a choice stands for.

    >>> choice_value("null"), choice_value("'a b'"), choice_value(8)
    (None, 'a b', 8)
    """
    return parse_override(f"x={choice}").value() if isinstance(choice, str) else choice


def _advice(key: str, value: str) -> str:
    quoted = word(key, value.strip())
    if key and value and quoted.isprintable() and not value.startswith(OPENING) and _read(quoted) is not None:
        return (
            f"A value with such characters is quoted for Hydra, and once more for the shell: {pasted(quoted)}"
        )
    if value.startswith(OPENING):
        return "Its brackets or quotes do not close, or hold what needs quotes of its own."
    return "Write key=value, such as train.epochs=3."


def _read(text: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(text)
    except HydraException:
        return None


def pasted(text: str) -> str:
    """A word as one types it into a shell.

    >>> print(pasted("arch.depth=4"), pasted("dataset.root='my pictures'"), pasted("n='${x}'"))
    arch.depth=4 "dataset.root='my pictures'" 'n='"'"'${x}'"'"''
    """
    if shlex.quote(text) == text:
        return text
    return f'"{text}"' if not re.search(r'["$`\\!]', text) else shlex.quote(text)
