"""``vggsweep reproduce SWEEP/7``: train a trial's configuration and seed once more, and compare."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vggsweep.configuration.recorded import repeated_plain
from vggsweep.errors import EXIT_FAILED, EXIT_INTERRUPTED, ConfigError, Interrupted
from vggsweep.results.disk.address import TRIAL_HELP, find_trial
from vggsweep.results.disk.choice import sweep_of
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record, read_record
from vggsweep.results.statistics.agreement import Agreement, Fact, compare_repetition
from vggsweep.results.tables.terminal import output_console
from vggsweep.results.units import number_text
from vggsweep.visible import show, visible

HELP = "train a trial's configuration and seed once more, elsewhere, and compare versions and results"
EXAMPLE = """\
examples:
  vggsweep reproduce quickstart/7
  vggsweep reproduce quickstart/best --tolerance 0.005 --json

The new training is a single run of outputs/reproduced; the sweep stays as it is. On the CPU, by the same
versions on the same kind of machine, every epoch has to be equal to the last bit. Elsewhere val_acc may
differ by the noise, or by --tolerance. The exit code is 0 where it was reproduced, 1 where not.
"""
NAME = "reproduced"
FILE_WIDTH = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("trial", metavar="TRIAL", help=TRIAL_HELP)
    parser.add_argument("--tolerance", type=float, metavar="X", help="by how much val_acc may differ")
    parser.add_argument("--device", metavar="NAME", help="train there instead: auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Train once more and compare."""
    if arguments.tolerance is not None and not 0 <= arguments.tolerance <= 1:
        raise ConfigError(f"--tolerance {arguments.tolerance}: a difference of accuracies lies in 0 to 1.")
    place = find_trial(arguments.trial)
    record = read_record(place.record)
    if record.state == "FAIL":
        raise ConfigError(
            f"{arguments.trial} failed ({record.reason}), so there is no result to reproduce. "
            "`vggsweep rerun` trains it again."
        )
    plain = repeated_plain(record, arguments.device)
    plain["sweep"] |= {"name": NAME, "storage": None, "replicates": 1}
    again, there = _train(plain, record, as_json=arguments.json)
    if again is None or there is None:
        return EXIT_INTERRUPTED
    found = compare_repetition(
        (record, read_history(place.history)),
        (again, read_history(there.history)),
        _noise(place),
        arguments.tolerance,
    )
    if arguments.json:
        print(json.dumps({**asdict(found), "directory": str(there.path)}, indent=2))
    else:
        _print(found, output_console(FILE_WIDTH))
        show(f"files     {there.path}")
    return 0 if found.is_reproduced else EXIT_FAILED


def _train(
    plain: dict[str, Any], record: Record, *, as_json: bool
) -> tuple[Record | None, TrialDirectory | None]:
    # torch comes with these
    from vggsweep.configuration.checks import check_configuration
    from vggsweep.configuration.schema import read_configuration
    from vggsweep.sweep.single_run import train_one
    from vggsweep.training.interruption import stop_on_signals

    check_configuration(read_configuration(plain))
    words = [word for word in record.overrides if not word.startswith("sweep.name=")]
    console = Console(stderr=True)
    if not as_json:
        show(f"trains {record.sweep}/{record.trial} once more (seed {plain['seed']})", sys.stderr)
    with stop_on_signals() as stop:
        try:
            return train_one(plain, words, stop=stop, console=console)
        except (Interrupted, KeyboardInterrupt):
            show(f"\nStopped by {stop.signal_name}. The same command continues.", sys.stderr)
            return None, None


def _noise(place: TrialDirectory) -> Any:
    from vggsweep.results.findings.evidence import load_evidence
    from vggsweep.results.statistics.noise import noise_behind
    from vggsweep.results.statistics.replicates import mean_over_seeds

    table = load_evidence([sweep_of(place)]).table
    return noise_behind(table, mean_over_seeds(table))


def _print(found: Agreement, console: Console) -> None:
    table = Table(show_edge=False)
    for name in ("", "recorded", "now", ""):
        table.add_column(name)
    others = [fact for fact in found.environment if not fact.is_same]
    for fact in [*others, *found.results]:
        same = "same" if fact.is_same else "" if fact.name == "train_seconds" else "differs"
        table.add_row(*(Text(visible(text)) for text in (fact.name, *_texts(fact), same)))
    console.print(table)
    equal = len(found.environment) - len(others)
    console.print(f"{equal} of {len(found.environment)} versions and facts of the machine are the same.")
    console.print(Text(visible(found.verdict), style="bold"), soft_wrap=True)


def _texts(fact: Fact) -> tuple[str, str]:
    digits = 17 if not fact.is_same and fact.name != "train_seconds" else 6
    before, now = (number_text(value, digits) for value in (fact.before, fact.now))
    return before or "unknown", now or "unknown"
