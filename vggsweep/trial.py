"""One trial, from a configuration to its record.

    read → build → cost → data → train → measure → record

Everything that can be known to be wrong without data or device is refused before, by
`vggsweep.configuration.checks`. What goes wrong here ends the trial as FAIL, with its reason in the
record; an interruption leaves no record, and the same configuration continues from its checkpoint.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.console import Console
from torch import nn

from vggsweep.configuration.belonging import Fingerprints
from vggsweep.configuration.network import configured_network, input_shape
from vggsweep.configuration.schema import Configuration, read_configuration
from vggsweep.data.loading import LoadedData, load_data
from vggsweep.device import (
    ResolvedPrecision,
    autocast,
    device_name,
)
from vggsweep.errors import CheckpointError, Superseded, TrialPruned, WriteFailed
from vggsweep.files import set_aside, set_obstacle_aside, write_atomically
from vggsweep.identity import Identity
from vggsweep.measure.contention import ContentionWatch
from vggsweep.measure.environment import describe_environment
from vggsweep.measure.speed import measure_inference, peak_memory_mb, reset_peak_memory
from vggsweep.model import save_weights, weights_digest
from vggsweep.preparation import prepare_device, prepare_network, prepare_training
from vggsweep.results.history import write_history
from vggsweep.results.layout import TrialDirectory
from vggsweep.results.record import Record, write_record
from vggsweep.results.yaml_text import yaml_text
from vggsweep.training.checkpoint import CheckpointFile
from vggsweep.training.cuda_graph import GraphStep
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import EpochResult, Training, evaluate
from vggsweep.training.progress import ProgressBar, epoch_line
from vggsweep.trial_directory import (
    Place,
    drop_checkpoint,
    keep_late_record,
    prepare_place,
    remove_torn_files,
)
from vggsweep.trial_facts import (
    cost_facts,
    failure_reason,
    known,
    metrics,
    network_facts,
    training_times,
)
from vggsweep.trial_log import log, logged_to


class EpochObserver(Protocol):
    """Who is told of each finished epoch; it may raise `TrialPruned`."""

    def __call__(self, result: EpochResult) -> None: ...


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
        check_data: raises `DataError` when the data are no longer those of the identity.
    """

    sweep: str
    number: int
    directory: TrialDirectory
    plain: Mapping[str, Any]
    overrides: Sequence[str] = ()
    swept: Mapping[str, Any] | None = None
    identity: Identity | None = None
    notes: Sequence[str] = ()
    check_data: Callable[[], None] = lambda: None


def run_trial(
    assignment: TrialSpec,
    *,
    stop: StopRequest,
    console: Console,
    on_epoch: EpochObserver | None = None,
) -> Record:
    """Train one configuration and write its record.

    Args:
        assignment: what, and where.
        stop: set by signals; the loop then stops at the next step.
        console: where progress is shown.
        on_epoch: told of each finished epoch.

    Returns:
        The record, as written.

    Raises:
        Interrupted: a signal arrived; the checkpoint holds the last finished epoch.
        Superseded: another worker owns the trial now.
        WriteFailed: a file cannot be written; the trial continues once that is cured.
    """
    directory = assignment.directory
    remove_torn_files(directory)
    for path in directory.files:
        set_obstacle_aside(path)
    identity = assignment.identity or Fingerprints().identity(assignment.plain)
    place = prepare_place(directory, identity, assignment.plain)
    write_atomically(directory.config, yaml_text(dict(assignment.plain)))
    write_atomically(directory.overrides, yaml_text(list(assignment.overrides)))
    draft = Record(
        sweep=assignment.sweep,
        trial=assignment.number,
        state="FAIL",
        reason=None,
        configuration_hash=identity.configuration,
        configuration=assignment.plain,
        overrides=tuple(assignment.overrides),
        swept=dict(assignment.swept or {}),
        data_fingerprint=identity.data,
    )
    with logged_to(directory):
        configuration = read_configuration(assignment.plain)
        trial = _Trial(assignment, configuration, draft, stop, console, on_epoch, place)
        record = trial.run()
        try:
            stop.check_owner()
        except Superseded:
            keep_late_record(record, directory)
            raise
        write_record(record, directory.path)
        drop_checkpoint(record, directory)
    return record


