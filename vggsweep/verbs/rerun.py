"""``vggsweep rerun SWEEP [TRIAL ...]``: train failed trials again, once their cause is cured."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from vggsweep.errors import ConfigError, SweepError
from vggsweep.results.disk.choice import CHOICE_HELP, choose
from vggsweep.results.disk.layout import SweepDirectory, enter_outputs
from vggsweep.results.disk.record import Record
from vggsweep.sweep.command_line import choose_only
from vggsweep.sweep.recovery.continuation import kind_of
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.spec.saved_spec import read_saved
from vggsweep.sweep.storage.trial_attrs import EARLIER, attrs_of, is_counted, is_in_progress
from vggsweep.trial_directory import own_record

HELP = "train failed trials again under their own numbers, once their cause is cured"
EXAMPLE = """\
examples:
  vggsweep rerun quickstart           every trial that failed or lost its record
  vggsweep rerun quickstart 3 7       these two
  vggsweep rerun quickstart/7         this one
  vggsweep rerun runs                 failed single runs

The sweep's own command line decides how they are trained. Why a trial failed before stays in its record's
notes, and the record of that attempt beside it as earlier-record.json. What it had trained is not trained
again.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("sweep", metavar="SWEEP", help=CHOICE_HELP)
    parser.add_argument(
        "trials",
        nargs="*",
        default=[],
        type=_number,
        metavar="TRIAL",
        help="numbers; left out, all failed ones",
    )


def _number(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{word!r} is no trial number; a name with blanks is quoted"
        ) from None


def run(arguments: argparse.Namespace) -> int | list[str]:
    """Choose the trials; a sweep's are trained by its own line, single runs one after the other.

    Returns:
        The exit code, or the words of that line.
    """
    choice = choose([arguments.sweep])
    directory = choice.sweeps[0]
    asked = [*choice.trials.get(directory.path, ()), *arguments.trials]
    is_sweep = kind_of(directory) == "sweep"
    saved = read_saved(directory) if is_sweep else None
    study = read_study(directory, saved.storage if saved is not None else None)
    has_all_files = saved is None or saved.storage is None
    numbers = _chosen(directory, study.get_trials(deepcopy=False), asked, has_all_files)
    if not numbers:
        print(f"No trial of {directory.name} failed.")
        return 0
    enter_outputs(directory)
    if not is_sweep:
        from vggsweep.sweep.rerun import rerun_runs

        return rerun_runs(directory, numbers)
    if saved is None:
        raise SweepError(
            f"{directory.settings} is lost or damaged, and with it the line that trains these trials. Type "
            "the sweep's own command once, which writes it anew, and then:\n"
            f"  vggsweep rerun {shlex.quote(directory.name)}"
        )
    choose_only(numbers)
    return _line(saved.command, directory.name)


def _chosen(
    directory: SweepDirectory, trials: Sequence[FrozenTrial], asked: Sequence[int], has_all_files: bool
) -> list[int]:
    """Numbers of the trials to train again.

    Raises:
        ConfigError: one that was asked for is no trial, or has a result.
    """
    may = [trial.number for trial in trials if _may_again(directory, trial, has_all_files)]
    wrong = [number for number in asked if number not in may]
    if wrong:
        listed = ", ".join(map(str, may)) or "none"
        raise ConfigError(
            f"Trial {wrong[0]} of {directory.name} did not fail, or there is none. May be trained again: "
            f"{listed}."
        )
    if asked:
        return sorted(set(asked))
    unfinished = [t.number for t in trials if is_in_progress(t) and EARLIER not in t.user_attrs]
    return [number for number in may if number not in unfinished]


def _may_again(directory: SweepDirectory, trial: FrozenTrial, has_all_files: bool) -> bool:
    if is_in_progress(trial):
        return True
    attrs = attrs_of(trial)
    if attrs is None or not is_counted(trial) or not trial.state.is_finished():
        return False
    own = own_record(directory.trial(trial.number), trial.number, attrs.identity)
    return trial.state is TrialState.FAIL or (has_all_files and not isinstance(own, Record))


def _line(command: str, name: str) -> list[str]:
    # what is trained again takes nothing over, and an earlier sweep may be gone
    others = ("sweep.name=", "sweep.warm_start=")
    words = [word for word in shlex.split(command)[1:] if not word.startswith(others)]
    return [*words, f"sweep.name={name}"]
