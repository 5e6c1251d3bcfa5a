"""Text as a terminal may show it: what somebody else named moves no cursor and turns no line around."""

from __future__ import annotations

import codecs
import sys
from typing import TextIO

# Blanks that move more than one place to the right.
CONTROLS = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
# What our own texts hold beyond ASCII, for a terminal that has no more.
PLAIN = {"±": "+-", "×": "x", "–": "-", "—": "-", "…": "...", "→": "->", "·": "-", "÷": "/", "η": "eta"}
PLAIN |= {"━": "-", "─": "-", "╸": "-", "╺": "-", "│": "|", "•": "*", "✓": "ok"}
ERRORS = "vggsweep.plain"


def visible(text: str) -> str:
    r"""Control characters and marks of direction as their escapes.

    >>> print(visible("a\x1b[2Jb\u202ec"))
    a\x1b[2Jb\u202ec
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or (character.isspace() and character not in CONTROLS)
        else character.encode("unicode_escape").decode()
        for character in text
    )


def visible_lines(text: str) -> str:
    r"""The same for a text of several lines.

    >>> print(visible_lines("one\ntwo\x07"))
    one
    two\x07
    """
    return "\n".join(map(visible, text.split("\n")))


def show(text: str, file: TextIO | None = None) -> None:
    """Print a text that may hold what somebody else named."""
    print(visible_lines(text), file=file or sys.stdout, flush=True)


def never_fail_to_print() -> None:
    """Let standard output and error show what their encoding lacks in other characters.

    An ASCII terminal or a cron job without a locale then reads ``+-`` for ``±``, and a code for ``ö``.
    """
    codecs.register_error(ERRORS, _plain_characters)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a closed one is None, a test's may be anything
            stream.reconfigure(errors=ERRORS)


def _plain_characters(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    shown = "".join(
        PLAIN.get(character) or character.encode("ascii", "backslashreplace").decode()
        for character in lacking
    )
    return shown, error.end
