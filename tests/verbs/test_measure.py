"""``vggsweep measure``: which networks, what is printed and kept, and when it rejects itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError
from vggsweep.measure import rounds
from vggsweep.results.disk.measurements import Measurement, read_measurements
from vggsweep.results.disk.record import read_record, write_record

# As few timings as make a session, on a machine of which nothing is asked.
ANY_MACHINE = ("--rounds", "6", "--max-drift", "1e9", "--device", "cpu")
Printed = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "VISIT", replace(rounds.VISIT, min_seconds=0.0))


def kept(sweep: Path) -> list[Measurement]:
    return read_measurements(sweep / "measurements.jsonl")


def trials_of(one: Measurement) -> list[int]:
    return sorted(trial for network in one.networks for trial in network.trials)


def rewrite(sweep: Path, number: int, **changes: object) -> None:
    directory = sweep / "trials" / f"{number:05d}"
    write_record(replace(read_record(directory), **changes), directory)  # type: ignore[arg-type]


def test_a_session_is_printed_and_kept_beside_records_that_stay(quickstart: Path, capsys: Printed) -> None:
    before = {path: path.read_bytes() for path in quickstart.glob("trials/*/*")}
    assert run_verb("measure", ["quickstart", *ANY_MACHINE]) == 0

    (one,) = kept(quickstart)
    said = capsys.readouterr()
    assert trials_of(one) == [0, 1, 2, 3]
    assert (one.engine, one.precision, one.batch_size, one.threads) == ("eager", "fp32", 1, 1)
    assert one.command == "vggsweep measure quickstart --device cpu --rounds 6 --max-drift 1000000000.0"
    assert {path: path.read_bytes() for path in quickstart.glob("trials/*/*")} == before
    assert "timing 4 networks in 6 rounds: eager, fp32, batch 1" in said.err
    rows = [line.split("│") for line in said.out.splitlines() if line.startswith("│")]
    latencies = [float(row[5]) for row in rows]
    assert latencies == sorted(latencies)
    assert "no two networks have a latency in the sweep" in said.out
    assert f"file      {quickstart / 'measurements.jsonl'}" in said.out


def test_a_session_that_fails_its_check_leaves_nothing_and_ends_with_1(
    quickstart: Path, capsys: Printed
) -> None:
    words = ["quickstart", "--rounds", "6", "--max-drift", "1e-9", "--device", "cpu"]
    assert run_verb("measure", words) == 1
    assert run_verb("measure", [*words, "--json"]) == 1

    said = capsys.readouterr()
    assert "rejected, nothing is written: " in said.err
    assert "Other work on the machine is the usual cause" in said.err
    (plain,) = json.loads(said.out)
    assert plain["is_accepted"] is False
    assert "more than 0.0%" in plain["reason"]
    assert not (quickstart / "measurements.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "trials"),
    [
        (["quickstart/2", "quickstart/0"], [0, 2]),
        (["quickstart/best"], [3]),
        (["quickstart", "--top", "2"], [1, 3]),
        (["quickstart", "--front"], [0, 1, 3]),
        (["quickstart", "--front", "--top", "1"], [3]),
        (["quickstart", "--where", "depth == 2"], [0, 1]),
    ],
)
def test_networks_are_chosen_by_address_accuracy_front_or_condition(
    quickstart: Path, words: list[str], trials: list[int]
) -> None:
    for number, accuracy in enumerate((0.5, 0.6, 0.4, 0.7)):
        record = read_record(quickstart / "trials" / f"{number:05d}")
        rewrite(quickstart, number, metrics={**record.metrics, "val_acc": accuracy})

    assert run_verb("measure", [*words, *ANY_MACHINE]) == 0
    assert trials_of(kept(quickstart)[0]) == trials


def test_each_condition_is_a_session_and_json_has_them_all(quickstart: Path, capsys: Printed) -> None:
    words = ["quickstart/0", "quickstart/3", "--batch-sizes", "1,4", "--precision", "fp32,bf16", "--json"]
    assert run_verb("measure", [*words, *ANY_MACHINE]) == 0

    found = json.loads(capsys.readouterr().out)
    assert [(one["precision"], one["batch_size"]) for one in found] == [
        ("fp32", 1),
        ("fp32", 4),
        ("bf16", 1),
        ("bf16", 4),
    ]
    assert all(one["is_accepted"] and one["agreement"]["pairs"] == 0 for one in found)
    assert len(kept(quickstart)) == 4


def test_each_sweep_keeps_its_own_networks_of_a_common_session(
    quickstart: Path, record: Callable[..., object], capsys: Printed
) -> None:
    quickstart.rename(quickstart.parent / "first")
    for number in (2, 3):
        place = quickstart.parent / "second" / "trials" / f"{number:05d}"
        place.parent.mkdir(parents=True, exist_ok=True)
        (quickstart.parent / "first" / "trials" / f"{number:05d}").rename(place)
    assert run_verb("measure", ["first", "second", *ANY_MACHINE]) == 0

    sessions = [kept(quickstart.parent / name)[0] for name in ("first", "second")]
    assert [trials_of(one) for one in sessions] == [[0, 1], [2, 3]]
    assert sessions[0].reference == sessions[1].reference
    assert sessions[0].reference_ms == sessions[1].reference_ms


def test_a_sweep_for_latency_hears_how_far_its_own_latencies_agree(quickstart: Path, capsys: Printed) -> None:
    for number in range(4):
        rewrite(quickstart, number, measurements={"latency_ms_p50": 1.0 + number, "latency_batch_size": 2})
    settings = quickstart / "sweep.yaml"
    settings.write_text(settings.read_text().replace("name: macs\n", "name: latency_ms_p50\n"))
    assert run_verb("measure", ["quickstart", *ANY_MACHINE]) == 0

    said = capsys.readouterr().out
    assert kept(quickstart)[0].batch_size == 2
    assert "of 6 pairs otherwise, Spearman " in said
    assert "their front" in said
    assert run_verb("report", ["quickstart"]) == 0
    page = (quickstart / "report.html").read_text(encoding="utf-8")
    assert (
        f"Networks of quickstart timed anew on {kept(quickstart)[0].when[:10]} (eager, fp32, batch 2" in page
    )
    assert "of 6 pairs otherwise, Spearman " in page


def test_a_session_goes_with_its_sweep(quickstart: Path) -> None:
    assert run_verb("measure", ["quickstart/0", *ANY_MACHINE]) == 0
    assert run_verb("rm", ["quickstart", "--yes"]) == 0
    assert not quickstart.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--engine", "eagr"], "--engine eagr: no such engine. Did you mean 'eager'?"),
        (["--precision", "fp32,int8"], "--precision int8: no such precision. Valid: bf16, fp16, fp32."),
        (
            ["--batch-sizes", "1,0"],
            "--batch-sizes 0 should be numbers of images, such as --batch-sizes 1,32.",
        ),
        (["--rounds", "5"], "--rounds 5 should be at least 6."),
        (["--top", "0"], "--top 0 should be at least 1."),
        (["--threads", "9999"], "--threads 9999: this process gets "),
        (["--threads", "0"], "--threads 0 should be at least 1."),
        (["--max-drift", "0"], "--max-drift 0 should be a share above 0, such as 0.05."),
        (["--device", "gpu"], "device=gpu is not a device."),
        (["--where", "depth > 99"], "is COMPLETE and satisfies depth > 99"),
    ],
)
def test_what_cannot_work_is_refused_and_leaves_nothing(
    quickstart: Path, words: list[str], told: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        run_verb("measure", ["quickstart", *words])
    assert told in str(refusal.value)
    assert not (quickstart / "measurements.jsonl").exists()
