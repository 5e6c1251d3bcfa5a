"""What becomes of a logger stops no training: it raises, it hangs, it cannot be loaded."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.loggers.conftest import LoggedTrial
from vggsweep.configuration.identity import configuration_hash
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import TrialPruned
from vggsweep.identity import Identity
from vggsweep.loggers import threads
from vggsweep.loggers.run_logging import logging_trial
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import EpochResult

Logged = Callable[..., LoggedTrial]
CUSTOM = ("logger=custom", "logger.custom.target=my_loggers.Mine")
# Writes a line of what it is told, and holds as many epochs as that file says.
WRITER = """
from pathlib import Path

class Mine:
    def __init__(self, path="told.txt"):
        self.path = Path(path)

    def begin(self, run):
        self.tell(f"begin {run.sweep}/{run.trial} {run.token} {run.is_continued}")
        return sum(line.startswith("epoch") for line in self.path.read_text().splitlines())

    def epoch(self, number, values):
        self.tell(f"epoch {number} {values['val_loss']}")

    def end(self, ending):
        self.tell(f"end {ending.state} {ending.reason} {[path.name for path in ending.files]}")

    def tell(self, line):
        with self.path.open("a") as file:
            file.write(line + "\\n")
"""


def told(path: str = "told.txt") -> list[str]:
    return Path(path).read_text().splitlines()


def test_a_logger_of_ones_own_is_told_of_each_epoch_and_of_the_end(
    logged: Logged, my_loggers: Callable[[str], None]
) -> None:
    my_loggers(WRITER)
    trial = logged(*CUSTOM, "+logger.custom.options.path=mine.txt")

    record = trial()

    losses = [row["val_loss"] for row in read_history(trial.directory.history)]
    first, *epochs, last = told("mine.txt")
    assert first.startswith("begin logged/7 ")
    assert epochs == [f"epoch 1 {losses[0]}", f"epoch 2 {losses[1]}"]
    assert last == "end COMPLETE None ['record.json', 'config.yaml', 'history.csv']"
    assert record.notes == ()


def test_the_example_of_the_documentation_works(logged: Logged, my_loggers: Callable[[str], None]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "loggers.md").read_text()
    my_loggers(page.partition("```python\n")[2].partition("```")[0])

    logged("logger=custom", "logger.custom.target=my_loggers.Lines", "+logger.custom.options.path=l.txt")()

    assert [line.split()[0] for line in told("l.txt")] == ["1", "2", "COMPLETE"]


def test_ctrl_c_while_a_trial_waits_shortens_the_wait(
    logged: Logged, my_loggers: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    my_loggers(WRITER.replace('self.tell(f"end', "__import__('time').sleep(1.5); self.tell(f\"end"))
    monkeypatch.setattr(threads, "PATIENCE", 60.0)
    monkeypatch.setattr(threads, "PATIENCE_ON_SIGNAL", 0.1)
    stop = StopRequest()
    directory = sweep_directory("logged").trial(7)
    directory.path.mkdir(parents=True)
    plain = logged(*CUSTOM).plain
    console = Console(file=StringIO())
    loggers = read_configuration(plain).logger
    threading.Timer(0.3, stop.handle, (signal.SIGINT, None)).start()

    with logging_trial(loggers, "logged", 7, directory, Identity("a"), plain, stop, console) as logging:
        began = time.perf_counter()
        logging.interrupt()
        assert time.perf_counter() - began < 1.5
    for thread in threading.enumerate():
        if thread.name == "vggsweep logger custom":
            thread.join()
    assert told()[-1].startswith("end INTERRUPTED"), "what was left came later"


def test_a_continued_trial_continues_its_run_and_no_epoch_is_told_twice(
    logged: Logged, my_loggers: Callable[[str], None]
) -> None:
    my_loggers(WRITER)
    trial = logged(*CUSTOM, "train.epochs=4")

    trial.interrupted_after(2)
    trial()

    lines = [line.split() for line in told()]
    begun = [line for line in lines if line[0] == "begin"]
    assert [line[3] for line in begun] == ["False", "True"]
    assert begun[0][2] == begun[1][2], "the same run"
    assert [line[1] for line in lines if line[0] == "epoch"] == ["1", "2", "3", "4"]
    assert [line[1] for line in lines if line[0] == "end"] == ["INTERRUPTED", "COMPLETE"]


def test_a_logger_that_is_added_later_is_told_the_epochs_before(
    logged: Logged, my_loggers: Callable[[str], None]
) -> None:
    my_loggers(WRITER)

    logged("train.epochs=3").interrupted_after(2)
    logged(*CUSTOM, "train.epochs=3")()

    assert [line.split()[1] for line in told() if line.startswith("epoch")] == ["1", "2", "3"]


def test_a_trial_that_is_trained_anew_is_another_run(
    logged: Logged, my_loggers: Callable[[str], None]
) -> None:
    my_loggers(WRITER)
    trial = logged(*CUSTOM)

    trial()
    trial()

    tokens = [line.split()[2] for line in told() if line.startswith("begin")]
    assert len(set(tokens)) == 2


def test_pruned_and_failed_trials_are_told_as_such(logged: Logged, my_loggers: Callable[[str], None]) -> None:
    my_loggers(WRITER)

    def prune(result: EpochResult, _images: int) -> None:
        raise TrialPruned(result.epoch)

    assert logged(*CUSTOM)(prune).state == "PRUNED"
    assert logged(*CUSTOM, "optimizer.lr=1e30", "train.clip_grad_norm=null")().state == "FAIL"

    ends = [line for line in told() if line.startswith("end")]
    assert ends[0].startswith("end PRUNED pruned after epoch 1 ['record.json', 'config.yaml'")
    assert ends[1].startswith("end FAIL The loss became NaN or infinite")


@pytest.mark.parametrize("when", ["__init__", "begin", "epoch", "end"])
def test_a_logger_that_raises_is_said_once_and_stops_nobody(
    logged: Logged, my_loggers: Callable[[str], None], when: str
) -> None:
    broken = f"\n    def {when}(self, *_):\n        raise OSError('postgresql://me:hunter2@db is gone')\n"
    my_loggers(WRITER + broken)
    trial = logged(*CUSTOM)

    assert trial().state == "COMPLETE"
    assert trial().state == "COMPLETE"

    said = trial.output.getvalue()
    assert said.count("logger custom failed: OSError: postgresql://me:***@db is gone.") == 1
    text = trial.directory.log.read_text()
    assert "hunter2" not in text + said
    assert "Traceback" in text


def test_a_logger_that_cannot_be_loaded_is_said_once_and_stops_nobody(logged: Logged) -> None:
    trial = logged("logger=custom", "logger.custom.target=no_such_module.Mine")

    assert trial().state == "COMPLETE"
    assert "logger.custom.target=no_such_module.Mine cannot be loaded" in trial.output.getvalue()


def test_a_logger_that_hangs_is_waited_for_once(
    logged: Logged, my_loggers: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    my_loggers(
        "import threading\ngo_on = threading.Event()\n"
        "class Mine:\n    def begin(self, run):\n        go_on.wait()\n        return 0\n"
        "    def epoch(self, *_): ...\n    def end(self, *_): ...\n"
    )
    monkeypatch.setattr(threads, "PATIENCE", 0.5)
    trial = logged(*CUSTOM)

    assert trial().state == "COMPLETE"
    began = time.perf_counter()
    other = logged(*CUSTOM, "seed=1")
    assert other().state == "COMPLETE"

    assert "logger custom failed: it has not answered for 0.5 s." in trial.output.getvalue()
    assert "logger custom did not answer a trial before this one" in trial.directory.log.read_text()
    assert time.perf_counter() - began < 10
    hanging = [thread for thread in threading.enumerate() if thread.name == "vggsweep logger custom"]
    assert len(hanging) == 1
    assert hanging[0].daemon, "the process may end without it"
    __import__("my_loggers").go_on.set()
    hanging[0].join()


def test_loggers_change_neither_identity_nor_result(
    logged: Logged, my_loggers: Callable[[str], None]
) -> None:
    my_loggers(WRITER)
    bare, other = logged(), logged(*CUSTOM)

    assert configuration_hash(bare.plain) == configuration_hash(other.plain)
    assert bare().metrics == other().metrics


def test_nothing_of_a_logger_is_imported_before_it_begins() -> None:
    code = (
        "import sys, vggsweep.loggers.run_logging\n"
        "print(sorted({'mlflow', 'tensorboard', 'torch', 'trackio', 'wandb'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_a_trial_without_loggers_has_no_run(logged: Logged) -> None:
    trial = logged()
    trial()

    assert not trial.directory.run.exists()
    assert [thread.name for thread in threading.enumerate() if "logger" in thread.name] == []
