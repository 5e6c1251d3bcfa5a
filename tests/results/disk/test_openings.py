"""The log of looks at a test set."""

from __future__ import annotations

from pathlib import Path

from vggsweep.results.disk.openings import log_opening, new_opening, read_openings


def test_lines_are_added_and_one_that_was_torn_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "test_openings.jsonl"
    openings = [new_opening(trial, 0.5, 1.25, 100, "vggsweep evaluate s/7") for trial in (7, 8, 7)]
    assert read_openings(path) == []
    log_opening(openings[0], path)
    log_opening(openings[1], path)
    with path.open("a") as file:
        file.write('{"trial": 9, "test_')  # the power went

    log_opening(openings[2], path)

    assert read_openings(path) == openings
    assert path.read_text().count("\n") == 4
    assert "@" in openings[0].who
