"""Compose many configurations that differ in a few fields, without asking Hydra each time.

A full composition takes tens of milliseconds, a trial's overhead should not. Words that choose config
groups are composed by Hydra once and remembered; words that set plain fields are put on a copy: of plain
values, or of OmegaConf's where one refers to another. What Hydra has to merge or refuse it composes anew.
A test holds the result equal to Hydra's own.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from vggsweep.configuration.compose import compose, group_options
from vggsweep.configuration.schema import resolved


@dataclass
class Composer:
    """Compositions that share most of their words.

    Args:
        fixed: words that every configuration has.
        extra_dir: the directory of ``--config-dir``.
        config_name: the primary config.
    """

    fixed: tuple[str, ...]
    extra_dir: Path | None = None
    config_name: str = "config"
    # by the words that choose groups; as plain values too, but where one of them means more than it says
    _bases: dict[tuple[str, ...], tuple[DictConfig, dict[str, Any] | None]] = field(
        default_factory=dict, repr=False
    )
    _is_group: dict[str, bool] = field(default_factory=dict, repr=False)

    def compose(self, words: Sequence[str]) -> dict[str, Any]:
        """The resolved configuration of the fixed words and these.

        Raises:
            ConfigError: the words do not compose.
        """
        parser = OverridesParser.create()
        parsed = [parser.parse_override(word) for word in words]
        plain = [override for override in parsed if self._is_plain_field(override)]
        groups = tuple(str(override.input_line) for override in parsed if override not in plain)
        if groups not in self._bases:
            self._remember(groups, self._composed(groups))
        config, base = self._bases[groups]
        values = {override.key_or_group: override.value() for override in plain}
        if (copied := _with_leaves(base, values)) is not None:
            return copied
        for key, value in values.items():
            if isinstance(value, dict) or OmegaConf.select(config, key, default=self) is self:
                return resolved(self._composed(words))
        config = copy.deepcopy(config)
        for key, value in values.items():
            OmegaConf.update(config, key, value)
        return resolved(config)

    def remember(self, whole: DictConfig) -> None:
        """Take what the fixed words compose to, where the caller has composed them."""
        self._remember((), whole)

    def _remember(self, groups: tuple[str, ...], whole: DictConfig) -> None:
        content: Any = OmegaConf.to_container(whole)
        self._bases[groups] = whole, None if _means_more(content) else content

    def _composed(self, words: Sequence[str]) -> DictConfig:
        return compose([*self.fixed, *words], extra_dir=self.extra_dir, config_name=self.config_name)

    def _is_plain_field(self, override: Override) -> bool:
        if override.is_add() or override.is_force_add() or override.is_delete() or override.package:
            return False
        key = override.key_or_group
        if key not in self._is_group:
            self._is_group[key] = bool(group_options(key, extra_dir=self.extra_dir))
        return not self._is_group[key]


def _with_leaves(base: dict[str, Any] | None, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """A copy with these fields set; None where that takes more than putting a value in its place."""
    if base is None or _means_more(list(values.values())):
        return None
    copied = copy.deepcopy(base)
    for key, value in values.items():
        *path, leaf = key.split(".")
        node: Any = copied
        for name in path:
            node = node.get(name) if isinstance(node, dict) else None
        is_leaf = isinstance(node, dict) and leaf in node and not isinstance(node[leaf], dict)
        if not is_leaf or isinstance(value, dict):
            return None
        node[leaf] = value
    return copied


def _means_more(value: Any) -> bool:
    """Whether a value holds an interpolation, or the mark of one that has to be given."""
    if isinstance(value, dict):
        return any(map(_means_more, value.values()))
    if isinstance(value, list):
        return any(map(_means_more, value))
    return isinstance(value, str) and ("${" in value or value == "???")
