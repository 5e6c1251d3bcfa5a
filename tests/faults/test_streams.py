"""Standard output and error that are closed, full, or read by a pipe that ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import Command

Start = Callable[..., Command]
WAYS = {
    "closed": "os.close(1); os.close(2); sys.stdout = sys.__stdout__ = sys.stderr = sys.__stderr__ = None",
    "full": "f = os.open('/dev/full', os.O_WRONLY); os.dup2(f, 1); os.dup2(f, 2)",
    "a pipe that ended": "r, w = os.pipe(); os.close(r); os.dup2(w, 1); os.dup2(w, 2)",
    "in ASCII": "sys.stdout.reconfigure(encoding='ascii'); sys.stderr.reconfigure(encoding='ascii')",
}
WORK = pytest.mark.fault(
    "standard output and error closed, full, a pipe that ends, or ASCII",
    "the work goes on; its exit code is its own",
)


@WORK
@pytest.mark.parametrize(
    "way", ["closed", *(pytest.param(way, marks=pytest.mark.slow) for way in list(WAYS)[1:])]
)
@pytest.mark.parametrize("line", [("seed=1",), ("-m", "arch.depth=2,3")], ids=len)
def test_work_ends_as_it_would(start: Start, own_folder: Path, way: str, line: tuple[str, ...]) -> None:
    command = start(*line, "sweep.name=s", first=WAYS[way])

    assert command.end() == 0, command.text
    records = [json.loads(path.read_text()) for path in own_folder.glob("outputs/*/trials/*/record.json")]
    assert [record["state"] for record in records] == ["COMPLETE"] * len(records)
    assert len(records) == (1 if len(line) == 1 else 2)
    for database in own_folder.glob("outputs/*/study.db"):
        assert b"epoch" not in database.read_bytes()[:100]


@WORK
@pytest.mark.slow
def test_failure_stays_a_failure(start: Start) -> None:
    command = start("optimizer.lr=1e30", "train.epochs=3", first=WAYS["a pipe that ended"])
    assert command.end() == 1


@pytest.mark.slow
@pytest.mark.fault(
    "a verb's output full, or its reader gone", "exits 1 and says so; a reader that left has enough"
)
def test_verb_whose_output_is_lost_fails_unless_its_reader_left(start: Start) -> None:
    assert start("sweep.name=s").end() == 0
    full = start("table", "s", first="f = os.open('/dev/full', os.O_WRONLY); os.dup2(f, 1)")
    assert full.end() == 1
    assert "Standard output cannot be written: No space left on device" in full.text
    assert "Traceback" not in full.text
    left = start("table", "s", first=WAYS["a pipe that ended"])
    assert left.end() == 0
