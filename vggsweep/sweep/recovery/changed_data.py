"""What changed in the data of a sweep, in words: of which class there are how many pictures more or fewer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PREFIX = "data."
DIGEST = ".digest"


def data_lines(before: Mapping[str, Any], now: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Say how the data differ, a line per class, or one where no class has more or fewer pictures.

    Args:
        before, now: a sweep's fingerprints, flat; a data set that only one of them knows is left out, as
            earlier releases took no fingerprints.
        names: for people, of each data set by its name in the fingerprints.

    >>> before = {"data.a.digest": "12", "data.a.train/cat": 5, "data.a.train/dog": 5}
    >>> data_lines(before, {"data.a.digest": "34", "data.a.train/cat": 7}, {"a": "pets"})
    ['  pets, train/cat: 7 pictures, 2 more than before', '  pets, train/dog: none any more, 5 before']
    """
    sets = sorted(_digests(before) & _digests(now))
    lines = []
    for one in sets:
        old, new = _counts(before, one), _counts(now, one)
        if before[f"{PREFIX}{one}{DIGEST}"] == now[f"{PREFIX}{one}{DIGEST}"]:
            continue
        name = names.get(one, one)
        classes = [split for split in sorted(old.keys() | new.keys()) if old.get(split) != new.get(split)]
        lines += [f"  {name}, {split}: {_change(old.get(split, 0), new.get(split, 0))}" for split in classes]
        if not classes and not (old or new):
            lines.append(f"  {name}: other files are published under this name than before")
        elif not classes:
            lines.append(
                f"  {name}: as many pictures of every class as before, some with other contents or names"
            )
    return lines


def _digests(fingerprint: Mapping[str, Any]) -> set[str]:
    keys = (key for key in fingerprint if key.startswith(PREFIX) and key.endswith(DIGEST))
    # a count of a class named "a.digest" is no digest
    return {
        key.removeprefix(PREFIX).removesuffix(DIGEST) for key in keys if isinstance(fingerprint[key], str)
    }


def _counts(fingerprint: Mapping[str, Any], one: str) -> dict[str, int]:
    """Pictures by ``split/class``, without their bytes; of ``a`` those of a set ``a.b`` are none."""
    own = f"{PREFIX}{one}."
    longer = tuple(f"{PREFIX}{other}." for other in _digests(fingerprint) if other.startswith(f"{one}."))
    found = {
        key.removeprefix(own): value
        for key, value in fingerprint.items()
        if key.startswith(own) and not (longer and key.startswith(longer)) and isinstance(value, int)
    }
    found.pop("bytes", None)
    return found


def _change(before: int, now: int) -> str:
    if not now:
        return f"none any more, {before} before"
    pictures = f"{now} picture{'s' if now != 1 else ''}"
    if not before:
        return f"{pictures}, none before"
    return f"{pictures}, {abs(now - before)} {'more' if now > before else 'fewer'} than before"
