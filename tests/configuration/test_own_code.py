from __future__ import annotations

from pathlib import Path

import pytest

from vggsweep.configuration.own_code import own_code


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``own_l7.py``, where Python finds it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "own_l7.py"
    file.write_text("class Net: ...\n")
    return file


def test_digest_follows_the_file_behind_a_dotted_name(module: Path) -> None:
    plain = {"arch": {"family": "own_l7.Net"}, "loss": {"target": "own_l7.loss"}, "seed": 0}

    before = own_code(plain)
    module.write_text("class Net: pass\n")

    assert before.keys() == {"own_l7.Net", "own_l7.loss"}
    assert len(set(before.values())) == 1
    assert own_code(plain)["own_l7.Net"] != before["own_l7.Net"]


@pytest.mark.parametrize(
    "family", ["vgg_scaled", "described", "nowhere_l7.Net", "nothing", "", ".", "sys.path"]
)
def test_names_that_lead_to_no_file_of_a_user_have_none(family: str) -> None:
    assert own_code({"arch": {"family": family, "depth": 3}, "seed": 1}) == {}
