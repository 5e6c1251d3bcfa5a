"""The report of a sweep that ended, handed to its loggers and read back from what they wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.loggers.conftest import DONE
from tests.processes import Command
from vggsweep.cli import run_verb
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.sweep.outcome import WorkerOutcome

CUSTOM = ("logger=custom", "logger.custom.target=my_loggers.Mine")
# Writes a line of each sweep that it is told of.
SWEEPS = """
class Mine:
    def begin(self, run):
        return 0

    def epoch(self, number, values): ...

    def end(self, ending): ...

    def end_sweep(self, sweep):
        names = [path.name for path in sweep.files if path.is_file()]
        with open("sweeps.txt", "a") as file:
            print(sweep.token, len(sweep.runs), sweep.results, sweep.notes, names, sep="|", file=file)
"""


def told() -> list[list[str]]:
    return [line.split("|") for line in Path("sweeps.txt").read_text().splitlines()]


@pytest.mark.slow
def test_a_sweep_hands_its_report_over_when_it_ends_and_again_when_it_goes_on(
    start: Callable[..., Command], my_loggers: Callable[[str], None]
) -> None:
    my_loggers(SWEEPS)
    words = ("-m", "arch.depth=2,3", *CUSTOM, "sweep.name=mine")

    first = start(*words, "n_trials=1")
    assert first.end() == 0, first.text
    second = start(*words, "n_trials=2")
    assert second.end() == 0, second.text

    (token, runs, results, _, _), (again, more, later, notes, names) = told()
    assert token == again, "the same run"
    assert (runs, more) == ("1", "2")
    assert "'trials/COMPLETE': 1.0" in results
    assert "'trials/COMPLETE': 2.0" in later
    assert "'best/val_acc': 0." in later
    assert "'ended': 'all 2 trials are done'" in notes
    assert "'best': 'mine/" in notes
    assert names == "['report.html', 'table.csv', 'front.png', 'optimization_results.yaml']"
    report = sweep_directory("mine").report
    assert f"  report    {report.absolute()}" in second.text
    assert "Sweep mine ended: all 2 trials are done" in report.read_text()


def test_a_logger_that_fails_with_the_report_is_said_and_stops_nobody(
    report_again: Callable[..., None], my_loggers: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    my_loggers(SWEEPS.replace("names = [", "raise OSError('the server is gone')\n        names = ["))

    report_again(*CUSTOM)

    said = " ".join(capsys.readouterr().err.split())
    assert said.count("logger custom failed: OSError: the server is gone. The sweep's report") == 1


def test_a_logger_of_trials_alone_is_told_of_no_sweep(
    report_again: Callable[..., None], my_loggers: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    my_loggers(SWEEPS.partition("    def end_sweep")[0])

    report_again(*CUSTOM)

    assert capsys.readouterr().err == ""
    assert not Path("sweeps.txt").exists()


@pytest.mark.parametrize(
    ("words", "outcome"),
    [(CUSTOM, WorkerOutcome.stopped("SIGINT")), (("logger=none",), DONE)],
)
def test_after_a_signal_and_without_loggers_no_report_is_made(
    quickstart: Path,
    report_again: Callable[..., None],
    my_loggers: Callable[[str], None],
    words: tuple[str, ...],
    outcome: WorkerOutcome,
) -> None:
    my_loggers(SWEEPS)

    report_again(*words, outcome=outcome)

    assert not (quickstart / "report.html").exists()
    assert not Path("sweeps.txt").exists()


def test_tensorboard_shows_the_front_and_what_the_sweep_was_in_one_file(
    quickstart: Path, report_again: Callable[..., None]
) -> None:
    report_again("logger=tensorboard")
    report_again("logger=tensorboard")

    assert len(list(quickstart.glob("events.out.tfevents.*"))) == 1, "replaced"
    events = EventAccumulator(str(quickstart)).Reload()
    [front] = events.Images("front")
    assert front.encoded_image_string == (quickstart / "front.png").read_bytes()
    assert front.width > front.height > 100
    [complete] = events.Scalars("trials/COMPLETE")
    assert complete.value == 4
    [best] = events.Tensors("best/text_summary")
    assert best.tensor_proto.string_val[0].startswith(b"quickstart/")


def test_nothing_of_it_stays_when_the_sweep_is_removed(
    quickstart: Path, report_again: Callable[..., None]
) -> None:
    report_again("logger=tensorboard")

    assert run_verb("rm", ["quickstart", "--yes"]) == 0
    assert not quickstart.exists()
