"""Every command, and every block of Python, that README and docs show works on what the reader has."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hydra._internal.utils import get_args_parser
from PIL import Image

from tests.data.torchvision_files import idx_set
from tests.results.made_sweeps import curve_rows, write_sweep
from vggsweep import timing
from vggsweep.cli import VERBS, is_bare_word, run_hydra, run_verb, verb_parser
from vggsweep.python import calls
from vggsweep.sweep.application import Application

CHECKOUT = Path(__file__).parents[1]
DOCUMENTS = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^ {4}(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?vggsweep(?= |$)(.*)$", re.MULTILINE)
# The same within a line of text.
INLINE = re.compile(r"`vggsweep ([^`\n]+ [^`\n]+)`")
# A block of Python, with the reason why it is not run where there is one: `<!-- not run: … -->` before it.
PYTHON = re.compile(r"(<!-- not run: .+ -->\n)?^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The first line of a block that is a file of the reader's.
FILE = re.compile(r"# (\w+\.py)\n")
# What stands for a word of the reader: `vggsweep VERB --help`, `vggsweep repair SWEEP`.
PLACEHOLDER = re.compile(r"\b[A-Z]{3}|…| -sc |^-sc ")
# What the documents call sweeps that the reader has.
SWEEPS = (
    "runs",
    "my_sweep",
    "d2l_vgg-runs",
    "first",
    "equal",
    "iso_macs",
    "iso_params",
    "quickstart-confirm",
)
# Trials of theirs: the sweep that stands for all of them has four.
TRIALS = {"quickstart/7": "quickstart/2", "quickstart/3": "quickstart/1"}
PICTURES = "/path/to/pictures"
# These only read; what the other verbs do is tried in tests/verbs.
READING = ("list", "summary", "plan", "status", "table", "pareto", "compare", "diff", "fit", "report")
# Lines whose point is something that no test has: another host's database, a sampler from a hub.
NOT_HERE = (
    *("@db.lab", "my_samplers.", "NVIDIA H100", "cuda:", "latency_ms_p50", "/data/"),
    *("alpha/", "picture.png", "sweep.warm_start", "dataset=huggingface"),
)
# What ends the words of a command.
SHELL = ("|", ">", "&&", ";")


def shown() -> list[tuple[str, ...]]:
    """The words of each command, once; a line may go on after a backslash."""
    texts = [re.sub(r"\\\n *", "", document.read_text()) for document in DOCUMENTS]
    lines = [line for text in texts for line in (*COMMAND.findall(text), *INLINE.findall(text))]
    lines = [
        line for line in lines if not PLACEHOLDER.search(line) and not any(one in line for one in NOT_HERE)
    ]
    words = (shlex.split(line, comments=True) for line in lines)
    return sorted({tuple(takewhile(lambda word: word not in SHELL, one)) for one in words})


def blocks(document: Path) -> list[str]:
    """The Python of a page that is run, in order."""
    return [code for reason, code in PYTHON.findall(document.read_text()) if not reason]


def is_verb_line(words: tuple[str, ...]) -> bool:
    return bool(words) and is_bare_word(words[0])


def name(words: tuple[str, ...]) -> str:
    return " ".join(words) or "(no words)"


@pytest.fixture(scope="module")
def belongings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What readers have and no command changes: pictures, data sets, the parts of their own that we name."""
    home = tmp_path_factory.mktemp("reader")
    for kind in ("cats", "dogs"):
        (home / "pictures" / kind).mkdir(parents=True)
        for number in range(100):
            Image.new("RGB", (64, 64), (number, 0, 0)).save(home / "pictures" / kind / f"{number}.png")
    (home / "examples").symlink_to(CHECKOUT / "examples")
    for folder in ("my_conf", "my_configs"):
        (home / folder).symlink_to(CHECKOUT / "examples" / "my_conf")
    (home / "data/eurosat").mkdir(parents=True)
    (home / "data/eurosat/2750").symlink_to(home / "pictures")
    idx_set("EMNIST", {"train": "emnist-letters-train", "test": "emnist-letters-test"}, times=20)(
        home / "data"
    )
    medical = np.zeros((160, 28, 28, 3), np.uint8)
    np.savez(home / "pathmnist.npz", train_images=medical, train_labels=np.arange(160)[:, None] % 9)
    for code in (code for document in DOCUMENTS for code in blocks(document)):
        if (file := FILE.match(code)) is not None:
            (home / file[1]).write_text(code)
    return home


