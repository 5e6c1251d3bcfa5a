"""The sweep that a line orders, as the command reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vggsweep.configuration.line import read_line
from vggsweep.sweep.spec.preflight import checked_spec
from vggsweep.sweep.spec.spec import SweepSpec


def read_spec(
    words: Sequence[str],
    *,
    extra_dir: Path | None = None,
    config_name: str = "config",
    command: str = "vggsweep -m …",
) -> SweepSpec:
    """Read and check the words of ``vggsweep -m``."""
    line = read_line(words, extra_dir=extra_dir, config_name=config_name)
    return checked_spec(line, extra_dir=extra_dir, config_name=config_name, command=command)
