"""What ``sweep.fair_lr`` needs of a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.distributions import CategoricalDistribution

from vggsweep.errors import ConfigError

if TYPE_CHECKING:
    from vggsweep.sweep.spec.spec import SweepSpec

RATE = "optimizer.lr"
# A parabola has three coefficients.
FEWEST_RATES = 3


def check_fair_rates(spec: SweepSpec) -> None:
    """Refuse a search of learning rates that could not be made, or whose comparison would not be fair.

    Raises:
        ConfigError: naming what would work.
    """
    seeds, settings, space = spec.settings.fair_lr, spec.settings, spec.space
    if seeds is None:
        return
    advice = f"such as '{RATE}=choice(0.025,0.1,0.4)'"
    rates = space.distributions.get(RATE)
    if rates is None:
        raise ConfigError(
            f"sweep.fair_lr={seeds} searches the learning rate of each network, and {RATE} is not swept. "
            f"Give it a few values, {advice}, or leave sweep.fair_lr out."
        )
    if space.size is None:
        endless = "a space with a hook" if space.hook is not None else "an endless space"
        raise ConfigError(
            f"sweep.fair_lr={seeds} trains every network at every rate, which {endless} does not allow. Give "
            f"each parameter a few values, {advice}."
        )
    if not isinstance(rates, CategoricalDistribution) or len(rates.choices) < FEWEST_RATES:
        raise ConfigError(
            f"sweep.fair_lr={seeds} fits a parabola to the accuracies over {RATE}, which takes at least "
            f"{FEWEST_RATES} values by name, {advice}."
        )
    if len(space.distributions) == 1:
        raise ConfigError(
            f"sweep.fair_lr={seeds} compares networks, and {RATE} alone is swept. Sweep one of the network's "
            "fields too, such as arch.depth=4,8."
        )
    if "optimizer" in space.distributions:
        raise ConfigError(
            f"sweep.fair_lr={seeds} compares all networks at one common {RATE} too, and a swept "
            "optimizer brings several. Give each optimizer a sweep of its own."
        )
    for field, value, why in (
        ("sweep.replicates", settings.replicates if settings.replicates > 1 else None, "has its own seeds"),
        ("sweep.stop", settings.stop, "ends when both comparisons are done"),
        (
            "pruner",
            spec.pruner.name if spec.pruner.name != "none" else None,
            "needs what every trial ends at",
        ),
    ):
        if value is not None:
            raise ConfigError(f"{field}={value} beside sweep.fair_lr={seeds}, which {why}. Leave it out.")
