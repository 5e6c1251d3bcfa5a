"""``vggsweep confirm SWEEP``: the best networks once more with fresh seeds, then the test set, once each."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from rich.table import Table
from rich.text import Text

from vggsweep.configuration.checks import check_device_word, check_name
from vggsweep.errors import ConfigError, Stopped, SweepError
from vggsweep.files import make_directory
from vggsweep.results.disk.address import ranges
from vggsweep.results.disk.choice import find_whole_sweep
from vggsweep.results.disk.confirmation import Confirmation, read_confirmation, write_confirmation
from vggsweep.results.disk.layout import SweepDirectory, enter_outputs, sweep_directory
from vggsweep.results.disk.openings import read_openings
from vggsweep.results.findings.chosen import choose_best
from vggsweep.results.findings.confirmed import findings_of, judge
from vggsweep.results.findings.evidence import load_evidence
from vggsweep.results.tables.table import read_records
from vggsweep.results.tables.terminal import output_console
from vggsweep.results.units import duration_text
from vggsweep.visible import show, visible

if TYPE_CHECKING:
    from vggsweep.sweep.application import Application, Checked
    from vggsweep.sweep.confirm import Search

HELP = "the best networks of a sweep, trained with fresh seeds and then tested, once each"
EXAMPLE = """\
examples:
  vggsweep confirm iso_macs
  vggsweep confirm iso_macs --top 3 --seeds 8 n_workers=4
  vggsweep confirm iso_macs --trials 3,7 --dry-run

The networks with the highest accuracy of the search, seeds averaged, of a sweep with two objectives those of
its front, are trained as the search trained them, with seeds that it never used, as a sweep of their own:
SWEEP-confirm, which status, table, report and rerun know as any other. When all are trained the test set is
opened once for each; the result goes into confirmation.json and the report. The same command continues after
a kill, and opens nothing twice. Words that may be set: n_workers, device, hydra/launcher, logger.
"""
TOP, SEEDS = 5, 5
FILE_WIDTH = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("sweep", metavar="SWEEP", help="sweep: directory or name under outputs/")
    parser.add_argument("overrides", nargs="*", default=[], metavar="WORD", help="such as n_workers=4")
    parser.add_argument("--top", type=int, metavar="N", help=f"at most so many networks (default: {TOP})")
    parser.add_argument("--seeds", type=int, metavar="N", help=f"trainings of each (default: {SEEDS})")
    parser.add_argument("--trials", metavar="3,7", help="the networks of these trials instead of the best")
    parser.add_argument("--name", metavar="NAME", help="of the new sweep (default: SWEEP-confirm)")
    parser.add_argument("--device", default="auto", help="where the test images are answered (default: auto)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be trained, and end")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Choose, train what is not trained yet, open the test set for what it was not opened for, and judge."""
    top, seeds, trials = _numbers(arguments)
    directory = find_whole_sweep(arguments.sweep, "Of a trial `vggsweep evaluate` opens the test set.")
    enter_outputs(directory)
    from vggsweep.sweep.confirm import ENDING, application_of, check_words, open_search
    from vggsweep.sweep.tested import finished_trials, open_tests

    words = check_words(arguments.overrides)
    search = open_search(directory)
    target = sweep_directory(arguments.name or f"{directory.name}{ENDING}")
    begun = read_confirmation(target.confirmation)
    if begun is None:
        confirmation = _new(search, target, top or TOP, seeds or SEEDS, trials, words)
    else:
        _refuse_others(begun, target, directory.name, top, seeds, trials)
        confirmation = begun
    application = application_of(confirmation, words)
    left = max(0, confirmation.networks - len(finished_trials(target)))
    checked = application.check() if left else None
    said = sys.stderr if arguments.json else sys.stdout
    _preview(confirmation, target, left, _workers(application, search), said)
    if arguments.dry_run:
        if arguments.json:
            print(json.dumps(asdict(confirmation), indent=2))
        return 0
    if begun is None:
        make_directory(target.path)
        write_confirmation(confirmation, target.confirmation)
    own_line = shlex.join(["vggsweep", "confirm", arguments.sweep])
    if checked is not None:
        _train(application, checked, own_line, as_json=arguments.json)
        if left := confirmation.networks - len(finished_trials(target)):
            raise SweepError(
                f"{left} of {confirmation.networks} networks of {target.name} are not trained yet: another "
                f"worker is at it, or their jobs wait. The test set stays closed until all are; then:\n"
                f"  {own_line}"
            )
    try:
        tested = open_tests(target, confirmation, arguments.device, shlex.split(own_line)[1:])
    except KeyboardInterrupt:
        raise Stopped(f"Stopped. Continue with:\n  {own_line}") from None
    result = judge(confirmation, tested, _cautions(search.directory, target))
    write_confirmation(confirmation.with_result(result), target.confirmation)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        _print(confirmation, target, result)
    return 0


