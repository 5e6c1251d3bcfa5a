"""``vggsweep rm SWEEP/7 …``: remove trials, or whole sweeps, for good; after asking."""

from __future__ import annotations

import argparse
import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vggsweep.errors import ConfigError, RecordError
from vggsweep.files import size_text
from vggsweep.results.disk.choice import CHOICE_HELP, Choice, choose
from vggsweep.results.disk.layout import OUTPUTS, SweepDirectory
from vggsweep.results.disk.leftovers import size_of
from vggsweep.results.disk.record import Record, read_record
from vggsweep.sweep.display.asking import confirm
from vggsweep.sweep.recovery.continuation import kind_of
from vggsweep.sweep.recovery.removal import check_removal, remove_sweep, remove_trials
from vggsweep.visible import show

HELP = "remove trials, or whole sweeps, for good; asks before"
EXAMPLE = """\
examples:
  vggsweep rm quickstart/7                one trial: out of the study and off the disk
  vggsweep rm quickstart/3 quickstart/7
  vggsweep rm quickstart                  the whole sweep

The number of a removed trial is never given again, and `vggsweep repair` does not bring it back. The files
that tell of all trials, such as table.csv, go with it. The sweep's own command writes them anew, and may
train the configuration again, under a new number. `vggsweep clean` frees space and keeps results.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("sweeps", nargs="+", metavar="SWEEP", help=CHOICE_HELP)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    """Say what would go, ask, and remove it."""
    choice = choose(arguments.sweeps)
    trials = wholes = 0
    for sweep in choice.sweeps:
        named = choice.trials.get(sweep.path)
        if named is None and kind_of(sweep) is None and not sweep.settings.is_file():
            raise ConfigError(f"{sweep.path} holds no trial and no study of vggsweep: it is left alone.")
        check_removal(sweep, None if named is None else sorted(named))
        trials, wholes = trials + len(named or ()), wholes + (named is None)
    for line in _lines(choice):
        show(line)
    what = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((wholes, "sweep"), (trials, "trial"))
        if count
    ]
    if not confirm(f"Remove {' and '.join(what)} for good?", is_yes=arguments.yes):
        show("Nothing was removed.")
        return 0
    for sweep in choice.sweeps:
        if (named := choice.trials.get(sweep.path)) is not None:
            stale = remove_trials(sweep, sorted(named))
            show(f"Removed from {sweep.name}: {', '.join(map(str, sorted(named)))}.")
            if stale:
                show(f"Gone with them, as they told of them: {', '.join(stale)}.")
            continue
        left = remove_sweep(sweep)
        link = OUTPUTS / sweep.name
        if link.is_symlink() and not link.exists():
            link.unlink()
        show(f"Removed {sweep.name}.")
        if left:
            names = ", ".join(path.name for path in left)
            show(f"{sweep.path} stays with what is none of a sweep's files: {names}.")
    return 0


def _lines(choice: Choice) -> Iterator[str]:
    for sweep in choice.sweeps:
        if sweep.path not in choice.trials:
            yield f"{shlex.quote(sweep.name)}  {_whole(sweep)}"
            continue
        for number in choice.numbers(sweep):
            place = sweep.trial(number)
            what, size = _trial(_record(place.path)), size_text(size_of([place.path]))
            yield f"{shlex.quote(sweep.name)}/{number}  {what}, {size}"


def _whole(sweep: SweepDirectory) -> str:
    records = [_record(sweep.trial(number).path) for number in sweep.begun_trials()]
    counts = Counter(record.state if record is not None else "without a result" for record in records)
    states = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    seconds = sum(float(record.timings.get("train_seconds") or 0) for record in records if record is not None)
    trials = f"{len(records)} trial{'' if len(records) == 1 else 's'}" + (f" ({states})" if states else "")
    return f"{trials}, {seconds:,.0f} s of training, {size_text(size_of([sweep.path]))}"


def _trial(record: Record | None) -> str:
    if record is None:
        return "without a result"
    accuracy = record.metrics.get("val_acc")
    return record.state + (f", val_acc {accuracy:.4f}" if accuracy is not None else "")


def _record(place: Path) -> Record | None:
    with suppress(RecordError):
        return read_record(place)
    return None
