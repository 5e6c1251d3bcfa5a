"""``measurements.jsonl``: what was written is read, whatever stands between the lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.results.made_measurements import measurement
from vggsweep.errors import WriteFailed
from vggsweep.results.disk.measurements import append_measurement, read_measurements


def test_sessions_are_read_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "measurements.jsonl"
    first, second = measurement({0: 1.5, 1: 2.5}), measurement({0: 1.4}, engine="compile", contended=None)
    for one in (first, second):
        append_measurement(one, path)

    assert read_measurements(path) == [first, second]


def test_damaged_lines_cost_only_themselves_and_unknown_fields_nothing(tmp_path: Path) -> None:
    path = tmp_path / "measurements.jsonl"
    assert read_measurements(path) == []
    path.write_text('{"when": "2026-11-27", "networks": []}\n[]\n{"torn')
    append_measurement(measurement({0: 1.5}), path)
    later = json.loads(path.read_text().splitlines()[-1])
    later["networks"][0]["energy_mj"] = 3.0
    with path.open("a") as file:
        file.write(json.dumps({**later, "power_w": 60}) + "\n")

    assert read_measurements(path) == [measurement({0: 1.5})] * 2


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "measurements.jsonl").mkdir()
    with pytest.raises(WriteFailed, match="measurements.jsonl cannot be written"):
        append_measurement(measurement({0: 1.5}), tmp_path / "measurements.jsonl")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "eager, fp32, batch 1 on a CPU, 2 threads"),
        ({"threads": 1, "batch_size": 32}, "eager, fp32, batch 32 on a CPU, 1 thread"),
        (
            {"device": "cuda:0", "device_name": "a GPU", "precision": "bf16"},
            "eager, bf16, batch 1 on a GPU",
        ),
    ],
)
def test_its_condition_in_words(changes: dict[str, object], words: str) -> None:
    assert measurement({0: 1.0}, **changes).condition == words
