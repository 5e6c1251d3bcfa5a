"""Sweeps to complete the names of."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def sweeps(own_folder: Path) -> Path:
    """``outputs/mine`` with trials 0, 2 and 10; ``outputs/other`` without one."""
    for number in (0, 2, 10):
        trial = own_folder / "outputs" / "mine" / "trials" / f"{number:05d}"
        trial.mkdir(parents=True)
        (trial / "config.yaml").touch()
    (own_folder / "outputs" / "other" / "trials").mkdir(parents=True)
    return own_folder / "outputs"
