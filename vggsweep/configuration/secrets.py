"""Passwords in database addresses: refused where they are written out, masked where a text may hold one."""

from __future__ import annotations

import re
from urllib.parse import unquote

from vggsweep.errors import ConfigError

HIDDEN = "***"
# What may stand for a password: variables of the environment without a default, which would be one itself.
VARIABLES = re.compile(r"(\$\{oc\.env:\s*[^{},:\s]+\s*\})+")
USER_AND_PASSWORD = re.compile(r"(?P<before>://[^/@:\s'\"]*:)(?P<password>[^\n]*)(?P<after>@)")
# An address that breaks off, or whose host was forgotten: what follows the colon is a port or a password.
UNFINISHED = re.compile(
    r"(?P<before>://[^/@:\s'\"]*:)(?P<password>(?!\d*(?:[/?,\s'\"\])}]|$))[^\s@]+)(?P<after>(?!@)(?=\s|$))"
)
FIELD = re.compile(
    r"(?P<before>[?&;\s]\w*(?:passw(?:or)?d|passwd|pwd|passphrase|secret|token)\s*=\s*)(?P<password>[^&;\s'\"@]+)"
    r"(?P<after>)",
    re.IGNORECASE,
)


def check_storage(storage: str | None) -> None:
    """Refuse a password that is written out, in whole or in part: it would end up in files, logs and titles.

    >>> check_storage("postgresql://me@db.lab/sweeps")
    >>> check_storage("postgresql://me:${oc.env:DB_PASSWORD}@db.lab/sweeps")
    """
    check_address(
        storage,
        "sweep.storage",
        "Leave it out and set PGPASSWORD or ~/.pgpass, or write '${oc.env:DB_PASSWORD}' in its place, in "
        "single quotes and without a default",
    )


def check_address(address: str | None, field: str, advice: str) -> None:
    """Refuse a password that is written out in an address.

    Args:
        address: as written, or None.
        field: of the configuration, for the refusal.
        advice: where the password may come from, without its full stop.

    Raises:
        ConfigError: naming the field, not the password.
    """
    if address is None:
        return
    # percent signs and backslashes may hide the name of a field, not what it holds
    for text in (address, unquote(address), address.replace("\\", "")):
        for pattern in (USER_AND_PASSWORD, UNFINISHED, FIELD):
            for found in pattern.finditer(text):
                if found["password"] and not VARIABLES.fullmatch(found["password"]):
                    raise ConfigError(
                        f"{field} holds a password, which would show in process lists and files. {advice}."
                    )


def masked(text: str) -> str:
    """A text for people and files, with every password of a database address hidden.

    >>> masked("sweep.storage=postgresql://me:hunter2@db.lab:5432/sweeps")
    'sweep.storage=postgresql://me:***@db.lab:5432/sweeps'
    >>> masked("postgresql://me:${oc.env:DB_PASSWORD}@db.lab, http://localhost:8080/")
    'postgresql://me:${oc.env:DB_PASSWORD}@db.lab, http://localhost:8080/'
    """
    for pattern in (USER_AND_PASSWORD, UNFINISHED, FIELD):
        text = pattern.sub(_hide, text)
    return text


def _hide(found: re.Match[str]) -> str:
    is_shown = VARIABLES.fullmatch(found["password"]) is not None
    return found[0] if is_shown else f"{found['before']}{HIDDEN}{found['after']}"
