"""Which of Hydra's launchers starts the workers."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from vggsweep.configuration.line import parse
from vggsweep.errors import ConfigError

# Options of ``hydra/launcher`` and the package behind each, with the extra that installs it.
PLUGINS = {
    "ray": ("hydra_plugins.hydra_ray_launcher", "ray"),
    "ray_aws": ("hydra_plugins.hydra_ray_launcher", "ray"),
    "ray_local": ("hydra_plugins.hydra_ray_launcher", "ray"),
    "slurm": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
    "submitit_slurm": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", "slurm"),
}


def check_launcher(words: Sequence[str]) -> None:
    """Refuse a launcher whose package is missing, in one sentence.

    Raises:
        ConfigError: naming the extra that installs it.
    """
    for override in parse(words):
        if override.key_or_group != "hydra/launcher" or override.value() not in PLUGINS:
            continue
        package, extra = PLUGINS[str(override.value())]
        if not is_installed(package):
            raise ConfigError(
                f"hydra/launcher={override.value()} needs a package that is not installed: "
                f"pip install 'vggsweep[{extra}]'."
            )


def is_installed(package: str) -> bool:
    """Whether a plugin's package can be imported."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # no plugin of Hydra at all
        return False


def choose_launcher(words: Sequence[str], workers: int) -> list[str]:
    """Overrides of the launcher that a line of several workers leaves open.

    joblib's pool must hold all workers at once, because none ends before the sweep does.

    >>> choose_launcher(["n_trials=8"], 4)
    ['hydra/launcher=joblib', 'hydra.launcher.n_jobs=4']
    >>> choose_launcher(["hydra/launcher=ray"], 4), choose_launcher([], 1)
    ([], [])
    """
    chosen = [one.value() for one in parse(words) if one.key_or_group == "hydra/launcher"]
    if chosen and chosen[-1] == "basic" and workers > 1:
        raise ConfigError(
            f"hydra/launcher=basic runs one after the other and cannot hold n_workers={workers}. Leave it "
            "out, or choose joblib, slurm, submitit_local, ray or ray_local."
        )
    if not chosen and workers == 1:
        return []
    if chosen and chosen[-1] != "joblib":
        return []
    return [*([] if chosen else ["hydra/launcher=joblib"]), f"hydra.launcher.n_jobs={workers}"]
