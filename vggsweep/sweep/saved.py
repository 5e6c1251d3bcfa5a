"""What ``sweep.yaml`` says of a sweep, for whoever only looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from optuna.trial import FrozenTrial

from vggsweep.results.layout import SweepDirectory
from vggsweep.sweep.extent import Extent
from vggsweep.sweep.space import SearchSpace


@dataclass(frozen=True)
class SavedOrder:
    """The part of a sweep's order that is not the study's.

    Args:
        storage: ``sweep.storage`` as written, or None.
        objective: columns that are optimised, accuracy first; none for single runs.
        extent: how much there is to do.
        has_hook: whether a function adds parameters, so that the space cannot be counted.
        is_counted: whether the file says how many points the space has; those of older versions do not.
    """

    storage: str | None = None
    objective: tuple[str, ...] = ()
    extent: Extent = field(default_factory=Extent)
    has_hook: bool = False
    is_counted: bool = True

    def extent_for(self, trials: Sequence[FrozenTrial]) -> Extent:
        """The extent, with the points of the space as the study's trials show it where the file does not."""
        if self.is_counted or self.has_hook:
            return self.extent
        space = next((trial.distributions for trial in reversed(trials) if trial.distributions), None)
        size = None if space is None else SearchSpace(space).size
        return Extent(self.extent.n_trials, self.extent.n_workers, self.extent.replicates, size)


def read_saved_order(directory: SweepDirectory) -> SavedOrder:
    """Read ``sweep.yaml``; single runs have none, and of a damaged one nothing is known."""
    try:
        content: Any = yaml.safe_load(directory.settings.read_text(encoding="utf-8"))
        sweep = content["configuration"]["sweep"]
        return SavedOrder(
            storage=sweep["storage"],
            objective=tuple(str(metric["name"]) for metric in content["objective"]),
            extent=Extent(
                n_trials=int(sweep["n_trials"]),
                n_workers=int(sweep.get("n_workers", 1)),
                replicates=int(sweep.get("replicates", 1)),
                space_size=content.get("space_size"),
            ),
            has_hook="hook" in content.get("space", {}),
            is_counted="space_size" in content,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return SavedOrder()
