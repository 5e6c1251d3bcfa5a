"""Files of a user's own parts: the code behind a dotted name belongs to no configuration hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vggsweep.arch.families import FAMILIES
from vggsweep.arch.families.own import own_family

# Where a group says which function or class of the user's own it takes.
NAMING = ("target", "family", "hook")
DIGITS = 16


def own_code(plain: Mapping[str, Any]) -> dict[str, str]:
    """A digest of the file behind each name of a user's own that a configuration holds.

    The file alone is read, not what it imports; a name that leads to no file is left out.

    Args:
        plain: a composed configuration.

    Returns:
        The first digits of SHA-256, by name.
    """
    names = [
        node[key]
        for node in plain.values()
        if isinstance(node, Mapping)
        for key in NAMING
        if isinstance(node.get(key), str) and node[key] not in FAMILIES
    ]
    found = {name: _digest(name) for name in names}
    return {name: digest for name, digest in sorted(found.items()) if digest is not None}


def _digest(name: str) -> str | None:
    with suppress(Exception):  # whoever uses the part says what is wrong with it
        module = name.rpartition(".")[0]
        if not module and (announced := own_family(name)) is not None:
            module = announced.__module__
        spec = find_spec(module) if module else None
        if spec is not None and spec.origin is not None:
            return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()[:DIGITS]
    return None


def changed_code(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Names that both know, whose files differ.

    >>> changed_code({"mine.Net": "1", "mine.data": "2"}, {"mine.Net": "3", "mine.data": "2"})
    ['mine.Net']
    """
    return [name for name, digest in now.items() if before.get(name, digest) != digest]
