"""The task function that Hydra's launchers run: it keeps one worker alive, in a process of its own.

    launcher → supervisor → worker process

A launcher's pool cannot lose a process: joblib's ends the siblings, submitit's and Ray's give the job up.
So the launcher runs a supervisor, which holds no data and imports no torch, and which starts the worker.
When the worker dies (memory, a segmentation fault, a kill), its trial is adopted and the supervisor
starts another. It ends one that hangs, and passes on what it is asked itself: to stop.
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
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path
from types import FrameType
from typing import Any

from omegaconf import DictConfig

from vggsweep.errors import SweepError, WriteFailed
from vggsweep.files import set_obstacle_aside, write_atomically, write_failed
from vggsweep.machine import threads_of_worker, usable_cores
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory
from vggsweep.streams import make_lossy
from vggsweep.sweep.outcome import WorkerOutcome
from vggsweep.sweep.storage.file_lock import host_name
from vggsweep.sweep.workers.parent import ParentProcess
from vggsweep.sweep.workers.slot import WorkerSlot, any_slot_taken, take_slot

TICK_SECONDS = 0.25
# A worker that was asked to stop, or whose time is over, may finish its step and write its files.
GRACE_SECONDS = float(os.environ.get("VGGSWEEP_GRACE", "30"))
# Deaths in a row before a worker took any trial: starting it again will not help.
MOST_FALSE_STARTS = 3


@dataclass(frozen=True)
class WorkerSupervisor:
    """Keeps one worker of a sweep at work; picklable.

    Args:
        root: the sweep's directory.
        worker: a pickled `vggsweep.sweep.workers.worker.Worker`: unpickling it imports torch, which only its
            process needs.
        workers: how many supervisors the launcher runs; they share this host's cores.
        trial_timeout: seconds after which a trial that does not end by itself is ended, or None.
        parent: the process behind the command; a supervisor on its host ends with it. None for a job that
            outlives its command.
        folder: the command's current directory.
    """

    root: Path
    worker: bytes
    workers: int
    trial_timeout: float | None
    parent: ParentProcess | None
    folder: str

    def __call__(self, _config: DictConfig | None = None) -> WorkerOutcome:
        """Keep a worker at work until it has nothing left to do."""
        make_lossy()  # the streams of the launcher's process
        directory = SweepDirectory(self.root)
        slot = take_slot(directory)
        try:
            return _Supervision(self, slot).run()
        finally:
            slot.lock.release()
            if not any_slot_taken(directory):
                # a worker that has just begun and maps the pixels keeps them
                shutil.rmtree(directory.images(host_name()), ignore_errors=True)

    def checkpoint(self, config: DictConfig | None = None) -> Any:
        """What submitit runs when a job that it queued for us begins again: the same."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, config)


