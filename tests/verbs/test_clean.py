"""``vggsweep clean``: what it removes, what it never touches, how it asks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError
from vggsweep.results.disk.record import Record, write_record
from vggsweep.sweep.storage.file_lock import claim

BIG = ("checkpoint.pt", "checkpoint.pt.prev", "model.safetensors", "unused-checkpoint.pt")
SMALL = ("history.csv", "trial.log", "config.yaml")


@pytest.fixture
def sweep(own_folder: Path, record: Callable[..., Record]) -> Path:
    """``outputs/mine``: 0 and 1 on the front, 2 dominated, 3 failed, 4 without a result."""
    path = own_folder / "outputs" / "mine"
    for number, (macs, accuracy) in enumerate([(10, 0.7), (20, 0.9), (20, 0.8), (10, 0.1), (0, 0)]):
        trial = path / "trials" / f"{number:05d}"
        trial.mkdir(parents=True)
        for name in (*BIG, *SMALL):
            (trial / name).write_bytes(b"x" * 1000)
        state = "FAIL" if number == 3 else "COMPLETE"
        own = record(
            sweep="mine",
            trial=number,
            state=state,
            configuration={"arch": {"depth": number}, "seed": 0},
            costs={"macs": macs},
            metrics={"val_acc": accuracy},
        )
        if number < 4:
            write_record(own, trial)
    (path / "study.db").write_bytes(b"study")
    return path


def left(sweep: Path) -> list[int]:
    """The trials that still have everything."""
    trials = sorted((sweep / "trials").iterdir())
    for trial in trials:
        assert all((trial / name).is_file() for name in SMALL)
        assert (trial / "record.json").is_file() == (trial.name != "00004")
        assert sum((trial / name).exists() for name in BIG) in (0, len(BIG))
    assert (sweep / "study.db").read_bytes() == b"study"
    return [int(trial.name) for trial in trials if (trial / BIG[0]).exists()]


@pytest.mark.parametrize(
    ("words", "stay"),
    [
        ([], [0, 1, 4]),
        (["--keep-best", "1"], [1, 4]),
        (["--keep-best", "2"], [1, 2, 4]),
        (["--keep-best", "0"], [4]),
        (["mine/1", "mine/4"], [0, 2, 3, 4]),
    ],
    ids=lambda value: " ".join(map(str, value)) or "the front",
)
def test_what_nobody_needs_goes_and_what_continues_stays(
    sweep: Path, words: list[str], stay: list[int]
) -> None:
    places = [word for word in words if "/" in word] or ["mine"]
    flags = [word for word in words if "/" not in word]
    assert run_verb("clean", [*places, *flags, "--yes"]) == 0
    assert left(sweep) == stay


def test_it_says_what_each_kind_frees(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_verb("clean", ["mine", "--keep-best", "1", "--yes"])
    said = capsys.readouterr().out
    assert "mine: 12 files to remove; trial 1 keeps all files" in said
    assert "6 KiB  6 x checkpoints\n" in said
    assert "3 x checkpoints of failed trials, without which `vggsweep rerun` begins anew" in said
    assert "3 KiB  3 x weights" in said
    assert "12 KiB freed." in said
    run_verb("clean", ["mine", "--keep-best", "1"])
    assert "Nothing to remove." in capsys.readouterr().out


def test_a_trial_that_runs_keeps_everything(sweep: Path) -> None:
    lock = claim(sweep / "trials" / "00002" / "trial.lock")
    assert lock is not None
    run_verb("clean", ["mine", "--yes"])
    lock.release()
    assert left(sweep) == [0, 1, 2, 4]


def test_without_a_terminal_it_removes_nothing(sweep: Path) -> None:
    with pytest.raises(ConfigError, match="There is no terminal to ask at .* --yes says so beforehand"):
        run_verb("clean", ["mine"])
    assert left(sweep) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("answer", "stay"), [("y\n", [0, 1, 4]), ("\n", [0, 1, 2, 3, 4]), ("no\n", [0, 1, 2, 3, 4])]
)
def test_at_a_terminal_it_asks(
    sweep: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    stay: list[int],
) -> None:
    person, terminal = os.openpty()
    with os.fdopen(terminal) as keyboard:
        monkeypatch.setattr("sys.stdin", keyboard)
        os.write(person, answer.encode())
        assert run_verb("clean", ["mine"]) == 0
    os.close(person)
    assert left(sweep) == stay
    said = capsys.readouterr().out
    assert "Remove these 8 files (8 KiB)? [y/N] " in said
    assert ("Nothing was removed." in said) == (len(stay) == 5)


def test_fewer_than_none_cannot_be_kept(sweep: Path) -> None:
    with pytest.raises(ConfigError, match="--keep-best -1"):
        run_verb("clean", ["mine", "--keep-best=-1"])
