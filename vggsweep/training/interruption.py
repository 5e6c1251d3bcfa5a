"""Why a training ends before its last epoch: a signal, its time limit, or another owner.

Ctrl-C and SIGTERM: the first asks for a clean stop, the second stops at once.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from vggsweep.errors import Interrupted, Superseded, TimedOut

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Flags that signals and other threads raise and the loop reads at each step.

    A signal ends the process's work; the time limit and a lost ownership end only the trial that runs.
    """

    def __init__(self) -> None:
        self.signal_name: str | None = None
        self.time_limit: float | None = None
        self.is_superseded = False
        self._owns: Callable[[], bool] = _always

    @property
    def is_set(self) -> bool:
        return self.signal_name is not None

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Signal handler; a second signal raises KeyboardInterrupt where the program stands."""
        if self.is_set:
            raise KeyboardInterrupt
        self.signal_name = signal.Signals(number).name

    def begin_trial(self, owns: Callable[[], bool]) -> None:
        """Forget what ended the trial before.

        Args:
            owns: whether this process still owns the trial; asked before a file of it is written.
        """
        self.time_limit = None
        self.is_superseded = False
        self._owns = owns

    def check(self) -> None:
        """End the trial if somebody asked for it.

        Raises:
            Superseded: another worker owns the trial now.
            Interrupted: a signal arrived.
            TimedOut: its time limit has passed.
        """
        if self.is_superseded:
            raise Superseded
        if self.is_set:
            raise Interrupted
        if self.time_limit is not None:
            raise TimedOut(self.time_limit)

    def check_owner(self) -> None:
        """End the trial if another worker took it over, however long this process was stopped.

        Raises:
            Superseded: it did.
        """
        if self.is_superseded or not self._owns():
            raise Superseded


class EarlySignal:
    """Handler of signals that come before there is a training to stop: KeyboardInterrupt, where it stands.

    Python only prints an exception that is raised while a weak reference or a destructor calls back, as
    happens during imports, and goes on. Whether a signal came is therefore asked once more by
    `stop_on_signals`.
    """

    def __init__(self) -> None:
        self.has_come = False

    def install(self) -> None:
        """Handle both signals from now on."""
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and background jobs ask for
                signal.signal(number, self.handle)
        shown = sys.unraisablehook

        def show(unraisable: sys.UnraisableHookArgs) -> None:
            if unraisable.exc_type is not KeyboardInterrupt:
                shown(unraisable)

        sys.unraisablehook = show

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Signal handler."""
        self.has_come = True
        raise KeyboardInterrupt


def _was_swallowed(handler: object) -> bool:
    early = getattr(handler, "__self__", None)
    return isinstance(early, EarlySignal) and early.has_come


def _always() -> bool:
    return True


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Within the block, signals set the request instead of ending the process.

    Outside the main thread Python cannot install handlers; the request then stays unset.

    Raises:
        KeyboardInterrupt: a signal came before, and Python lost what it raised.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    previous = {number: signal.signal(number, request.handle) for number in SIGNALS}
    try:
        if any(map(_was_swallowed, previous.values())):
            raise KeyboardInterrupt
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
