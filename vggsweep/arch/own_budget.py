"""Equal cost for a network of the user's own: an option of it is the width, and each try is built."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache

from vggsweep.arch.budget import Budget, CostName, Solution, accepted, nearest_steps
from vggsweep.arch.describe import network_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.settings import CustomSettings, HeadSettings


def solve_option(arch: CustomSettings, head: HeadSettings, budget: Budget, shape: InputShape) -> Solution:
    """The whole number of its ``scale_by`` at which a user's own network comes nearest to the budget.

    Each number that is tried is built and counted, about twenty times; the search starts at 1.

    Raises:
        InfeasibleConfig: the user's code refuses a number, or none is near enough.
        ConfigError: the cost falls as the number grows.
    """

    def cost_at(step: int) -> int:
        return _own_cost(
            json.dumps(asdict(arch.at_scale(step + 1)), sort_keys=True), head, budget.cost, shape
        )

    value = nearest_steps(cost_at, budget.target)[0] + 1
    return accepted(budget, cost_at(value - 1), value, f"arch={arch.name}", str(arch.scale_by))


@lru_cache(maxsize=1024)
def _own_cost(arch: str, head: HeadSettings, cost: CostName, shape: InputShape) -> int:
    """The cost of a user's own network; building and counting it takes tens of milliseconds."""
    found: int = getattr(network_costs(CustomSettings(**json.loads(arch)), head, shape), cost)
    return found
