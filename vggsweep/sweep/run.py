"""A sweep from its first word to its last: start the workers, then say what they found."""

from __future__ import annotations

import shlex
import sys
from copy import deepcopy
from dataclasses import replace
from typing import Any

from hydra.types import HydraContext
from omegaconf import DictConfig

from vggsweep.configuration.own_code import own_code
from vggsweep.errors import EXIT_FAILED, EXIT_INTERRUPTED, RecordError, Stopped, WriteFailed
from vggsweep.files import make_directory, set_aside, set_obstacle_aside, write_atomically
from vggsweep.results.disk.sweep_file import read_saved_spec
from vggsweep.results.disk.yaml_text import yaml_text
from vggsweep.sweep.command_line import take_only
from vggsweep.sweep.display.closing import conclude, has_completed
from vggsweep.sweep.display.logged_report import log_report
from vggsweep.sweep.outcome import SweepEnding, WorkerOutcome
from vggsweep.sweep.recovery.continuation import check_same_sweep, join_study, say, say_changed_code
from vggsweep.sweep.scheduling.clock import StartTime
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.spec.warm_start import WarmStart
from vggsweep.sweep.workers.detached import queue_workers
from vggsweep.sweep.workers.launch import run_workers
from vggsweep.sweep.workers.worker import Worker


def run_sweep(spec: SweepSpec, config: DictConfig, hydra_context: HydraContext) -> SweepEnding:
    """Run or continue a sweep.

    Args:
        spec: what was asked for, checked.
        config: as Hydra composed it, with its ``hydra`` node, for the launcher.
        hydra_context: for the launcher.
    """
    if only := take_only():
        spec = replace(spec, only=only)
    if spec.sampler_note is not None and not spec.directory.settings.exists():
        say(f"known_cost cannot search this space: {spec.sampler_note}. tpe proposes instead.")
    if (remainder := spec.extent.remainder()) is not None and not spec.directory.settings.exists():
        say(f"of this space {remainder}.")
    check_same_sweep(spec)
    say_changed_code(spec)
    if spec.warm_start and spec.space.hook is None:
        for line in WarmStart(spec.warm_start, spec.fingerprints).misfits(
            spec.space, spec.composer, spec.base
        ):
            say(line)
    if spec.settings.storage is not None:
        join_study(spec)  # what it refuses has no directory yet
    make_directory(spec.directory.trials)
    for path in spec.directory.files:
        set_obstacle_aside(path)
    if spec.settings.storage is None:
        join_study(spec)
    save_spec(spec)  # what the study refuses leaves sweep.yaml alone
    worker = Worker(spec, StartTime())
    try:
        if spec.settings.detach:
            jobs = queue_workers(config, worker)
            if jobs is not None:
                print(jobs.lines(spec.name), flush=True)
                return SweepEnding(spec.name)
            outcome = WorkerOutcome("all its trials are done", is_early=False)
        else:
            outcome = run_workers(config, hydra_context, worker)
    except KeyboardInterrupt as second:  # no table, no picture, only the way back
        raise Stopped(f"Stopped at once. The same command continues:\n  {spec.command}") from second
    try:
        print(conclude(spec, outcome), flush=True)
        log_report(spec, outcome)
    except WriteFailed:
        if not outcome.is_early:
            raise
        # what stopped the sweep comes first, and is probably the same
        print(f"vggsweep: {outcome.reason}\nThe same command continues:\n  {spec.command}", file=sys.stderr)
    if outcome.is_early:
        code = EXIT_FAILED if outcome.signal_name is None else EXIT_INTERRUPTED
        why = f"Sweep {spec.name}: {outcome.reason}. The same command continues:\n  {spec.command}"
        return SweepEnding(spec.name, code, why)
    if not has_completed(spec):
        why = f"No trial of sweep {spec.name} completed; vggsweep table {shlex.quote(spec.name)} says why."
        return SweepEnding(spec.name, EXIT_FAILED, why)
    return SweepEnding(spec.name)


def save_spec(spec: SweepSpec) -> None:
    """Write ``sweep.yaml``; what may change when a sweep continues (its total) is as last told."""
    content: dict[str, Any] = {
        "command": spec.command,
        "words": list(spec.fixed),
        "objective": [{"name": m.name, "direction": m.direction.name.lower()} for m in spec.metrics],
        "space": spec.space.describe(),
        "space_size": spec.space_size,
        "fingerprint": spec.fingerprint(),
        "configuration": deepcopy(spec.base),  # YAML would write an alias for what both hold
    }
    if code := own_code(spec.base):
        content["own_code"] = code
    try:
        read_saved_spec(spec.directory.settings)
    except RecordError:
        set_aside(spec.directory.settings, "damaged")
    write_atomically(spec.directory.settings, yaml_text(content))
