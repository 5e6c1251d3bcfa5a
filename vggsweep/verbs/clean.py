"""``vggsweep clean [SWEEP ...]``: remove checkpoints and weights that nobody needs, after asking."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from vggsweep.errors import ConfigError, RecordError
from vggsweep.files import size_text, write_failed
from vggsweep.results.disk.address import ranges
from vggsweep.results.disk.best import ranked_configurations
from vggsweep.results.disk.choice import CHOICE_HELP, choose
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.leftovers import KINDS, Leftover, leftovers_of
from vggsweep.results.disk.sweep_file import read_saved_spec
from vggsweep.results.dominance import front_flags
from vggsweep.results.tables.table import DAMAGED, read_rows
from vggsweep.sweep.display.asking import confirm
from vggsweep.sweep.storage.file_lock import is_owned
from vggsweep.visible import show

HELP = "remove checkpoints and weights that nobody needs; says what it frees, and asks"
EXAMPLE = """\
examples:
  vggsweep clean                          the newest sweep; networks on its front keep theirs
  vggsweep clean quickstart --keep-best 3
  vggsweep clean quickstart/7 --yes       one trial, without a question

Records, histories, logs and the study stay, and so does everything of a trial that has no result yet: the
sweep's own command continues it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("sweeps", nargs="*", metavar="SWEEP", help=CHOICE_HELP)
    parser.add_argument(
        "--keep-best",
        type=int,
        metavar="N",
        help="trials of each sweep's N best configurations keep theirs (default: those on the front, and of "
        "the best one)",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    """Say what would be freed, ask, and remove it."""
    if arguments.keep_best is not None and arguments.keep_best < 0:
        raise ConfigError(f"--keep-best {arguments.keep_best}: none is the fewest that can be kept, 0.")
    choice = choose(arguments.sweeps)
    found: list[Leftover] = []
    for sweep in choice.sweeps:
        own, kept = _found(sweep, choice.numbers(sweep), arguments.keep_best, not choice.trials)
        found += own
        stay = f"; {_named(kept)} keep{'s' if len(kept) == 1 else ''} all files" if kept else ""
        show(f"{sweep.name}: {len(own)} file{'' if len(own) == 1 else 's'} to remove{stay}")
    if not found:
        show("Nothing to remove.")
        return 0
    counts, sizes = Counter(one.kind for one in found), Counter[str]()
    for one in found:
        sizes[one.kind] += one.size
    for kind, name in KINDS.items():
        if counts[kind]:
            show(f"  {size_text(sizes[kind]):>10}  {counts[kind]} x {name}")
    total = size_text(sum(sizes.values()))
    if not confirm(f"Remove these {len(found)} files ({total})?", is_yes=arguments.yes):
        show("Nothing was removed.")
        return 0
    for one in found:
        try:
            one.path.unlink(missing_ok=True)
        except OSError as error:
            raise write_failed(one.path, error) from error
    show(f"{total} freed.")
    return 0


def _found(
    sweep: SweepDirectory, numbers: Sequence[int], best: int | None, is_whole: bool
) -> tuple[list[Leftover], list[int]]:
    """What finished trials left, and the numbers of those that keep it because they are good."""
    rows = [row for row in read_rows(sweep.path) if row["state"] != DAMAGED]
    states = {int(row["trial"]): str(row["state"]) for row in rows}
    # whoever names a trial means it
    needed = _needed(sweep, rows, best) if is_whole or best is not None else set()
    found: list[Leftover] = []
    kept = []
    for number in numbers:
        trial = sweep.trial(number)
        if number not in states or is_owned(trial.lock):
            continue
        own = list(leftovers_of(trial, states[number]))
        if number not in needed:
            found += own
        elif own:
            kept.append(number)
    return found, kept


def _needed(sweep: SweepDirectory, rows: Sequence[Mapping[str, Any]], best: int | None) -> set[int]:
    ranked = ranked_configurations(sweep)
    needed = {number for one in ranked[: 1 if best is None else best] for number in one.trials}
    if best is None:
        flags = front_flags(rows, _cost(sweep))
        needed |= {row["trial"] for row, is_front in zip(rows, flags, strict=True) if is_front}
    return needed


def _cost(sweep: SweepDirectory) -> str:
    """The cost that the sweep optimised, else MACs."""
    with suppress(RecordError):
        saved = read_saved_spec(sweep.settings)
        if saved is not None and len(saved.objective) > 1:
            return saved.objective[1]
    return "macs"


def _named(numbers: Sequence[int]) -> str:
    return f"trial{'' if len(numbers) == 1 else 's'} {ranges(numbers)}"
