"""Muon for the hidden matrices of a network, AdamW for the rest, as one optimizer with one state.

Muon replaces each update of a matrix by the nearest orthogonal one (Jordan et al. 2024,
https://kellerjordan.github.io/posts/muon/). torch's takes matrices alone. A convolution's weight
(O, I, h, w) is the matrix (O, I·h·w), as in the authors' own (github.com/KellerJordan/Muon, ``muon_update``),
whose README says of convolutional networks: all filters but the first, and AdamW for everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vggsweep.errors import InfeasibleConfig
from vggsweep.training.settings import MuonSettings
from vggsweep.training.step import LR_RATIO

# Dimensions of the weights of linear layers and of convolutions over images.
MATRIX_DIMENSIONS = (2, 4)


def hidden_matrices(network: nn.Module) -> list[nn.Parameter]:
    """The weights of linear layers and convolutions that are trained, but for the first and the last.

    The first sees the input and the last gives the class scores; which these are is the order of
    ``network.parameters()``.

    >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3), nn.Flatten(), nn.Linear(8, 2))
    >>> [tuple(weight.shape) for weight in hidden_matrices(network)]
    [(8, 4, 3, 3)]
    """
    matrices = [one for one in network.parameters() if one.ndim in MATRIX_DIMENSIONS]
    return [one for one in matrices[1:-1] if one.requires_grad]


class MuonWithAdamW(torch.optim.Optimizer):
    """`torch.optim.Muon` over matrices that share the memory of weights, and `torch.optim.AdamW`.

    Its groups and its state belong to the weights themselves, so that it is saved, read again and given its
    learning rate as any other. The first group is Muon's.

    Args:
        hidden: weights of two or four dimensions.
        rest: parameter groups of AdamW, with their weight decay.
        settings: the numbers of both.
        fused: whether AdamW's step is.

    Raises:
        InfeasibleConfig: there is no hidden matrix.
    """

    def __init__(
        self,
        hidden: Sequence[nn.Parameter],
        rest: Sequence[dict[str, Any]],
        settings: MuonSettings,
        *,
        fused: bool | None,
    ) -> None:
        if not hidden:
            raise InfeasibleConfig(
                "optimizer=muon moves the matrices between the first layer and the last one, and this "
                "network has none. Use optimizer=adamw."
            )
        # fixed here: a gradient has to be looked at in the same order as its weight
        self._looks = [_look(weight) for weight in hidden]
        self._matrices = [
            nn.Parameter(look(weight.detach())) for look, weight in zip(self._looks, hidden, strict=True)
        ]
        assert all(
            matrix.data_ptr() == weight.data_ptr()
            for matrix, weight in zip(self._matrices, hidden, strict=True)
        )
        self._muon = torch.optim.Muon(
            self._matrices,
            lr=settings.lr,
            weight_decay=settings.weight_decay,
            momentum=settings.momentum,
            nesterov=settings.nesterov,
            ns_steps=settings.ns_steps,
        )
        self._adamw = torch.optim.AdamW(
            [{**group, LR_RATIO: settings.fallback_lr / settings.lr} for group in rest],
            lr=settings.fallback_lr,
            betas=(settings.fallback_betas[0], settings.fallback_betas[1]),
            eps=settings.fallback_eps,
            fused=fused,
        )
        (muons,) = self._muon.param_groups
        super().__init__([{**muons, "params": list(hidden)}, *self._adamw.param_groups], {"lr": settings.lr})
        self._share_state()

    def _share_state(self) -> None:
        """Let both optimizers read and write this one's groups and state."""
        self._adamw.param_groups, self._adamw.state = self.param_groups[1:], self.state
        weights = self.param_groups[0]["params"]
        self._muon.param_groups = [{**self.param_groups[0], "params": self._matrices}]
        for matrix, weight in zip(self._matrices, weights, strict=True):
            self._muon.state[matrix] = self.state[weight]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state_dict(state_dict)
        self._share_state()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step of both from the gradients of the weights."""
        own, muons = self.param_groups[0], self._muon.param_groups[0]
        muons["lr"] = own["lr"]
        for look, matrix, weight in zip(self._looks, self._matrices, own["params"], strict=True):
            matrix.grad = None if weight.grad is None else look(weight.grad)
        self._muon.step()  # type: ignore[no-untyped-call]
        self._adamw.step()


def _look(weight: Tensor) -> Callable[[Tensor], Tensor]:
    """How to see a weight, or its gradient, as a matrix in the same memory.

    In channels_last the columns are in another order, which changes no orthogonalised update but its order:
    for a permutation P, (MP)(MP)ᵀ = MMᵀ.
    """
    if weight.ndim == 2 or weight.is_contiguous():
        return lambda tensor: tensor.reshape(len(tensor), -1)
    return lambda tensor: tensor.permute(0, 2, 3, 1).reshape(len(tensor), -1)
