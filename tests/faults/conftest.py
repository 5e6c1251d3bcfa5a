"""Small file systems, for faults that are caused for real."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SmallDisk = Callable[[str], "Disk"]


@dataclass
class Disk:
    """A file system of its own, mounted in memory."""

    path: Path

    def set(self, *options: str) -> None:
        """Change it: ``size=1m``, ``ro``, ``rw``."""
        mount("-o", ",".join(("remount", *options)), str(self.path))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """``small_disk("200k")``: a directory with room for that much."""
    mounted: list[Path] = []

    def make(size: str) -> Disk:
        path = tmp_path / f"disk{len(mounted)}"
        path.mkdir()
        try:
            mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("only root may mount a small file system")
        mounted.append(path)
        return Disk(path)

    yield make
    for path in mounted:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def mount(*words: str) -> None:
    if os.geteuid() != 0:
        raise PermissionError
    subprocess.run(["mount", *words], check=True, capture_output=True)
