"""Hydra's task functions: train one composed configuration as one trial, under any launcher."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.schema import read_configuration, resolved
from vggsweep.errors import ConfigError, Interrupted, Stopped, TrialFailed, VggsweepError
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record
from vggsweep.results.tables.chance import is_at_chance
from vggsweep.sweep.single_run import train_one
from vggsweep.sweep.spec.objectives import metrics_of
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.training.interruption import stop_on_signals
from vggsweep.visible import show, visible_lines


@dataclass(frozen=True)
class Trained:
    """A single run that ended well.

    Args:
        record: what it found.
        directory: where its files lie.
    """

    record: Record
    directory: TrialDirectory


@dataclass(frozen=True)
class SingleRun:
    """Hydra's task function of a line without ``-m``.

    Args:
        command: the line, ready to paste.
    """

    command: str

    def __call__(self, config: DictConfig) -> Trained | VggsweepError:
        """Train this configuration once.

        Returns:
            What it found, or why it could not: Hydra would print a line of its own before an exception.

        Raises:
            Stopped: a signal arrived.
        """
        try:
            return self._train(config)
        except VggsweepError as error:
            return error

    def _train(self, config: DictConfig) -> Trained:
        plain = resolved(config)
        check_configuration(read_configuration(plain))
        trained = _train(plain, _overrides(), self.command)
        record = trained.record
        if record.state == "FAIL":
            raise TrialFailed(f"trial {record.trial} failed: {record.reason}\nSee {trained.directory.log}")
        return trained


@dataclass(frozen=True)
class SweepJob:
    """Hydra's task function of a line with ``-m``: its own sweepers call it, ours reads it.

    Picklable, as launchers may call it in other processes.

    Args:
        command: the line, ready to paste.
        order: for our sweeper, what it is to do.
    """

    command: str
    order: SweepSpec | None = None

    def __call__(self, config: DictConfig) -> float:
        """Train one job of Hydra's own sweepers.

        Returns:
            The validation accuracy; NaN where the trial failed or cannot exist, so that the others go on.

        Raises:
            Stopped: a signal arrived.
        """
        plain, overrides = resolved(config), _overrides()
        console = Console(stderr=True)
        try:
            check_configuration(read_configuration(plain))
        except ConfigError as error:
            _say(console, f"skipped ({' '.join(overrides)}): {error}")
            return math.nan
        trained = _train(plain, overrides, self.command)
        record, directory = trained.record, trained.directory
        if record.state == "FAIL":
            _say(console, f"vggsweep: trial {record.trial} failed: {record.reason}\nSee {directory.log}")
            return math.nan
        show(closing_block(record, directory))
        accuracy, *_ = metrics_of(plain["objective"]["name"])
        return float(record.metrics[accuracy.name])


def _overrides() -> list[str]:
    """The words of the job that Hydra runs."""
    return [word for word in HydraConfig.get().overrides.task if not word.startswith("sweep.name=")]


def _train(plain: dict[str, Any], overrides: Sequence[str], command: str) -> Trained:
    with stop_on_signals() as stop:
        try:
            return Trained(*train_one(plain, overrides, stop=stop, console=Console(stderr=True)))
        except (Interrupted, KeyboardInterrupt) as interrupted:  # the latter on the second signal
            again = (
                "continues after the last finished epoch" if plain["train"]["checkpoint"] else "starts over"
            )
            raise Stopped(
                f"Stopped by {stop.signal_name}. The same command {again}:\n  {command}"
            ) from interrupted


def closing_block(record: Record, directory: TrialDirectory) -> str:
    """What a person wants to know at the end: accuracy, cost, speed, files, the next command."""
    metrics, costs, network = record.metrics, record.costs, record.network
    # of a network without blocks, depth and width are only counted
    dials = f"  depth {network['depth']}  width {network['width']}" if network.get("stages") else ""
    notes = [
        *record.notes,
        *(["it stayed at chance: no better than guessing"] if is_at_chance(record) else []),
    ]
    lines = [
        f"{network['arch']}{dials}  head {network['head']}",
        f"  accuracy  val_acc {metrics['val_acc']:.4f}  train_acc {metrics['train_acc']:.4f}"
        + (f"  test_acc {metrics['test_acc']:.4f}" if "test_acc" in metrics else ""),
        f"  cost      {costs['macs']:,} MACs  {costs['params']:,} params",
        f"  speed     {record.timings['images_per_second']:,.0f} training images/s"
        + _inference(record)
        + f"  on {record.environment['device']} in {record.environment['precision']}",
        *(f"  note      {note}" for note in notes),
        f"  files     {directory.path}",
        f"  next      vggsweep table {shlex.quote(record.sweep)}",
    ]
    return "\n".join(lines)


def _say(console: Console, text: str) -> None:
    """Print as it is: what looks like rich's markup is an override or a path."""
    console.print(visible_lines(text), highlight=False, markup=False, soft_wrap=True)


def _inference(record: Record) -> str:
    measured = record.measurements
    if "latency_ms_p50" not in measured:
        return ""
    return f"  {measured['throughput']:,.0f} inference images/s  {measured['latency_ms_p50']:.2f} ms latency"
