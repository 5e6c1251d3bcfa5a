"""Hydra's task function: train one composed configuration as one trial, under any launcher."""

from __future__ import annotations

import math
import shlex

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.schema import read_configuration, resolved
from vggsweep.errors import EXIT_FAILED, EXIT_INTERRUPTED, ConfigError, Interrupted
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record
from vggsweep.results.tables.chance import is_at_chance
from vggsweep.sweep.command_line import command_line
from vggsweep.sweep.single_run import train_one
from vggsweep.training.interruption import stop_on_signals
from vggsweep.visible import show, visible_lines


def train_job(config: DictConfig) -> float:
    """Train one configuration as Hydra's launchers call it.

    Returns:
        The validation accuracy; NaN where a trial of a sweep failed or cannot exist, so that the others
        go on.

    Raises:
        SystemExit: a single run failed (1), or a signal arrived (130).
    """
    hydra = HydraConfig.get()
    is_sweep = hydra.mode == RunMode.MULTIRUN
    plain = resolved(config)
    overrides = [word for word in hydra.overrides.task if not word.startswith("sweep.name=")]
    console = Console(stderr=True)
    try:
        check_configuration(read_configuration(plain))
    except ConfigError as error:
        if not is_sweep:
            raise
        _say(console, f"skipped ({' '.join(overrides)}): {error}")
        return math.nan
    with stop_on_signals() as stop:
        try:
            record, directory = train_one(plain, overrides, stop=stop, console=console)
        except (Interrupted, KeyboardInterrupt) as interrupted:  # the latter on the second signal
            keeps_epochs = plain["train"]["checkpoint"]
            again = "continues after the last finished epoch" if keeps_epochs else "starts over"
            _say(console, f"\nStopped by {stop.signal_name}. The same command {again}:\n  {command_line()}")
            raise SystemExit(EXIT_INTERRUPTED) from interrupted
    if record.state == "FAIL":
        _say(console, f"vggsweep: trial {record.trial} failed: {record.reason}\nSee {directory.log}")
        if not is_sweep:
            raise SystemExit(EXIT_FAILED)
        return math.nan
    show(closing_block(record, directory))
    return float(record.metrics["val_acc"])


def closing_block(record: Record, directory: TrialDirectory) -> str:
    """What a person wants to know at the end: accuracy, cost, speed, files, the next command."""
    metrics, costs, network = record.metrics, record.costs, record.network
    # of a network without blocks, depth and width are only counted
    dials = f"  depth {network['depth']}  width {network['width']}" if network.get("stages") else ""
    notes = [*record.notes, *(["it stayed at chance: it learned nothing"] if is_at_chance(record) else [])]
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
