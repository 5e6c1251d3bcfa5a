"""``SWEEP/7`` for a trial: what each verb makes of one, and which verbs say that it makes no sense."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError
from vggsweep.results.disk.record import read_record


def said(capsys: pytest.CaptureFixture[str], verb: str, *words: str) -> str:
    assert run_verb(verb, list(words)) == 0
    return capsys.readouterr().out


def test_table_shows_all_that_is_known_of_one(quickstart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = dict(line.split(maxsplit=1) for line in said(capsys, "table", "quickstart/2").splitlines())
    record = read_record(quickstart / "trials" / "00002")
    assert lines["trial"] == "2"
    assert lines["macs"] == f"{record.costs['macs']:,} MACs"
    assert lines["val_acc"] == f"{record.metrics['val_acc']:.4f}"
    assert lines["dir"] == str(quickstart / "trials" / "00002")
    assert "reason" not in lines


def test_table_of_several_is_a_table_of_these(quickstart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(said(capsys, "table", "quickstart/2", "quickstart/0", "--json"))
    assert [row["trial"] for row in rows] == [0, 2]
    assert "┏" in said(capsys, "table", "quickstart/2", "--columns", "trial,macs")
    whole = json.loads(said(capsys, "table", "quickstart/2", "quickstart", "--json"))
    assert len(whole) == 4


def test_table_of_one_without_a_record_says_so(quickstart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (quickstart / "trials" / "00001" / "record.json").unlink()
    assert "`vggsweep status` shows how far it is" in said(capsys, "table", "quickstart/1")


def test_pareto_is_the_front_of_those_that_are_named(
    quickstart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(said(capsys, "pareto", "quickstart/0", "quickstart/3", "--json"))
    assert [row["trial"] for row in found["rows"]] == [0, 3]
    assert 0 in [one["trial"] for one in found["fronts"][0]["trials"]]


def test_report_of_one_lies_in_its_directory(quickstart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "report", "quickstart/3")
    page = (quickstart / "trials" / "00003" / "report.html").read_text(encoding="utf-8")
    assert "quickstart, trial 3" in page
    assert "quickstart, trial 2" not in page
    assert not (quickstart / "report.html").exists()


def test_status_of_one_tells_its_result_and_its_files(
    quickstart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, "status", "quickstart/3")
    assert text.startswith("quickstart/3  COMPLETE\n")
    assert "settings  depth 3 width 4" in text
    assert "epochs    2 of 2" in text
    assert f"files     {quickstart / 'trials' / '00003'}" in text
    assert "record.json" in text


def test_status_of_one_without_a_result_asks_the_study(
    quickstart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (quickstart / "trials" / "00003" / "record.json").unlink()
    text = said(capsys, "status", "quickstart/3")
    assert text.startswith("quickstart/3  no result yet\n")
    assert "settings  depth 3 width 4" in text
    (quickstart / "trials" / "00003" / "record.json").write_text("{")
    assert "damaged   " in said(capsys, "status", "quickstart/3")


def test_summary_is_that_of_its_network(quickstart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(capsys, "summary", "quickstart/3", "--json"))
    assert found["totals"]["macs"] == read_record(quickstart / "trials" / "00003").costs["macs"]


def test_rerun_chooses_it(quickstart: Path) -> None:
    with pytest.raises(ConfigError, match="Trial 3 of quickstart did not fail"):
        run_verb("rerun", ["quickstart/3"])
    shutil.rmtree(quickstart / "trials" / "00002")
    with pytest.raises(ConfigError, match="Trial 3 of quickstart did not fail.* May be trained again: 2."):
        run_verb("rerun", ["quickstart/3"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["repair", "quickstart/3"], "A study belongs to a whole sweep: name that."),
        (["plan", "quickstart/3"], "a plan is of a sweep that is still to run"),
        (
            ["status", "quickstart/3", "--watch"],
            "quickstart/3 is one trial: name its sweep",
        ),
        (["summary", "quickstart/3", "arch.depth=4"], "neither overrides nor --config-dir go with it"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_verb_for_which_one_makes_no_sense_says_so(quickstart: Path, words: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        run_verb(words[0], words[1:])


def test_latex_has_the_columns_that_a_paper_wants(
    quickstart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, "table", "quickstart", "--group-by", "depth,width", "--latex")
    assert r"depth & width & params & macs & val\_acc & n & train\_seconds \\" in text
    chosen = said(capsys, "table", "quickstart", "--latex", "--columns", "trial,arch")
    assert r"trial & arch \\" in chosen
