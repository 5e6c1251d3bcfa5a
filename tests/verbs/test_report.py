"""``vggsweep report``: where the page lies, and what is refused."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from vggsweep.errors import ConfigError
from vggsweep.results.disk.record import Record, write_record
from vggsweep.verbs import report


@pytest.fixture
def run(own_folder: Path, record: Callable[..., Record]) -> Callable[..., int]:
    """The verb, with two sweeps of one trial under ``outputs/``."""
    for name in ("one", "two"):
        directory = own_folder / "outputs" / name / "trials" / "00000"
        directory.mkdir(parents=True)
        write_record(record(sweep=name, trial=0), directory)

    def call(*words: str) -> int:
        parser = argparse.ArgumentParser()
        report.add_arguments(parser)
        return report.run(parser.parse_args(words))

    return call


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (["one"], "outputs/one/report.html"),
        (["one", "two"], "report.html"),
        (["one", "--out", "answer.html"], "answer.html"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_page_lies_where_it_says(
    run: Callable[..., int],
    own_folder: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    place: str,
) -> None:
    assert run(*words) == 0

    assert capsys.readouterr().out == f"report    {own_folder / place}\n"
    assert (own_folder / place).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_damaged_record_is_named_and_the_page_still_written(
    run: Callable[..., int], own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = own_folder / "outputs" / "one" / "trials" / "00001"
    broken.mkdir()
    (broken / "record.json").write_text("{")

    assert run("one") == 0

    assert capsys.readouterr().err.startswith("damaged: ")
    assert "00001/record.json cannot be read" in (own_folder / "outputs/one/report.html").read_text()


def test_place_that_cannot_be_written_is_refused(run: Callable[..., int]) -> None:
    with pytest.raises(ConfigError, match="--out nowhere/r.html cannot be written: No such file"):
        run("one", "--out", "nowhere/r.html")


def test_page_of_some_trials_says_which(run: Callable[..., int], own_folder: Path) -> None:
    assert run("one", "two", "--where", "sweep == 'two'", "--out", "some.html") == 0

    page = (own_folder / "some.html").read_text(encoding="utf-8")
    assert "only trials with sweep == &#39;two&#39;" in page
    assert "<b>1</b><span>trials finished</span>" in page


def test_wrong_condition_is_refused(run: Callable[..., int]) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'depth'"):
        run("one", "--where", "dpeth > 3")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "Pyramid",
            "--family Pyramid: no such choice. .* A family of your own is the dotted name",
        ),
        (
            "my_families.Mine",
            "--family my_families.Mine cannot be loaded .*No module named.* PYTHONPATH",
        ),
        ("json.JSONDecoder", "--family json.JSONDecoder is a class and no family"),
    ],
)
def test_a_family_that_is_none_is_refused_in_the_words_of_the_line(
    run: Callable[..., int], name: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told) as refusal:
        run("--family", name)
    assert "Did you mean" not in str(refusal.value)
