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
    sets_before, sets_now = _sets(before), _sets(now)
    lines = []
    for one in sorted(sets_before.keys() & sets_now.keys()):
        if before[f"{PREFIX}{one}{DIGEST}"] == now[f"{PREFIX}{one}{DIGEST}"]:
            continue
        old, new = sets_before[one], sets_now[one]
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


def _sets(fingerprint: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Pictures of each data set by ``split/class``, without their bytes."""
    data = {key.removeprefix(PREFIX): value for key, value in fingerprint.items() if key.startswith(PREFIX)}
    counts = {key: value for key, value in data.items() if isinstance(value, int)}
    sets: dict[str, dict[str, int]] = {
        key.removesuffix(DIGEST): {} for key in data.keys() - counts.keys() if key.endswith(DIGEST)
    }
    for key, count in counts.items():
        # a name may hold dots: of ``a`` and ``a.b`` the longer one is meant
        name = max((one for one in sets if key.startswith(f"{one}.")), key=len, default=None)
        if name is not None and key != f"{name}.bytes":
            sets[name][key.removeprefix(f"{name}.")] = count
    return sets


def _change(before: int, now: int) -> str:
    if not now:
        return f"none any more, {before} before"
    pictures = f"{now} picture{'s' if now != 1 else ''}"
    if not before:
        return f"{pictures}, none before"
    return f"{pictures}, {abs(now - before)} {'more' if now > before else 'fewer'} than before"