def _numbers(arguments: argparse.Namespace) -> tuple[int | None, int | None, tuple[int, ...]]:
    """How many networks and seeds, and which trials, as typed.

    Raises:
        ConfigError: one of them makes no sense.
    """
    check_name(arguments.name)
    check_device_word(arguments.device)
    for name in ("top", "seeds"):
        if (value := getattr(arguments, name)) is not None and value < 1:
            raise ConfigError(f"--{name} {value}: a confirmation needs at least one of them.")
    if arguments.trials is None:
        return arguments.top, arguments.seeds, ()
    if arguments.top is not None:
        raise ConfigError("--trials names the networks, and --top would choose them. Leave one of them out.")
    words = [one.strip() for one in arguments.trials.split(",") if one.strip()]
    if not words or not all(one.isascii() and one.isdecimal() for one in words):
        raise ConfigError(
            f"--trials {arguments.trials} should be numbers with commas between them: --trials 3,7"
        )
    return None, arguments.seeds, tuple(sorted(set(map(int, words))))


def _new(
    search: Search,
    target: SweepDirectory,
    top: int,
    seeds: int,
    trials: tuple[int, ...],
    words: list[str],
) -> Confirmation:
    from vggsweep.sweep.confirm import begin_confirmation, refuse_running

    if target.begun_trials() or target.settings.exists():
        raise ConfigError(
            f"{target.path} is a sweep that confirms nothing. Give this confirmation another name: "
            f"--name {shlex.quote(f'{target.name}-2')}"
        )
    refuse_running(search)
    evidence = load_evidence([search.directory])
    choice = choose_best(evidence, top, trials)
    records = list(evidence.records.values())
    return begin_confirmation(search, choice, records, name=target.name, seeds=seeds, words=words)


def _refuse_others(
    begun: Confirmation,
    target: SweepDirectory,
    name: str,
    top: int | None,
    seeds: int | None,
    trials: tuple[int, ...],
) -> None:
    """Refuse to change a confirmation that was begun: what it trains was decided before its test.

    Raises:
        ConfigError: naming what differs.
    """
    typed = {"--top": (top, begun.top), "--seeds": (seeds, begun.seeds)}
    differences = [f"{flag} {was}" for flag, (now, was) in typed.items() if now not in (None, was)]
    if begun.sweep != name:
        differences.append(f"the networks of {begun.sweep}")
    if trials and trials != begun.named:
        differences.append(
            f"--trials {','.join(map(str, begun.named))}" if begun.named else f"--top {begun.top}"
        )
    if differences:
        raise ConfigError(
            f"{target.name} was begun with {' and '.join(differences)}, and a confirmation "
            "keeps to what was decided before its test. Without these flags the same command continues it; "
            f"another one, with seeds of its own, is --name {shlex.quote(f'{target.name}-2')}"
        )


def _workers(application: Application, search: Search) -> int:
    typed = [one for one in application.overrides if one.startswith("sweep.n_workers=")]
    return int(typed[-1].partition("=")[2]) if typed else search.saved.n_workers


