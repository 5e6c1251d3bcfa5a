"""What holds for every test: it writes nothing into the checkout and reads nothing of its user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.processes import WARM_PROCESS, Command
from vggsweep.cli import is_bare_word

if TYPE_CHECKING:
    from vggsweep.results.layout import TrialDirectory
    from vggsweep.results.record import Record

CHECKOUT = Path(__file__).parents[1]

# a first call into torch can take longer than hypothesis' 200 ms an example and says nothing about our code
hypothesis.settings.register_profile("vggsweep", deadline=None)
hypothesis.settings.load_profile("vggsweep")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's current directory: `outputs/` appears here, and the data root lies in it.

    A test that wants another data root sets VGGSWEEP_DATA itself.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VGGSWEEP_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    return tmp_path


# Two convolutions on 256 real images: a tenth of a second an epoch.
TINY = (
    "arch.num_blocks=2",
    "arch.depth=2",
    "arch.width=4",
    "dataset.limit=256",
    "train.epochs=2",
    "train.batch_size=64",
    "train.precision=fp32",
    "train.threads=1",
    "measure=none",
    "device=cpu",
)


@pytest.fixture
def tiny_line() -> tuple[str, ...]:
    """The words of a training that takes no time."""
    return TINY


@pytest.fixture(scope="session")
def tiny() -> Callable[..., dict[str, Any]]:
    """``tiny("train.epochs=3")``: the configuration of those words and these, as plain values."""
    from vggsweep.sweep.composer import Composer

    composer = Composer(fixed=TINY)
    return lambda *words: composer.compose(words)


@pytest.fixture
def train(tiny: Callable[..., dict[str, Any]]) -> Callable[..., tuple[Record, TrialDirectory]]:
    """``train("seed=1")``: that configuration trained as a single run; its record and its directory."""
    from rich.console import Console

    from vggsweep.sweep.single_run import train_one
    from vggsweep.training.interruption import StopRequest

    def run(*words: str) -> tuple[Record, TrialDirectory]:
        return train_one(tiny(*words), words, stop=StopRequest(), console=Console(file=StringIO()))

    return run


@pytest.fixture(scope="session")
def warm_process() -> Iterator[subprocess.Popen[str]]:
    # Threads that spin while they wait would make a busy machine ten times slower.
    threads = {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"}
    environment = {**os.environ, **threads, "PYTHONPATH": str(CHECKOUT)}
    environment.pop("HYDRA_FULL_ERROR", None)
    with subprocess.Popen(
        [sys.executable, "-c", WARM_PROCESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "warm\n"
        yield process


@pytest.fixture
def start(
    warm_process: subprocess.Popen[str], own_folder: Path, tiny_line: tuple[str, ...]
) -> Callable[..., Command]:
    """``start("seed=1")`` runs the command with those words in the test's own folder.

    The words of `tiny_line` that they do not set stand before them. With ``killed_after="a.b.function"``
    SIGKILL meets the process exactly when that function has returned for the first time.
    """

    def begin(*words: str, folder: Path = own_folder, killed_after: str | None = None) -> Command:
        output = folder / "output.txt"
        output.touch()
        length = len(output.read_text())
        assert warm_process.stdin is not None
        assert warm_process.stdout is not None
        own = {word.partition("=")[0] for word in words}
        if "arch" in own:  # another family has other fields
            own |= {word.partition("=")[0] for word in tiny_line if word.startswith("arch.")}
        rest = [word for word in tiny_line if word.partition("=")[0] not in own]
        if words and is_bare_word(words[0]):  # a verb comes first and is told no fields
            rest = []
        line = json.dumps([[*rest, *words], str(folder), str(output), killed_after])
        warm_process.stdin.write(f"{line}\n")
        warm_process.stdin.flush()
        return Command(int(warm_process.stdout.readline()), output, warm_process, length)

    return begin
