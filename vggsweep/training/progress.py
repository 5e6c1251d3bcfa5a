"""What a person sees while a trial trains: a bar on a terminal or in a notebook, else one line an epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from vggsweep.notebook import Picture, is_redrawn
from vggsweep.training.loop import EpochResult

# A terminal shows at most this many frames a second; more would cost time and show nothing.
FRAMES_PER_SECOND = 8


def epoch_line(result: EpochResult, epochs: int) -> str:
    """One epoch in one line."""
    return (
        f"epoch {result.epoch}/{epochs}  loss {result.train_loss:.4f}  train_acc {result.train_acc:.4f}  "
        f"val_acc {result.val_acc:.4f}  {result.images_per_second:,.0f} images/s"
    )


class EpochObserver(Protocol):
    """Called with each finished epoch; it may raise `TrialPruned`."""

    def __call__(self, result: EpochResult, val_images: int) -> None: ...


class ProgressBar:
    """Epoch, loss, accuracy, images/s and time left of one training.

    Args:
        console: where to draw; where nothing can be drawn anew each epoch prints one line.
        epochs: of the whole training.
        images: training images an epoch.
        done: epochs already trained, when a training continues.
    """

    def __init__(self, console: Console, epochs: int, images: int, done: int = 0) -> None:
        self.console = console
        self.epochs = epochs
        self.images = images
        self.done = done
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._epoch_started = time.perf_counter()
        self._facts = ""

    def __enter__(self) -> ProgressBar:
        if is_redrawn(self.console):
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[facts]}"),
                TimeRemainingColumn(),
                console=self.console,
            )
            self._progress.live = Picture(
                console=self.console,
                transient=True,
                refresh_per_second=FRAMES_PER_SECOND,
                get_renderable=self._progress.get_renderable,
            )
            self._progress.start()
            total = self.epochs * self.images
            self._task = self._progress.add_task(
                "epoch 1", total=total, completed=self.done * self.images, facts=""
            )
        self._epoch_started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def step_ended(self, epoch: int, step: int, images: int) -> None:
        """Move the bar; ``images`` are those trained in this epoch so far."""
        if step == 1:
            self._epoch_started = time.perf_counter()
        if self._progress is None or self._task is None:
            return
        seconds = max(time.perf_counter() - self._epoch_started, 1e-9)
        self._progress.update(
            self._task,
            description=f"epoch {epoch}/{self.epochs}",
            completed=(epoch - 1) * self.images + images,
            facts=f"{self._facts}{images / seconds:,.0f} images/s",
        )

    def epoch_ended(self, result: EpochResult) -> None:
        """Show the epoch's figures."""
        self._facts = f"loss {result.train_loss:.3f}  val_acc {result.val_acc:.4f}  "
        if self._progress is None:
            self.console.print(epoch_line(result, self.epochs), highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class EpochListener:
    """Listener of the loop: log and bar, then other processes.

    Args:
        bar, log: show what happens to a person, and write it down.
        publish: shows an epoch to other processes.
        look: called after each step; what a person should know, or None.
    """

    bar: ProgressBar
    log: Callable[[str], None]
    publish: Callable[[EpochResult], None]
    look: Callable[[], str | None] = lambda: None

    def step_ended(self, epoch: int, step: int, images: int) -> None:
        self.bar.step_ended(epoch, step, images)
        if (text := self.look()) is not None:
            self.log(text)
            self.bar.console.print(f"note: {text}", highlight=False, markup=False, soft_wrap=True)

    def epoch_ended(self, result: EpochResult) -> None:
        self.log(epoch_line(result, self.bar.epochs))
        self.bar.epoch_ended(result)
        self.publish(result)
