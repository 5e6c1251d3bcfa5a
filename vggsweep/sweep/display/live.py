"""What a person sees while a sweep runs: its progress, counts by state and the front so far.

On a terminal and in a notebook this is one live picture above the running trial's bar; elsewhere a line a
finished trial.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar as Bar
from rich.table import Table
from rich.text import Text

from vggsweep.configuration.secrets import masked
from vggsweep.errors import VggsweepError
from vggsweep.notebook import Picture, is_redrawn
from vggsweep.results.disk.record import Record
from vggsweep.results.units import short_count, swept_words
from vggsweep.sweep.display.progress import ProgressReader, SweepProgress
from vggsweep.sweep.scheduling.front import Best, best_trials
from vggsweep.sweep.spec.objectives import OBJECTIVES
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.trial_attrs import shown_parameters
from vggsweep.visible import visible, visible_lines

MOST_ROWS = 8
STATE_STYLES = {"COMPLETE": "green", "PRUNED": "yellow", "FAIL": "red", "RUNNING": "cyan"}


class SweepView:
    """Progress of one worker's sweep.

    Args:
        console: where to draw.
        spec: what the sweep was told.
        study: read for counts and the front.
    """

    def __init__(self, console: Console, spec: SweepSpec, study: optuna.Study) -> None:
        self.console = console
        self.spec = spec
        self.study = study
        self.reader = ProgressReader(spec.directory)
        self.running = "starting"
        self.faults: set[str] = set()
        self.live: Picture | None = None

    def __enter__(self) -> SweepView:
        if is_redrawn(self.console):
            self.live = Picture(console=self.console, transient=True, refresh_per_second=4)
            self.live.start()
            with self.harmless():
                self.redraw()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def trial_started(self, number: int, swept: Mapping[str, Any]) -> None:
        """Name the trial that begins, or continues."""
        self.running = f"trial {number}: {swept_words(swept)}"
        self.announce(self.running)
        with self.harmless():
            self.redraw()

    def trial_ended(self, record: Record) -> None:
        """One line for a finished trial; with a terminal it scrolls above the picture."""
        with self.harmless():
            progress = self._progress()
            self.say(f"[{progress.done}/{progress.total}] {trial_line(record)}")
            self.redraw()

    def say(self, text: str) -> None:
        """A line for a person."""
        self.console.print(visible_lines(text), highlight=False, markup=False, soft_wrap=True)

    def announce(self, text: str) -> None:
        """A line that the live picture makes needless."""
        if self.live is None:
            self.say(text)

    def redraw(self, *, of_workers: bool = False) -> None:
        """Draw the live picture anew, with this process's trial or, of workers, a table of theirs."""
        if self.live is not None:
            progress = self._progress()
            own = Text(visible(self.running), style="cyan")
            rest = running_table(progress) if of_workers and progress.running else own
            best = best_trials(self.study, self.spec.fair, self.spec.directory)
            self.live.update(Group(sweep_picture(self.spec, progress, best), rest))

    @contextmanager
    def harmless(self) -> Iterator[None]:
        """Within the block a fault of what is shown is said, once; no trial and no sweep ends by it."""
        try:
            yield
        except Exception as error:
            text = str(error) if isinstance(error, VggsweepError) else f"{type(error).__name__}: {error}"
            if text not in self.faults:
                self.faults.add(text)
                self.say(f"cannot show how far the sweep is: {masked(text)}")

    def _progress(self) -> SweepProgress:
        return self.reader.read(self.study.get_trials(deepcopy=False), self.spec.extent)


def trial_line(record: Record) -> str:
    """A finished trial in one line."""
    words = [f"trial {record.trial}", record.state]
    if record.reason is not None:
        words.append(f"({record.reason})")
    optimised = OBJECTIVES.get(str(record.configuration.get("objective", {}).get("name")), ())
    names = dict.fromkeys(("val_acc", *(metric.name for metric in optimised[:1])))
    words += [f"{name} {record.metrics[name]:.4f}" for name in names if name in record.metrics]
    if "macs" in record.costs:
        words.append(f"{short_count(record.costs['macs'])} MACs")
    words.append(swept_words(record.swept))
    seconds = f"{record.timings.get('total_seconds', 0.0):.1f} s"
    source = record.taken_over_from
    words.append(seconds if source is None else f"taken over from {source}")
    return "  ".join(words)


def sweep_picture(spec: SweepSpec, progress: SweepProgress, best: Best) -> RenderableType:
    """The sweep as a bar, counts and the front so far."""
    counts = Text("  ").join(
        Text(f"{count} {state}", style=STATE_STYLES.get(state, "white"))
        for state, count in sorted(progress.counts.items())
    )
    head = Table.grid(padding=(0, 2))
    head.add_row(
        Text(visible(spec.name), style="bold"),
        Bar(total=progress.total, completed=progress.done, width=30),
        f"{progress.done}/{progress.total}",
        time_left(progress),
    )
    names = [metric.name for metric in spec.metrics]
    return Group(head, counts, *([front_table(names, best)] if best.trials else []))


def running_table(progress: SweepProgress) -> Table:
    """Every trial without a result: who trains it, on whichever host, and how far it is."""
    table = Table(title="without a result", title_justify="left", box=SIMPLE_HEAD)
    for column in ("trial", "worker", "device", "epoch", "val_acc", "parameters"):
        table.add_column(column)
    for trial in progress.running:
        table.add_row(
            str(trial.number),
            Text(visible(trial.worker_words)),
            Text(visible(trial.device)),
            str(trial.epoch),
            "" if trial.val_acc is None else f"{trial.val_acc:.4f}",
            Text(visible(swept_words(trial.swept))),
        )
    return table


def time_left(progress: SweepProgress) -> str:
    """The time left as people say it; empty before the first trial is done, and at the end."""
    if progress.seconds_left is None or progress.is_done:
        return ""
    if progress.seconds_left >= 86_400:
        return "over a day left"
    return time.strftime("%H:%M:%S left", time.gmtime(progress.seconds_left))


def front_table(names: Sequence[str], best: Best, most: int = MOST_ROWS) -> Table:
    """The best trials so far, the most accurate first.

    Args:
        names: of the objectives.
        best: the front, or the best trial.
        most: rows.
    """
    title = "front so far" if len(names) > 1 else "best so far"
    title += f", {best.rule}" if best.rule else ""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("trial", justify="right")
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("parameters")
    for trial in sorted(best.trials, key=lambda trial: -trial.values[0])[:most]:
        values = [f"{trial.values[0]:.4f}", *(short_count(value) for value in trial.values[1:])]
        table.add_row(str(trial.number), *values, Text(visible(swept_words(shown_parameters(trial)))))
    return table
