"""Which suggestions of a sweep were no networks, and why: no record tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from optuna.trial import FrozenTrial

from vggsweep.results.tables.reasons import shared_reasons
from vggsweep.sweep.storage.trial_attrs import INFEASIBLE, is_infeasible, shown_parameters

MOST_REASONS = 5
MOST_VALUES = 12


def infeasible_lines(trials: Sequence[FrozenTrial]) -> list[str]:
    """One sentence for each reason, the commonest first, with what of ``arch`` it was told of."""
    found = {trial.number: trial for trial in trials if is_infeasible(trial)}
    told = {number: str(trial.user_attrs[INFEASIBLE]).rstrip(".") for number, trial in found.items()}
    reasons = shared_reasons(("", number, reason) for number, reason in told.items())
    lines = []
    for one in reasons[:MOST_REASONS]:
        points = [found[number] for _, number in one.trials]
        where = _tried(points)
        counted = "1 point is no network" if len(points) == 1 else f"{len(points)} points are no networks"
        lines.append(f"{counted}{f' ({where})' if where else ''}: {one}")
    if more := sum(len(one.trials) for one in reasons[MOST_REASONS:]):
        lines.append(f"{more} more points are no networks, for other reasons; vggsweep status lists them")
    return lines


def _tried(trials: Sequence[FrozenTrial]) -> str:
    """Their swept values of ``arch``, each once, such as ``arch.depth=27, 33``."""
    values: dict[str, dict[object, None]] = {}
    for trial in trials:
        for name, value in shown_parameters(trial).items():
            if name.partition(".")[0] == "arch":
                values.setdefault(name, {})[value] = None
    return "; ".join(f"{name}={_listed(list(found))}" for name, found in values.items())


def _listed(values: list[object]) -> str:
    with suppress(TypeError):  # numbers beside words stay in the order of the trials
        values = sorted(values)  # type: ignore[type-var]
    shown = ", ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in values[:MOST_VALUES])
    return shown + (f" and {len(values) - MOST_VALUES} more" if len(values) > MOST_VALUES else "")
