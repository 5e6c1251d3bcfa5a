"""Which of Hydra's launchers starts the workers."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from omegaconf import DictConfig

from vggsweep.configuration.hydra_node import launcher_of
from vggsweep.configuration.schema import Configuration
from vggsweep.configuration.sweep_settings import SweepSettings
from vggsweep.configuration.words import parse
from vggsweep.errors import ConfigError

ALL_CORES = -1  # joblib's own choice of its pool
# Launchers whose workers run on this machine.
HERE = ("basic", "joblib", "submitit_local", "local")
# Options of ``hydra/launcher`` and the package behind each, with the extra that installs it.
PLUGINS = {
    **dict.fromkeys(("ray", "ray_aws", "ray_local"), ("hydra_plugins.hydra_ray_launcher", "ray")),
    **dict.fromkeys(
        ("slurm", "submitit_slurm", "submitit_local"), ("hydra_plugins.hydra_submitit_launcher", "slurm")
    ),
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


def check_devices(configuration: Configuration, hydra: DictConfig) -> None:
    """Refuse trials of several processes where this machine's workers have too few devices for one.

    Raises:
        ConfigError: ``train.nproc`` of this sweep asks for more.
    """
    if configuration.train.nproc == 1 or launcher_of(hydra) not in HERE:
        return
    from vggsweep.device import devices_of_ranks, resolve_device

    devices_of_ranks(resolve_device(configuration.device), configuration.train.nproc)


def check_detach(hydra: DictConfig, settings: SweepSettings) -> None:
    """Refuse ``sweep.detach`` where the workers would end with the command, or their time is the queue's.

    Args:
        hydra: the composed node.
        settings: the ``sweep`` node.

    Raises:
        ConfigError: naming what would work.
    """
    if not settings.detach:
        return
    if not str(hydra.launcher.get("_target_")).endswith(".SlurmLauncher"):
        raise ConfigError(
            f"sweep.detach=true leaves the workers to a queue, and hydra/launcher={launcher_of(hydra)} has "
            "none: nothing would list, end or start them again once the command is over. Add "
            "hydra/launcher=slurm, or leave sweep.detach out and keep the command running (tmux, nohup)."
        )
    if settings.timeout is not None:
        raise ConfigError(
            f"sweep.timeout={settings.timeout:g} and sweep.detach=true contradict each other: the clock "
            "would run while the jobs wait in the queue. Leave one of them out; hydra.launcher.timeout_min "
            "limits a job's time, and n_trials=… the sweep."
        )


def choose_launcher(words: Sequence[str], hydra: DictConfig, workers: int) -> list[str]:
    """Overrides of the launcher that a line of several workers leaves open.

    A launcher with a pool must hold all workers at once, because none ends before the sweep does.

    Args:
        words: the line's overrides.
        hydra: the composed node, which knows what a file chose.
        workers: ``n_workers``.

    Raises:
        ConfigError: the launcher cannot hold them, or was told another number.
    """
    name = launcher_of(hydra)
    is_typed = any(one.key_or_group == "hydra/launcher" for one in parse(words))
    if name == "basic":
        if workers == 1:
            return []
        if is_typed:
            raise ConfigError(
                f"hydra/launcher=basic runs one after the other and cannot hold n_workers={workers}. Leave "
                "it out, or choose joblib, slurm, submitit_local, ray or ray_local."
            )
        return ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={workers}"]
    jobs = hydra.launcher.get("n_jobs")
    if jobs is None:  # an engine without a pool of its own
        return []
    if jobs not in (ALL_CORES, workers):
        raise ConfigError(
            f"hydra.launcher.n_jobs={jobs} and n_workers={workers} contradict each other: a worker is a "
            f"process that the launcher starts, and n_workers says how many: n_workers={jobs}"
        )
    return [] if jobs == workers else [f"hydra.launcher.n_jobs={workers}"]
