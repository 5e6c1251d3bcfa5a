"""What a result depends on besides its configuration: versions, device, threads, source."""

from __future__ import annotations

import functools
import os
import platform
import socket
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "vggsweep",
    "torch",
    "torchvision",
    "hydra-core",
    "omegaconf",
    "optuna",
    "hydra-optuna-sweeper",
    "numpy",
)
GIT_SECONDS = 10


def describe_environment(*, device: str, device_name: str, precision: str, threads: int) -> dict[str, Any]:
    """The ``environment`` node of a record.

    Args:
        device: as torch names it, such as ``cuda:0``.
        device_name: as the device names itself.
        precision: what the trial computed in.
        threads: CPU threads of torch.
    """
    return {
        "packages": dict(_package_versions()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "cpus": os.cpu_count(),
        "device": device,
        "device_name": device_name,
        "precision": precision,
        "threads": threads,
        **_source(),
    }


@functools.cache
def _package_versions() -> tuple[tuple[str, str | None], ...]:
    return tuple((name, _version(name)) for name in PACKAGES)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@functools.cache
def _source() -> dict[str, Any]:
    """Commit of the checkout that this package runs from, and whether it was changed; None in a wheel."""
    package = Path(__file__).resolve().parent.parent
    if not (package.parent / ".git").exists():
        return {"git_commit": None, "git_dirty": None}
    try:
        commit = _git(package, "rev-parse", "HEAD")
        dirty = bool(_git(package, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return {"git_commit": None, "git_dirty": None}
    return {"git_commit": commit, "git_dirty": dirty}


def _git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=GIT_SECONDS)
    return done.stdout.strip()
