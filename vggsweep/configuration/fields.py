"""Every field of every option with its type, its default and its comment, for the help and the documents.

The comment and the default stand in the YAML under ``conf/``, the type in the settings that a room declares.
Neither Hydra's composition nor torch is needed.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vggsweep.configuration.locate import config_dir
from vggsweep.configuration.refusal import first_paragraph
from vggsweep.configuration.schema import CHOSEN_GROUPS, LIBRARY, NODES, PLAIN_NODES, settings_of
from vggsweep.errors import ConfigError

# The one file of the tree that belongs to no group.
PRIMARY = "config.yaml"
PACKAGE = re.compile(r"#\s*@package\s")
# libyaml's, where PyYAML was built with it: the help reads more than a hundred files
QUICK_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NAMES_OF_TYPES = {bool: "bool", int: "int", float: "float", str: "text"}


@dataclass(frozen=True)
class Field:
    """One field as one option has it.

    Args:
        path: its dotted name, ``train.epochs``.
        type: what it takes, ``int >= 1``, ``0 <= float < 1 or null``.
        default: plain value; an interpolation is the text that was written.
        comment: what it means.
        group, option: of the config tree; both None for fields that belong to no group, such as ``seed``.
    """

    path: str
    type: str
    default: Any
    comment: str
    group: str | None = None
    option: str | None = None

    @property
    def names_its_option(self) -> bool:
        """Whether it only says which option this is, so that nobody sets it by hand."""
        selector = CHOSEN_GROUPS[self.group][0] if self.group in CHOSEN_GROUPS else None
        is_name = self.path == f"{self.group}.name" and self.default == self.option
        is_selector = self.path == f"{self.group}.{selector}" and self.default is not None
        return is_name or is_selector or self.path == f"{self.group}.{LIBRARY}"


@dataclass(frozen=True)
class Option:
    """One option of a config group.

    Args:
        group, name: as in ``group=name``.
        comment: what its file says first, without examples.
        is_default: whether a line that does not name the group has it.
        fields: in the order of its file; those of presets (experiments, contenders) are other groups' own.
    """

    group: str
    name: str
    comment: str
    is_default: bool
    fields: tuple[Field, ...]


def fields(extra_dir: Path | None = None) -> list[Field]:
    """All fields: those of no group first, then group by group and option by option.

    Args:
        extra_dir: the directory of ``--config-dir``, whose options are listed too.

    >>> next((field.type, field.default) for field in fields() if field.path == "train.epochs")
    ('int >= 1', 5)
    """
    return [*ungrouped_fields(), *(field for option in options(extra_dir) for field in option.fields)]


def ungrouped_fields() -> list[Field]:
    """The fields that `config.yaml` itself holds and no group has: ``seed``, ``device`` and ``sweep``."""
    primary, groups = _primary(), _groups()
    found = []
    for node in NODES:
        if node in groups:
            continue
        if node in PLAIN_NODES:
            # what the schema checks by hand
            kind = "int >= 0" if node == "seed" else "text"
            found.append(Field(node, kind, primary.values[node], primary.comments.get(node, "")))
        else:
            found += _fields_of(node, None, primary.values[node], primary.comments)
    return found


def options(extra_dir: Path | None = None) -> list[Option]:
    """All options of all groups, in the order in which `config.yaml` names the groups.

    Args:
        extra_dir: the directory of ``--config-dir``, whose options are listed too.

    Raises:
        ConfigError: there is no such directory, or a file in it is no YAML.
    """
    if extra_dir is not None and not extra_dir.is_dir():
        raise ConfigError(f"--config-dir {extra_dir} is not a directory.")
    found, primary = [], _primary()
    for group, default in _groups().items():
        files: dict[str, Path] = {}
        for root in filter(None, (extra_dir, config_dir())):  # of one name ours wins, as with Hydra
            folder = root / group
            files |= {
                path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.yaml")
            }
        for name in sorted(files):
            document = _inherited(files, name)
            node = document.values.get(group, {}) if document.is_global else document.values
            prefix = "" if document.is_global else f"{group}."
            comments = {f"{prefix}{path}": text for path, text in document.comments.items()}
            # space has fields in the primary config too
            node = {**primary.values.get(group, {}), **(node or {})}
            comments = {**primary.comments, **comments}
            own = tuple(_fields_of(group, name, node, comments))
            found.append(Option(group, name, document.first, name == default, own))
    return found


def _fields_of(
    group: str, option: str | None, node: Mapping[str, Any], comments: Mapping[str, str]
) -> Iterator[Field]:
    cls = settings_of(group, node)
    if cls is None:
        return
    hints = get_type_hints(cls)
    declared = {field.name: field.metadata for field in dataclasses.fields(cls)}
    for name, value in node.items():
        if name in declared:
            path, kind = f"{group}.{name}", _type_text(hints[name], declared[name])
            yield Field(path, kind, value, comments.get(path, ""), option and group, option)


def _type_text(hint: Any, bounds: Mapping[str, float | None]) -> str:
    """A type as a person reads it, with the field's bounds."""
    if get_origin(hint) in (Union, types.UnionType):
        members = [_type_text(member, bounds) for member in get_args(hint) if member is not type(None)]
        return " | ".join(members) + (" or null" if type(None) in get_args(hint) else "")
    if get_origin(hint) is tuple:
        return f"list of {_type_text(get_args(hint)[0], bounds)}"
    is_choice = get_origin(hint) is Literal
    text = " | ".join(map(str, get_args(hint))) if is_choice else NAMES_OF_TYPES.get(hint, "any")
    low, high = _bound(bounds, minimum="<=", above="<"), _bound(bounds, maximum="<=", below="<")
    if low and high:
        return f"{low[1]:g} {low[0]} {text} {high[0]} {high[1]:g}"
    if low:
        return f"{text} {low[0].replace('<', '>')} {low[1]:g}"
    return f"{text} {high[0]} {high[1]:g}" if high else text


