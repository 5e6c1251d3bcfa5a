"""The fields of a configuration, from the files that a line chooses; composed by hand, not by Hydra.

It knows what our own tree needs: one level of fields per group, `override /group: option` of experiments and
contenders, and options of ``--config-dir``. A file that it cannot read offers nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vggsweep.configuration.tree import ConfigTree
from vggsweep.results.disk.yaml_text import read_yaml

# Groups whose options choose those of others.
WHOLE = ("experiment", "contender", "budget")
# The fields of such an option belong to any node.
GLOBAL = b"# @package _global_"
PRIMARY = "config.yaml"


def known_fields(tree: ConfigTree, words: Sequence[str]) -> dict[str, Any]:
    """Every field with its value, dotted, as the words before choose them.

    Args:
        tree: ours and ``--config-dir``'s.
        words: the finished words of the line.
    """
    primary = _read(tree.places[0] / PRIMARY)
    chosen = {group: option for group, option in _choices(primary) if option is not None}
    for word in words:
        group, _, option = word.lstrip("+").partition("=")
        if option and group in WHOLE:
            chosen |= dict(_overridden(tree, group, option))
    for word in words:
        group, _, option = word.lstrip("+").partition("=")
        if option and tree.options(group):
            chosen[group] = option
    found = dict(_flat({key: value for key, value in primary.items() if key not in ("defaults", "hydra")}))
    aliases = primary.get("hydra", {}).get("aliases", {})
    found |= {name: found.get(str(field)) for name, field in aliases.items()}
    for group, option in chosen.items():
        file = tree.options(group).get(str(option))
        if file is not None and "/" not in group:
            is_global = file.read_bytes().startswith(GLOBAL)
            found |= dict(_flat(_node(tree, group, str(option)), "" if is_global else f"{group}."))
    for word in words:  # what was set stays at hand
        field, _, value = word.lstrip("+").partition("=")
        if field in found:
            found[field] = value
    return found


def _node(tree: ConfigTree, group: str, option: str) -> dict[str, Any]:
    """The fields of an option, those of the options in its own group that it builds on included."""
    file = tree.options(group).get(option)
    content = _read(file) if file is not None else {}
    own = {key: value for key, value in content.items() if key != "defaults"}
    bases = [entry for entry in content.get("defaults") or () if isinstance(entry, str) and entry != "_self_"]
    for base in bases:
        if base != option:
            own = {**_node(tree, group, base), **own}
    return own


def _overridden(tree: ConfigTree, group: str, option: str) -> Iterator[tuple[str, Any]]:
    """The options of other groups that an experiment chooses, those of its bases first."""
    file = tree.options(group).get(option)
    for entry in (_read(file).get("defaults") if file is not None else None) or ():
        if isinstance(entry, str) and entry not in ("_self_", option):
            yield from _overridden(tree, group, entry)
        elif isinstance(entry, Mapping):
            for key, value in entry.items():
                name = str(key).removeprefix("override ").strip().partition("@")[0].lstrip("/")
                yield name, value


def _choices(primary: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for entry in primary.get("defaults") or ():
        if isinstance(entry, Mapping):
            yield from ((str(group), option) for group, option in entry.items())


def _flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _read(file: Path) -> dict[str, Any]:
    content = read_yaml(file)
    return content if isinstance(content, dict) else {}
