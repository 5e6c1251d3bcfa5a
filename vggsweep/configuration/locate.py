"""Where the Hydra config tree lies: in the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path


def config_dir() -> Path:
    """The first of ``vggsweep/conf`` and ``../conf`` that holds ``config.yaml``."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "conf", package.parent / "conf"):
        if (candidate / "config.yaml").is_file():
            return candidate
    raise AssertionError(f"no conf/config.yaml in or beside {package}: the installation is broken")
