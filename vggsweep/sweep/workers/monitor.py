"""What the command shows while its workers train in other processes, wherever those are."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from optuna.trial import FrozenTrial
from rich.console import Console

from vggsweep.results.disk.record import readable_record
from vggsweep.results.units import swept_words
from vggsweep.sweep.display.live import SweepView, trial_line
from vggsweep.sweep.scheduling.ownership import owner_of
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.sqlite_wal import write_ahead
from vggsweep.sweep.storage.study import storage_of
from vggsweep.sweep.storage.trial_attrs import REASON, attrs_of, counted, is_in_progress
from vggsweep.sweep.workers.parent import ParentProcess
from vggsweep.training.interruption import StopRequest

SECONDS_BETWEEN_LOOKS = 0.5


class Monitor:
    """Follows a sweep through its study; a context manager.

    Args:
        spec: what the sweep was told.
        parent: tells the workers to stop.
        stop: when that is.
    """

    def __init__(self, spec: SweepSpec, parent: ParentProcess, stop: StopRequest) -> None:
        self._spec = spec
        self._parent = parent
        self._stop = stop
        self._study = spec.open_study()
        self._held = ExitStack()
        self._view = SweepView(Console(stderr=True), spec, self._study)
        trials = self._study.get_trials(deepcopy=False)
        self._known = {trial.number for trial in counted(trials)}
        # of trials that an earlier command began: that was said when it was news
        self._owners = {
            trial.number: owner.token for trial in trials if (owner := owner_of(trial)) is not None
        }
        self._over = threading.Event()
        self._looking = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    @property
    def done(self) -> int:
        """Finished trials, as ``n_trials`` counts them."""
        return len(self._known)

    def __enter__(self) -> Monitor:
        self._held.enter_context(write_ahead(storage_of(self._study).file))
        self._held.callback(storage_of(self._study).close)
        self._held.enter_context(self._view)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=5)
        with self._held, self._view.harmless():
            if kind is None:
                self.look()

    def say(self, text: str) -> None:
        """A line for the person."""
        self._view.say(text)

    def look(self) -> None:
        """Say what is new."""
        with self._looking:
            trials = self._study.get_trials(deepcopy=False)
            for trial in trials:
                if is_in_progress(trial):
                    self._say_owner(trial)
            total = self._spec.extent.total(trials)
            for trial in counted(trials):
                if trial.number not in self._known:
                    self._known.add(trial.number)
                    self._view.say(f"[{len(self._known)}/{total}] {self._result(trial)}")
            self._view.redraw(of_workers=True)

    def _run(self) -> None:
        is_told = False
        while not self._over.wait(SECONDS_BETWEEN_LOOKS):
            with self._view.harmless():  # this thread passes signals on, whatever else goes wrong
                if self._stop.signal_name is not None and not is_told:
                    self._parent.ask_to_stop(self._stop.signal_name)
                    is_told = True
                    self._view.say(
                        "stopping: each worker finishes its step; the same signal again stops at once"
                    )
                self.look()

    def _say_owner(self, trial: FrozenTrial) -> None:
        owner, attrs = owner_of(trial), attrs_of(trial)
        if owner is None or attrs is None or self._owners.get(trial.number) == owner.token:
            return
        before = self._owners.get(trial.number)
        self._owners[trial.number] = owner.token
        verb = "continues" if before is not None else "trains"
        self._view.announce(f"{owner.worker} {verb} trial {trial.number}: {swept_words(attrs.swept or {})}")

    def _result(self, trial: FrozenTrial) -> str:
        """From the record where its file is here, else from the study."""
        if (record := readable_record(self._spec.directory.trial(trial.number).record)) is not None:
            return trial_line(record)
        owner = owner_of(trial)
        words = [f"trial {trial.number}", trial.state.name]
        if REASON in trial.user_attrs:
            words.append(f"({trial.user_attrs[REASON]})")
        if trial.values:
            words.append(f"{self._spec.metrics[0].name} {trial.values[0]:.4f}")
        return "  ".join([*words, f"on {owner.host}" if owner is not None else ""])
