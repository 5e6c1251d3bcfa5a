"""Optimizers and losses of a user, by dotted name, tried before anything is trained."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.importing import called, check_call, load_callable, own_words
from vggsweep.training.settings import (
    CrossEntropySettings,
    CustomLossSettings,
    CustomOptimizerSettings,
    LossSettings,
)

# From float scores (N, classes) and int64 labels (N,) to the mean over the batch.
Loss = Callable[[Tensor, Tensor], Tensor]


def build_own_optimizer(
    settings: CustomOptimizerSettings, parameters: Sequence[nn.Parameter]
) -> torch.optim.Optimizer:
    """The user's optimizer over these parameters.

    Raises:
        ConfigError: ``optimizer.target`` cannot be imported or called so, or makes no optimizer with a rate.
        InfeasibleConfig: the user's code refuses these options.
    """
    target = load_callable(settings.target, "optimizer.target", "my_optimizer.MyOptimizer")
    words = check_call(
        target,
        settings.target,
        "optimizer.target",
        gets="the parameters and the keyword lr",
        options=settings.options,
        places=("parameters",),
        keywords={"lr": settings.lr},
    )
    optimizer = called(target, settings.target, words, parameters=list(parameters))
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ConfigError(
            f"optimizer.target={settings.target} made a {type(optimizer).__name__}; it should make a "
            "torch.optim.Optimizer."
        )
    if not all("lr" in group for group in optimizer.param_groups):
        raise ConfigError(
            f"optimizer.target={settings.target}: its parameter groups have no 'lr', which the schedule "
            "moves at every step. Pass dict(lr=lr, …) as defaults to torch.optim.Optimizer.__init__."
        )
    return optimizer


def try_optimizer(settings: CustomOptimizerSettings) -> None:
    """Refuse an optimizer that cannot train, or whose state a checkpoint would not bring back.

    It takes a step on two small tensors; then a copy made from its saved state has to take the same next one.

    Raises:
        ConfigError: naming what it did.
        InfeasibleConfig: the user's code refuses these options.
    """
    with _own_random_numbers():
        first = [nn.Parameter(torch.linspace(-1, 1, 6).reshape(2, 3)), nn.Parameter(torch.ones(3))]
        optimizer = build_own_optimizer(settings, first)
        _step(settings, optimizer, first)
        second = [nn.Parameter(parameter.detach().clone()) for parameter in first]
        other = build_own_optimizer(settings, second)
        buffer = io.BytesIO()
        try:
            torch.save(optimizer.state_dict(), buffer)
            buffer.seek(0)
            other.load_state_dict(torch.load(buffer, weights_only=True))
        except Exception as error:
            raise ConfigError(
                f"optimizer.target={settings.target}: its state cannot be saved and read again "
                f"({own_words(error)}), so that no interrupted trial could go on. Keep tensors and numbers "
                "in self.state[parameter] and in the parameter groups."
            ) from error
        for one, parameters in ((optimizer, first), (other, second)):
            _step(settings, one, parameters)
    if not all(torch.equal(one, same) for one, same in zip(first, second, strict=True)):
        raise ConfigError(
            f"optimizer.target={settings.target} goes on otherwise from its saved state, so that an "
            "interrupted trial would end with another result. Keep all that a step reads in "
            "self.state[parameter] or in the parameter groups, not in attributes."
        )


def _step(
    settings: CustomOptimizerSettings, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter]
) -> None:
    torch.manual_seed(0)  # an optimizer may draw; both draw the same
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, 0.5)
    try:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    except Exception as error:
        raise ConfigError(
            f"optimizer.target={settings.target} cannot take a step ({own_words(error)}). It is called as "
            "step(), without a closure, after the gradients are there."
        ) from error


def build_loss(settings: LossSettings, label_smoothing: float, device: torch.device) -> Loss:
    """The loss of a batch: cross-entropy, or the user's.

    Args:
        settings: which.
        label_smoothing: of cross-entropy.
        device: where the buffers of a user's module go.

    Raises:
        ConfigError: ``loss.target`` cannot be imported or called so, or has parameters of its own.
        InfeasibleConfig: the user's class refuses these options.
    """
    if isinstance(settings, CrossEntropySettings):
        return functools.partial(F.cross_entropy, label_smoothing=label_smoothing)
    name, field = settings.target, "loss.target"
    target = load_callable(name, field, "my_loss.my_loss")
    if not isinstance(target, type):
        gets, places = "the scores and the labels of a batch", ("scores", "labels")
        words = check_call(target, name, field, gets=gets, options=settings.options, places=places)
        return functools.partial(target, **words)
    words = check_call(target, name, field, gets="nothing else", options=settings.options)
    made = called(target, name, words)
    if not callable(made):
        raise ConfigError(
            f"{field}={name} makes what cannot be called with the scores and labels of a batch."
        )
    if not isinstance(made, nn.Module):
        plain: Loss = made
        return plain
    if any(parameter.requires_grad for parameter in made.parameters()):
        raise ConfigError(
            f"{field}={name} has parameters of its own, which nothing would train. Register tensors as "
            "buffers."
        )
    moved: Loss = made.to(device)
    return moved


def try_loss(settings: CustomLossSettings, num_classes: int) -> None:
    """Refuse a loss that gives no number with a gradient, on four scores of each class.

    Raises:
        ConfigError: naming what it gave.
        InfeasibleConfig: the user's code refuses these options.
    """
    with _own_random_numbers():
        loss = build_loss(settings, 0.0, torch.device("cpu"))
        scores_NK = torch.linspace(-1, 1, 4 * num_classes).reshape(4, num_classes).requires_grad_()
        try:
            value = loss(scores_NK, torch.arange(4) % num_classes)
        except Exception as error:
            raise InfeasibleConfig(
                f"{settings.target} cannot compute the loss of scores (4, {num_classes}) and labels (4,) "
                f"({own_words(error)})."
            ) from error
        if not isinstance(value, Tensor) or value.shape != ():
            given = (
                f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            )
            raise ConfigError(
                f"loss.target={settings.target} gave {given}; one number is needed, a tensor of shape (): "
                "the mean over the batch."
            )
        if not value.requires_grad:
            raise ConfigError(
                f"loss.target={settings.target} gave a number without a gradient. Compute it from the scores "
                "with torch's operations, without .item(), .detach() or argmax."
            )
        value.backward()  # type: ignore[no-untyped-call]
        if not torch.isfinite(value) or scores_NK.grad is None or not scores_NK.grad.isfinite().all():
            raise ConfigError(
                f"loss.target={settings.target} or its gradient is not finite for scores between -1 and 1."
            )


@contextmanager
def _own_random_numbers() -> Iterator[None]:
    """On the CPU, without touching torch's random numbers."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        yield
