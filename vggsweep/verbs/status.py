"""``vggsweep status [SWEEP]``: progress, running trials and the front so far; or one trial."""

from __future__ import annotations

import argparse
from contextlib import suppress

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from vggsweep.errors import ConfigError, VggsweepError
from vggsweep.results.disk.choice import CHOICE_HELP, find_place, names_trial, sweep_of
from vggsweep.results.disk.layout import TrialDirectory, existing_sweeps, find_sweep
from vggsweep.sweep.display.keyboard import Keys
from vggsweep.sweep.display.live import front_table, running_table, time_left
from vggsweep.sweep.display.progress import SweepProgress
from vggsweep.sweep.display.trial_status import show_trial
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.spec.saved_spec import read_saved
from vggsweep.sweep.status import NothingYet, StatusReader, count_words
from vggsweep.sweep.storage.study import close_study
from vggsweep.visible import visible

HELP = "how far a sweep is: counts by state, running trials, the front so far"
EXAMPLE = """\
examples:
  vggsweep status                  the newest sweep under outputs/
  vggsweep status quickstart --watch
  vggsweep status quickstart/7     one trial: how far, how good, who trains it

--watch waits for a sweep that has not begun, and ends when it is done; q leaves.
"""
SECONDS_BETWEEN_LOOKS = 2.0
MOST_ROWS = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("sweep", nargs="?", metavar="SWEEP", help=CHOICE_HELP)
    parser.add_argument("--watch", action="store_true", help="look again every two seconds until it is done")


def run(arguments: argparse.Namespace) -> int:
    """Print the status once, or follow it."""
    console = Console(highlight=False)
    if arguments.watch:
        if arguments.sweep is not None and names_trial(arguments.sweep):
            raise ConfigError(
                f"--watch follows a sweep to its end, and {arguments.sweep} is one trial: name its sweep, or "
                "leave --watch out."
            )
        _watch(arguments.sweep, console)
        return 0
    place = find_place(arguments.sweep)
    if isinstance(place, TrialDirectory):
        _show_one(place, console)
        return 0
    with StatusView(place) as view:
        console.print(view.look()[0], soft_wrap=True)
    return 0


def _show_one(place: TrialDirectory, console: Console) -> None:
    """Print one trial; the study is asked where its files do not say it all."""
    sweep = sweep_of(place)
    study = None
    if not place.record.is_file():
        with suppress(VggsweepError):
            saved = read_saved(sweep)
            study = read_study(sweep, saved.storage if saved is not None else None)
    try:
        show_trial(place, console, study)
    finally:
        if study is not None:
            close_study(study)


def _watch(word: str | None, console: Console) -> None:
    """Look again and again, until the sweep is done or a person leaves."""
    view: StatusView | None = None
    try:
        with Keys() as keys, Live(console=console, refresh_per_second=4) as live:
            while True:
                try:
                    view = view or StatusView(find_sweep(word))
                    picture, is_done = view.look()
                except NothingYet as waiting:
                    picture, is_done = Text(str(waiting)), False
                except ConfigError as error:
                    if word is None and existing_sweeps():
                        raise
                    picture, is_done = (
                        Text(f"waiting for {visible(word or 'the first sweep')}: {error}"),
                        False,
                    )
                live.update(picture, refresh=True)
                if is_done or keys.wait(SECONDS_BETWEEN_LOOKS) == "q":
                    return
    finally:
        if view is not None:
            view.close()


class StatusView(StatusReader):
    """Draws one sweep; its study is opened once. A context manager.

    Args:
        directory: the sweep's.
    """

    def look(self) -> tuple[RenderableType, bool]:
        """What to show, and whether the sweep has reached its total.

        Raises:
            NothingYet: it has no study.
        """
        status = self.read()
        progress = status.progress
        head = Text.assemble((visible(self.directory.name), "bold"), f"  {_amount(progress)}")
        parts: list[RenderableType] = [head, Text(count_words(progress, status.queued))]
        if status.damage is not None:
            parts.append(Text(visible(f"damaged: {status.damage}")))
        if progress.running:
            parts.append(running_table(progress))
        if status.best.trials:
            parts.append(front_table(status.objective, status.best, MOST_ROWS))
        parts += [Text(line) for line in status.reasons]
        return Group(*parts), progress.is_done


def _amount(progress: SweepProgress) -> str:
    of_total = "" if progress.total is None else f" of {progress.total}"
    left = time_left(progress) if progress.running else ""
    return f"{progress.done}{of_total} done{f', {left}' if left else ''}"
