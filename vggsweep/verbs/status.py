"""``vggsweep status [SWEEP]``: progress, running trials and the front so far; or one trial."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import suppress

import optuna
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from vggsweep.errors import ConfigError, RecordError, VggsweepError
from vggsweep.results.disk.choice import CHOICE_HELP, find_place, names_trial, sweep_of
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory, existing_sweeps, find_sweep
from vggsweep.results.disk.record import read_record
from vggsweep.results.disk.sweep_file import read_saved_spec
from vggsweep.results.tables.reasons import number_words, shared_reasons
from vggsweep.sweep.display.keyboard import Keys
from vggsweep.sweep.display.live import front_table, running_table, time_left
from vggsweep.sweep.display.progress import ProgressReader, SweepProgress
from vggsweep.sweep.display.trial_status import show_trial
from vggsweep.sweep.recovery.reading import NoStudyYet, read_study
from vggsweep.sweep.scheduling.front import best_trials
from vggsweep.sweep.spec.extent import saved_extent
from vggsweep.sweep.spec.saved_spec import read_saved
from vggsweep.sweep.storage.study import close_study
from vggsweep.sweep.storage.trial_attrs import INFEASIBLE, REASON, counted, is_infeasible, reason_of
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
REASONS_SHOWN = 12
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


class NothingYet(ConfigError):
    """The sweep's directory is there, but no study in it."""


class StatusView:
    """Looks at one sweep; its study is opened once. A context manager.

    Args:
        directory: the sweep's.
    """

    def __init__(self, directory: SweepDirectory) -> None:
        self.directory = directory
        self.reader = ProgressReader(directory)
        self._opened: tuple[optuna.Study, tuple[object, ...]] | None = None

    def __enter__(self) -> StatusView:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        if self._opened is not None:
            close_study(self._opened[0])
            self._opened = None

    def look(self) -> tuple[RenderableType, bool]:
        """What to show, and whether the sweep has reached its total.

        Raises:
            NothingYet: it has no study.
        """
        directory = self.directory
        if not directory.study.is_file() and not directory.settings.is_file():
            raise NothingYet(f"{directory.path} holds no study; `vggsweep table` reads its records.")
        saved, damage = None, []
        try:
            saved = read_saved_spec(directory.settings)
        except RecordError as error:
            damage = [Text(visible(f"damaged: {error}"))]
        try:
            study = self._study(saved.storage if saved is not None else None)
        except NoStudyYet as error:
            raise NothingYet(str(error)) from None
        trials = study.get_trials(deepcopy=False)
        progress = self.reader.read(trials, saved_extent(saved, trials))
        head = Text.assemble((visible(directory.name), "bold"), f"  {_amount(progress)}")
        parts: list[RenderableType] = [head, Text(_counts(progress)), *damage]
        if progress.running:
            parts.append(running_table(progress))
        if best := best_trials(study):
            names = saved.objective if saved is not None else ("val_acc",)
            parts.append(front_table(names, best, MOST_ROWS))
        parts += [Text(line) for line in reason_lines(trials, directory)]
        return Group(*parts), progress.is_done

    def _study(self, storage: str | None) -> optuna.Study:
        """Open it again only where the file, or the address, is another one."""
        place: tuple[object, ...] = (storage,)
        if storage is None and self.directory.study.is_file():
            status = os.stat(self.directory.study)
            place = (status.st_dev, status.st_ino)
        if self._opened is None or self._opened[1] != place:
            self.close()
            self._opened = (read_study(self.directory, storage), place)
        return self._opened[0]


def _amount(progress: SweepProgress) -> str:
    of_total = "" if progress.total is None else f" of {progress.total}"
    left = time_left(progress) if progress.running else ""
    return f"{progress.done}{of_total} done{f', {left}' if left else ''}"


def _counts(progress: SweepProgress) -> str:
    words = [f"{count} {state}" for state, count in progress.counts.items()]
    if progress.retried:
        words.append(f"{progress.retried} continued after a death")
    return ", ".join(words) or "nothing yet"


def reason_lines(trials: Sequence[FrozenTrial], directory: SweepDirectory) -> list[str]:
    """Why trials failed, and why suggestions were no networks; the commonest first."""
    failed = [trial for trial in counted(trials) if trial.state is TrialState.FAIL]
    reasons = [("", trial.number, _reason(trial, directory)) for trial in failed]
    refused = [("", t.number, str(t.user_attrs[INFEASIBLE])) for t in trials if is_infeasible(t)]
    return [
        visible(f"{state} {len(one.trials)} x {one} ({number_words([number for _, number in one.trials])})")
        for state, found in (("FAIL", reasons), ("INFEASIBLE", refused))
        for one in shared_reasons(found)[:REASONS_SHOWN]
    ]


def _reason(trial: FrozenTrial, directory: SweepDirectory) -> str:
    """Why a trial failed; earlier releases told the study nothing of single runs."""
    if REASON in trial.user_attrs:
        return str(trial.user_attrs[REASON])
    with suppress(RecordError):
        return reason_of(read_record(directory.trial(trial.number).record))
    return "no reason was told"
