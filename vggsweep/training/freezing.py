"""Fine-tuning of the classifier alone: features keep their weights and their norms' statistics."""

from __future__ import annotations

from collections.abc import Collection

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class _Still(_BatchNorm):
    """Batch norm that always normalises by the statistics that it has."""

    def train(self, mode: bool = True) -> _Still:
        return super().train(False)

    def reset_running_stats(self) -> None:
        """Keep them: averages of weights would take them anew."""

    def _check_input_dim(self, input: object) -> None:
        """Any number of axes, as the norm that this was."""


def freeze_features(network: nn.Module, classifier: Collection[str]) -> None:
    """Leave only the classifier's parameters to learn, in place.

    Args:
        network: its batch norms outside the classifier keep their statistics from now on.
        classifier: names of the classifier's modules.
    """

    def is_classifier(name: str) -> bool:
        return any(name == own or name.startswith(f"{own}.") for own in classifier)

    for name, parameter in network.named_parameters():
        parameter.requires_grad_(is_classifier(name))
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm) and not is_classifier(name):
            module.__class__ = _Still
            module.eval()
