from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vggsweep.training.averaging import MovingAverage


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())


def test_an_average_that_is_wanted_early_forgets_the_first_weights() -> None:
    trained = network()
    early = MovingAverage(trained, 0.99, is_warmed_up=True)
    slow = MovingAverage(trained, 0.99)
    weight = trained[0].weight
    assert isinstance(weight, torch.Tensor)
    with torch.no_grad():
        for step in range(20):
            weight.fill_(float(step > 0))
            early.update_parameters(trained)
            slow.update_parameters(trained)
    assert early.module[0].weight.mean() > 0.95
    assert slow.module[0].weight.mean() < 0.2


def test_batch_norm_of_an_average_is_refreshed_and_nothing_else_moves() -> None:
    trained = network()
    average = MovingAverage(trained, 0.9)
    average.update_parameters(trained)
    images = torch.rand(1000, 1, 8, 8) + 3.0
    batches = [(images[start : start + 100], torch.zeros(100)) for start in range(0, 1000, 100)]
    weights = average.module[0].weight.clone()
    random = torch.get_rng_state()
    average.refresh_batch_norm(batches, 100, "fp32")
    assert torch.equal(random, torch.get_rng_state())
    assert torch.equal(weights, average.module[0].weight)
    seen = average.module[0](images[:800])  # eight batches of them
    assert torch.allclose(average.module[1].running_mean, seen.mean(dim=(0, 2, 3)), atol=1e-4)


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