class _Supervision:
    """One supervisor's work on its slot."""

    def __init__(self, supervisor: WorkerSupervisor, slot: WorkerSlot) -> None:
        self.supervisor = supervisor
        self.slot = slot
        self.log = SweepDirectory(supervisor.root).workers / f"{slot.name}.log"
        self.signal_name: str | None = None
        self.parent = supervisor.parent
        self.is_elsewhere = self.parent is None or os.getpid() != self.parent.pid

    def run(self) -> WorkerOutcome:
        restored = self._listen()
        false_starts = 0
        earlier = self.log.stat().st_size if self.log.is_file() else 0
        try:
            while True:
                child = _Child(self.supervisor, self.slot, self.log)
                try:
                    outcome = self._accompany(child)
                finally:
                    child.end()
                if outcome is not None:
                    return outcome
                if self._should_stop():
                    return WorkerOutcome.stopped(self.signal_name)
                false_starts = 0 if child.has_trained else false_starts + 1
                self._say(f"worker {self.slot.name} died ({child.death()}); starting another")
                if false_starts >= MOST_FALSE_STARTS:
                    raise SweepError(
                        f"worker {self.slot.name} ended {false_starts} times before its first trial. "
                        f"Its last words are in {self.log}:\n{_tail(self.log, earlier)}"
                    )
        finally:
            for number, handler in restored.items():
                signal.signal(number, handler)
            if self.is_elsewhere and self.parent is not None and not self.parent.is_alive():
                os._exit(0)  # nobody is left to give an answer to, and joblib's process would wait forever

    def _listen(self) -> dict[int, Any]:
        """Ctrl-C reaches the whole terminal; the command decides what it means. SIGTERM is meant for us."""
        if not self.is_elsewhere or threading.current_thread() is not threading.main_thread():
            return {}

        def terminate(_number: int, _frame: FrameType | None) -> None:
            self.signal_name = "SIGTERM"

        return {
            signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
            signal.SIGTERM: signal.signal(signal.SIGTERM, terminate),
        }

    def _accompany(self, child: _Child) -> WorkerOutcome | None:
        """Stay until the worker has ended; None when it died."""
        stopped_at: float | None = None
        while True:
            news = child.listen(TICK_SECONDS)
            if news is not None and "ending" in news:
                return WorkerOutcome(**news["ending"])
            if news is not None and "say" in news:
                self._say(f"{self.slot.name}: {news['say']}")
            if news is None and child.is_dead():
                return WorkerOutcome.stopped(self.signal_name) if stopped_at is not None else None
            if stopped_at is None and self._should_stop():
                child.process.terminate()
                stopped_at = time.monotonic()
            if stopped_at is not None and time.monotonic() - stopped_at > GRACE_SECONDS:
                child.process.kill()
            self._end_hanging(child)

    def _end_hanging(self, child: _Child) -> None:
        """The worker ends an overlong trial by itself at its next step; here is one that has none."""
        limit = self.supervisor.trial_timeout
        if limit is None or child.trial is None or time.monotonic() - child.began < limit + GRACE_SECONDS:
            return
        reason = (
            f"It took longer than sweep.trial_timeout={limit:g} s and did not answer; its process was ended."
        )
        with suppress(WriteFailed):  # then its death is counted instead
            write_atomically(TrialDirectory(Path(child.trial)).hung, reason)
        child.process.kill()
        child.trial = None

    def _should_stop(self) -> bool:
        if self.signal_name is None and self.parent is not None:
            self.signal_name = self.parent.stop_signal()
        return self.signal_name is not None

    def _say(self, text: str) -> None:
        print(f"vggsweep: {text}", file=sys.stderr, flush=True)


class _Child:
    """The worker's process, and what it says through its pipe."""

    def __init__(self, supervisor: WorkerSupervisor, slot: WorkerSlot, log: Path) -> None:
        self._news, writing = Pipe(duplex=False)
        threads = threads_of_worker(supervisor.workers, usable_cores(), os.environ)
        header = {
            "path": sys.path,
            "folder": supervisor.folder,
            "news": writing.fileno(),
            "supervisor": os.getpid(),
            "name": slot.name,
            "slot": slot.number,
        }
        set_obstacle_aside(log)
        try:
            output = log.open("ab")
        except OSError as error:
            raise write_failed(log, error) from error
        with output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vggsweep.sweep.workers.process"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=(writing.fileno(),),
                # a group of its own: Ctrl-C in the terminal is for the command alone
                start_new_session=True,
                env={
                    **os.environ,
                    "OMP_NUM_THREADS": str(threads),
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
            )
        writing.close()
        self.trial: str | None = None
        self.began = 0.0
        self.has_trained = False
        assert self.process.stdin is not None
        try:
            with self.process.stdin as pipe:
                pipe.write(json.dumps(header).encode() + b"\n" + supervisor.worker)
        except BrokenPipeError:
            pass  # it died already, which `is_dead` finds

    def listen(self, seconds: float) -> dict[str, Any] | None:
        """One thing that it said, or None after so many seconds."""
        try:
            news: dict[str, Any] | None = self._news.recv() if self._news.poll(seconds) else None
        except (OSError, EOFError):  # it has closed its end, and dies or is dead
            time.sleep(seconds)
            return None
        if news is not None and "trial" in news:
            self.trial, self.began = news["trial"], time.monotonic()
            self.has_trained = True
        return news

    def is_dead(self) -> bool:
        return self.process.poll() is not None

    def death(self) -> str:
        code = self.process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def end(self) -> None:
        """Leave nothing behind, also when the supervisor is interrupted itself."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._news.close()


def _tail(path: Path, start: int, lines: int = 8) -> str:
    """The last lines of a log, none of those before a byte, which an earlier command wrote."""
    text = path.read_bytes()[start:].decode(errors="replace") if path.is_file() else ""
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])
