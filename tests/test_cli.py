"""The real command in a real process: what it refuses, what it answers, and what it must not load."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import vggsweep
from tests.processes import LIGHT_PROCESS, Answer, ask
from vggsweep.cli import VERBS
from vggsweep.results.disk.record import Record, write_record

ROOT = Path(vggsweep.__file__).parents[1]
CONF = ROOT / "conf"


def environment(**changes: str) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "200", **changes}


def run(*words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vggsweep", *words],
        capture_output=True,
        text=True,
        env=environment(**changes),
        timeout=100,
    )


@pytest.fixture(scope="module")
def light_process() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", LIGHT_PROCESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


@pytest.fixture
def answer(
    light_process: subprocess.Popen[str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Answer]:
    """``answer("table", "mine")``: as `run`, without a start of Python for each."""
    home = tmp_path_factory.mktemp("answers")
    return lambda *words, **changes: ask(light_process, home, words, environment(**changes))


@pytest.fixture
def finished(own_folder: Path) -> Path:
    """``outputs/mine`` with one finished trial."""
    directory = own_folder / "outputs" / "mine" / "trials" / "00000"
    directory.mkdir(parents=True)
    network = {"arch": "vgg_scaled", "depth": 8, "width": 16, "stages": "2x16-2x32", "head": "gap"}
    record = Record(
        sweep="mine",
        trial=0,
        state="COMPLETE",
        reason=None,
        configuration_hash="0" * 64,
        configuration={"seed": 0},
        network=network,
        costs={"params": 1_000, "macs": 2_000},
        metrics={"val_acc": 0.875, "epochs_run": 1},
    )
    write_record(record, directory)
    return directory


# --- a wrong line -------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tabel"], "'tabel' is neither a verb nor an override such as key=value. Did you mean 'table'?"),
        (["help"], "`vggsweep --help` shows all groups and fields"),
        (["version"], "`vggsweep --version` tells it."),
        (
            ["train", "arch.depth=4"],
            "Overrides alone train a network, with no verb before them: `vggsweep ar",
        ),
        (["run"], "Overrides alone train a network"),
        (["sweep", "arch.depth=4,6"], "A sweep is -m before what varies: `vggsweep -m arch.depth=4,6,8`"),
        (["arch=vgg61"], "arch=vgg61: no such option. Did you mean 'vgg16'?"),
        (["arch=[vgg11,vgg13]"], "with -m arch=vgg11,vgg13"),
        (["space.params=3"], "space.params=3 should be override keys"),
        (["arch.dept=3"], "Unknown field arch.dept. Did you mean 'arch.depth'?"),
        (["optmizer=sgd"], "Unknown field or group 'optmizer'. Did you mean 'optimizer'?"),
        (["arch.depth=abc"], "arch.depth=abc should be a whole number."),
        (["train.epochs=0"], "train.epochs=0 is too small"),
        (["arch.depth=2"], "arch.depth=2 is less than arch.num_blocks=4"),
        (["dataset.resolution=8"], "The smallest that works is dataset.resolution=16."),
        (["arch=alexnet"], "dataset.resolution=32 is too small for alexnet"),
        (["arch.stages=[[1,16,3]]"], "arch.stages[0]=[1,16,3] should name its kernel sizes"),
        (["arch.stages=[[1,2]"], "does not read as an override"),
        (["arch.depth=4,8"], "holds several values: add -m"),
        (["sweep.name=../x"], "is not usable as a directory name"),
        (["sweep=3"], "sweep=3 should be a group of fields"),
        (["device=gpu"], "device=gpu is not a device"),
        (["device=cuda:99"], "device=cuda:99: torch finds"),
        (["dataset=image_folder"], "dataset.root is missing"),
        (["train.batch_size=100000"], "larger than the 4800 training images"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["--epochs=3"], "Fields are set without dashes: train.epochs=3"),
        (["--config-path", "nowhere"], "--config-dir DIR adds options of your own"),
        (["-sc"], 'bash: eval "$(vggsweep -sc install=bash)", zsh: '),
        (["-sc", "install=tcsh"], "fish: vggsweep -sc install=fish | source"),
        (["list", "optimzer"], "'optimzer' is no config group. Did you mean 'optimizer'?"),
        (["list", "--config-dir", "nowhere"], "--config-dir nowhere is not a directory"),
        (["rm"], "required: SWEEP"),
        (["rm", "nope"], "No sweep 'nope'"),
        (["clean", "nope/7"], "No sweep 'nope'"),
        (["compare", "nope"], "required: B"),
        (["reproduce", "nope/7"], "No sweep 'nope'"),
        (["dataset.root=my pics (2)"], """: "dataset.root='my pics (2)'\""""),
        (["--config-dir", "nowhere"], "--config-dir nowhere is not a directory"),
        (["--config-name", "nope"], "Cannot find primary config 'nope'"),
        (["--cfg", "job", "arch=nope"], "arch=nope: no such option"),
        (["--cfg", "job", "-m", "arch.depth=4"], "Only one of --run, --multirun, --cfg"),
        (["--resolve"], "The --resolve flag can only be used"),
        (["-m", "arch.depth=4,8", "arch.depth=3"], "arch.depth is given twice"),
        (["-m", "arch.depth=4,abc"], "arch.depth=abc should be a whole number"),
        (["-m", "hydra/sweeper=basic", "arch.depth=4,abc"], "arch.depth=abc should be a whole number"),
        (["summary", "arch=nope"], "arch=nope: no such option"),
        (["summary", "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["table", "nope"], "No sweep 'nope'"),
        (["table"], "Train something first: vggsweep"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_line_costs_one_paragraph_and_nothing_else(
    own_folder: Path, answer: Callable[..., Answer], words: list[str], told: str
) -> None:
    check_refusal(answer(*words), told, own_folder)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tabel"], "Did you mean 'table'?"),
        (["arch.dept=3"], "Did you mean 'arch.depth'?"),
        (["-m", "arch.depth=4,abc"], "arch.depth=abc should be a whole number"),
    ],
    ids=["verb", "run", "sweep"],
)
def test_wrong_line_in_a_process_of_its_own_says_and_leaves_no_more(
    own_folder: Path, words: list[str], told: str
) -> None:
    check_refusal(run(*words), told, own_folder)


def check_refusal(found: Answer | subprocess.CompletedProcess[str], told: str, folder: Path) -> None:
    assert found.returncode == 2, found.stderr
    assert told in found.stderr
    assert found.stderr.startswith("vggsweep: ")
    assert len(found.stderr.splitlines()) == 1
    assert found.stdout == ""
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("how", [["--debug"], []], ids=["--debug", "HYDRA_FULL_ERROR=1"])
def test_traceback_comes_only_when_asked_for(how: list[str]) -> None:
    found = run(*how, "arch=nope", HYDRA_FULL_ERROR="0" if how else "1")

    assert found.returncode == 2
    assert "Traceback" in found.stderr
    assert "arch=nope: no such option" in found.stderr


@pytest.mark.parametrize(
    "words", [["summary", "--json"], ["summary"], ["--help"], ["table", "--csv"]], ids=" ".join
)
def test_reader_that_leaves_early_sees_no_complaint(finished: Path, words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        found = subprocess.run(
            [sys.executable, "-m", "vggsweep", *words],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            timeout=100,
        )
    finally:
        os.close(writing)

    assert found.stderr == ""
    assert found.returncode in (0, 1)  # rich ends the process with 1 by itself


def test_version_is_ours() -> None:
    found = run("--version")

    assert (found.returncode, found.stdout) == (0, f"vggsweep {vggsweep.__version__}\n")


# --- help ---------------------------------------------------------------------


def test_help_mentions_every_verb_and_fits_into_eighty_columns() -> None:
    found = run("--help")

    assert found.returncode == 0
    for verb in VERBS:
        assert re.search(rf"^ +vggsweep {verb} ", found.stdout, re.MULTILINE), verb
    assert max(map(len, found.stdout.splitlines())) <= 80
    assert found.stderr == ""


def test_help_lists_only_verbs_that_work_and_all_of_them(answer: Callable[..., Answer]) -> None:
    files = {path.stem for path in (ROOT / "vggsweep" / "verbs").glob("*.py")} - {"__init__"}
    mentioned = set(re.findall(r"^ +vggsweep ([a-z]+) ", answer("--help").stdout, re.MULTILINE))

    assert mentioned == set(VERBS) == files


def test_help_of_a_misspelt_word_is_refused_with_the_word_that_was_meant(
    answer: Callable[..., Answer],
) -> None:
    found = answer("--help", "optimizr")

    assert (found.returncode, found.stdout) == (2, "")
    assert "Did you mean 'optimizer'?" in found.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example_and_without_torch(
    answer: Callable[..., Answer], verb: str
) -> None:
    found = answer(verb, "--help")

    assert found.returncode == 0
    assert found.stdout.startswith(f"usage: vggsweep {verb} ")
    assert re.search(rf"examples?:\n  vggsweep {verb}", found.stdout)
    assert found.stderr == ""
    assert not found.loads_torch


def packages_of(command: Sequence[str]) -> set[str]:
    """The installed packages that a command imports, by Python's own list of imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
        timeout=100,
    )
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    return {name for name in modules if name not in sys.stdlib_module_names and not name.startswith("_")}


def test_help_imports_no_package_that_the_smallest_hydra_application_does_not(own_folder: Path) -> None:
    (own_folder / "small.yaml").write_text("lr: 0.1\n")
    (own_folder / "app.py").write_text(
        "import hydra\n\n@hydra.main(config_path='.', config_name='small')\ndef app(config): ...\n\napp()\n"
    )

    smallest = packages_of([str(own_folder / "app.py"), "--help"])
    ours = packages_of(["-m", "vggsweep", "--help"])

    assert "hydra" in smallest
    assert ours - smallest == {"vggsweep"}


# --- what answers without torch -----------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--cfg", "job", "arch=vgg16"],
        ["table"],
        ["table", "mine", "--json"],
        ["table", "mine", "--csv"],
        ["pareto", "mine", "--out", "front.svg"],
        ["report", "mine"],
        ["table", "mine/0"],
        ["report", "mine/best"],
        ["compare", "mine", "mine"],
        ["list"],
        ["list", "arch"],
        ["list", "sweeps"],
        ["clean", "mine"],
        ["summary", "arch=vgg16", "dataset.resolution=224"],
        ["summary", "experiment=d2l_vgg", "--expand", "--json"],
    ],
    ids=" ".join,
)
def test_answers_from_files_and_arithmetic_never_load_torch(
    finished: Path, answer: Callable[..., Answer], words: list[str]
) -> None:
    check_torch(answer(*words), is_loaded=False)


@pytest.mark.slow
def test_watching_for_torch_would_notice_it(answer: Callable[..., Answer]) -> None:
    check_torch(answer("summary", "arch=torchvision"), is_loaded=True)


def check_torch(found: Answer, *, is_loaded: bool) -> None:
    assert found.returncode == 0, found.stderr
    assert found.loads_torch == is_loaded


# --- answers ------------------------------------------------------------------


def test_summary_of_vgg16_on_imagenet_has_the_published_totals() -> None:
    found = run(
        "summary",
        "arch=vgg16",
        "dataset.channels=3",
        "dataset.num_classes=1000",
        "dataset.resolution=224",
        "--json",
    )
    summary = json.loads(found.stdout)
    totals = summary["totals"]

    assert (found.returncode, found.stderr) == (0, "")
    assert set(summary) == {"layers", "totals"}
    assert set(totals) == {"params", "conv_params", "macs", "activations", "depth", "width"}
    assert (totals["params"], totals["conv_params"]) == (138_357_544, 14_714_688)
    assert (totals["depth"], totals["width"], round(totals["macs"] / 1e9, 3)) == (13, 64, 15.470)
    assert all(
        set(layer) == {"name", "type", "output_shape", "params", "macs"} for layer in summary["layers"]
    )
    assert sum(layer["params"] for layer in summary["layers"]) == 138_357_544
    assert summary["layers"][4]["output_shape"] == [1, 512, 7, 7]


def test_summary_prints_the_shapes_of_the_chapter(own_folder: Path) -> None:
    found = run("summary", "experiment=d2l_vgg", "arch=vgg11")
    shapes = re.findall(r"(Sequential|Flatten|Linear|ReLU|Dropout) +[│┃|] +(\(.*?\))", found.stdout)

    assert "(1, 1, 224, 224)" in found.stdout
    assert [shape for _, shape in shapes] == [
        "(1, 64, 112, 112)",
        "(1, 128, 56, 56)",
        "(1, 256, 28, 28)",
        "(1, 512, 14, 14)",
        "(1, 512, 7, 7)",
        "(1, 25088)",
        *["(1, 4096)"] * 6,
        "(1, 10)",
    ]
    assert "128,806,154" in found.stdout
    assert list(own_folder.iterdir()) == []


def test_table_in_any_form_says_the_same(finished: Path, answer: Callable[..., Answer]) -> None:
    as_json = json.loads(answer("table", "mine", "--json").stdout)
    as_csv = answer("table", "--csv").stdout.splitlines()
    as_text = answer("table").stdout

    assert [row["val_acc"] for row in as_json] == [0.875]
    assert as_json[0]["stages"] == "2x16-2x32"
    assert as_csv[0].split(",") == list(as_json[0])
    assert len(as_csv) == 2
    assert "0.8750" in as_text
    assert "2,000" in as_text


def test_damaged_record_is_named_and_the_table_still_printed(finished: Path) -> None:
    broken = finished.parent / "00001"
    broken.mkdir()
    (broken / "record.json").write_text("{")

    found = run("table", "mine", "--json")

    assert found.returncode == 0
    rows = json.loads(found.stdout)
    assert [row["state"] for row in rows] == ["COMPLETE", "DAMAGED"]
    assert "00001/record.json cannot be read" in rows[1]["reason"]
    assert found.stderr.startswith("damaged: ")
    assert "00001/record.json cannot be read" in found.stderr
