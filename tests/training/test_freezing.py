"""Fine-tuning: features stay bit for bit, their norms' statistics too, and the classifier learns."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from vggsweep.training.freezing import freeze_features
from vggsweep.training.optimizers import parameter_groups


def network_of() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 36, 3),
        nn.BatchNorm1d(3),
    )


@pytest.mark.parametrize("classifier", [("4",), ("4", "5")])
def test_only_the_classifier_moves(classifier: tuple[str, ...]) -> None:
    network = network_of()
    freeze_features(network, classifier)
    before = copy.deepcopy(network.state_dict())
    groups = parameter_groups(network, 0.1, decay_biases_and_norms=False)
    optimizer = torch.optim.SGD(groups, lr=0.1)  # type: ignore[arg-type]

    network.train()
    for _ in range(3):
        scores = network(torch.randn(8, 1, 8, 8))
        nn.functional.cross_entropy(scores, torch.arange(8) % 3).backward()
        optimizer.step()
        optimizer.zero_grad()

    moved = {key.split(".")[0] for key, value in network.state_dict().items() if not value.equal(before[key])}
    assert moved == set(classifier)
    learning = {id(p) for group in groups for p in group["params"]}  # type: ignore[attr-defined]
    assert learning == {id(p) for name, p in network.named_parameters() if name.split(".")[0] in classifier}


def test_statistics_that_stay_are_what_training_normalises_by() -> None:
    network = network_of()
    images = 5 + torch.randn(8, 1, 8, 8)
    expected = network[:3].eval()(images)
    freeze_features(network, ("4",))

    assert torch.equal(network.train()[:3](images), expected)


def test_statistics_stay_when_those_of_an_average_are_taken_anew() -> None:
    network = network_of()
    network(torch.randn(8, 1, 8, 8))
    freeze_features(network, ("4", "5"))
    before = copy.deepcopy(network.state_dict())

    update_bn([torch.randn(8, 1, 8, 8) for _ in range(2)], network)

    assert network.state_dict()["1.running_mean"].equal(before["1.running_mean"])
    assert not network.state_dict()["5.running_mean"].equal(before["5.running_mean"])
