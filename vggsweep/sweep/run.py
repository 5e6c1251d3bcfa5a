"""A sweep from its first word to its last: start the workers, then say what they found."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from vggsweep.errors import EXIT_FAILED, EXIT_INTERRUPTED, ConfigError, RecordError, WriteFailed
from vggsweep.files import make_directory, set_aside, set_obstacle_aside, write_atomically
from vggsweep.results.sweep_file import read_saved_order
from vggsweep.sweep.clock import Start
from vggsweep.sweep.command import command_line
from vggsweep.sweep.conclusion import conclude
from vggsweep.sweep.engine.launch import run_workers
from vggsweep.sweep.order import FREE_SWEEP_FIELDS, SweepOrder, read_order
from vggsweep.sweep.study import open_study, storage_of
from vggsweep.sweep.worker import Worker

log = logging.getLogger("vggsweep.storage")

STUDY_MARK = "vggsweep"


def run_sweep(config: DictConfig, hydra_context: HydraContext, arguments: Sequence[str]) -> int:
    """Run or continue a sweep.

    Args:
        config: as Hydra composed it, with its ``hydra`` node.
        hydra_context: for the launcher.
        arguments: the line's overrides.

    Returns:
        The exit code.
    """
    hydra_words = OmegaConf.to_container(config.hydra.overrides.hydra)
    assert isinstance(hydra_words, list)
    words = [*(str(word) for word in hydra_words if not str(word).startswith("hydra.mode")), *arguments]
    order = read_order(
        words,
        extra_dir=extra_dir_of(config),
        config_name=config.hydra.job.config_name,
        command=command_line(),
    )
    check_same_sweep(order)
    if order.settings.storage is not None:
        join_study(order)  # what it refuses has no directory yet
    make_directory(order.directory.trials)
    for path in order.directory.files:
        set_obstacle_aside(path)
    if order.settings.storage is None:
        join_study(order)
    save_order(order)  # what the study refuses leaves sweep.yaml alone
    try:
        ending = run_workers(config, hydra_context, Worker(order, Start()))
    except KeyboardInterrupt:  # the second Ctrl-C: no table, no picture, only the way back
        print(f"\nStopped at once. The same command continues:\n  {order.command}", file=sys.stderr)
        return EXIT_INTERRUPTED
    try:
        print(conclude(order, ending), flush=True)
    except WriteFailed:
        if not ending.is_early:
            raise
        # what stopped the sweep comes first, and is probably the same
        print(f"vggsweep: {ending.reason}\nThe same command continues:\n  {order.command}", file=sys.stderr)
    if ending.signal_name is not None:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if ending.is_early else 0


def extra_dir_of(config: DictConfig) -> Any:
    """The directory of ``--config-dir``, as Hydra's list of sources remembers it."""
    from pathlib import Path

    for source in config.hydra.runtime.config_sources:
        if source.provider == "command-line" and source.schema == "file":
            return Path(source.path)
    return None


def check_same_sweep(order: SweepOrder) -> None:
    """Refuse to continue a sweep with other settings than it began with.

    Raises:
        ConfigError: naming every difference.
    """
    try:
        saved = read_saved_order(order.directory.settings)
    except RecordError as error:  # the study knows too, see `join_study`
        log.warning("%s The study tells what the sweep began with.", error)
        return
    if saved is not None and saved.fingerprint is not None:
        _refuse_difference(order, saved.fingerprint, saved.command)


def join_study(order: SweepOrder) -> None:
    """Create the study, or join the one that another host began, if it is of the same sweep.

    Raises:
        ConfigError: it is of another; naming every difference.
        SweepError: the database cannot be reached.
    """
    study = open_study(
        order.directory,
        directions=[metric.direction for metric in order.metrics],
        storage=order.settings.storage,
    )
    saved = study.user_attrs.get(STUDY_MARK)
    if saved is None:
        mark = {"fingerprint": _plain(order.fingerprint()), "command": order.command}
        study.set_user_attr(STUDY_MARK, mark)
    else:
        _refuse_difference(order, saved["fingerprint"], saved["command"])
    storage_of(study).close()


def _refuse_difference(order: SweepOrder, fingerprint: Mapping[str, Any], command: str) -> None:
    # what was saved by a version that counted more among what may not change
    free = tuple(f"sweep.{field}" for field in FREE_SWEEP_FIELDS)
    before = {key: value for key, value in fingerprint.items() if key not in free}
    now = _plain(order.fingerprint())
    differences = [
        f"  {key}: {_text(before, key)} → {_text(now, key)}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    if differences:
        raise ConfigError(
            f"The sweep {order.name!r} was begun with other settings:\n" + "\n".join(differences) + "\n"
            "Continue it with its own command, or give this one another sweep.name. It was begun with:\n"
            f"  {command}"
        )


def save_order(order: SweepOrder) -> None:
    """Write ``sweep.yaml``; what may change when a sweep continues (its total) is as last told."""
    content = {
        "command": order.command,
        "words": list(order.fixed),
        "objective": [{"name": m.name, "direction": m.direction.name.lower()} for m in order.metrics],
        "space": order.space.describe(),
        "space_size": order.space.size,
        "fingerprint": _plain(order.fingerprint()),
        "configuration": order.base,
    }
    try:
        read_saved_order(order.directory.settings)
    except RecordError:
        set_aside(order.directory.settings)
    text = yaml.safe_dump(_plain(content), sort_keys=False, allow_unicode=True)
    write_atomically(order.directory.settings, text)


def _plain(value: Any) -> Any:
    """Tuples as lists: what YAML gives back."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _text(node: dict[str, Any], key: str) -> str:
    return str(node[key]) if key in node else "(absent)"
