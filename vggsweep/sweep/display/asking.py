"""Ask a person before something is lost."""

from __future__ import annotations

import sys

from vggsweep.errors import ConfigError


def confirm(question: str, *, is_yes: bool) -> bool:
    """Ask at the terminal; whatever is no clear yes is a no.

    Args:
        question: ends with a question mark.
        is_yes: whether ``--yes`` answered beforehand.

    Raises:
        ConfigError: nobody can be asked here.
    """
    if is_yes:
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(
            "There is no terminal to ask at whether to remove this, so nothing was removed. --yes says so "
            "beforehand."
        )
    print(f"{question} [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
