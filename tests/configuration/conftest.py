"""Configurations as ``vggsweep OVERRIDES`` composes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vggsweep.configuration.compose import compose
from vggsweep.configuration.schema import Configuration, read_configuration, resolved


@pytest.fixture(scope="session")
def plain() -> Callable[..., dict[str, Any]]:
    """``plain("arch=vgg16")``: the resolved values of that line."""

    def build(*overrides: str, extra_dir: Path | None = None) -> dict[str, Any]:
        return resolved(compose(overrides, extra_dir=extra_dir))

    return build


@pytest.fixture(scope="session")
def configured(plain: Callable[..., dict[str, Any]]) -> Callable[..., Configuration]:
    """The same as typed settings."""

    def build(*overrides: str, extra_dir: Path | None = None) -> Configuration:
        return read_configuration(plain(*overrides, extra_dir=extra_dir))

    return build
