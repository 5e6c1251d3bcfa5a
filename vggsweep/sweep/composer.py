"""Compose many configurations that differ in a few fields, without asking Hydra each time.

A full composition takes tens of milliseconds, a trial's overhead should not. Words that choose config
groups are composed by Hydra once and remembered; words that set plain fields are put on a copy.
A test holds the result equal to Hydra's own.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
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
    _bases: dict[tuple[str, ...], DictConfig] = field(default_factory=dict, repr=False)
    _is_group: dict[str, bool] = field(default_factory=dict, repr=False)

    def compose(self, words: Sequence[str]) -> dict[str, Any]:
        """The resolved configuration of the fixed words and these.

        Raises:
            ConfigError: the words do not compose.
        """
        parsed = [OverridesParser.create().parse_override(word) for word in words]
        plain = [override for override in parsed if self._is_plain_field(override)]
        groups = tuple(str(override.input_line) for override in parsed if override not in plain)
        if groups not in self._bases:
            self._bases[groups] = compose(
                [*self.fixed, *groups], extra_dir=self.extra_dir, config_name=self.config_name
            )
        base = self._bases[groups]
        if any(OmegaConf.select(base, override.key_or_group, default=self) is self for override in plain):
            # A field that this choice of groups lacks: let Hydra say so in its full wording.
            return resolved(
                compose([*self.fixed, *words], extra_dir=self.extra_dir, config_name=self.config_name)
            )
        config = copy.deepcopy(base)
        for override in plain:
            OmegaConf.update(config, override.key_or_group, override.value())
        return resolved(config)

    def _is_plain_field(self, override: Override) -> bool:
        if override.is_add() or override.is_force_add() or override.is_delete() or override.package:
            return False
        key = override.key_or_group
        if key not in self._is_group:
            self._is_group[key] = bool(group_options(key, extra_dir=self.extra_dir))
        return not self._is_group[key]
