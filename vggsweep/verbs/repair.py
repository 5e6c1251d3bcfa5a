"""``vggsweep repair SWEEP``: make a lost or damaged study, and the table's index, anew from the records."""

from __future__ import annotations

import argparse
import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial

from vggsweep.errors import ConfigError
from vggsweep.results.disk.choice import find_whole_sweep
from vggsweep.results.disk.index import INDEX_NAME
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.tables.table import read_rows
from vggsweep.sweep.display.progress import state_name
from vggsweep.sweep.recovery.continuation import kind_of, say
from vggsweep.sweep.recovery.rebuild import Plan, rebuilt_trials
from vggsweep.sweep.recovery.study_edits import refuse_while_at_work, replace_study
from vggsweep.sweep.spec.saved_spec import STUDY_MARK, read_saved
from vggsweep.sweep.storage.study import open_study, storage_of

HELP = "make a lost or damaged study, and the table's index, anew from the records"
EXAMPLE = """\
examples:
  vggsweep repair quickstart

Every trial keeps its number, state, values and parameters, so that the sweep's own command continues it
and the sampler knows what was tried. A study that can still be read keeps what no record tells, such as
networks that cannot exist. The file that was there is kept as before-repair-1-study.db.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("sweep", nargs="?", metavar="SWEEP", help="directory or name under outputs/")


def run(arguments: argparse.Namespace) -> int:
    """Make the study anew and say what is in it."""
    directory = find_whole_sweep(
        arguments.sweep,
        "A study belongs to a whole sweep: name that. `vggsweep rerun` trains a trial again that lost its "
        "record.",
    )
    if not directory.begun_trials():
        raise ConfigError(
            f"{directory.path} holds no trial that was begun: there is nothing to make a study from."
        )
    saved = read_saved(directory)
    refuse_while_at_work(directory)
    storage = saved.storage if saved is not None else None
    known, attributes = _readable(directory, storage)
    attributes = dict(attributes)
    if saved is not None:
        attributes[STUDY_MARK] = {"fingerprint": saved.fingerprint, "command": saved.command}
    plan = Plan.of(saved, known)
    if saved is None and kind_of(directory) == "sweep" and STUDY_MARK not in attributes:
        say(
            f"{directory.settings} is lost or damaged as well: what was swept is known from each record, the "
            "space and the objective are not. The sweep's own command brings them back."
        )
    trials = rebuilt_trials(directory, plan)
    before = replace_study(directory, storage, plan.metrics, trials, attributes)
    (directory.path / INDEX_NAME).unlink(missing_ok=True)
    rows = read_rows(directory.path)
    counts = Counter(state for trial in trials if (state := state_name(trial)) is not None)
    print(f"{directory.name}: {', '.join(f'{n} {state}' for state, n in sorted(counts.items()))}")
    print(f"  records   {len(rows)}")
    if before is not None:
        print(f"  before    {before}")
    print(f"  next      vggsweep status {shlex.quote(directory.name)}")
    return 0


def _readable(directory: SweepDirectory, storage: str | None) -> tuple[Sequence[FrozenTrial], dict[str, Any]]:
    """What the study that is there still tells."""
    if storage is None and not directory.study.is_file():
        return (), {}
    try:
        study = open_study(directory, storage=storage)
        found = study.get_trials(deepcopy=False), study.user_attrs
        storage_of(study).close()
    except Exception:  # whatever a damaged database makes SQLAlchemy and Optuna raise
        return (), {}
    return found