def _bound(bounds: Mapping[str, float | None], **signs: str) -> tuple[str, float] | None:
    found = ((sign, bounds.get(name)) for name, sign in signs.items())
    return next(((sign, value) for sign, value in found if value is not None), None)


def _groups() -> dict[str, str | None]:
    """The groups that the primary config chooses from, with the option that it chooses."""
    entries = [entry for entry in _primary().defaults if isinstance(entry, dict)]
    return {str(group): option for entry in entries for group, option in entry.items()}


@dataclass(frozen=True)
class _Document:
    """One YAML file of the tree.

    Args:
        values: plain, not resolved; ``defaults`` left out.
        defaults: its defaults list.
        comments: by the dotted path of what they stand behind.
        first: the prose that it begins with.
        is_global: whether its fields' paths begin at the top instead of at its group.
    """

    values: Mapping[str, Any]
    defaults: tuple[Any, ...]
    comments: Mapping[str, str]
    first: str
    is_global: bool


def _primary() -> _Document:
    return _read(config_dir() / PRIMARY)


def _inherited(files: Mapping[str, Path], name: str, seen: tuple[str, ...] = ()) -> _Document:
    """A file with what its defaults list takes from other options of its group."""
    own = _read(files[name])
    for parent in own.defaults:
        if isinstance(parent, str) and parent in files and parent not in (*seen, name):
            base = _inherited(files, parent, (*seen, name))
            own = dataclasses.replace(
                own, values={**base.values, **own.values}, comments={**base.comments, **own.comments}
            )
    return own


@functools.cache
def _read(path: Path) -> _Document:
    text = path.read_text(encoding="utf-8")
    try:
        # OmegaConf reads 1e-3 as a number, plain YAML as text
        loaded: Any = OmegaConf.to_container(OmegaConf.create(text), resolve=False) if text.strip() else {}
    except (OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: {first_paragraph(error)}") from error
    values = {str(key): value for key, value in loaded.items() if key != "defaults"}
    lines = text.splitlines()
    heading = list(itertools.takewhile(lambda line: line.startswith("#"), lines))
    prose = [
        line.lstrip("#").strip()
        for line in heading
        if not PACKAGE.match(line) and not line.startswith("#    ")  # indented are examples
    ]
    return _Document(
        values=values,
        defaults=tuple(loaded.get("defaults") or ()),
        comments=dict(_comments(yaml.compose(text, Loader=QUICK_LOADER), lines)),
        first=" ".join(prose),
        is_global=any(PACKAGE.match(line) and "_global_" in line for line in heading),
    )


def _comments(node: yaml.Node | None, lines: list[str], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The comment at the end of each entry's line, by dotted path."""
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return
    for key, value in node.value:
        path = f"{prefix}{key.value}"
        is_block = isinstance(value, yaml.CollectionNode) and not value.flow_style
        mark = key.end_mark if is_block else value.end_mark
        if found := re.search(r"#\s*(.*)", lines[mark.line][mark.column :] if mark.line < len(lines) else ""):
            yield path, found[1].strip()
        yield from _comments(value, lines, f"{path}.")
