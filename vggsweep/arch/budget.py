"""Equal cost by construction: the width at which a network of a given depth meets a budget.

Channels are whole numbers, so cost is a step function of the real width. With blocks that are 1, 2, 4 and
8 times as wide, rounded one by one, a step is a sixteenth of a channel of the first block, and whole
steps can be searched as integers: exactly, and without a bisection that stops on the worse side. (A family
that widens by other factors is searched on the same sixteenths.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from vggsweep.arch.costs import family_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.family import ScaledFamily
from vggsweep.arch.scaling import LARGEST_WIDENING
from vggsweep.arch.settings import HeadSettings
from vggsweep.errors import ConfigError, InfeasibleConfig

CostName = Literal["macs", "params", "conv_params", "activations"]
COST_WORDS: dict[CostName, str] = {
    "macs": "MACs",
    "params": "parameters",
    "conv_params": "parameters of convolutions",
    "activations": "activations",
}
# Rounding happens at halves of a channel of the widest block, that is twice LARGEST_WIDENING times between
# two multiples of the first block's width.
STEPS = 2 * LARGEST_WIDENING
# What has not reached its target at two million channels does not grow with width.
LAST_STEP = 2**25


@dataclass(frozen=True)
class Budget:
    """A cost to meet.

    Args:
        cost: which; MACs and activations are those of one image.
        target: its value, more than zero.
        tolerance: largest accepted distance from the target, as a share of it.
    """

    cost: CostName
    target: float
    tolerance: float = 0.02


@dataclass(frozen=True)
class Solution:
    """A network that meets a budget.

    Args:
        width: channels of the first block before rounding, in the middle of all that give this network; of a
            user's own network the least value of the option that was solved.
        cost: what the network costs.
        residual: ``cost / target - 1``.
    """

    width: float
    cost: int
    residual: float


def solve_width(
    arch: ScaledFamily,
    head: HeadSettings,
    budget: Budget,
    shape: InputShape,
) -> Solution:
    """Width at which a network of this depth comes nearest to the budget.

    Args:
        arch: the network; its width is not read.
        head: what follows the features; it counts where the cost counts it.
        budget: the cost to meet.
        shape: of the input.

    Raises:
        InfeasibleConfig: no such network at any width, or the nearest reachable cost is further from the
            target than the tolerance; the text names that cost and its width.
        ConfigError: it is a cost that says nothing of the family's networks.
    """
    if (reason := arch.unbudgeted.get(budget.cost)) is not None:
        others = " or ".join(f"budget={name}" for name in COST_WORDS if name not in arch.unbudgeted)
        raise ConfigError(f"budget={budget.cost} says nothing of arch={arch.name}: {reason}. Use {others}.")

    def cost_at(width: float) -> int:
        cost: int = getattr(family_costs(arch.at_width(width), head, shape), budget.cost)
        return cost

    width = nearest_width(cost_at, budget.target, arch.width_step)
    return accepted(budget, cost_at(width), width, f"arch.depth={arch.depth}", "width")


def accepted(budget: Budget, cost: int, width: float, what: str, dial: str) -> Solution:
    """The solution that a width is, unless its cost is too far from the target."""
    residual = cost / budget.target - 1
    if abs(residual) > budget.tolerance:
        raise InfeasibleConfig(
            f"{what} cannot cost {budget.target:,.10g} {COST_WORDS[budget.cost]}: the "
            f"nearest reachable is {cost:,} ({residual:+.1%}) at {dial} {width:.10g}, further than "
            f"budget.tolerance={budget.tolerance:g}."
        )
    return Solution(width, cost, residual)


def nearest_width(cost_at: Callable[[float], int], target: float, multiple: int = 1) -> float:
    """The real width whose network costs nearest to the target, the cheaper of two that are equally near.

    Args:
        cost_at: cost of the network at a width; it never falls as width grows, and grows without bound.
        target: the cost to meet.
        multiple: each block's channels are rounded to this many.

    Raises:
        InfeasibleConfig: the cost does not grow with width as far as the target.
        ConfigError: it falls beside the width that was found.

    Returns:
        Channels of the first block before rounding, in the middle of all widths that give this network.

    >>> from vggsweep.arch.scaling import block_channels
    >>> nearest_width(lambda width: sum(block_channels(width, 4)), 100)
    6.65625
    >>> block_channels(6.65625, 4)
    (7, 13, 27, 53)
    """
    # In the middle of a step: exact in binary, and far from where rounding turns.
    start, end = nearest_steps(lambda step: cost_at((step + 0.5) * multiple / STEPS), target)
    return (start + end) / 2 * multiple / STEPS


def nearest_steps(cost_at: Callable[[int], int], target: float) -> tuple[int, int]:
    """The steps whose cost is nearest to the target: from the first to the one after the last.

    Args:
        cost_at: cost at a step from 0 on; see `nearest_width`.
        target: the cost to meet.

    Raises:
        InfeasibleConfig, ConfigError: see `nearest_width`.
    """
    cost_of = cache(cost_at)
    beyond = _first_power(cost_of, target)
    above = _first_step(lambda step: cost_of(step) > target, beyond)
    chosen = cost_of(above)
    if above > 0 and target - cost_of(above - 1) <= chosen - target:
        chosen = cost_of(above - 1)
    beyond = _first_power(cost_of, chosen)
    start = _first_step(lambda step: cost_of(step) >= chosen, beyond)
    end = _first_step(lambda step: cost_of(step) > chosen, beyond)
    around = [cost_of(step) for step in (max(0, start - 1), start, end, end + 1)]
    if around[1] != chosen or around != sorted(around):
        raise ConfigError(
            f"A budget needs a cost that never falls as width grows; here it falls near {chosen:,}. "
            "Look for a number in the family that shrinks while width grows."
        )
    return start, end


def _first_power(cost_of: Callable[[int], int], target: float) -> int:
    """A power of two at which the cost is above the target."""
    beyond = 1
    while cost_of(beyond) <= target:
        beyond *= 2
        if beyond > LAST_STEP:
            raise InfeasibleConfig(
                f"No width costs more than {target:,.10g}: the widest that was tried costs "
                f"{cost_of(LAST_STEP):,}."
            )
    return beyond


def _first_step(claim: Callable[[int], bool], true_at: int) -> int:
    """The first step from 0 on at which a claim holds that then holds for ever."""
    low, high = 0, true_at
    while low < high:
        middle = (low + high) // 2
        if claim(middle):
            high = middle
        else:
            low = middle + 1
    return low
