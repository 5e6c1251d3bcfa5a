"""A fit in sentences."""

from __future__ import annotations

from vggsweep.results.columns import COLUMNS
from vggsweep.results.scaling.data import DIALS
from vggsweep.results.scaling.fit import FAR, HeldOut, ScalingFit, Size, Step
from vggsweep.results.scaling.forecast import Forecast
from vggsweep.results.units import duration_text, short_count

EXTRAPOLATED = f"an extrapolation, as it leads beyond {FAR:g} times what was trained"
# Twice the depth, to the last layer or nearly.
DOUBLE = (1.95, 2.05)


def subject(fit: ScalingFit) -> str:
    """What was fitted: how many networks of which sizes."""
    networks = fit.data.networks
    data = sorted(set(networks["dataset"].dropna().map(str))) if "dataset" in networks.columns else []
    where = f" on {data[0]}" if data else ""
    ranges = [
        f"{name} {_number(networks[name].min())} to {_number(networks[name].max())}"
        for name in fit.data.varied
    ]
    macs = networks["macs"].astype(float)
    costs = short_count(float(macs.min())), short_count(float(macs.max()))
    ranges.append(f"{costs[0]} to {costs[1]} MACs" if costs[0] != costs[1] else f"{costs[0]} MACs")
    trainings = f" ({fit.data.trials} trainings)" if fit.data.trials > len(networks) else ""
    return f"{fit.data.y} of {len(networks)} networks{trainings}{where}: {', '.join(ranges)}."


def step_sentence(step: Step, y: str) -> str:
    """What one doubling buys, or why that is not known."""
    verb = f"doubling {step.dial}"
    if step.dial == "depth" and not DOUBLE[0] <= step.end.depth / step.start.depth <= DOUBLE[1]:
        verb = "a step in depth"
    place = (
        f"At {short_count(step.start.macs)} MACs "
        if step.is_equal_cost and step.start.macs is not None
        else "Whatever it costs, "
    )
    route = f"{verb} ({_route(step)})"
    if step.change is None or step.low is None or step.high is None:
        return f"{place}{route} is not identified: {step.why_not}."
    interval = f"(90 %: {_signed(step.low)} to {_signed(step.high)})"
    change = f"{place}{route} changes {y} by {_signed(step.change)} {interval}"
    if step.low <= 0 <= step.high:
        change += ", which may be nothing"
    return f"{change}; {EXTRAPOLATED}." if step.is_far else f"{change}."


def held_out_sentence(found: HeldOut, y: str) -> str:
    """How well the cheaper networks predict the dearest ones."""
    return (
        f"Held out as a check: {y} of the dearest {found.networks}, predicted from the others, was off by "
        f"{found.error:.4f} (root mean square; the best accuracy of the others is off by "
        f"{found.error_of_best:.4f}), and {found.within} of {found.networks} lay within their 90 % intervals."
    )


def noise_sentence(fit: ScalingFit) -> str:
    """What the intervals are made of."""
    freedom = fit.data.observations().freedom
    noise, off = f"{fit.surface.noise:.1%}", f"{fit.surface.lack_of_fit:.1%}"
    if freedom:
        seeds = (
            f"another seed changes the error by {noise} of itself (standard deviation, {freedom} degrees of "
            "freedom)"
        )
    else:
        seeds = (
            f"another seed is taken to change the error by {noise} of itself, as no network was trained with "
            "two (sweep.replicates=3 measures it)"
        )
    return f"Of the scatter, {seeds}, and single networks lie {off} off the surface."


def fit_sentences(fit: ScalingFit) -> list[str]:
    """Everything that there is to say, a sentence or two each."""
    varied = [step for step in fit.steps if step.dial in fit.data.varied]
    found = [step_sentence(step, fit.data.y) for step in varied]
    # one sentence for a dial of which nothing can be known, at whatever cost
    fixed = {step.dial: step.why_not for step in fit.steps if step.dial not in fit.data.varied}
    found += [f"What doubling {dial} does is not identified: {why}." for dial, why in fixed.items() if why]
    if isinstance(fit.arithmetic, str):
        found.append(f"Nothing is said of equal cost: {fit.arithmetic}.")
    if fit.held_out is not None:
        found.append(held_out_sentence(fit.held_out, fit.data.y))
    if fit.data.settings:
        others = ", ".join(f"{one.name} {_value(fit, one.name)}" for one in fit.data.settings)
        found.append(
            f"Other settings differ as well; these are doublings at those of the best network: {others}."
        )
    return [*found, noise_sentence(fit)]


def expected_words(expected: Forecast, at: int) -> tuple[str, ...]:
    """The accuracy of one network and how long it trains, where that is known; a star is an extrapolation."""
    one = expected.accuracies[at]
    accuracy = f"{one.accuracy:.3f} ({one.low:.3f}–{one.high:.3f}){'*' if one.is_far else ''}"
    return (accuracy, *(duration_text(seconds.middle) for seconds in expected.seconds[at : at + 1]))


def forecast_sentences(expected: Forecast, whole: float | None, what: str) -> list[str]:
    """Where predictions are from, and the time that they add up to.

    Args:
        expected: of further networks.
        whole: seconds that all of them take; None where that is not known.
        what: they are, in words.
    """
    data = expected.fit.data
    sweeps = ", ".join(sorted(set(data.networks["sweep"].map(str))))
    found = [
        f"val_acc is that of a single training, predicted from {len(data.networks)} networks of {sweeps} "
        "that were trained alike (`vggsweep fit` tells more)."
    ]
    if any(one.is_far for one in expected.accuracies):
        found.append(f"* lies beyond {FAR:g} times what was trained: an extrapolation.")
    if (each := expected.per_trial) is not None and whole is not None:
        low, middle, high = (duration_text(one) for one in (each.low, each.middle, each.high))
        found.append(
            f"predicted: {middle} of training per trial (90 %: {low} to {high}), {duration_text(whole)} for "
            f"{what}, as these trained on {expected.machine}; without what a pruner saves."
        )
    return [*found, *(f"{one[0].upper()}{one[1:]}." for one in data.cautions)]


def _value(fit: ScalingFit, name: str) -> str:
    value = fit.data.best[name]
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _route(step: Step) -> str:
    """What changes from the one network to the other, the doubled dial first, and the costs of a growth."""
    names = [step.dial, *(name for name in DIALS if name != step.dial)]
    parts = [_part(name, step) for name in names if getattr(step.start, name) != getattr(step.end, name)]
    if not step.is_equal_cost:
        kept = [name for name in ("depth", "width") if getattr(step.start, name) == getattr(step.end, name)]
        parts += [f"{name} {_number(getattr(step.start, name))}" for name in kept]
        parts += _cost(step.start, step.end)
    return ", ".join(parts)


def _part(name: str, step: Step) -> str:
    unit = f" {COLUMNS[name].unit}" if name == "resolution" else ""
    return f"{name} {_number(getattr(step.start, name))} to {_number(getattr(step.end, name))}{unit}"


def _cost(start: Size, end: Size) -> list[str]:
    if start.macs is None or end.macs is None:
        return []
    return [f"{end.macs / start.macs:.1f} times the MACs"]


def _number(value: float) -> str:
    """A dial as people write it: real widths with one digit.

    >>> _number(8.0), _number(23.65625)
    ('8', '23.7')
    """
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"


def _signed(value: float) -> str:
    """A change with its sign.

    >>> _signed(-0.00412), _signed(0.0)
    ('−0.0041', '+0.0000')
    """
    return f"{value:+.4f}".replace("-", "−")