def _preview(
    confirmation: Confirmation, target: SweepDirectory, left: int, workers: int, out: TextIO
) -> None:
    """What is trained and tested, and about how long it takes, before it begins."""
    chosen, seeds = confirmation.chosen, confirmation.seeds
    last = confirmation.first_seed + seeds - 1
    times = [one.seconds for one in chosen if one.seconds is not None]
    per_trial = sum(times) / len(times) if times else None
    lines = [f"confirm {confirmation.sweep}: {confirmation.rule}"]
    for one in chosen:
        behind = f"trial {one.trials[0]}" if len(one.trials) == 1 else f"trials {ranges(one.trials)}"
        lines.append(f"  {behind}  {confirmation.accuracy} {one.accuracy:.4f}  {one.name}")
    new = f"{confirmation.first_seed} to {last}" if seeds > 1 else str(last)
    lines.append(f"  seeds     {new}, which the search did not use")
    done = f"{confirmation.networks - left} of {confirmation.networks} trainings are done, " if left else ""
    if not left:
        lines.append(f"  training  all {confirmation.networks} networks of {target.name} are trained")
    elif per_trial is None:
        lines.append(f"  training  {done}{left} to go, in {target.name}")
    else:
        total = per_trial * -(-left // workers)
        by = f" with {workers} workers" if workers > 1 else ""
        lines.append(
            f"  training  {done}{left} to go, in {target.name}: about {duration_text(total)}{by}, as "
            f"long as the search took for them"
        )
    lines.append("  test set  opened once for each network, when all are trained")
    show("\n".join(lines), out)


def _train(application: Application, checked: Checked, own_line: str, *, as_json: bool) -> None:
    """Run the sweep of the confirmation; what it prints is beside the point where JSON is wanted."""
    from vggsweep.sweep.outcome import SweepEnding

    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        try:
            ending = application.run(checked, configures_logging=True)
            assert isinstance(ending, SweepEnding)
            ending.check()
        except (Stopped, SweepError) as error:
            raise type(error)(
                f"{error}\nThis does too, and opens the test set at the end:\n  {own_line}"
            ) from error


def _print(confirmation: Confirmation, target: SweepDirectory, result: dict[str, Any]) -> None:
    """The verdict, each network, and where the files are."""
    console = output_console(FILE_WIDTH)
    show(f"{target.name}: {result['images']:,} test images, {result['seeds']} new seeds for each network")
    console.print(Text(visible(result["verdict"]), style="bold"), soft_wrap=True)
    table = Table(show_edge=False)
    for name in (
        "network",
        "test_acc",
        "95 % interval",
        "seeds",
        confirmation.accuracy,
        "below the best",
        "p",
    ):
        table.add_column(name, justify="left" if name == "network" else "right")
    for one in sorted(findings_of(result), key=lambda one: -one.test_acc):
        interval = one.difference_interval
        below = (
            "" if interval is None else f"{one.difference:.4f} ({interval.low:+.4f} to {interval.high:+.4f})"
        )
        cells = [f"{one.test_acc:.4f}", str(one.interval), str(len(one.trials)), f"{one.search_acc:.4f}"]
        p = "" if one.p is None else f"{one.p:.3f}" if one.p >= 0.001 else "< 0.001"
        table.add_row(*(Text(visible(cell)) for cell in (one.name, *cells, below, p)))
    console.print(table)
    for line in (result["uncertainty"], *(f"Note: {one}." for one in result["cautions"])):
        if line:
            console.print(Text(visible(line)), soft_wrap=True)
    show(f"  file      {target.confirmation}\n  log       {target.openings}")
    show(f"  next      vggsweep report {shlex.quote(target.name)}")


def _cautions(search: SweepDirectory, target: SweepDirectory) -> list[str]:
    """What makes the test set less sealed than it should be."""
    found = []
    if earlier := read_openings(search.openings):
        times = "once" if len(earlier) == 1 else f"{len(earlier)} times"
        found.append(
            f"the test set was opened {times} during the search ({search.openings.name} of {search.name}): "
            "what was seen there may have led the choice"
        )
    records = [record for _, record in read_records(target.path)[0]]
    if any(record.configuration["arch"].get("pretrained") for record in records):
        found.append(
            "every seed begins with the same pretrained weights: what another pretraining would change is in "
            "no interval"
        )
    return found
