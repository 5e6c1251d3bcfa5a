"""A schedule of one's own: teeth of a saw, each lower than the last, stepped as torch's schedulers are.

PYTHONPATH=examples vggsweep scheduler=custom scheduler.target=my_schedule.Teeth scheduler.per=step
"""

import torch


class Teeth:
    """Moves the rate of an optimizer at each step; its rates depend on its steps alone."""

    def __init__(self, optimizer: torch.optim.Optimizer, length: int = 50) -> None:
        self.group = optimizer.param_groups[0]
        self.full, self.length, self.steps = self.group["lr"], length, 0

    def step(self) -> None:
        """Count a step and set the rate of the next one."""
        self.steps += 1
        cycle, at = divmod(self.steps, self.length)
        self.group["lr"] = self.full * (1 - at / self.length) / (1 + cycle)
