"""Several processes train one network as a single one would, and none of them outlives the trial."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from tests.conftest import TINY
from tests.processes import Command
from vggsweep.configuration.identity import configuration_hash
from vggsweep.configuration.schema import read_configuration
from vggsweep.data.cache import RECENT
from vggsweep.device import devices_of_ranks
from vggsweep.errors import ConfigError, TrialPruned
from vggsweep.results.columns import COLUMNS
from vggsweep.results.disk.answers import read_answers
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import TrialDirectory, sweep_directory
from vggsweep.results.disk.record import Record
from vggsweep.results.tables.table import row
from vggsweep.sweep.spec.composer import Composer
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import EpochResult
from vggsweep.training.progress import EpochObserver
from vggsweep.trial import TrialSpec, run_trial

Trained = tuple[Record, TrialDirectory, str]
Run = Callable[..., Trained]

# Everything that draws at random or acts on a whole batch; the last batch of an epoch has 39 images. Plain
# gradient descent over a few steps: what rounding does must stay smaller than what a mistake would do.
EVERYTHING = (
    *("arch.width=8", "arch.dropout=0.25", "augment=crop_flip", "augment.erase_probability=0.2"),
    *("train.clip_grad_norm=1.0", "train.ema=0.5", "train.label_smoothing=0.1", "dataset.limit=199"),
    "loss.class_weights=balanced",
    *(
        "optimizer=sgd",
        "optimizer.lr=0.1",
        "train.batch_size=40",
        "train.keep_weights=true",
        "train.epochs=2",
    ),
)
FOUR_EPOCHS = ("train.epochs=4", "train.keep_weights=true", "augment=crop_flip")
SCORES = ("train_loss", "train_acc", "val_loss", "val_acc", "averaged_val_acc")  # the last at rungs only


@pytest.fixture
def run(tiny: Callable[..., dict[str, Any]], tmp_path: Path) -> Run:
    """``run("train.nproc=2")``: that trial in a directory of its own; its record, directory and output."""

    def train(
        *words: str,
        on_epoch: EpochObserver | None = None,
        rungs: tuple[int, ...] = (),
        plain: dict[str, Any] | None = None,
    ) -> Trained:
        directory = TrialDirectory(tmp_path / f"{len(list(tmp_path.iterdir())):05d}")
        directory.path.mkdir()
        output = StringIO()
        spec = TrialSpec("together", 0, directory, plain or tiny(*words), words, rungs=rungs)
        console = Console(file=output, width=300)
        return (
            run_trial(spec, stop=StopRequest(), console=console, on_epoch=on_epoch),
            directory,
            output.getvalue(),
        )

    return train


def further_processes(pid: int | None = None) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(pid).children()
        if child.status() != psutil.STATUS_ZOMBIE and "vggsweep.trial_process" in child.cmdline()
    ]


def weights_of(directory: TrialDirectory) -> dict[str, torch.Tensor]:
    return load_file(directory.weights)


def assert_close(one: TrialDirectory, two: TrialDirectory, *, weights_differ: float = 2e-5) -> None:
    rows = zip(read_history(one.history), read_history(two.history), strict=True)
    for first, second in rows:
        for name in SCORES:
            assert first.get(name) == pytest.approx(second.get(name), abs=2e-5), name
    weights = weights_of(two)
    for name, tensor in weights_of(one).items():
        torch.testing.assert_close(weights[name], tensor, rtol=1e-3, atol=weights_differ)


def test_two_processes_train_as_one_does(run: Run) -> None:
    alone, its_directory, _ = run(*EVERYTHING, rungs=(1, 2))
    seen: list[tuple[int, int]] = []

    def look(result: EpochResult, val_images: int) -> None:
        seen.append((len(further_processes()), val_images))

    together, directory, output = run(*EVERYTHING, "train.nproc=2", on_epoch=look, rungs=(1, 2))

    assert together.state == "COMPLETE", together.reason
    assert_close(its_directory, directory)
    assert seen[0] == (1, alone.metrics["val_images"])  # after the last epoch it ends by itself
    assert together.configuration_hash == alone.configuration_hash
    assert together.costs == alone.costs
    assert together.metrics["class_images"] == alone.metrics["class_images"]
    assert together.metrics["class_acc"] == pytest.approx(alone.metrics["class_acc"], abs=2e-5)
    assert together.notes == alone.notes
    one, other = (read_answers(place.path) for place in (its_directory, directory))
    assert one is not None
    assert other is not None
    assert one.split == other.split
    assert (one.right != other.right).mean() < 0.05, "put together in the order of the images"
    assert set(weights_of(directory)) == set(weights_of(its_directory))
    assert output.count("epoch ") == 2
    assert not further_processes()
    assert not directory.pixels.exists()
    assert RECENT.folder is None
    cells = row(together, directory.path)
    assert (cells["nproc"], "nproc" in COLUMNS) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("nproc", "words"),
    [
        # the last of an epoch's batches has two images, and one process none
        (3, ("dataset.limit=130", "head=vgg", "head.hidden=32", "head.dropout=0.3")),
        (2, ("dataset.loader=streaming", "dataset.workers=1", "augment=random_erasing")),
        (2, ("arch.batch_norm=false", "optimizer=sgd", "dataset.resolution=24")),
    ],
)
def test_shares_of_any_size_and_either_loader_train_as_one_does(
    run: Run, nproc: int, words: tuple[str, ...]
) -> None:
    words = (*words, "train.epochs=3", "train.keep_weights=true")
    _, alone, _ = run(*words)
    record, together, _ = run(*words, f"train.nproc={nproc}")
    assert record.state == "COMPLETE", record.reason
    assert_close(alone, together, weights_differ=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", ["true", "false"])
def test_a_killed_process_costs_one_epoch_and_changes_nothing(run: Run, checkpoint: str) -> None:
    words = (*FOUR_EPOCHS, "train.nproc=2", f"train.checkpoint={checkpoint}")
    _, whole, _ = run(*words)
    killed: list[int] = []

    def kill(result: EpochResult, val_images: int) -> None:
        if result.epoch == 2 and not killed:
            (process,) = further_processes()
            process.kill()
            killed.append(process.pid)

    record, directory, output = run(*words, on_epoch=kill)

    assert record.state == "COMPLETE", record.reason
    assert "process 1 of train.nproc=2 died (SIGKILL); all processes begin again after epoch 2" in output
    assert any("died (SIGKILL)" in note for note in record.notes)
    assert ("continues after epoch 2 of 4" in output) == (checkpoint == "true")
    assert directory.weights.read_bytes() == whole.weights.read_bytes()
    assert not further_processes()


@pytest.mark.slow
def test_a_process_that_dies_again_and_again_fails_the_trial(run: Run) -> None:
    def kill(result: EpochResult, val_images: int) -> None:
        for process in further_processes():
            process.kill()

    record, _, _ = run("train.nproc=2", "train.checkpoint=false", "sweep.max_retries=1", on_epoch=kill)

    assert record.state == "FAIL"
    assert "process 1 of train.nproc=2 died (SIGKILL)" in (record.reason or "")
    assert "train.nproc" in (record.reason or "")


FAULTY = """
import torch, torch.distributed
from torch import nn

