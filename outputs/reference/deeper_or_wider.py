"""Draw ``deeper_or_wider.png`` from the evidence beside it.

python outputs/reference/deeper_or_wider.py
"""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import vggsweep

HERE = Path(__file__).parent
DATA = {"fashion": "Fashion-MNIST", "cifar": "CIFAR-10"}
BUDGETS = {"1M": "#0072b2", "4M": "#d55e00"}
COMMON_RATE = 0.1


def at_own_rates(name: str) -> pd.DataFrame:
    """The trials of a sweep at each network's own learning rate, with the seeds of the comparison."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(HERE / name / "sweep.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        table = vggsweep.load_sweep(Path(folder) / name)
    return table[(table["seed"] > 0) & (table["lr"] != COMMON_RATE) & (table["state"] == "COMPLETE")]


def draw(axes: Axes, data: str) -> None:
    """Accuracy over depth, a line a budget: rings are trainings, dots their means."""
    for budget, colour in BUDGETS.items():
        table = at_own_rates(f"{data}_{budget}")
        means = table.groupby("depth")["val_acc"].mean()
        axes.plot(means.index, means, color=colour, linewidth=1.4)
        axes.scatter(table["depth"], table["val_acc"], s=16, facecolors="none", edgecolors=colour, alpha=0.6)
        axes.scatter(means.index, means, s=34, color=colour, zorder=3)
        place = (means.index[0], means.iloc[0])
        words = f"{budget.removesuffix('M')} million MACs"
        axes.annotate(words, place, xytext=(10, 7), textcoords="offset points", color=colour, fontsize=9)
    axes.set_title(DATA[data], fontsize=10, loc="left")
    axes.set_xlabel("depth (layers); width is what the budget leaves")
    axes.set_xticks([4, 6, 8, 12])
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def main() -> None:
    """Both data sets, side by side."""
    figure = Figure(figsize=(8.4, 3.3), layout="constrained")
    for axes, data in zip(figure.subplots(1, 2), DATA, strict=True):
        draw(axes, data)
    figure.axes[0].set_ylabel("validation accuracy")
    figure.savefig(HERE / "deeper_or_wider.png", dpi=130)


if __name__ == "__main__":
    main()
