"""``vggsweep table``: its flags, what they do together, and how it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError
from vggsweep.results.disk.record import Record, write_record
from vggsweep.results.tables.formats import FORMATS, SUFFIXES

ACCURACIES = {(8, 16): (0.80, 0.82), (8, 32): (0.90, 0.86), (10, 16): (0.85, 0.85)}


@pytest.fixture
def sweep(own_folder: Path) -> Path:
    """``outputs/mine``: three networks with two seeds, a FAIL, a damaged record and a trial without one."""
    path = own_folder / "outputs" / "mine"
    number = 0
    for (depth, width), accuracies in ACCURACIES.items():
        for seed, accuracy in enumerate(accuracies):
            write(
                path,
                number,
                configuration={
                    "seed": seed,
                    "arch": {"depth": depth, "width": width},
                    "optimizer": {"name": "sgd", "lr": 0.1},
                },
                network={"arch": "vgg_scaled", "depth": depth, "width": width},
                costs={"macs": depth * width**2},
                metrics={"val_acc": accuracy},
                swept={"optimizer.momentum": 0.9, "=cmd": "=1+1"},
            )
            number += 1
    write(path, 6, state="FAIL", reason="NaN, after all")
    for name in ("00007", "00008"):
        (path / "trials" / name).mkdir()
    (path / "trials" / "00007" / "record.json").write_text("{")
    return path


def write(
    sweep: Path, number: int, state: str = "COMPLETE", reason: str | None = None, **values: Any
) -> None:
    directory = sweep / "trials" / f"{number:05d}"
    directory.mkdir(parents=True)
    values.setdefault("configuration", {})
    write_record(Record(sweep.name, number, state, reason, "0" * 64, **values), directory)


@pytest.fixture
def rows(sweep: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[dict[str, Any]]]:
    """``rows("--sort", "-depth")``: what the command prints as JSON."""

    def read(*words: str) -> list[dict[str, Any]]:
        assert run_verb("table", ["mine", "--json", *words]) == 0
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return found

    return read


Rows = Callable[..., list[dict[str, Any]]]


def test_failed_and_damaged_trials_have_their_reasons_in_every_form(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in FORMATS:
        if form != "parquet":
            assert run_verb("table", ["mine", "--format", form]) == 0
            said = capsys.readouterr()
            assert "DAMAGED" in said.out
            assert "NaN, after all" in said.out
            assert re.fullmatch(r"damaged: \S+/00007/record.json cannot be read: .*\n", said.err)


def test_damaged_record_is_named_even_where_its_row_is_not_selected(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_verb("table", ["--where", "depth == 8", "--csv"])

    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 5
    assert "00007/record.json cannot be read" in said.err


def test_sort_takes_several_columns_and_a_hyphen_for_descending(rows: Rows) -> None:
    for words in (["--sort", "-depth,val_acc"], ["--sort", "-depth", "--sort=val_acc"]):
        assert [row["trial"] for row in rows(*words)][:6] == [4, 5, 0, 1, 3, 2]


def test_columns_are_those_asked_for_even_where_empty(rows: Rows) -> None:
    assert list(rows("--columns", "val_acc,trial,test_acc,optimizer.momentum")[0].items()) == [
        ("val_acc", 0.8),
        ("trial", 0),
        ("test_acc", None),
        ("optimizer.momentum", 0.9),
    ]


def test_where_reaches_columns_of_swept_parameters_and_empty_ones(rows: Rows) -> None:
    where = "optimizer.momentum == 0.9 and test_acc is None and `=cmd` == '=1+1' and val_acc > 0.85"

    assert [row["trial"] for row in rows("--where", where)] == [2, 3]


def test_groups_then_best_then_order(rows: Rows) -> None:
    grouped = rows("--group-by", "depth,width", "--sort", "-val_acc")
    best = rows("--group-by", "depth,width", "--best-per", "depth", "--columns", "depth,width,n,val_acc")

    assert [(row["depth"], row["width"]) for row in grouped] == [(8, 32), (10, 16), (8, 16)]
    assert grouped[0]["val_acc_sd"] == pytest.approx(0.04 / 2**0.5)
    assert [(row["depth"], row["width"], row["n"]) for row in best] == [(8, 32, 2), (10, 16, 2)]


def test_best_per_without_groups_is_a_trial(rows: Rows) -> None:
    assert [row["trial"] for row in rows("--best-per", "depth")] == [2, 4]


def test_several_sweeps_stand_in_one_table_and_each_only_once(rows: Rows, own_folder: Path) -> None:
    write(own_folder / "outputs" / "runs", 0, metrics={"val_acc": 0.5})

    assert [row["sweep"] for row in rows("runs", "outputs/mine", "--where", "val_acc <= 0.8")] == [
        "mine",
        "runs",
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_suffix_of_the_file_tells_the_format(
    sweep: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    out = Path(f"results{suffix}")
    out.write_text("old")

    assert run_verb("table", ["mine", "--out", str(out)]) == 0

    # on a text sheet only the columns that tell the rows apart, counted in what was written
    width = 17
    if suffix == ".txt":
        width = out.read_text().splitlines()[1].count("┃") - 1
    elif suffix == ".tex":  # and in a paper those that it wants
        width = out.read_text().splitlines()[3].count("&") + 1
        assert width < 12
    assert capsys.readouterr().out == f"{out}: 8 rows, {width} columns\n"
    start = {
        ".csv": b"sweep,trial,",
        ".parquet": b"PAR1",
        ".md": b"| sweep |",
        ".tex": b"% needs",
        ".html": b"<!doctype html>",
        ".json": b"[\n{",
        ".txt": "┏".encode(),
    }[suffix]
    assert out.read_bytes().startswith(start)
    assert [path.name for path in Path().iterdir()].count(out.name) == 1
    assert list(Path().glob(".*.tmp")) == []


@pytest.mark.parametrize("suffix", [".md", ".csv"])
def test_closing_line_counts_what_the_file_holds(
    sweep: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Path(f"best{suffix}")
    words = ["--group-by", "depth", "--best-per", "n", "--where", "depth == 8", "--out", str(out)]
    assert run_verb("table", ["mine", *words]) == 0

    head = out.read_text().splitlines()[0].strip("| ")
    width = len(re.split(r" \| |,", head))
    assert ("val_acc_sd" in head) == (suffix == ".csv"), "readers see a mean and its deviation as one"
    assert capsys.readouterr().out == f"{out}: 1 row, {width} columns\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--where", "depth>30"], "No trial of mine satisfies depth>30 (8 trials read).\n"),
        (
            ["--where", "state == 'FAIL'", "--group-by", "seed"],
            "No trial of mine that satisfies state == 'FAIL' is COMPLETE with a val_acc",
        ),
    ],
)
def test_a_selection_of_nothing_is_said_in_a_sentence(
    sweep: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb("table", ["mine", *words]) == 0
    said = capsys.readouterr().out
    assert said.startswith(told)
    assert "┃" not in said

    assert run_verb("table", ["mine", *words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run_verb("table", ["mine", *words, "--csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_sweep_without_records_is_told(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own_folder / "outputs" / "early" / "trials" / "00000").mkdir(parents=True)

    assert run_verb("table", ["early"]) == 0
    assert capsys.readouterr().out == "No trial of early has a record yet.\n"


def test_a_piped_table_is_as_wide_as_the_environment_says(
    sweep: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    widths = []
    for columns in ("60", ""):
        monkeypatch.setenv("COLUMNS", columns)
        assert run_verb("table", ["mine", "--where", "state == 'COMPLETE'"]) == 0
        widths.append(max(map(len, capsys.readouterr().out.splitlines())))

    assert widths[0] <= 60 < widths[1]


def test_named_format_beats_the_suffix(sweep: Path) -> None:
    run_verb("table", ["--csv", "--out", "results.txt"])

    assert Path("results.txt").read_text().startswith("sweep,trial,")


def test_csv_holds_no_formula(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_verb("table", ["--csv"])

    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head.endswith(",'=cmd")
    assert first.endswith(",0.9,'=1+1")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--sort", "-val_ac"], "--sort: the table has no column 'val_ac'. Did you mean 'val_acc'?"),
        (["--columns", "trial,dept"], "--columns: the table has no column 'dept'. Did you mean 'depth'?"),
        (["--group-by", "wdith"], "--group-by: the table has no column 'wdith'. Did you mean 'width'?"),
        (["--best-per", "hed"], "--best-per: the table has no column 'hed'. Did you mean 'head'?"),
        (["--where", "dept > 3"], "no column 'dept'"),
        (["--where", "open('x')"], "neither true nor false"),
        (["--format", "markdwn"], "--format markdwn: no such format. Did you mean 'markdown'?"),
        (["--out", "results.xlsx"], "--out results.xlsx: its suffix tells no format."),
        (["--out", "results"], "--out results: its suffix tells no format."),
        (
            ["--out", "no/such/place.csv"],
            "--out no/such/place.csv cannot be written: No such file or directory (",
        ),
        (["--format", "parquet"], "name a file with --out"),
        (["--digits", "0"], "--digits 0: between 1 and 17"),
        (["--json", "--csv"], "not allowed with argument"),
        (["--group-by", "depth", "--columns", "trial"], "--columns: the table has no column 'trial'."),
        (["--sort"], "expected one argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_line_is_refused_in_one_paragraph_and_leaves_nothing(
    sweep: Path, words: list[str], told: str
) -> None:
    before = sorted(Path().rglob("*"))

    with pytest.raises(ConfigError) as caught:
        run_verb("table", ["mine", *words])

    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert sorted(Path().rglob("*")) == before


def test_points_that_were_no_networks_stand_under_the_table(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "1 point is no network (arch.depth=9): arch.depth=9 is no depth of this family"
    (sweep / "optimization_results.yaml").write_text(f"infeasible: ['{line}']\n")

    run_verb("table", ["mine"])
    whole = capsys.readouterr().out
    run_verb("table", ["mine/0"])
    one = capsys.readouterr().out
    run_verb("table", ["mine", "--csv"])

    assert whole.endswith(f"not in the table: {line}\n")
    assert "not in the table" not in one + capsys.readouterr().out


def test_compare_sets_each_configuration_against_the_best(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb("table", ["mine", "--compare", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)

    assert [row["configuration"] for row in rows] == [
        "depth 8, width 32",
        "depth 10, width 16",
        "depth 8, width 16",
    ]
    assert [row["below_best"] for row in rows] == pytest.approx([0, 0.03, 0.07])
    assert [row["seeds"] for row in rows] == [2, 2, 2]
    assert rows[0]["verdict"] == "best"
    assert {row["verdict"] for row in rows[1:]} <= {"worse", "within the noise"}
    assert run_verb("table", ["mine", "--compare", "--columns", "configuration,verdict"]) == 0
    assert "The noise is that of the seeds" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="leave out --group-by"):
        run_verb("table", ["mine", "--compare", "--group-by", "depth"])
