"""A sweep from its first word to its last: start the workers, then say what they found."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import yaml
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from vggsweep.errors import EXIT_FAILED, EXIT_INTERRUPTED, RecordError, WriteFailed
from vggsweep.files import make_directory, set_aside, set_obstacle_aside, write_atomically
from vggsweep.results.sweep_file import read_saved_order
from vggsweep.sweep.clock import Start
from vggsweep.sweep.command import command_line, take_only
from vggsweep.sweep.conclusion import conclude, has_completed
from vggsweep.sweep.continuation import check_same_sweep, join_study, plain
from vggsweep.sweep.engine.launch import run_workers
from vggsweep.sweep.order import SweepOrder, read_order
from vggsweep.sweep.worker import Worker


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
    order = replace(order, only=take_only())
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
    return EXIT_FAILED if ending.is_early or not has_completed(order) else 0


def extra_dir_of(config: DictConfig) -> Any:
    """The directory of ``--config-dir``, as Hydra's list of sources remembers it."""
    from pathlib import Path

    for source in config.hydra.runtime.config_sources:
        if source.provider == "command-line" and source.schema == "file":
            return Path(source.path)
    return None


def save_order(order: SweepOrder) -> None:
    """Write ``sweep.yaml``; what may change when a sweep continues (its total) is as last told."""
    content = {
        "command": order.command,
        "words": list(order.fixed),
        "objective": [{"name": m.name, "direction": m.direction.name.lower()} for m in order.metrics],
        "space": order.space.describe(),
        "space_size": order.space.size,
        "fingerprint": plain(order.fingerprint()),
        "configuration": order.base,
    }
    try:
        read_saved_order(order.directory.settings)
    except RecordError:
        set_aside(order.directory.settings, "damaged")
    text = yaml.safe_dump(plain(content), sort_keys=False, allow_unicode=True)
    write_atomically(order.directory.settings, text)
