"""The figure of learning curves with the trials that still run, drawn anew with each epoch of theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.yaml_text import read_yaml
from vggsweep.results.plain import is_number
from vggsweep.sweep.display.progress import RunningTrial

if TYPE_CHECKING:
    import pandas as pd

# The figure of the report whose place it takes.
NAME = "learning-curves"


@dataclass(frozen=True)
class DrawnCurves:
    """The figure.

    Args:
        stamp: of the report and of the epochs that it shows.
        svg: an ``<svg>`` element, as UTF-8.
    """

    stamp: str
    svg: bytes


def curves_stamp(report: str, running: Sequence[RunningTrial]) -> str | None:
    """What changes whenever the figure would; None where no trial runs that has an epoch.

    Args:
        report: stamp of the report whose figure it is.
        running: trials without a result.
    """
    begun = [f"{trial.number}:{len(trial.curve)}" for trial in running if trial.curve]
    return hashlib.blake2b(" ".join([report, *begun]).encode(), digest_size=8).hexdigest() if begun else None


def draw_curves(
    stamp: str, finished: pd.DataFrame, directory: SweepDirectory, running: Sequence[RunningTrial]
) -> DrawnCurves:
    """Draw the figure.

    Args:
        stamp: of it.
        finished: the table that the report's own figure shows.
        directory: the sweep's.
        running: trials without a result.

    Raises:
        NothingToDraw: no history is there any more.
    """
    import pandas as pd

    from vggsweep.results.figures import learning_curves_figure
    from vggsweep.results.report import inline_svg

    rows = [
        {
            "dir": str(directory.trial(trial.number).path),
            "state": "RUNNING",
            "depth": _depth(directory, trial),
        }
        for trial in running
        if trial.curve
    ]
    columns = ["dir", "state", "depth"]
    table = pd.concat([finished.reindex(columns=columns), pd.DataFrame(rows, columns=columns)])
    table = table.reset_index(drop=True)
    return DrawnCurves(stamp, inline_svg(learning_curves_figure(table), NAME).encode())


def _depth(directory: SweepDirectory, trial: RunningTrial) -> float | None:
    """Its depth, as far as its configuration names one."""
    config = read_yaml(directory.trial(trial.number).config)
    arch = config.get("arch") if isinstance(config, dict) else None
    depth = arch.get("depth") if isinstance(arch, dict) else None
    return float(depth) if is_number(depth) else None
