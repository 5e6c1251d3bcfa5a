"""What ``vggsweep --help`` prints: groups with their options; each field with default, comment and type."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from omegaconf import OmegaConf

from vggsweep.configuration.fields import Field, Option, options, ungrouped_fields
from vggsweep.configuration.locate import config_dir
from vggsweep.configuration.refusal import closest
from vggsweep.configuration.words import value_text
from vggsweep.errors import ConfigError, near_match

WIDTH = 80
# Where comments begin; a longer field has them on the line below.
LONGEST_VALUE = 40  # of a list of layers its file tells more
COLUMN = 30
VERBS_COLUMN = 35  # where conf/hydra/help says what each verb does
NOT_USED = "not used"
UNBROKEN = "\N{NO-BREAK SPACE}"
TEXTS = Path("hydra", "help", "vggsweep.yaml")


def help_page(words: Sequence[str] = (), extra_dir: Path | None = None) -> str:
    """The text of ``--help``.

    Args:
        words: nothing for everything; else groups, options (``arch=vgg16``) or fields (``train.epochs``) to
            explain alone, a group with a line per option.
        extra_dir: the directory of ``--config-dir``, whose options are listed too.

    Raises:
        ConfigError: a word names nothing; the text has the near match.
    """
    known, loose = options(extra_dir), ungrouped_fields()
    if words:
        return "\n\n".join("\n".join(_explained(word, known, loose)) for word in words)
    texts = OmegaConf.load(config_dir() / TEXTS)
    lines = [*_narrow(texts.header), "== Groups (choose with group=option; * is the default) ==", ""]
    groups = list(dict.fromkeys(option.group for option in known))
    for group in groups:
        names = [f"{one.name}*" if one.is_default else one.name for one in known if one.group == group]
        lines += _beside(group, ", ".join(names), column=12)
    lines += ["", "== Fields (set with path.to.field=value) ==", ""]
    for group in groups:
        if section := _of_group(group, known):
            lines += [*section, ""]
    for node in dict.fromkeys(field.path.partition(".")[0] for field in loose):
        lines += [row for field in loose if field.path.partition(".")[0] == node for row in _row(field)]
        lines.append("")
    return "\n".join([*lines, *_narrow(texts.footer.rstrip())])


def _narrow(text: str) -> Iterator[str]:
    """A text's lines, what a verb does wrapped within its column."""
    for line in text.splitlines():
        indent = " " * VERBS_COLUMN if line.startswith("  ") else ""
        yield from textwrap.wrap(line, WIDTH, subsequent_indent=indent) or [""]


def _of_group(group: str, known: Iterable[Option]) -> list[str]:
    """The fields of a group's default option, then those that only other options have."""
    mine = [option for option in known if option.group == group]
    mine.sort(key=lambda option: not option.is_default)
    fields = [field for option in mine for field in option.fields if not field.names_its_option]
    lines = []
    for path in dict.fromkeys(field.path for field in fields):
        own = [field for field in fields if field.path == path]
        told = next((field for field in own if field.comment != NOT_USED), own[0])
        is_everywhere = own[0].option == mine[0].name
        owners = "" if is_everywhere else f"of {', '.join(str(field.option) for field in own)}: "
        lines += _row(replace(own[0], comment=owners + told.comment))
    return lines


def _explained(word: str, known: Sequence[Option], loose: Sequence[Field]) -> Iterator[str]:
    """What there is to say of one word."""
    name, _, value = word.partition("=")
    group = [option for option in known if option.group == name]
    if group and not value:
        for option in group:
            yield from _beside(f"{name}={option.name}{'*' if option.is_default else ''}", option.comment)
        yield from ["", *_of_group(name, known)]
        return
    if group:
        chosen = [option for option in group if option.name == value]
        if not chosen:
            raise ConfigError(
                f"{word}: no such option. {near_match(value, [option.name for option in group])}"
            )
        yield from _beside(word, chosen[0].comment)
        yield from (row for field in chosen[0].fields if not field.names_its_option for row in _row(field))
        return
    everything = [*loose, *(field for option in known for field in option.fields)]
    found = [field for field in everything if field.path == name or field.path.startswith(f"{name}.")]
    if not found:
        names = [*dict.fromkeys(option.group for option in known), *(field.path for field in everything)]
        close = closest(name, name.rpartition(".")[2], names)
        hint = f"Did you mean {close!r}? " if close else ""
        raise ConfigError(f"{name!r} is neither a group nor a field. {hint}`vggsweep --help` lists them all.")
    by_text: dict[tuple[str, ...], list[str]] = {}
    for field in found:
        by_text.setdefault(tuple(_row(field)), []).append(f"{field.group}={field.option}")
    for rows, owners in by_text.items():
        yield from rows
        if len(by_text) > 1 and found[0].group is not None:
            yield from _beside("", f"with {' '.join(owners)}")


def _row(field: Field) -> list[str]:
    """One field, its default, what it means and what it takes."""
    # choices that the comment lists need no second list
    choices = field.type.removesuffix(" or null").split(" | ")
    is_said = len(choices) > 1 and all(choice in field.comment for choice in choices)
    kind = "" if is_said else f" [{field.type}]".replace(" ", UNBROKEN).replace(UNBROKEN, " ", 1)
    value = textwrap.shorten(value_text(field.default), LONGEST_VALUE, placeholder="…")
    return _beside(f"{field.path}={value}", f"{field.comment}{kind}")


def _beside(left: str, text: str, column: int = COLUMN) -> list[str]:
    """A text in a column of its own, which begins on the next line where the left one is longer."""
    rows = [row.replace(UNBROKEN, " ") for row in textwrap.wrap(text, WIDTH - column)]
    if len(left) + 2 > column:
        rows = ["", *rows]
    first, *more = rows or [""]
    return [f"{left:{column}}{first}".rstrip(), *(" " * column + row for row in more)]
