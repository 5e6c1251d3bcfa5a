"""``vggsweep status [SWEEP]``: progress, running trials and the front so far, from any terminal."""

from __future__ import annotations

import argparse
import time
from collections import Counter

import optuna
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vggsweep.errors import ConfigError, RecordError
from vggsweep.results.layout import SweepDirectory, find_sweep
from vggsweep.results.sweep_file import SavedOrder, read_saved_order
from vggsweep.results.units import short_count, swept_words
from vggsweep.sweep.marks import INFEASIBLE, is_infeasible, mark_of
from vggsweep.sweep.progress import SweepProgress, best_trials, read_progress
from vggsweep.sweep.study import read_study
from vggsweep.sweep.view import running_table

HELP = "how far a sweep is: counts by state, running trials, the front so far"
EXAMPLE = """\
examples:
  vggsweep status                  the newest sweep under outputs/
  vggsweep status quickstart --watch
"""
SECONDS_BETWEEN_LOOKS = 2.0
REASONS_SHOWN = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("sweep", nargs="?", metavar="SWEEP", help="directory or name under outputs/")
    parser.add_argument("--watch", action="store_true", help="look again every two seconds until it is done")


def run(arguments: argparse.Namespace) -> int:
    """Print the status once, or follow it."""
    directory = find_sweep(arguments.sweep)
    console = Console(highlight=False)
    if not arguments.watch:
        console.print(status_picture(directory)[0], soft_wrap=True)
        return 0
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            picture, is_done = status_picture(directory)
            live.update(picture, refresh=True)
            if is_done:
                return 0
            time.sleep(SECONDS_BETWEEN_LOOKS)


def status_picture(directory: SweepDirectory) -> tuple[RenderableType, bool]:
    """What to show, and whether the sweep has reached its total."""
    if not directory.study.is_file() and not directory.settings.is_file():
        raise ConfigError(f"{directory.path} holds no study; `vggsweep table` reads its records.")
    damage: list[RenderableType] = []
    saved: SavedOrder | None = None
    try:
        saved = read_saved_order(directory.settings)
    except RecordError as error:
        damage = [Text(f"damaged: {error}")]
    study = read_study(directory, saved.storage if saved is not None else None)
    progress = read_progress(directory, study.get_trials(deepcopy=False))
    total = saved.n_trials if saved is not None else None
    best = best_trials(study)
    refused = Counter(t.user_attrs[INFEASIBLE] for t in study.get_trials(deepcopy=False) if is_infeasible(t))
    lines = [
        Text.assemble((directory.name, "bold"), f"  {progress.done}{f' of {total}' if total else ''} done"),
        Text(_counts(progress)),
    ]
    parts: list[RenderableType] = [*lines, *damage]
    if progress.running:
        parts.append(running_table(progress))
    if best:
        parts.append(_best_table(study, best, saved))
    parts += [Text(f"INFEASIBLE {count} x {reason}") for reason, count in refused.most_common(REASONS_SHOWN)]
    return Group(*parts), total is not None and progress.done >= total


def _counts(progress: SweepProgress) -> str:
    words = [f"{count} {state}" for state, count in sorted(progress.counts.items())]
    if progress.retried:
        words.append(f"{progress.retried} continued after a death")
    return ", ".join(words) or "nothing yet"


def _best_table(study: optuna.Study, best: list[optuna.trial.FrozenTrial], saved: SavedOrder | None) -> Table:
    table = Table(
        title="front so far" if len(study.directions) > 1 else "best so far",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    table.add_column("trial", justify="right")
    for name in saved.objective if saved is not None else ["val_acc"]:
        table.add_column(name, justify="right")
    table.add_column("parameters")
    for trial in sorted(best, key=lambda trial: -trial.values[0]):
        mark = mark_of(trial)
        values = [f"{trial.values[0]:.4f}", *(short_count(value) for value in trial.values[1:])]
        swept = mark.swept if mark is not None and mark.swept else trial.params
        table.add_row(str(trial.number), *values, swept_words(swept))
    return table