class _Trial:
    """The steps of one trial, and what each adds to the record."""

    def __init__(
        self,
        assignment: TrialSpec,
        configuration: Configuration,
        draft: Record,
        stop: StopRequest,
        console: Console,
        on_epoch: EpochObserver | None,
        place: Place,
    ) -> None:
        self.configuration = configuration
        self.place = place
        self.directory = assignment.directory
        self.record = draft
        self.stop = stop
        self.console = console
        self.on_epoch = on_epoch
        self.started = datetime.now(UTC)
        self.clock = time.perf_counter()
        self.notes: list[str] = list(assignment.notes)
        self.check_data = assignment.check_data
        self.is_contended: bool | None = None
        self.bar: ProgressBar | None = None
        self.training: Training | None = None
        self.val_images: int | None = None
        self.chance: tuple[float, float] | None = None

    def run(self) -> Record:
        """The finished record: COMPLETE, PRUNED or FAIL with its reason."""
        for line in self.place.said:
            self._show(line)
        try:
            self._run()
            state, reason = "COMPLETE", None
        except TrialPruned as pruned:
            state, reason = "PRUNED", str(pruned)
        except WriteFailed:  # the world's fault: the trial goes on from its checkpoint once that is cured
            raise
        except Exception as error:
            device_word = self.record.environment.get("device", self.configuration.device)
            state = "FAIL"
            reason = failure_reason(error, device_word, self.configuration)
            log.info("%s", traceback.format_exc())
        history = self.training.history if self.training is not None else []
        return replace(
            self.record,
            state=state,
            reason=reason,
            metrics={
                **self.record.metrics,
                **metrics(
                    history,
                    self.configuration.train.threshold_acc,
                    self.val_images,
                    chance=self.chance,
                ),
            },
            timings={
                **training_times(history),
                "contended": self.is_contended,
                "total_seconds": time.perf_counter() - self.clock,
                "started": self.started.isoformat(timespec="seconds"),
                "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            },
            notes=tuple(self.notes),
        )

    def _run(self) -> None:
        configuration = self.configuration
        device, precision = prepare_device(configuration)
        train = configuration.train
        self.record = replace(
            self.record,
            environment=describe_environment(
                device=str(device),
                device_name=device_name(device),
                precision=precision,
                threads=torch.get_num_threads(),
            ),
        )
        network = self._build(device)
        with self._load(device) as data:
            if not reset_peak_memory(device):
                self.notes.append("peak_memory_mb is the process's, with the trials that it ran before")
            with ContentionWatch(device) as watch:
                trained = self._train(network, data, precision)
            if data.loader == "streaming":  # which read the pictures until now
                self.check_data()
            self.is_contended = watch.is_contended
            # The training is done. What fails from here on costs its own figure and no more.
            if train.keep_weights:
                with self._noted("the weights were not kept"):
                    self._save_weights(trained, data)
            if train.evaluate_test:
                with self._noted("the test set was not evaluated"):
                    self._evaluate_test(trained, data, precision, device)
        with self._noted("latency and throughput were not measured"):
            self._measure(trained, precision, device)

    def _build(self, device: torch.device) -> nn.Module:
        configured = configured_network(self.configuration)
        self.record = replace(self.record, network=network_facts(configured), costs=cost_facts(configured))
        return prepare_network(self.configuration, configured, device)

    def _load(self, device: torch.device) -> LoadedData:
        configuration = self.configuration
        data = load_data(
            configuration.dataset,
            configuration.augment,
            batch_size=configuration.train.batch_size,
            eval_batch_size=configuration.train.eval_batch_size,
            seed=configuration.seed,
            device=device,
            channels_last=configuration.train.channels_last,
        )
        if data.loader == "resident":  # nothing is read any more
            self.check_data()
        if data.note is not None:
            self.notes.append(data.note)
        self.val_images = data.validation.num_images
        self.chance = data.chance
        return data

    def _train(self, network: nn.Module, data: LoadedData, precision: ResolvedPrecision) -> nn.Module:
        """The network that counts, trained to the last epoch."""
        configuration = self.configuration
        train = configuration.train
        training = prepare_training(configuration, network, precision, self.record.costs["macs"])
        self.training = training
        checkpoint = CheckpointFile(self.directory.checkpoint, self.record.identity)
        if checkpoint.exists():
            self._continue_from(checkpoint)
        with ProgressBar(
            self.console, configuration.train.epochs, data.train.num_images, len(training.history)
        ) as self.bar:
            try:
                training.run(
                    data.train,
                    data.validation,
                    listener=self,
                    stop=self.stop,
                    checkpoint=checkpoint if train.checkpoint else None,
                )
            finally:
                self._tell_graph(training.graph)
        return training.evaluated_network

    def _set_aside(self, checkpoints: Sequence[Path]) -> None:
        for path in checkpoints:
            if path.exists():
                self._show(f"{path.name} is set aside as {set_aside(path, 'unused').name}")

    def _tell_graph(self, graph: GraphStep | None) -> None:
        """Whether the step was recorded: it may change a result's last bits."""
        if graph is None:
            return
        if graph.failure is not None:
            self.notes.append(f"trained without a CUDA graph: {graph.failure}")
        environment = {**self.record.environment, "cuda_graph": graph.is_recorded}
        self.record = replace(self.record, environment=environment)

    def _continue_from(self, checkpoint: CheckpointFile) -> None:
        assert self.training is not None
        try:
            loaded = checkpoint.load(trusts_unmarked=self.place.trusts_unmarked)
        except CheckpointError as error:
            self._note(f"{error} The training starts anew.")
            self._set_aside((checkpoint.path, checkpoint.previous))
            return
        self._set_aside(loaded.unused)
        if loaded.warning is not None:
            self._note(loaded.warning)
        self.training.load_state_dict(loaded.state)
        epoch = len(self.training.history)
        self._show(f"continues after epoch {epoch} of {self.configuration.train.epochs}")
        if loaded.state["threads"] != torch.get_num_threads():
            self._note(
                f"continued with {torch.get_num_threads()} CPU threads after {loaded.state['threads']}: "
                "the result may differ from an uninterrupted run in the last bits"
            )
        # A kill right after the checkpoint leaves this epoch unwritten and unheard of.
        self._publish(self.training.history[-1])

    def _save_weights(self, network: nn.Module, data: LoadedData) -> None:
        path = self.directory.weights
        save_weights(network, path, data.preprocess, data.class_names)
        self.record = replace(self.record, weights_sha256=weights_digest(path))

    def _evaluate_test(
        self, network: nn.Module, data: LoadedData, precision: ResolvedPrecision, device: torch.device
    ) -> None:
        score = evaluate(network, data.open_test(), device, precision)
        self.record = replace(self.record, metrics={"test_loss": score.loss, "test_acc": score.acc})

    def _measure(self, network: nn.Module, precision: ResolvedPrecision, device: torch.device) -> None:
        measurements: dict[str, Any] = {"peak_memory_mb": peak_memory_mb(device)}
        self.record = replace(self.record, measurements=measurements)
        if self.configuration.measure.name != "none":
            shape = input_shape(self.configuration)
            with ContentionWatch(device) as watch:
                measured = measure_inference(
                    network,
                    (shape.channels, shape.resolution, shape.resolution),
                    self.configuration.measure,
                    lambda: autocast(device, precision),
                    channels_last=self.configuration.train.channels_last,
                )
            measurements = measurements | asdict(measured) | {"contended": watch.is_contended}
            if watch.is_contended:
                self.notes.append("other work ran on the device while latency and throughput were measured")
        self.record = replace(self.record, measurements=measurements)

    def step_ended(self, epoch: int, step: int, images: int) -> None:
        """Listener of the loop: the bar moves."""
        assert self.bar is not None
        self.bar.step_ended(epoch, step, images)

    def epoch_ended(self, result: EpochResult) -> None:
        """Listener of the loop: log and bar, history, then whoever watches from outside."""
        assert self.bar is not None
        log.info("%s", epoch_line(result, self.configuration.train.epochs))
        self.bar.epoch_ended(result)
        self._publish(result)

    def _publish(self, result: EpochResult) -> None:
        """The epoch for other processes: in ``history.csv``, and told to the observer."""
        assert self.training is not None
        rows = [known(asdict(row)) for row in self.training.history]
        write_history(rows, self.directory.history, self.record.identity)
        if self.on_epoch is not None:
            self.on_epoch(result)

    @contextmanager
    def _noted(self, what: str) -> Iterator[None]:
        """Within the block an error becomes a note: the result of the training stands."""
        try:
            yield
        except WriteFailed:
            raise  # the same command goes on once the disk has room
        except Exception as error:
            log.info("%s", traceback.format_exc())
            device = self.record.environment.get("device", self.configuration.device)
            self._note(f"{what}: {failure_reason(error, device, self.configuration)}")

    def _note(self, text: str) -> None:
        self.notes.append(text)
        self._show(text)

    def _show(self, text: str) -> None:
        log.info("%s", text)
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)
