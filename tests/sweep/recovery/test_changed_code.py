"""A sweep that goes on although a file of the user's own has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vggsweep.sweep.recovery.continuation import say_changed_code
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.spec.spec import SweepSpec


def test_changed_code_of_a_users_own_is_told_once(
    small: SweepSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "own_l7_loss.py"
    file.write_text("def loss(): ...\n")
    spec = replace(
        small, base={**small.base, "loss": {"name": "custom", "target": "own_l7_loss.loss", "options": {}}}
    )
    spec.directory.path.mkdir(parents=True)
    save_spec(spec)
    told = []
    for text in ("def loss(): ...\n", "def loss(): pass\n", "def loss(): pass\n"):
        file.write_text(text)
        say_changed_code(spec)
        save_spec(spec)
        told.append(capsys.readouterr().err)

    assert "the file of own_l7_loss.loss has changed since sweep" in told[1]
    assert told[0] == told[2] == ""
