"""``vggsweep pareto``: the same front in text, JSON and picture; machines never mixed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vggsweep.errors import ConfigError, NothingToDraw
from vggsweep.results.disk.record import Record, write_record
from vggsweep.verbs import pareto

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("mine", "--json")``: what the verb prints."""

    def call(*words: str) -> str:
        parser = argparse.ArgumentParser()
        pareto.add_arguments(parser)
        assert pareto.run(parser.parse_args(words)) == 0
        return capsys.readouterr().out

    return call


@pytest.fixture
def write(record: Callable[..., Record], own_folder: Path) -> Callable[..., None]:
    """``write(0, 10, 0.5)``: a trial of the sweep ``mine`` with these MACs and this accuracy."""

    def build(number: int, macs: int, val_acc: float, **changes: Any) -> None:
        directory = own_folder / "outputs" / "mine" / "trials" / f"{number:05d}"
        directory.mkdir(parents=True)
        costs = {"macs": macs, "params": 1}
        values = {"costs": costs, "metrics": {"val_acc": val_acc}, "measurements": {}, **changes}
        write_record(record(sweep="mine", trial=number, **values), directory)

    return build


def test_json_and_text_say_the_same(write: Callable[..., None], run: Run) -> None:
    for number, (macs, acc) in enumerate([(10, 0.5), (100, 0.8), (1000, 0.85), (500, 0.6)]):
        write(number, macs, acc, swept={"arch.depth": number})

    plain, text = json.loads(run("mine", "--json")), run("mine")

    assert [row["pareto"] for row in plain["rows"]] == [True, True, True, False]
    front = plain["fronts"][0]
    assert [trial["trial"] for trial in front["trials"]] == [0, 1, 2]
    assert (front["considered"], front["knee"]) == (4, 1)
    assert front["reference_point"] == {"macs": pytest.approx(1100), "val_acc": 0}
    assert front["hypervolume"] == pytest.approx(90 * 0.5 + 900 * 0.8 + 100 * 0.85)
    assert "val_acc against macs: 3 of 4 finished on the front" in text
    assert "hypervolume 850 (macs x val_acc), reference point macs 1.1k, val_acc 0" in text
    assert "knee        trial 1" in text


def test_reference_point_can_be_chosen(write: Callable[..., None], run: Run) -> None:
    write(0, 10, 0.5)

    front = json.loads(run("mine", "--json", "--reference", "20", "0.4"))["fronts"][0]

    assert front["hypervolume"] == pytest.approx(1.0)
    assert front["reference_point"] == {"macs": 20, "val_acc": 0.4}


def latency(device: str, value: float) -> dict[str, Any]:
    environment = {"device_name": device, "precision": "fp32"}
    return {"environment": environment, "measurements": {"latency_ms_p50": value}}


def test_each_machine_has_its_front_and_the_text_says_how_to_choose(
    write: Callable[..., None], run: Run
) -> None:
    write(0, 10, 0.5, **latency("a CPU", 9.0))
    write(1, 10, 0.4, **latency("a GPU", 1.0))

    both = json.loads(run("--x", "latency_ms_p50", "--json"))
    one = json.loads(run("--x", "latency_ms_p50", "--json", "--device", "a CPU"))

    assert [front["machine"] for front in both["fronts"]] == ["a CPU, fp32", "a GPU, fp32"]
    assert [len(front["trials"]) for front in both["fronts"]] == [1, 1]
    assert [front["machine"] for front in one["fronts"]] == ["a CPU, fp32"]
    assert "Choose with --device NAME, --precision NAME or --where." in run("--x", "latency_ms_p50")
    with pytest.raises(ConfigError, match="--device 'a TPU': no trial has it. .*Valid: a CPU, a GPU"):
        run("--device", "a TPU")


def test_means_over_seeds_are_compared_where_asked(write: Callable[..., None], run: Run) -> None:
    def seeded(seed: int) -> dict[str, Any]:
        return {"configuration": {"seed": seed, "train": {"epochs": 1}}}

    write(0, 10, 0.5, **seeded(0))
    write(1, 10, 0.7, **seeded(1))

    assert "--mean puts their means on the front" in run("mine")
    rows = json.loads(run("mine", "--mean", "--json"))["rows"]
    assert [(row["val_acc"], row["seeds"]) for row in rows] == [(pytest.approx(0.6), 2)]


@pytest.mark.parametrize(("name", "start"), [("f.png", b"\x89PNG"), ("f.svg", b"<?xml"), ("f.PDF", b"%PDF")])
def test_picture_has_the_format_of_its_name(
    write: Callable[..., None], run: Run, own_folder: Path, name: str, start: bytes
) -> None:
    write(0, 10, 0.5)

    text = run("mine", "--out", name)

    assert (own_folder / name).read_bytes().startswith(start)
    assert str(own_folder / name) in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--out", "f.gif"], "should end in .png, .svg, .pdf"),
        (["--out", "nowhere/f.png"], "cannot be written: No such file or directory"),
        (["--x", "macz"], "no column 'macz'. Did you mean 'macs'"),
        (["--x", "latency_ms_p50"], "No trial of this table has a value of latency_ms_p50. measure=none"),
        (["--y", "configuration"], "no column 'configuration'"),
    ],
)
def test_wrong_line_is_refused(write: Callable[..., None], run: Run, words: list[str], told: str) -> None:
    write(0, 10, 0.5)

    with pytest.raises(ConfigError, match=told):
        run("mine", *words)


def test_sweep_in_which_nothing_finished_has_no_front_yet(write: Callable[..., None], run: Run) -> None:
    write(0, 10, 0.5, state="FAIL", reason="NaN")

    assert json.loads(run("mine", "--json"))["fronts"] == []
    assert "there is no front yet" in run("mine")
    with pytest.raises(NothingToDraw, match="no trial has both macs and val_acc"):
        run("mine", "--out", "f.png")


def test_condition_chooses_what_is_compared(write: Callable[..., None], run: Run) -> None:
    for number, (macs, acc) in enumerate([(10, 0.5), (100, 0.8), (1000, 0.85)]):
        write(number, macs, acc, swept={"arch.depth": number})

    plain = json.loads(run("mine", "--where", "macs >= 100", "--json"))

    assert [row["trial"] for row in plain["rows"]] == [1, 2]
    assert plain["fronts"][0]["considered"] == 2
    assert "there is no front yet" in run("mine", "--where", "macs > 5000")
