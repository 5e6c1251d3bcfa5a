"""Text of others on a terminal: shown, never obeyed, in any encoding."""

from __future__ import annotations

import io
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.visible import never_fail_to_print, show, visible, visible_lines


@given(st.text())
def test_no_text_keeps_a_character_that_a_terminal_obeys(text: str) -> None:
    shown = visible(text)

    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("text", ["größe ± 0.1", "模型", "a\u00a0b", "d8 w16"])
def test_what_people_write_stays(text: str) -> None:
    assert visible(text) == text


def test_lines_stay_lines() -> None:
    assert visible_lines("one\n\x1b[2Jtwo\u202e\n") == "one\n\\x1b[2Jtwo\\u202e\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "utf-16"])
def test_every_encoding_prints_every_text(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    monkeypatch.setattr(sys, "stderr", None)  # closed
    never_fail_to_print()

    show("0.5 ± 0.1 größe 模型 \udcff")

    assert "0.5 " in raw.getvalue().decode(encoding)
    if encoding == "ascii":
        assert raw.getvalue() == b"0.5 +- 0.1 gr\\xf6\\xdfe \\u6a21\\u578b \\udcff\n"
