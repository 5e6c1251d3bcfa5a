"""The first steps of an optimizer, tried on two small tensors before anything is trained."""

from __future__ import annotations

import io

import torch
from torch import nn

from vggsweep.errors import ConfigError
from vggsweep.importing import own_words
from vggsweep.training.custom import own_random_numbers
from vggsweep.training.optimizers import build_optimizer
from vggsweep.training.settings import CustomOptimizerSettings, TorchOptimizerSettings


def try_optimizer(settings: CustomOptimizerSettings | TorchOptimizerSettings) -> None:
    """Refuse an optimizer that cannot train, or whose state a checkpoint would not bring back.

    It takes a step on two small tensors; then a copy made from its saved state has to take the same next one.

    Raises:
        ConfigError: naming what it did.
        InfeasibleConfig: its code refuses these options.
    """
    word = f"optimizer.name={settings.name}"
    if isinstance(settings, CustomOptimizerSettings):
        word = f"optimizer.target={settings.target}"
    with own_random_numbers():
        first = _Weights(torch.linspace(-1, 1, 6).reshape(2, 3), torch.ones(3))
        optimizer = build_optimizer(settings, first)
        _step(word, optimizer, first)
        second = _Weights(first.matrix.detach().clone(), first.bias.detach().clone())
        other = build_optimizer(settings, second)
        buffer = io.BytesIO()
        try:
            torch.save(optimizer.state_dict(), buffer)
            buffer.seek(0)
            other.load_state_dict(torch.load(buffer, weights_only=True))
        except Exception as error:
            raise ConfigError(
                f"{word}: its state cannot be saved and read again ({own_words(error)}), so that no "
                "interrupted trial could go on. Keep tensors and numbers in self.state[parameter] and in the "
                "parameter groups."
            ) from error
        for one, weights in ((optimizer, first), (other, second)):
            _step(word, one, weights)
    if not all(
        torch.equal(one, same) for one, same in zip(first.parameters(), second.parameters(), strict=True)
    ):
        raise ConfigError(
            f"{word} goes on otherwise from its saved state, so that an interrupted trial would end with "
            "another result. Keep all that a step reads in self.state[parameter] or in the parameter groups, "
            "not in attributes."
        )


class _Weights(nn.Module):
    def __init__(self, matrix: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.matrix, self.bias = nn.Parameter(matrix), nn.Parameter(bias)


def _step(word: str, optimizer: torch.optim.Optimizer, weights: nn.Module) -> None:
    torch.manual_seed(0)  # an optimizer may draw; both draw the same
    for parameter in weights.parameters():
        parameter.grad = torch.full_like(parameter, 0.5)
    try:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    except Exception as error:
        raise ConfigError(
            f"{word} cannot take a step ({own_words(error)}). It is called as step(), without a closure, "
            "after the gradients are there."
        ) from error