class Faulty(nn.Module):
    def __init__(self, channels, num_classes):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.LazyLinear(num_classes))
        self.body(torch.zeros(1, channels, 32, 32))

    def forward(self, x):
        if self.training and torch.distributed.get_rank() == 1:
            raise ValueError("one of two")
        return self.body(x)
"""


@pytest.mark.slow
def test_a_failure_in_one_process_ends_the_trial_with_its_reason(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faulty_network.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    composer = Composer(fixed=tuple(word for word in TINY if not word.startswith("arch.")))
    words = ("arch=custom", "arch.target=faulty_network.Faulty", "train.nproc=2")
    record, directory, _ = run(*words, plain=composer.compose(words))
    assert record.state == "FAIL"
    assert (record.reason or "").startswith("Process 1 of train.nproc=2: ValueError: one of two")
    assert "raise ValueError" in directory.log.read_text()
    assert not further_processes()


@pytest.mark.slow
def test_a_pruner_stops_all_processes(run: Run) -> None:
    def prune(result: EpochResult, val_images: int) -> None:
        raise TrialPruned(result.epoch)

    record, _, _ = run("train.nproc=2", "train.epochs=50", on_epoch=prune)
    assert record.state == "PRUNED"
    assert not further_processes()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_further_processes_end_with_their_trial_and_the_same_command_continues(
    start: Callable[..., Command], run: Run, number: signal.Signals
) -> None:
    words = (*FOUR_EPOCHS, "train.epochs=30", "train.nproc=2")
    command = start(*words)
    command.wait_for("epoch 2/30")
    (process,) = further_processes(command.pid)
    command.send(number)
    assert command.end() == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    assert not psutil.wait_procs([process], timeout=20)[1] or process.status() == psutil.STATUS_ZOMBIE
    directory = sweep_directory("runs").trial(0)
    assert not directory.pixels.exists()
    done = len(read_history(directory.history))
    again = start(*words)
    assert again.end() == 0, again.text
    assert f"continues after epoch {done} of 30" in again.text
    _, whole, _ = run(*words)
    assert directory.weights.read_bytes() == whole.weights.read_bytes()


@pytest.mark.slow
def test_ctrl_c_is_heard_while_another_process_hangs(start: Callable[..., Command]) -> None:
    first = "import vggsweep.trial_group; vggsweep.trial_group.SECONDS_TO_ANSWER = 0.5"
    command = start("train.epochs=500", "train.nproc=2", first=first)
    command.wait_for("epoch 2/500")
    (process,) = further_processes(command.pid)
    process.suspend()
    time.sleep(1.0)
    said = command.text
    command.send(signal.SIGINT)
    assert command.end() == 130
    assert "Stopped by SIGINT. The same command continues" in command.text
    assert command.text.count("epoch ") <= said.count("epoch ") + 1
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("train.nproc=3", "train.batch_size=2"), "Use train.nproc=2 at most"),
        (("train.nproc=2", "train.cuda_graph=always"), "Use train.cuda_graph=auto"),
        (("train.nproc=2", "train.compile=true"), "Use train.compile=false"),
    ],
)
def test_what_cannot_go_together_is_refused(
    tiny: Callable[..., dict[str, Any]], words: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        read_configuration(tiny(*words))


def test_devices_are_those_from_the_trials_own_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vggsweep.device.cuda_device_count", lambda: 4)
    second = torch.device("cuda", 1)
    assert list(map(str, devices_of_ranks(second, 3))) == ["cuda:1", "cuda:2", "cuda:3"]
    assert devices_of_ranks(torch.device("cpu"), 3) == [torch.device("cpu")] * 3
    with pytest.raises(ConfigError, match="needs 4 CUDA devices from cuda:1 on.*Use train.nproc=3"):
        devices_of_ranks(second, 4)
    with pytest.raises(ConfigError, match="Metal"):
        devices_of_ranks(torch.device("mps"), 2)


def test_processes_that_windows_cannot_join_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert devices_of_ranks(torch.device("cpu"), 1) == [torch.device("cpu")]
    with pytest.raises(ConfigError, match="train.nproc=2: on Windows .* Use train.nproc=1, or Linux in WSL"):
        devices_of_ranks(torch.device("cpu"), 2)


def test_the_number_of_processes_is_no_other_configuration(tiny: Callable[..., dict[str, Any]]) -> None:
    before = tiny()
    del before["train"]["nproc"]
    assert (
        configuration_hash(tiny("train.nproc=2")) == configuration_hash(tiny()) == configuration_hash(before)
    )


def test_the_number_of_processes_is_never_searched(start: Callable[..., Command], own_folder: Path) -> None:
    command = start("-m", "train.nproc=1,2")
    assert command.end() == 2
    assert "train.nproc is never searched" in command.text
    assert [path.name for path in own_folder.iterdir()] == ["output.txt"]
