"""One trial, from a configuration to its record.

    read → build → cost → data → train → measure → record

Everything that can be known to be wrong without data or device is refused before, by
`vggsweep.configuration.checks`. What goes wrong here ends the trial as FAIL, with its reason in the record;
an interruption leaves no record, and the same configuration continues from its checkpoint.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.console import Console
from torch import nn

from vggsweep.configuration.belonging import Fingerprints
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.own_code import own_code
from vggsweep.configuration.schema import Configuration, read_configuration
from vggsweep.data.batches import Share
from vggsweep.data.loading import LoadedData
from vggsweep.device import ResolvedPrecision, device_name
from vggsweep.errors import CheckpointError, DataChanged, Superseded, TrialPruned, WriteFailed
from vggsweep.files import set_aside, set_obstacle_aside, write_atomically
from vggsweep.held_out import score_test_set
from vggsweep.identity import Identity
from vggsweep.loggers.run_logging import RunLogging, logging_trial
from vggsweep.measure.contention import ContentionWatch
from vggsweep.measure.cores import CoreWatch
from vggsweep.measure.environment import describe_environment
from vggsweep.measure.speed import peak_memory_mb, reset_peak_memory
from vggsweep.model import save_weights, weights_digest
from vggsweep.preparation import prepare_data, prepare_device, prepare_network, prepare_training
from vggsweep.results.disk.answers import Answers, write_answers
from vggsweep.results.disk.history import write_history
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record, write_record
from vggsweep.results.disk.yaml_text import yaml_text
from vggsweep.training.checkpoint import CheckpointFile
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import EpochResult, Training
from vggsweep.training.progress import EpochListener, EpochObserver, ProgressBar
from vggsweep.trial_directory import (
    PreparedDirectory,
    drop_checkpoint,
    keep_late_record,
    prepare_directory,
    remove_torn_files,
)
from vggsweep.trial_facts import (
    class_metrics,
    cost_facts,
    failure_reason,
    inference_speed,
    kept_answers,
    metrics,
    network_facts,
    training_times,
    unseen_classes,
)
from vggsweep.trial_group import TrialGroup
from vggsweep.trial_log import log, logged_to

if TYPE_CHECKING:
    from vggsweep.training.distributed import Ranks


@dataclass(frozen=True)
class TrialSpec:
    """What to train and where it belongs.

    Args:
        sweep: name of the sweep.
        number: the study's trial number.
        directory: the trial's own directory, which exists.
        plain: resolved values of the whole configuration.
        overrides: the words that led there, for the record.
        swept: parameters that the sweep varied, with their values.
        identity: what the result belongs to; None takes it here.
        notes: what a reader of the result should know from before, such as why it failed the first time.
        fingerprints: with which the identity was taken; they tell when its data change.
        rungs: epochs at which a pruner looks.
        keeps_weights: whether the weights are written although ``train.keep_weights`` does not ask for them.
        cores: of all trials of this process, to say once that they wait for cores.
    """

    sweep: str
    number: int
    directory: TrialDirectory
    plain: Mapping[str, Any]
    overrides: Sequence[str] = ()
    swept: Mapping[str, Any] | None = None
    identity: Identity | None = None
    notes: Sequence[str] = ()
    fingerprints: Fingerprints = field(default_factory=Fingerprints)
    rungs: Sequence[int] = ()
    keeps_weights: bool = False
    cores: CoreWatch = field(default_factory=CoreWatch)


def run_trial(
    spec: TrialSpec, *, stop: StopRequest, console: Console, on_epoch: EpochObserver | None = None
) -> Record:
    """Train one configuration and write its record.

    Args:
        spec: what, and where.
        stop: set by signals; the loop then stops at the next step.
        console: where progress is shown.
        on_epoch: called with each finished epoch.

    Returns:
        The record, as written.

    Raises:
        Interrupted, Superseded: by a signal (the checkpoint holds the last epoch), or by another worker.
        WriteFailed, DataChanged: a file cannot be written, or pictures changed; it goes on once cured.
    """
    directory = spec.directory
    remove_torn_files(directory)
    for path in directory.files:
        set_obstacle_aside(path)
    identity = spec.identity or spec.fingerprints.identity(spec.plain)
    prepared = prepare_directory(directory, identity, spec.plain)
    write_atomically(directory.config, yaml_text(dict(spec.plain)))
    write_atomically(directory.overrides, yaml_text(list(spec.overrides)))
    with logged_to(directory):
        configuration = read_configuration(spec.plain)
        with logging_trial(
            configuration.logger, spec.sweep, spec.number, directory, identity, spec.plain, stop, console
        ) as loggers:
            run = _Run(spec, identity, prepared, configuration, stop, console, on_epoch, loggers)
            record, answers = _record_of(run)
            try:
                stop.check_owner()
            except Superseded:
                keep_late_record(record, directory)
                raise
            if answers is not None:
                write_answers(answers, directory.answers)
            write_record(record, directory.path)
            loggers.end(record)
        drop_checkpoint(record, directory)
    return record


@dataclass(frozen=True)
class _Run:
    """What every step of one trial may read."""

    spec: TrialSpec
    identity: Identity
    prepared: PreparedDirectory
    configuration: Configuration
    stop: StopRequest
    console: Console
    on_epoch: EpochObserver | None
    loggers: RunLogging


@dataclass
class _Result:
    """What the steps found out so far, for the record; fields as there."""

    notes: list[str]
    environment: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    costs: dict[str, Any] = field(default_factory=dict)
    measurements: dict[str, Any] = field(default_factory=dict)
    test_metrics: dict[str, Any] = field(default_factory=dict)
    weights_sha256: str | None = None
    training: Training | None = None
    val_images: int | None = None
    chance: tuple[float, float] | None = None
    class_names: tuple[str, ...] = ()
    validated: str = ""
    is_contended: bool | None = None


def _record_of(run: _Run) -> tuple[Record, Answers | None]:
    """Take all steps; the record is COMPLETE, PRUNED or FAIL with its reason. Beside it the answers."""
    spec, configuration = run.spec, run.configuration
    started, clock = datetime.now(UTC), time.perf_counter()
    result = _Result(list(spec.notes))
    for line in run.prepared.said:
        _show(run, line)
    reason: str | None
    try:
        _take_steps(run, result)
        state, reason = "COMPLETE", None
    except TrialPruned as pruned:
        state, reason = "PRUNED", str(pruned)
    except (WriteFailed, DataChanged):  # the world's fault: the trial goes on once that is cured
        raise
    except Exception as error:
        state, reason = "FAIL", _logged_reason(error, run, result)
    history = result.training.history if result.training is not None else []
    for text in unseen_classes(result.training, result.class_names):
        _note(run, result, text)
    record = Record(
        sweep=spec.sweep,
        trial=spec.number,
        state=state,
        reason=reason,
        configuration_hash=run.identity.configuration,
        configuration=spec.plain,
        overrides=tuple(spec.overrides),
        network=result.network,
        costs=result.costs,
        metrics={
            **result.test_metrics,
            **metrics(history, configuration.train.threshold_acc, result.val_images, chance=result.chance),
            **(class_metrics(*result.training.validated, result.class_names) if result.training else {}),
        },
        measurements=result.measurements,
        timings={
            **training_times(history),
            "contended": result.is_contended,
            "total_seconds": time.perf_counter() - clock,
            "started": started.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        },
        environment=result.environment,
        notes=tuple(result.notes),
        swept=dict(spec.swept or {}),
        data_fingerprint=run.identity.data,
        weights_sha256=result.weights_sha256,
    )
    return record, kept_answers(result.training, result.validated, run.identity)


def _take_steps(run: _Run, result: _Result) -> None:
    """Build, load, train, measure; what each step finds is in the result before the next begins."""
    spec, configuration = run.spec, run.configuration
    train = configuration.train
    device, precision = prepare_device(configuration)
    result.environment = describe_environment(
        device=str(device),
        device_name=device_name(device),
        precision=precision,
        threads=torch.get_num_threads(),
    )
    if code := own_code(spec.plain):
        result.environment |= {"own_code": code}
    configured = configured_network(configuration)
    result.network, result.costs = network_facts(configured), cost_facts(configured)
    build = partial(prepare_network, configuration, configured, device)
    built = [build()]
    group = TrialGroup(configuration, spec.plain, spec.directory, spec.rungs, device, precision, run.stop)
    with group, _load(run, result, device, group.share) as data:
        if not reset_peak_memory(device):
            result.notes.append("peak_memory_mb is the process's, with the trials that it ran before")
        with ContentionWatch(device) as watch:
            trained = group.train(
                lambda ranks: _train(run, result, built.pop() if built else build(), data, precision, ranks),
                loader=data.loader,
                say=partial(_note, run, result),
            )
        result.is_contended = watch.is_contended
        # The training is done. What fails from here on costs its own figure and no more.
        if train.keep_weights or spec.keeps_weights:
            with _noted("the weights were not kept", run, result):
                save_weights(trained, spec.directory.weights, data.preprocess, data.class_names)
                result.weights_sha256 = weights_digest(spec.directory.weights)
        if train.evaluate_test:
            with _noted("the test set was not evaluated", run, result):
                where = spec.directory, spec.number, spec.overrides
                opened = score_test_set(trained, data.open_test(), device, precision, *where)
                result.test_metrics = {"test_loss": opened.test_loss, "test_acc": opened.test_acc}
    with _noted("latency and throughput were not measured", run, result):
        result.measurements = {"peak_memory_mb": peak_memory_mb(device)}
        if configuration.measure.name != "none":
            result.measurements |= inference_speed(configuration, trained, precision, device)
            if result.measurements["contended"]:
                result.notes.append("other work ran on the device while latency and throughput were measured")


def _load(run: _Run, result: _Result, device: torch.device, share: Share) -> LoadedData:
    data = prepare_data(run.configuration, device, share)
    if data.loader == "resident":  # nothing is read any more
        run.spec.fingerprints.check(run.spec.plain)
    result.notes += filter(None, [data.note])
    result.val_images = data.validation.num_images
    result.chance, result.class_names, result.validated = data.chance, data.class_names, data.validated
    return data


def _train(
    run: _Run,
    result: _Result,
    network: nn.Module,
    data: LoadedData,
    precision: ResolvedPrecision,
    ranks: Ranks | None = None,
) -> nn.Module:
    """Train to the last epoch, from the checkpoint on if there is one; the network that counts."""
    train = run.configuration.train
    macs, rungs = result.costs["macs"], run.spec.rungs
    training = prepare_training(run.configuration, network, precision, macs, rungs, ranks, data.class_counts)
    result.training = training
    checkpoint = CheckpointFile(run.spec.directory.checkpoint, run.identity)
    if checkpoint.exists():
        _continue_from(checkpoint, training, run, result)
    check_images = partial(run.spec.fingerprints.check, run.spec.plain)
    publish = partial(_publish, run, result)
    run.spec.cores.begin(result.environment["device"])
    with ProgressBar(run.console, train.epochs, data.train.num_images, len(training.history)) as bar:
        try:
            training.run(
                data.train,
                data.validation,
                listener=EpochListener(bar, partial(log.info, "%s"), publish, run.spec.cores.look),
                stop=run.stop,
                checkpoint=checkpoint if train.checkpoint else None,
                check_images=check_images if data.loader == "streaming" else lambda: None,
            )
        finally:
            if (graph := training.graph) is not None:  # it may change a result's last bits
                if graph.failure is not None:
                    result.notes.append(f"trained without a CUDA graph: {graph.failure}")
                result.environment["cuda_graph"] = graph.is_captured
    return training.evaluated_network


def _continue_from(checkpoint: CheckpointFile, training: Training, run: _Run, result: _Result) -> None:
    try:
        loaded = checkpoint.load(trusts_unmarked=run.prepared.trusts_unmarked)
    except CheckpointError as error:
        _note(run, result, f"{error} The training starts anew.")
        _set_aside(run, (checkpoint.path, checkpoint.previous))
        return
    _set_aside(run, loaded.unused)
    if loaded.warning is not None:
        _note(run, result, loaded.warning)
    training.load_state_dict(loaded.state)
    epoch = len(training.history)
    _show(run, f"continues after epoch {epoch} of {run.configuration.train.epochs}")
    if loaded.state["threads"] != torch.get_num_threads():
        _note(
            run,
            result,
            f"continued with {torch.get_num_threads()} CPU threads after {loaded.state['threads']}: "
            "the result may differ from an uninterrupted run in the last bits",
        )
    # A kill right after the checkpoint leaves this epoch unwritten and unheard of.
    _publish(run, result, training.history[-1])


def _set_aside(run: _Run, checkpoints: Sequence[Path]) -> None:
    for path in checkpoints:
        if path.exists():
            _show(run, f"{path.name} is set aside as {set_aside(path, 'unused').name}")


def _publish(run: _Run, result: _Result, epoch: EpochResult) -> None:
    """Show an epoch to other processes: in ``history.csv``, and through the observer."""
    assert result.training is not None and result.val_images is not None, "no epoch without them"
    rows = [asdict(row) for row in result.training.history]
    write_history(rows, run.spec.directory.history, run.identity)
    run.loggers.publish(rows)
    if run.on_epoch is not None:
        run.on_epoch(epoch, result.val_images)


@contextmanager
def _noted(what: str, run: _Run, result: _Result) -> Iterator[None]:
    """Within the block an error becomes a note: the result of the training stands."""
    try:
        yield
    except WriteFailed:
        raise  # the same command goes on once the disk has room
    except Exception as error:
        _note(run, result, f"{what}: {_logged_reason(error, run, result)}")


def _logged_reason(error: Exception, run: _Run, result: _Result) -> str:
    """One sentence for the record; the traceback goes into ``trial.log``."""
    log.info("%s", traceback.format_exc())
    device = result.environment.get("device", run.configuration.device)
    return failure_reason(error, device, run.configuration)


def _note(run: _Run, result: _Result, text: str) -> None:
    result.notes.append(text)
    _show(run, text)


def _show(run: _Run, text: str) -> None:
    log.info("%s", text)
    run.console.print(text, highlight=False, markup=False, soft_wrap=True)
