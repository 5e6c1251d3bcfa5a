"""Every command that README and docs show is one that works; every link leads somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from hydra._internal.utils import get_args_parser

from vggsweep.cli import check_line, is_bare_word, run_verb

CHECKOUT = Path(__file__).parents[1]
DOCUMENTS = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^ {4}(?:PYTHONPATH=\S+ )?vggsweep(?= |$)(.*)$", re.MULTILINE)
# What the documents call a sweep that the reader has.
SWEEPS = ("runs", "my_sweep", "d2l_vgg-runs", "first", "equal")


def shown() -> list[tuple[str, ...]]:
    """The words of each command, once."""
    lines = [line for document in DOCUMENTS for line in COMMAND.findall(re.sub(r"\\\n *", "", document.read_text()))]
    return sorted({tuple(shlex.split(line, comments=True)) for line in lines})


TRAININGS = [words for words in shown() if not (words and is_bare_word(words[0]))]
VERB_LINES = [words for words in shown() if words and is_bare_word(words[0])]


def name(words: tuple[str, ...]) -> str:
    return " ".join(words) or "(no words)"


def test_documents_show_commands() -> None:
    assert len(TRAININGS) > 30
    assert len(VERB_LINES) > 20


@pytest.mark.parametrize("words", TRAININGS, ids=name)
def test_shown_line_of_a_training_passes_all_checks(words: tuple[str, ...]) -> None:
    check_line(get_args_parser().parse_intermixed_args(list(words)), list(words))


@pytest.mark.parametrize("words", VERB_LINES, ids=name)
def test_shown_verb_answers(words: tuple[str, ...], quickstart: Path) -> None:
    for sweep in SWEEPS:
        shutil.copytree(quickstart, quickstart.parent / sweep)

    assert run_verb(words[0], words[1:]) == 0
