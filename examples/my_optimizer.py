"""An optimizer of one's own: Lion (Chen et al. 2023, arXiv:2302.06675) steps by the sign of a momentum.

PYTHONPATH=examples vggsweep optimizer=custom optimizer.target=my_optimizer.Lion optimizer.lr=3e-3
"""

from collections.abc import Iterable

import torch


class Lion(torch.optim.Optimizer):
    """Everything that a step reads stands in `state` or in the groups, so a checkpoint holds it."""

    def __init__(
        self,
        params: Iterable[torch.Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Move each parameter; vggsweep has set each group's lr to the schedule's."""
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                direction = momentum.lerp(parameter.grad, 1 - beta1).sign()
                parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(direction * group["lr"])
                momentum.lerp_(parameter.grad, 1 - beta2)