@pytest.fixture
def reader(belongings: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a reader, with all that in it."""
    for thing in belongings.iterdir():
        (own_folder / thing.name).symlink_to(thing)
    monkeypatch.setenv("VGGSWEEP_DATA", str(own_folder / "data"))
    monkeypatch.syspath_prepend(str(CHECKOUT / "examples"))
    monkeypatch.syspath_prepend(str(own_folder))
    return own_folder


@pytest.mark.parametrize("words", [one for one in shown() if not is_verb_line(one)], ids=name)
def test_shown_line_of_a_training_passes_all_checks(words: tuple[str, ...], reader: Path) -> None:
    words = tuple(word.replace(PICTURES, str(reader / "pictures")) for word in words)
    arguments = get_args_parser().parse_intermixed_args(list(words))
    if arguments.help or arguments.hydra_help or arguments.cfg:
        assert run_hydra(words) == 0
        return
    extra = Path(arguments.config_dir) if arguments.config_dir else None
    if "mlflow" in name(words):
        pytest.importorskip("mlflow")
    Application(tuple(arguments.overrides), arguments.multirun, name(words), extra).check()


@pytest.mark.parametrize("words", [one for one in shown() if is_verb_line(one)], ids=name)
def test_shown_verb_answers(
    words: tuple[str, ...], quickstart: Path, reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "COUNTED_STEPS", 1)
    if words[0] == "fit":  # networks that only guess, as those of a tiny sweep, say nothing of their sizes
        shutil.rmtree(quickstart)
        write_sweep(quickstart, curve_rows("quickstart"))
    for sweep in set(words) & set(SWEEPS):
        shutil.copytree(quickstart, quickstart.parent / sweep)
    verb, *rest = (TRIALS.get(word, word) for word in words)
    if verb in READING:
        assert run_verb(verb, rest) == 0
    else:
        verb_parser(verb).parse_intermixed_args(rest)


def made_tiny(call: Callable[..., Any], tiny_line: tuple[str, ...], *further: str) -> Callable[..., Any]:
    """A call of ours that trains less than its words say, in this process."""
    fixed = {"experiment", *(word.partition("=")[0] for word in tiny_line)}

    def called(overrides: Sequence[str], **options: Any) -> Any:
        own = [word for word in overrides if word.partition("=")[0] not in fixed]
        if options.get("n_workers") is not None:
            options["n_workers"] = 1
        return call([*own, *tiny_line, *further], **options)

    return called


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")  # of its pictures
@pytest.mark.parametrize(
    "document", [one for one in DOCUMENTS if blocks(one)], ids=lambda document: document.name
)
def test_shown_python_runs_from_the_top_of_its_page(
    document: Path, quickstart: Path, monkeypatch: pytest.MonkeyPatch, tiny_line: tuple[str, ...]
) -> None:
    swept = ("arch.width=4,8", "objective=acc_vs_macs", "sweep.name=page")
    one_width = tuple(word for word in tiny_line if not word.startswith("arch.width="))
    monkeypatch.setattr(calls, "train", made_tiny(calls.train, tiny_line))
    monkeypatch.setattr(calls, "sweep", made_tiny(calls.sweep, one_width, *swept))
    page = ModuleType(document.stem)  # a dataclass looks for its module
    monkeypatch.setitem(sys.modules, page.__name__, page)
    for number, code in enumerate(blocks(document), start=1):
        exec(compile(code, f"{document.name}, block {number}", "exec"), vars(page))


def test_documents_show_commands_of_every_verb() -> None:
    verbs = {words[0] for words in shown() if is_verb_line(words)}

    assert verbs == set(VERBS)
