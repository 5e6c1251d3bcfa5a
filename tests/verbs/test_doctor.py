"""``vggsweep doctor``: what it looks at, and what it says of a machine that cannot train."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from vggsweep.cli import run_verb


def test_sound_machine_can_train_and_nothing_is_left_behind(
    own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb("doctor", []) == 0
    said = capsys.readouterr().out
    for subject in (
        "python",
        "packages",
        "device",
        "data root",
        "output root",
        "locks",
        "study",
        "launchers",
    ):
        assert f" {subject} " in said
    assert "broken" not in said
    assert list(own_folder.iterdir()) == []


def test_what_is_broken_is_named_with_what_to_do(
    own_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / "outputs").write_text("no directory")
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "4.9.0" if name == "optuna" else version(name)
    )

    assert run_verb("doctor", ["--storage", "postgresql://me@127.0.0.1:9/nowhere"]) == 1
    lines = {line.split()[1]: line for line in capsys.readouterr().out.splitlines() if "broken" in line}
    assert "Mend it with: pip install 'optuna<6,>=5'" in lines["packages"]
    assert "outputs is no directory" in lines["output"]
    assert "127.0.0.1:9/nowhere does not answer" in lines["storage"]


def test_password_on_the_line_is_refused_and_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verb("doctor", ["--storage", "postgresql://me:hunter2@host/db"]) == 1
    said = capsys.readouterr()
    assert "holds a password" in said.out
    assert "hunter2" not in said.out + said.err
