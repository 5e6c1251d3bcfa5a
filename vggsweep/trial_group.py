"""The further processes of a trial that several train together (``train.nproc``), from the trial's own side.

The trial's own process is the first of them: it alone writes files, asks the pruner and hears signals. The
others (`vggsweep.trial_process`) follow it, hold nothing that is not in its checkpoint, and end with it. One
that is lost is no failure: all begin again from the last epoch.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from vggsweep.arch.settings import CustomSettings
from vggsweep.configuration.schema import Configuration
from vggsweep.data.batches import Share
from vggsweep.data.cache import RECENT
from vggsweep.device import ResolvedPrecision
from vggsweep.errors import TrialFailed, TrialPruned, VggsweepError
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.training.interruption import SIGNALS, StopRequest

if TYPE_CHECKING:
    from vggsweep.training.distributed import Ranks

Trained = TypeVar("Trained")
TICK_SECONDS = 0.05
# After the connection broke, the process that broke it may take so long to end and say why.
SECONDS_TO_EXPLAIN = 5.0
SECONDS_TO_END = 10.0
# A step, or a validation, may last so long after Ctrl-C before the further processes are ended.
SECONDS_TO_ANSWER = 20.0
# Ends the listening for signals; no signal has this number.
OVER = b"\0"


class _ProcessLost(Exception):
    """A further process was killed, or did not answer; its text says which."""


class TrialGroup:
    """The processes that train a trial together; a context manager, within which they share pixels.

    Args:
        configuration: of the trial.
        plain: the same as resolved values.
        directory: the trial's.
        rungs: epochs at which a pruner looks.
        device, precision: of the trial's own process.
        stop: asked while the further processes start.

    Attributes:
        share: of each batch that the trial's own process takes.
    """

    def __init__(
        self,
        configuration: Configuration,
        plain: Mapping[str, Any],
        directory: TrialDirectory,
        rungs: Collection[int],
        device: torch.device,
        precision: ResolvedPrecision,
        stop: StopRequest,
    ) -> None:
        self.share = Share(0, configuration.train.nproc)
        self._configuration = configuration
        self._plain = plain
        self._directory = directory
        self._rungs = rungs
        self._device = device
        self._precision = precision
        self._stop = stop
        self._owns_pixels = self.share.of > 1 and RECENT.folder is None

    def __enter__(self) -> TrialGroup:
        if self._owns_pixels:
            shutil.rmtree(self._directory.pixels, ignore_errors=True)  # a power cut left it
            RECENT.share(self._directory.pixels)
        return self

    def __exit__(self, *_: object) -> None:
        if self._owns_pixels:
            RECENT.share(None)
            shutil.rmtree(self._directory.pixels, ignore_errors=True)

    def train(
        self,
        attempt: Callable[[Ranks | None], Trained],
        *,
        loader: str,
        say: Callable[[str], None],
    ) -> Trained:
        """Train with all processes, again from the last epoch when one of them is lost.

        Args:
            attempt: what the trial's own process does, from the checkpoint on.
            loader: that it chose.
            say: tells a person what happened.

        Raises:
            TrialFailed: one of them failed, or they were lost again and again.
        """
        if self.share.of == 1:
            return attempt(None)
        losses, most = 0, -1
        while True:
            ranks = self._ranks()
            try:
                with self._started(ranks, loader):
                    return attempt(ranks)
            except _ProcessLost as lost:
                self._stop.check()  # it may have been ended so that this is heard
                done = ranks.epochs_done
                losses, most = (1, done) if done > most else (losses + 1, most)
                if losses > self._configuration.sweep.max_retries:
                    times = f"the last of {losses} such ends" if losses > 1 else "sweep.max_retries=0"
                    raise TrialFailed(
                        f"{lost} ({times} without a further epoch). Often memory ran out: a smaller "
                        "train.nproc or train.batch_size needs less."
                    ) from lost
                say(f"{lost}; all processes begin again after epoch {done}")

    def _ranks(self) -> Ranks:
        from vggsweep.training.distributed import Ranks  # a trial of one process needs nothing of it

        is_custom = isinstance(self._configuration.arch, CustomSettings)
        return Ranks(self.share, self._device, is_custom=is_custom)

    @contextmanager
    def _started(self, ranks: Ranks, loader: str) -> Iterator[None]:
        """Within the block the further processes train; after it none of them is left."""
        from vggsweep.training.distributed import connected, open_store

        store = open_store(self.share.of)
        processes: list[_Process] = []
        try:
            for rank in range(1, self.share.of):
                header = self._header(rank, store.port, loader)
                processes.append(_Process(header, self._directory.log, ranks.give_up))
            while not all(process.is_ready for process in processes):
                self._stop.check()
                _raise_if_ended(processes)
                time.sleep(TICK_SECONDS)
            with _heard(processes), connected(ranks, store):
                try:
                    yield
                finally:
                    for process in processes:
                        process.is_over = True
            for process in processes:
                process.finish()
        except (VggsweepError, TrialPruned, _ProcessLost):
            raise
        except Exception as error:
            _explain(error, processes)
            raise
        finally:
            for process in processes:
                process.end()

    def _header(self, rank: int, port: int, loader: str) -> dict[str, Any]:
        """What one of them must know: the configuration, with what this process made of it."""
        plain = dict(self._plain)
        train = {"precision": self._precision, "threads": torch.get_num_threads()}
        return {
            "plain": {
                **plain,
                "device": str(self._device),
                "train": {**plain["train"], **train},
                "dataset": {**plain["dataset"], "loader": loader},
            },
            "rungs": list(self._rungs),
            "rank": rank,
            "port": port,
            "pixels": str(RECENT.folder),
            "owns_pixels": self._owns_pixels,
            "path": sys.path,
        }


@contextmanager
def _heard(processes: list[_Process]) -> Iterator[None]:
    """Within the block a signal is heard although this process waits for one that hangs.

    Python's handlers run between Python's own steps, and an exchange of tensors is none; ending the others
    ends it.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    is_over = threading.Event()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def listen() -> None:
        with os.fdopen(reading, "rb", buffering=0) as numbers:
            while (number := numbers.read(1)) and number != OVER:
                if number[0] in SIGNALS and not is_over.wait(SECONDS_TO_ANSWER):
                    for process in processes:
                        process.popen.kill()

    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    listener = threading.Thread(target=listen, name="signals", daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        is_over.set()
        # closing alone would not end the reading: worker processes of a loader hold the pipe open too
        os.write(writing, OVER)
        os.close(writing)
        listener.join()


def _explain(error: Exception, processes: list[_Process]) -> None:
    """Raise what a further process ended by, if that is what broke this one.

    Raises:
        TrialFailed: it says why.
        _ProcessLost: it was killed, or none of them answers.
    """
    from vggsweep.training.distributed import is_connection_error

    is_connection = is_connection_error(error)
    deadline = time.monotonic() + (SECONDS_TO_EXPLAIN if is_connection else 0.0)
    while True:
        _raise_if_ended(processes, error)
        if time.monotonic() >= deadline:
            break
        time.sleep(TICK_SECONDS)
    if is_connection:
        first = str(error).splitlines()[0]
        raise _ProcessLost(f"the processes of train.nproc={len(processes) + 1} lost each other ({first})")


def _raise_if_ended(processes: list[_Process], cause: Exception | None = None) -> None:
    ended = [process for process in processes if process.popen.poll() is not None]
    for process in ended:
        process.reader.join(SECONDS_TO_EXPLAIN)  # what it said last may still be on its way
    name = f"of train.nproc={len(processes) + 1}"
    for process in ended:
        if process.failure is not None:
            raise TrialFailed(f"Process {process.rank} {name}: {process.failure}") from cause
    for process in ended:
        raise _ProcessLost(f"process {process.rank} {name} died ({process.death()})") from cause


class _Process:
    """One further process: what it says comes through a pipe, and it ends when its own pipe closes."""

    def __init__(self, header: dict[str, Any], log: Path, on_loss: Callable[[], None]) -> None:
        self.rank: int = header["rank"]
        self.is_ready = False
        self.is_over = False
        self.failure: str | None = None
        self._on_loss = on_loss
        reading, writing = os.pipe()
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "vggsweep.trial_process"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=(writing,),
                start_new_session=True,  # Ctrl-C in the terminal is for the trial's own process
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        os.close(writing)
        self.reader = threading.Thread(target=self._read, args=(reading,), name="rank", daemon=True)
        self.reader.start()
        assert self.popen.stdin is not None
        with suppress(BrokenPipeError):  # it died already, which its end tells
            self.popen.stdin.write(json.dumps({**header, "news": writing}).encode() + b"\n")
            self.popen.stdin.flush()

    def _read(self, pipe: int) -> None:
        with os.fdopen(pipe, encoding="utf-8") as lines, suppress(ValueError):  # a line that a kill cut off
            for line in lines:
                news = json.loads(line)
                self.is_ready |= "ready" in news
                self.is_over |= "over" in news
                self.failure = news.get("failure", self.failure)
        if self.is_ready and not self.is_over:
            self._on_loss()

    def death(self) -> str:
        code = self.popen.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def finish(self) -> None:
        """Let it end by itself after the last epoch."""
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(SECONDS_TO_END)

    def end(self) -> None:
        """Leave nothing behind; nothing of it is worth keeping."""
        self.is_over = True
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        assert self.popen.stdin is not None
        with suppress(OSError):
            self.popen.stdin.close()
        self.reader.join()
