from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vggsweep.training.averaging import MovingAverage


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())


def test_it_is_torchs_average_to_the_last_bit() -> None:
    trained = network()
    ours = MovingAverage(trained, 0.9)
    torchs = AveragedModel(trained, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)  # type: ignore[no-untyped-call]
    optimizer = torch.optim.SGD(trained.parameters(), lr=0.1)
    for _ in range(4):
        trained(torch.rand(8, 1, 8, 8)).mean().backward()
        optimizer.step()
        ours.update_parameters(trained)
        torchs.update_parameters(trained)
    assert ours.state_dict().keys() == torchs.state_dict().keys()
    for name, value in torchs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name
