"""Files of a sweep that are damaged, of another kind, or hold anything: no traceback, no wrong result."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sweep.conftest import finish, scheduler_of, spec_of
from vggsweep.cli import run_verb
from vggsweep.errors import VggsweepError
from vggsweep.results.disk.history import write_history
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.sweep.run import check_same_sweep, join_study, save_spec
from vggsweep.sweep.scheduling.decisions import Assignment, Stop
from vggsweep.sweep.spec.spec import SweepSpec

DAMAGED = pytest.mark.fault(
    "a file of a trial or a sweep damaged, of another kind, a directory, or a link to itself",
    "that trial is said to be damaged; verbs and the sweep go on",
)
VERBS = ("table", "status", "pareto", "report")
TRIAL_FILES = (
    "record.json",
    "history.csv",
    "config.yaml",
    "overrides.yaml",
    "checkpoint.pt",
    "trial.lock",
    "trial.owner",
    "trial.released",
    "trial.hung",
    "trial.log",
)
SWEEP_FILES = ("sweep.yaml", "table.csv", "front.png", "optimization_results.yaml", ".table-index.json")


def make_sweep() -> SweepSpec:
    """Three finished trials of six, the second between its record and the study's word for it."""
    spec = spec_of("arch.depth=4,5,6", "arch.width=4,8", "n_trials=6", "sweep.name=s", "train.epochs=2")
    scheduler = scheduler_of(spec)
    save_spec(spec)
    join_study(spec)
    for _ in range(3):
        assignment = scheduler.next()
        assert isinstance(assignment, Assignment)
        rows = [{"epoch": 1, "lr": 0.1, "train_loss": 1.0, "train_acc": 0.5, "val_loss": 1.0, "val_acc": 0.5}]
        write_history(rows, assignment.directory.history)
        finish(scheduler, assignment, val_acc=0.5 + assignment.number / 100)
    return spec


@pytest.fixture
def spec(own_folder: Path) -> SweepSpec:
    return make_sweep()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("template")
    before = Path.cwd()
    os.chdir(folder)
    try:
        make_sweep()
        yield folder / "outputs" / "s"
    finally:
        os.chdir(before)


@pytest.fixture
def sweep(template: Path, own_folder: Path) -> SweepDirectory:
    """A copy of that sweep in the test's own folder."""
    return SweepDirectory(Path(shutil.copytree(template, own_folder / "outputs" / "s")))


def damage(path: Path, how: str, content: bytes = b"") -> None:
    """Put something else in a file's place."""
    path.unlink(missing_ok=True)
    if how == "directory":
        path.mkdir()
        (path / "something").touch()
    elif how == "loop":
        path.symlink_to(path.name)
    elif how == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(content)


def look(capsys: pytest.CaptureFixture[str], *verbs: str) -> dict[str, str]:
    """What each verb says; a refusal is one paragraph of ours, anything else is raised."""
    said = {}
    for verb in verbs or VERBS:
        words = ["s", "--json"] if verb == "table" else ["s"]
        try:
            run_verb(verb, words)
        except VggsweepError as error:
            said[verb] = str(error)
        captured = capsys.readouterr()
        said[verb] = said.get(verb, "") + captured.out
    return said


def continue_sweep(spec: SweepSpec) -> list[int]:
    """Go on with the same words; the numbers of the trials that were trained."""
    check_same_sweep(spec)
    join_study(spec)
    save_spec(spec)
    scheduler, trained = scheduler_of(spec), []
    while not isinstance(step := scheduler.next(), Stop):
        assert isinstance(step, Assignment)
        finish(scheduler, step)
        trained.append(step.number)
    return trained


def sound_rows(text: str) -> dict[int, float]:
    return {row["trial"]: row["val_acc"] for row in json.loads(text) if row["state"] == "COMPLETE"}


