"""Networks as configured: the options of ``conf/`` with changes, as a command line gives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vggsweep.arch.families import FAMILIES, ArchSettings
from vggsweep.arch.settings import HeadSettings
from vggsweep.settings import read_settings

CONF = Path(__file__).parents[2] / "conf"


def composed(option: str) -> dict[str, Any]:
    """An option of conf/arch with what it takes from another one."""
    plain = yaml.safe_load((CONF / "arch" / f"{option}.yaml").read_text(encoding="utf-8"))
    for base in plain.pop("defaults", ()):
        if isinstance(base, str):
            plain = {**composed(base), **plain}
    return dict(plain)


@pytest.fixture(scope="session")
def arch() -> Callable[..., ArchSettings]:
    """``arch("vgg11", batch_norm=True)``: that option of conf/arch with changes."""

    def build(option: str = "vgg_scaled", **changes: Any) -> ArchSettings:
        plain = composed(option)
        return read_settings(FAMILIES[plain["family"]], {**plain, **changes}, "arch")

    return build


@pytest.fixture(scope="session")
def head() -> Callable[..., HeadSettings]:
    """The same for conf/head."""

    def build(option: str, **changes: Any) -> HeadSettings:
        plain = yaml.safe_load((CONF / "head" / f"{option}.yaml").read_text(encoding="utf-8"))
        return read_settings(HeadSettings, {**plain, **changes}, "head")

    return build
