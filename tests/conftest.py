"""What holds for every test: it writes nothing into the checkout and reads nothing of its user."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.processes import WARM_PROCESS, Command
from vggsweep.cli import is_bare_word

if TYPE_CHECKING:
    from vggsweep.results.disk.layout import TrialDirectory
    from vggsweep.results.disk.record import Record

CHECKOUT = Path(__file__).parents[1]

# tests run side by side, a core each; threads that spin while they wait would make that ten times slower
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# what is imported for the tests stays: looking through it all again and again takes a fifth of the time
gc.disable()

# Examples that hypothesis draws for a test; `make test-long` draws more.
EXAMPLES = int(os.environ.get("VGGSWEEP_EXAMPLES", "10"))
# a first call into torch can take longer than hypothesis' 200 ms an example and says nothing about our code
hypothesis.settings.register_profile("vggsweep", deadline=None, max_examples=EXAMPLES)
hypothesis.settings.load_profile("vggsweep")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU on a machine without one."""
    on_cuda = [(item, attrs) for item in items if (attrs := item.get_closest_marker("cuda")) is not None]
    if not on_cuda:
        return
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    for item, attrs in on_cuda:
        needed = attrs.kwargs.get("devices", 1)
        if count < needed:
            item.add_marker(pytest.mark.skip(reason=f"needs {needed} CUDA device(s), there are {count}"))


def pytest_collection_finish() -> None:
    """Let the collector leave out what stays, torch and the tests: it took a fifth of the tests' time too."""
    if "vggsweep.configuration.compose" in sys.modules:
        from tests.remembered import compose_once, read_configs_once, read_revisions_once

        read_revisions_once()
        read_configs_once()
        compose_once()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    gc.enable()


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
    from vggsweep.sweep.spec.composer import Composer

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
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
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


def is_verb(words: tuple[str, ...]) -> bool:
    return bool(words) and "=" not in words[0] and not words[0].startswith("-")


def begin(
    server: subprocess.Popen[str],
    home: Path,
    *words: str,
    folder: Path | None = None,
    killed_after: str | None = None,
    first: str = "",
) -> Command:
    """Start the command in a fork of the warm process; see `start`."""
    output = home / "output.txt"
    output.touch()
    length = len(output.read_text())
    assert server.stdin is not None
    assert server.stdout is not None
    own = {word.partition("=")[0] for word in (*words, *(TINY if is_verb(words) else ()))}
    if "arch" in own:  # another family has other fields
        own |= {word.partition("=")[0] for word in TINY if word.startswith("arch.")}
    rest = [word for word in TINY if word.partition("=")[0] not in own]
    if words and is_bare_word(words[0]):  # a verb comes first and is told no fields
        rest = []
    line = json.dumps([[*rest, *words], str(folder or home), str(output), killed_after, first])
    server.stdin.write(f"{line}\n")
    server.stdin.flush()
    return Command(int(server.stdout.readline()), output, server, length)


@pytest.fixture
def start(warm_process: subprocess.Popen[str], own_folder: Path) -> Callable[..., Command]:
    """``start("seed=1")`` runs the command with those words in the test's own folder.

    The words of `TINY` that they do not set stand before them. With ``killed_after="a.b.function"``
    SIGKILL meets the process exactly when that function has returned for the first time. ``first`` is Python
    that the process runs before all else: what it does to the process is the fault that a test is about.
    """
    return partial(begin, warm_process, own_folder)


@pytest.fixture(scope="session")
def trained_once(warm_process: subprocess.Popen[str], tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A sweep that is trained once for all tests that only read one."""
    home = tmp_path_factory.mktemp("trained")
    words = ("arch.depth=2,3", "arch.width=2,4", "objective=acc_vs_macs", "sweep.name=quickstart")
    command = begin(warm_process, home, "-m", *words)
    assert command.end() == 0, command.text
    return command


@pytest.fixture
def quickstart(trained_once: Command, own_folder: Path) -> Path:
    """The test's own copy of it: two depths and two widths, two objectives, all four trials complete."""
    shutil.copytree(trained_once.output.parent / "outputs", own_folder / "outputs")
    return own_folder / "outputs" / "quickstart"
