"""``sweep.yaml``: what a sweep was told when it began, and how far a continued one may differ from it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from vggsweep.errors import RecordError
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.sweep_file import SavedSpec, read_saved_spec
from vggsweep.sweep.spec.objectives import BY_COLUMNS

# The attribute of a study that says what its sweep was told.
STUDY_MARK = "vggsweep"
# Fields of the sampler's node in a fingerprint begin so.
SAMPLER = "sampler."
NUMBERS = (FloatDistribution, IntDistribution)
KINDS: dict[str, Any] = {kind.__name__: kind for kind in (CategoricalDistribution, *NUMBERS)}


def read_saved(directory: SweepDirectory) -> SavedSpec | None:
    """Read ``sweep.yaml``; None where there is none, or none that can be understood."""
    with suppress(RecordError):
        saved = read_saved_spec(directory.settings)
        if saved is not None and saved.fingerprint is not None and saved.objective in BY_COLUMNS:
            return saved
    return None


def saved_space(saved: SavedSpec) -> dict[str, BaseDistribution]:
    """Its space; a parameter whose text cannot be read is left out."""
    found = {name: read_distribution(str(text)) for name, text in saved.space.items()}
    return {name: one for name, one in found.items() if one is not None}


def sampler_begun_with(directory: SweepDirectory) -> dict[str, Any] | None:
    """The node of the sampler that a sweep was begun with: it stays though the default be another by now."""
    saved = read_saved(directory)
    if saved is None or saved.fingerprint is None:
        return None
    own = {key: value for key, value in saved.fingerprint.items() if key.startswith(SAMPLER)}
    return {key.removeprefix(SAMPLER): value for key, value in own.items()} or None


def read_distribution(text: str) -> BaseDistribution | None:
    """A distribution from its text in ``sweep.yaml``; None for what is none, such as a hook's name.

    >>> read_distribution("IntDistribution(high=8, log=False, low=4, step=1)")
    IntDistribution(high=8, log=False, low=4, step=1)
    >>> read_distribution("my_package.my_module.my_hook")
    """
    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
            return None
        values = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        distribution: BaseDistribution = KINDS[call.func.id](**values)
        return distribution
    except (SyntaxError, ValueError, KeyError, TypeError):
        return None


def holds(wide: BaseDistribution, narrow: BaseDistribution) -> bool:
    """Whether a distribution has every value of another, so that a space may have grown from it.

    >>> holds(CategoricalDistribution((4, 6, 8)), CategoricalDistribution((4, 8)))
    True
    >>> holds(IntDistribution(4, 12, step=4), IntDistribution(4, 8, step=2))
    False
    """
    if isinstance(wide, CategoricalDistribution) and isinstance(narrow, CategoricalDistribution):
        # by type too: True == 1 == 1.0 for Python
        own = [(type(choice), choice) for choice in wide.choices]
        return all((type(choice), choice) in own for choice in narrow.choices)
    return (
        isinstance(wide, NUMBERS)
        and isinstance(narrow, NUMBERS)
        and type(wide) is type(narrow)
        and (wide.log, wide.step) == (narrow.log, narrow.step)
        and wide.low <= narrow.low
        and wide.high >= narrow.high
        and (wide.step is None or wide._contains(float(narrow.low)))
    )


def grown(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    """The parameters whose space has grown, with what they are now.

    Args:
        before, now: two fingerprints of a sweep.
    """
    found = {}
    for key in before.keys() & now.keys():
        if not key.startswith("space.") or before[key] == now[key]:
            continue
        narrow, wide = read_distribution(str(before[key])), read_distribution(str(now[key]))
        if narrow is not None and wide is not None and holds(wide, narrow):
            found[key.removeprefix("space.")] = wide
    return found


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    """Nested values under dotted names, as a fingerprint has them.

    >>> flat({"arch": {"depth": 8}, "seed": 0})
    {'arch.depth': 8, 'seed': 0}
    """
    if isinstance(node, Mapping):
        return {k: v for key, item in node.items() for k, v in flat(item, f"{prefix}{key}.").items()}
    return {prefix.rstrip("."): node}