@DAMAGED
@pytest.mark.parametrize(
    "how", ["directory", *(pytest.param(how, marks=pytest.mark.slow) for how in ("loop", "nothing", "zeros"))]
)
def test_verbs_and_the_sweep_go_on_whatever_lies_in_a_files_place(
    spec: SweepSpec,
    how: str,
    capsys: pytest.CaptureFixture[str],
    record_property: Callable[[str, int], None],
) -> None:
    trial = spec.directory.trial(1)
    for name in TRIAL_FILES:
        damage(trial.path / name, how, b"" if how == "nothing" else bytes(300))
    for name in SWEEP_FILES:
        damage(spec.root / name, how, b"" if how == "nothing" else bytes(300))

    said = look(capsys)

    assert sound_rows(said["table"]) == {0: 0.5, 2: 0.52}
    if how != "loop":  # which is as good as absent
        assert [row["trial"] for row in json.loads(said["table"]) if row["state"] == "DAMAGED"] == [1]
    assert "sweep.yaml is damaged" in said["status"]
    assert continue_sweep(spec) == [3, 4, 5]
    record_property("rounds", len(TRIAL_FILES) + len(SWEEP_FILES))


@DAMAGED
@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("metrics", "val_acc"), "much"),
        (("metrics", "val_acc"), 1e999),
        (("metrics", "val_acc"), [0.5]),
        (("costs", "macs"), 10**400),
        (("network", "depth"), "four"),
        (("network", "arch"), 4),
        (("timings", "started"), 4),
        (("configuration", "seed"), "one"),
        (("metrics",), "none"),
        (("trial",), "1"),
    ],
    ids=str,
)
def test_record_with_a_wrong_value_is_a_damaged_record(
    sweep: SweepDirectory, place: tuple[str, ...], value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sweep.trial(1).record
    plain = json.loads(path.read_text())
    node = plain
    for name in place[:-1]:
        node = node[name]
    node[place[-1]] = value
    path.write_text(json.dumps(plain).replace("Infinity", "1e999"))

    said = look(capsys, "table")

    rows = {row["trial"]: row for row in json.loads(said["table"])}
    assert rows[1]["state"] == "DAMAGED"
    assert ".".join(place).removeprefix("configuration.") in rows[1]["reason"]
    assert sound_rows(said["table"]) == {0: 0.5, 2: 0.52}


WORDS = (b"0.51", b"4", b"2", b"COMPLETE", b"null", b"1.0", b"epoch", b"{", b"0.5")
VALUES = (b"1e999", b"-1", b"null", b'"x"', b"[]", b"{}", b"true", b"NaN", b"9" * 400, b"\xff")


def some_bytes(whole: bytes) -> st.SearchStrategy[bytes]:
    """Any bytes, and files that were whole once: cut short, with a part overwritten, with a word changed."""
    places = st.integers(0, len(whole))
    parts = st.binary(max_size=8)
    words = st.sampled_from([word for word in WORDS if word in whole] or [b"x"])
    return st.one_of(
        st.binary(max_size=64),
        places.map(lambda at: whole[:at]),
        st.builds(lambda at, part: whole[:at] + part + whole[at + len(part) :], places, parts),
        st.builds(lambda old, new: whole.replace(old, new, 1), words, st.sampled_from(VALUES)),
    )


EXAMPLES = int(os.environ.get("VGGSWEEP_FAULT_EXAMPLES", "4"))
SLOW_FILES = ("history.csv", "../../sweep.yaml", "trial.lock", "config.yaml", "trial.owner")


@DAMAGED
@pytest.mark.parametrize(
    "name", ["record.json", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW_FILES)]
)
@given(data=st.data())
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)
def test_any_bytes_in_a_file_bring_no_traceback_and_no_wrong_result(
    template: Path, own_folder: Path, name: str, capsys: pytest.CaptureFixture[str], data: st.DataObject
) -> None:
    sweep = own_folder / "outputs" / "s"
    shutil.rmtree(sweep, ignore_errors=True)
    shutil.copytree(template, sweep)
    path = SweepDirectory(sweep).trial(1).path / name
    whole = path.resolve().read_bytes() if path.exists() else b""
    path.write_bytes(data.draw(some_bytes(whole)))

    said = look(capsys)

    rows = {row["trial"]: row for row in json.loads(said["table"])}
    assert {number: rows[number]["val_acc"] for number in (0, 2)} == {0: 0.5, 2: 0.52}
    assert all(row["val_acc"] is None or -1e300 < row["val_acc"] < 1e300 for row in rows.values())
