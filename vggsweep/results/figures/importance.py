"""Which swept parameter accuracy depended on.

Source: PED-ANOVA (Watanabe, Bansal, Hutter 2023, arXiv:2304.10255), as Optuna implements it. Of Optuna's
three evaluators it alone needs no scikit-learn and takes milliseconds; it asks which parameters tell
the better trials from all of them.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure

from vggsweep.errors import NothingToDraw
from vggsweep.results.figures.style import BLUE, FAINT, INK, complete_rows, new_axes, note, plain
from vggsweep.results.statistics.settings import varied_settings

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

# With fewer the shares say more about luck than about parameters.
FEWEST_TRIALS = 8


def parameter_importance(
    table: pd.DataFrame, value: str = "val_acc", parameters: Sequence[str] | None = None
) -> pd.Series:
    """Share of each parameter in telling the better half of the trials from all.

    Args:
        table: a results table; only COMPLETE trials count.
        value: a column of which more is better.
        parameters: columns; None for all settings that vary. A column spanning more than a factor of 50 is
            read on a logarithmic scale.

    Returns:
        Shares that add up to 1, largest first.

    Raises:
        NothingToDraw: fewer than two parameters vary, fewer than eight trials finished, or all are alike.
    """
    rows = complete_rows(table, value)
    names = list(parameters) if parameters is not None else varied_settings(rows)
    rows = rows.dropna(subset=names)
    if len(names) < 2:
        raise NothingToDraw("importance compares parameters, and fewer than two varied")
    if len(rows) < FEWEST_TRIALS:
        raise NothingToDraw(
            f"{len(rows)} finished trials are too few for importances ({FEWEST_TRIALS} or more)"
        )
    if rows[value].nunique() < 2:
        raise NothingToDraw(f"all finished trials have the same {value}")
    found = _ped_anova(rows, value, names)
    total = sum(found.values())
    if not total > 0:
        raise NothingToDraw("no parameter told the better trials from the others")
    # in the table's order, as Optuna's differs from run to run where shares are equal
    shares = pd.Series(found, index=names, name="importance", dtype=float) / total
    return shares.sort_values(ascending=False, kind="stable")


def _ped_anova(rows: pd.DataFrame, value: str, names: Sequence[str]) -> dict[str, float]:
    import optuna  # half a second, and only this figure needs it
    from optuna.trial import create_trial

    found = {name: _distribution(rows[name]) for name in names}
    distributions = {name: distribution for name, (distribution, _) in found.items()}
    logging.getLogger("optuna").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # whatever Optuna thinks of this study, which is ours alone, is no news for the reader of a figure
        warnings.simplefilter("ignore")
        study = optuna.create_study(direction="maximize")
        for at, score in enumerate(rows[value]):
            params = {name: values[at] for name, (_, values) in found.items()}
            study.add_trial(create_trial(params=params, distributions=distributions, value=float(score)))
        # the better half: the default tenth would be one trial of a small sweep
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.5, region_quantile=1.0)
        return optuna.importance.get_param_importances(study, evaluator=evaluator, normalize=False)


def _distribution(column: pd.Series) -> tuple[BaseDistribution, list[Any]]:
    """What Optuna would have drawn a column's values from, and the values as it knows them."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    numbers = pd.to_numeric(column, errors="coerce")
    if column.map(lambda value: isinstance(value, (bool, str))).any() or numbers.isna().any():
        names = column.map(str).tolist()
        return CategoricalDistribution(sorted(set(names))), names
    low, high = float(numbers.min()), float(numbers.max())
    is_log = low > 0 and high / low > 50
    if (numbers % 1 == 0).all() and not is_log:
        return IntDistribution(int(low), int(high)), numbers.astype(int).tolist()
    return FloatDistribution(low, high, log=is_log), numbers.astype(float).tolist()


def importance_figure(
    table: pd.DataFrame, value: str = "val_acc", parameters: Sequence[str] | None = None
) -> Figure:
    """Importances as bars.

    Raises:
        NothingToDraw: see `parameter_importance`.
    """
    shares = parameter_importance(table, value, parameters)[::-1]
    count = int((table["state"] == "COMPLETE").sum())
    figure, axes = new_axes((6.4, max(1.9, 0.42 * len(shares) + 1.1)))
    axes.barh([plain(str(name)) for name in shares.index], shares, color=BLUE, height=0.62)
    for at, share in enumerate(shares):
        note(axes, f"{share:.0%}", (share, at), (5, 0), va="center", fontsize=9)
    axes.set_xlim(0, min(1.12, float(shares.max()) * 1.18))
    axes.grid(False, axis="y")
    axes.set_xlabel(
        f"importance for {plain(value)} (share, PED-ANOVA, better half of {count} trials)", color=INK
    )
    axes.spines["left"].set_color(FAINT)
    return figure
