"""Optimizers and losses of a user, by dotted name, tried before anything is trained."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.importing import called, check_call, load_callable, own_words
from vggsweep.training.class_balance import balanced_weights, weighted_cross_entropy
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


def build_loss(
    settings: LossSettings, label_smoothing: float, device: torch.device, class_counts: Sequence[int] = ()
) -> Loss:
    """The loss of a batch: cross-entropy, or the user's.

    Args:
        settings: which.
        label_smoothing: of cross-entropy.
        device: where the buffers of a user's module go.
        class_counts: training images of each class, for the weights of classes.

    Raises:
        ConfigError: ``loss.target`` cannot be imported or called so, or has parameters of its own.
        InfeasibleConfig: the user's class refuses these options.
    """
    if isinstance(settings, CrossEntropySettings):
        if settings.class_weights == "none":
            return functools.partial(F.cross_entropy, label_smoothing=label_smoothing)
        assert class_counts, "weights of classes need their numbers"
        weight_K = torch.tensor(balanced_weights(class_counts), device=device)
        return functools.partial(weighted_cross_entropy, weight_K=weight_K, smoothing=label_smoothing)
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
    with own_random_numbers():
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
def own_random_numbers() -> Iterator[None]:
    """Try something on the CPU, without touching torch's random numbers."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        yield
