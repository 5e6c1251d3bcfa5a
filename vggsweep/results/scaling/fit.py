"""What a doubling of depth, width or resolution buys, at equal cost and alone, with intervals.

The errors of the networks that finished are fitted by `vggsweep.results.scaling.surface`. A step
is *not identified* where the networks say little more of it than was assumed beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.results.findings.verdict import equal_cost_groups
from vggsweep.results.scaling.arithmetic import Arithmetic, arithmetic_of
from vggsweep.results.scaling.data import DIALS, ScalingData, scaling_data
from vggsweep.results.scaling.surface import SLOPE, ResponseSurface, Values
from vggsweep.results.units import short_count

# Every interval of a fit.
LEVEL = 0.9
# A step is not identified where more than this share is left of how far its effect might have lain from
# nothing beforehand: the interval would be what was put in, and then a factor of 1.2 in the error or more.
LEAST_LEARNT = 0.4
# A dial varies only together with others where they explain all but this share of its variance.
TIED = 0.1
# Beyond so many times the largest or the dearest network an answer is called an extrapolation.
FAR = 2.0
# … and beyond so many times none is given.
TOO_FAR = 100.0
# Costs at which trades are told, where networks of equal cost form groups.
MOST_COSTS = 3
# The dearest third is predicted from the others where there are so many networks …
LEAST_HELD_OUT = 9
# … and the dearest network costs so many times the cheapest.
LEAST_RANGE = 1.5
# What is meant by twice as wide, and how far from double a depth may be where the family has none between.
NEARLY_DOUBLE = (1.8, 2.3)


@dataclass(frozen=True)
class Size:
    """A network's dials and its cost.

    Args:
        depth, width, resolution: as the results table has them; a width may be a real number.
        macs: of one image; None where nothing says.
    """

    depth: float
    width: float
    resolution: float
    macs: float | None = None

    @property
    def dials(self) -> dict[str, float]:
        """By the names of their columns."""
        return {name: getattr(self, name) for name in DIALS}


@dataclass(frozen=True)
class Step:
    """What a step from one network to another changes in accuracy.

    Args:
        dial: what is doubled.
        is_equal_cost: whether the width, or the depth, pays for it.
        start, end: the networks.
        change: of the accuracy, median; None where it is not identified.
        low, high: 90 % interval, likewise.
        why_not: why it is not identified, as the end of a sentence.
        is_far: whether it leads beyond double the largest network, or half the smallest.
    """

    dial: str
    is_equal_cost: bool
    start: Size
    end: Size
    change: float | None
    low: float | None
    high: float | None
    why_not: str = ""
    is_far: bool = False


@dataclass(frozen=True)
class Prediction:
    """What one training of a network would give.

    Args:
        accuracy: median.
        low, high: 90 % interval of a single result, the seed's luck included.
        is_far: see `Step`.
    """

    accuracy: float
    low: float
    high: float
    is_far: bool = False


@dataclass(frozen=True)
class HeldOut:
    """The dearest third, predicted from the others.

    Args:
        networks: how many these are.
        within: of these how many lay within their 90 % intervals.
        error: root mean square of what the predictions missed by.
        error_of_best: the same of saying the best accuracy of the others each time.
    """

    networks: int
    within: int
    error: float
    error_of_best: float


@dataclass(frozen=True)
class ScalingFit:
    """A fitted table.

    Args:
        data: what was fitted.
        surface: of the logarithm of the error.
        steps: what doublings buy, trades at equal cost first.
        held_out: None where the networks are too few, or cost the same.
        arithmetic: of the best network, or why networks of equal cost cannot be counted.
    """

    data: ScalingData
    surface: ResponseSurface
    steps: tuple[Step, ...]
    held_out: HeldOut | None
    arithmetic: Arithmetic | str

    def predict(self, sizes: Sequence[Size]) -> list[Prediction]:
        """What trainings of networks of these sizes would give, in everything else as the best one."""
        features_MD = self.data.at([size.dials for size in sizes])
        accuracy_3M = _quantiles(_accuracy(self.surface.results(features_MD)))
        return [
            Prediction(float(middle), float(low), float(high), is_far(self.data, size))
            for size, low, middle, high in zip(sizes, *accuracy_3M, strict=True)
        ]


def fit_scaling(table: pd.DataFrame, y: str = "val_acc", macs: float | None = None) -> ScalingFit:
    """Fit the finished networks of a results table.

    Args:
        table: with ``dir``, by which the record of the best network is read.
        y: an accuracy.
        macs: at which cost trades are told; None for that of the networks, or the middle of theirs.

    Raises:
        ConfigError: see `vggsweep.results.scaling.data.scaling_data`; or nothing that was trained says what
            happens at that cost.
    """
    data = scaling_data(table, y)
    if macs is not None:
        _check_cost(data, macs)
    surface = ResponseSurface(data.observations())
    arithmetic = arithmetic_of(data.best)
    pairs = [] if isinstance(arithmetic, str) else _trades(data, arithmetic, macs)
    growths = _growths(data, arithmetic)
    if macs is not None and not pairs and not isinstance(arithmetic, str):
        arithmetic = f"no two networks of these depths cost {short_count(macs)} MACs and differ twofold"
    pairs += growths
    steps = tuple(_step(data, surface, *pair) for pair in pairs)
    return ScalingFit(data, surface, steps, _hold_out(data), arithmetic)


def _check_cost(data: ScalingData, macs: float) -> None:
    known = data.networks["macs"].astype(float)
    if not known.min() / TOO_FAR <= macs <= known.max() * TOO_FAR:
        low, high = short_count(float(known.min())), short_count(float(known.max()))
        raise ConfigError(
            f"--macs {macs:g} lies more than {TOO_FAR:g} times beyond what was trained ({low} to {high} "
            f"MACs): these networks say nothing of it. Beyond {FAR:g} times an answer is an extrapolation."
        )


def surface_band(fit: ScalingFit, sizes: Sequence[Size]) -> Values:
    """(3, M) accuracies of the surface at some sizes: low, median and high, without the luck of a network."""
    features_MD = fit.data.at([size.dials for size in sizes])
    return _quantiles(_accuracy(fit.surface.trend(features_MD)))


def is_far(data: ScalingData, size: Size) -> bool:
    """Whether a network lies beyond double the largest or dearest one, or half the smallest."""
    sizes = {**size.dials, **({"macs": size.macs} if size.macs is not None else {})}
    known = {name: data.networks[name].astype(float) for name in sizes if name in data.networks.columns}
    return any(
        sizes[name] > FAR * values.max() * 1.001 or sizes[name] < values.min() / FAR / 1.001
        for name, values in known.items()
    )


def groups_of_equal_macs(data: ScalingData) -> dict[float, pd.DataFrame]:
    """Networks that cost the same MACs, by the middle of each group; none where costs are free."""
    cost, groups = equal_cost_groups(data.networks, "macs") or (None, ())
    return {float(group["macs"].median()): group for group in groups} if cost == "macs" else {}


def costs_of(data: ScalingData) -> list[float]:
    """Costs at which networks are compared: of each group of equal cost, else the middle of all."""
    if groups := groups_of_equal_macs(data):
        return list(groups)[:MOST_COSTS]
    return [float(np.exp(np.log(data.networks["macs"].astype(float)).mean()))]


# A dial that is doubled, whether another one pays for it, and the networks before and after.
Pair = tuple[str, bool, Size, Size]
# The network of a depth and a resolution that meets a cost; None where none does.
AtCost = Callable[[float, float], Size | None]


def _middle(data: ScalingData) -> Size:
    """A network in the middle of all, by the logarithms of its dials."""
    middle = {
        name: float(np.exp(np.log(data.networks[name].astype(float)).mean()))
        if name in data.networks.columns
        else 1.0
        for name in DIALS
    }
    return Size(**middle)


def _trades(data: ScalingData, arithmetic: Arithmetic, macs: float | None) -> list[Pair]:
    """Doublings that another dial pays for."""
    found: list[Pair] = []
    middle = _middle(data)
    resolution = _nearest(data, "resolution", middle.resolution)
    for cost in costs_of(data) if macs is None else [macs]:

        def at(depth: float, resolution: float, cost: float = cost) -> Size | None:
            width = arithmetic.width(cost, int(depth), int(resolution))
            # below one channel there is no network
            return None if width is None or width < 1 else Size(depth, width, resolution, cost)

        if (pair := _deeper(data, at, resolution)) is not None:
            found.append(("depth", True, *pair))
        if (pair := _wider(data, at, resolution)) is not None:
            found.append(("width", True, *pair))
        if "resolution" in data.varied:
            depth = _nearest(data, "depth", middle.depth)
            low = _nearest(data, "resolution", middle.resolution / np.sqrt(2))
            start, end = at(depth, low), at(depth, 2 * low)
            if start is not None and end is not None:
                found.append(("resolution", True, start, end))
    return found


def _deeper(data: ScalingData, at: AtCost, resolution: float) -> tuple[Size, Size] | None:
    """From a depth that was trained to about twice that, in the middle of all depths."""
    start = at(_nearest(data, "depth", _middle(data).depth / np.sqrt(2)), resolution)
    if start is None:
        return None
    least, most = (round(share * start.depth) for share in NEARLY_DOUBLE)
    for depth in sorted(range(least, most + 1), key=lambda one: abs(one - 2 * start.depth)):
        if (end := at(depth, resolution)) is not None:
            return start, end
    return None


def _wider(data: ScalingData, at: AtCost, resolution: float) -> tuple[Size, Size] | None:
    """From the deepest network to one about twice as wide, if depth can pay for that."""
    start = at(float(data.networks["depth"].max()), resolution)
    if start is None:
        return None
    for depth in range(int(start.depth) - 1, 0, -1):
        end = at(depth, resolution)
        if end is not None and end.width >= NEARLY_DOUBLE[0] * start.width:
            return (start, end) if end.width <= NEARLY_DOUBLE[1] * start.width else None
    return None


def _growths(data: ScalingData, arithmetic: Arithmetic | str) -> list[Pair]:
    """Doublings of one dial alone, which the cost pays for."""
    middle, found = _middle(data), []
    for name in DIALS:
        if name not in data.varied and name == "resolution":
            continue
        low = middle.dials | {name: _nearest(data, name, middle.dials[name] / np.sqrt(2))}
        low |= {other: _nearest(data, other, low[other]) for other in DIALS if other != name}
        high = low | {name: 2 * low[name]}
        found.append((name, False, _counted(low, arithmetic), _counted(high, arithmetic)))
    return found


def _counted(dials: Mapping[str, float], arithmetic: Arithmetic | str) -> Size:
    if isinstance(arithmetic, str):
        return Size(**dials)
    try:
        macs = arithmetic.macs(int(dials["depth"]), dials["width"], int(dials["resolution"]))
    except InfeasibleConfig:
        return Size(**dials)
    return Size(**dials, macs=float(macs))


def _nearest(data: ScalingData, name: str, value: float) -> float:
    """The value of a dial that was trained and lies nearest, by its logarithm."""
    if name not in data.networks.columns:
        return value
    known = np.array(sorted(set(data.networks[name].astype(float))))
    return float(known[np.argmin(np.abs(np.log(known / value)))])


def _step(
    data: ScalingData, surface: ResponseSurface, dial: str, is_equal_cost: bool, start: Size, end: Size
) -> Step:
    features_2D = data.at([start.dials, end.dials])
    log_error_S2 = surface.trend(features_2D)
    left = float(np.std(log_error_S2[:, 1] - log_error_S2[:, 0]))
    is_unlearnt = left > LEAST_LEARNT * SLOPE * float(np.linalg.norm(features_2D[1] - features_2D[0]))
    # where a budget ties dials, a bend along it looks like a slope across it, and a quarter of intervals fail
    if is_unlearnt or (not is_equal_cost and _is_tied(data, dial)):
        return Step(dial, is_equal_cost, start, end, None, None, None, _why_not(data, dial, start, end))
    accuracy_S2 = _accuracy(log_error_S2)
    low, middle, high = _quantiles(accuracy_S2[:, 1:] - accuracy_S2[:, :1])[:, 0]
    far = is_far(data, start) or is_far(data, end)
    return Step(dial, is_equal_cost, start, end, float(middle), float(low), float(high), "", far)


def _why_not(data: ScalingData, dial: str, start: Size, end: Size) -> str:
    """Why the networks do not determine what a step does, as the end of a sentence."""
    for name in (dial, *DIALS):
        if start.dials[name] != end.dials[name] and name not in data.varied:
            return f"all networks have {name} {data.networks[name].iloc[0]:g}"
    if _is_tied(data, dial):
        others = [name for name in data.varied if name != dial]
        return f"{dial} varies only together with {' and '.join(others)}"
    if is_far(data, start) or is_far(data, end):
        return f"it leads beyond {FAR:g} times what was trained"
    return "these networks are too few, too alike or too noisy to tell"


def _is_tied(data: ScalingData, dial: str) -> bool:
    """Whether a dial hardly varies by itself: the others tell nearly all of its logarithm."""
    others = [name for name in data.varied if name != dial]
    own_N = np.log2(data.networks[dial].to_numpy(dtype=float))
    terms_NK = np.column_stack(
        [np.ones(len(own_N)), *(np.log2(data.networks[name].astype(float)) for name in others)]
    )
    left_N = own_N - terms_NK @ np.linalg.lstsq(terms_NK, own_N, rcond=None)[0]
    return dial in data.varied and bool(others) and bool(left_N.var() < TIED * own_N.var())


def _hold_out(data: ScalingData) -> HeldOut | None:
    """Predict the dearest third from the others."""
    rows = data.networks.sort_values("macs", kind="stable")
    macs = rows["macs"].astype(float)
    cut = macs.iloc[-(-2 * len(rows) // 3)] if len(rows) >= LEAST_HELD_OUT else np.inf
    known, dear = rows[macs < cut], rows[macs >= cut]
    if len(known) < LEAST_HELD_OUT * 2 // 3 or dear.empty or macs.max() < LEAST_RANGE * macs.min():
        return None
    surface = ResponseSurface(data.observations(known))
    accuracy_SM = _accuracy(surface.results(data.features(dear), dear["seeds"].to_numpy(dtype=float)))
    low_M, middle_M, high_M = _quantiles(accuracy_SM)
    found_M = 1.0 - data.errors(dear[data.y].to_numpy(dtype=float))
    return HeldOut(
        len(dear),
        int(((found_M >= low_M) & (found_M <= high_M)).sum()),
        float(np.sqrt(np.mean((middle_M - found_M) ** 2))),
        float(np.sqrt(np.mean((known[data.y].max() - found_M) ** 2))),
    )


def _accuracy(log_error: Values) -> Values:
    found: Values = 1.0 - np.exp(np.minimum(log_error, 0.0))
    return found


def _quantiles(draws_SM: Values) -> Values:
    """(3, M): both ends of the interval around the median."""
    tail = (1 - LEVEL) / 2
    found: Values = np.quantile(draws_SM, [tail, 0.5, 1 - tail], axis=0)
    return found
