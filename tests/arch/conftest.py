"""Networks as configured: the options of ``conf/`` with changes, as a command line gives them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from vggsweep.arch.families import FAMILIES, ArchSettings
from vggsweep.arch.settings import HeadSettings
from vggsweep.settings import read_settings

CONF = Path(__file__).parents[2] / "conf"


@cache  # read for every network that hypothesis draws
def option_of(group: str, name: str) -> dict[str, Any]:
    """The fields of an option, those of the options of its group that it builds on included."""
    plain = yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))
    bases = [base for base in plain.pop("defaults", ()) if isinstance(base, str)]
    return {key: value for base in bases for key, value in option_of(group, base).items()} | plain


@pytest.fixture(scope="session")
def arch() -> Callable[..., ArchSettings]:
    """``arch("vgg11", batch_norm=True)``: that option of conf/arch with changes."""

    def build(option: str = "vgg_scaled", **changes: Any) -> ArchSettings:
        plain = {**option_of("arch", option), **changes}
        return read_settings(FAMILIES[plain["family"]], plain, "arch")

    return build


@pytest.fixture(scope="session")
def head() -> Callable[..., HeadSettings]:
    """The same for conf/head."""

    def build(option: str, **changes: Any) -> HeadSettings:
        return read_settings(HeadSettings, {**option_of("head", option), **changes}, "head")

    return build
