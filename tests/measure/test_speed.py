from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from vggsweep.measure import speed
from vggsweep.measure.settings import MeasureSettings
from vggsweep.measure.speed import (
    MIB,
    Measurements,
    measure_inference,
    peak_memory_mb,
    percentile,
    reset_peak_memory,
)

CPU = torch.device("cpu")
SHAPE = (3, 16, 16)


class Watched(nn.Module):
    """A small network that remembers what it was called with."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5))
        self.seen: list[tuple[Any, ...]] = []
        self.began: dict[int, float] = {}  # the first call with each batch size

    def forward(self, images: Tensor) -> Tensor:
        is_last = images.is_contiguous(memory_format=torch.channels_last)
        self.seen.append((tuple(images.shape), is_last, self.training, torch.is_inference_mode_enabled()))
        self.began.setdefault(len(images), time.perf_counter())
        scores: Tensor = self.layers(images)
        return scores


@pytest.fixture
def settings() -> Callable[..., MeasureSettings]:
    def build(**changes: Any) -> MeasureSettings:
        values = {
            "name": "default",
            "latency_batch_size": 1,
            "throughput_batch_size": 16,
            "warmup_runs": 2,
            "min_runs": 5,
            "min_seconds": 0.0,
        }
        return MeasureSettings(**{**values, **changes})

    return build


def measure(network: nn.Module, settings: MeasureSettings, channels_last: bool = False) -> Measurements:
    return measure_inference(network, SHAPE, settings, nullcontext, channels_last=channels_last)


def test_latency_and_throughput_are_plausible(settings: Callable[..., MeasureSettings]) -> None:
    measured = measure(Watched(), settings(min_runs=20))
    assert 0 < measured.latency_ms_p50 <= measured.latency_ms_p95
    assert measured.throughput > 0
    assert measured.runs == 20
    # A batch takes no less than an image does, within the noise of a busy machine.
    assert 1e3 * 16 / measured.throughput > 0.2 * measured.latency_ms_p50


@pytest.mark.parametrize("channels_last", [False, True])
def test_it_times_batches_of_the_sizes_asked_for_after_a_warm_up(
    settings: Callable[..., MeasureSettings], channels_last: bool
) -> None:
    network = Watched()
    measured = measure(network, settings(), channels_last)
    assert (measured.latency_batch_size, measured.throughput_batch_size) == (1, 16)
    assert [seen[0] for seen in network.seen] == [(1, *SHAPE)] * 7 + [(16, *SHAPE)] * 7
    assert network.seen[-1][1] == channels_last


def test_it_measures_evaluation_mode_without_gradients(settings: Callable[..., MeasureSettings]) -> None:
    network = Watched().train()
    measure(network, settings())
    assert all(not is_training and is_inference for *_, is_training, is_inference in network.seen)


def test_it_measures_for_at_least_the_seconds_asked_for(settings: Callable[..., MeasureSettings]) -> None:
    network = Watched()
    measure(network, settings(min_runs=1, min_seconds=0.1))
    assert network.began[16] - network.began[1] >= 0.1


def test_random_state_and_weights_stay_as_they_were(settings: Callable[..., MeasureSettings]) -> None:
    network = Watched()
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.get_rng_state()
    measure(network, settings())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.state_dict().items())


def test_the_95thpercentile_of_twenty_is_the_nineteenth() -> None:
    assert percentile([float(value) for value in range(20, 0, -1)], 0.95) == 19.0


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_apercentile_is_a_value_seen_with_its_share_at_or_below(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9 * len(values)


def test_the_cpus_peak_is_that_of_the_process() -> None:
    reset_peak_memory(CPU)
    before = peak_memory_mb(CPU)
    assert before >= 0.95 * psutil.Process().memory_info().rss / MIB
    ballast = torch.ones(int(before + 64) * MIB // 4)
    assert peak_memory_mb(CPU) > before
    del ballast


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux starts a process's peak anew")
def test_the_peak_is_that_since_the_reset_whatever_came_before() -> None:
    reset_peak_memory(CPU)
    ballast = torch.ones(256 * MIB // 4)
    large = peak_memory_mb(CPU)
    del ballast

    assert reset_peak_memory(CPU)
    own = peak_memory_mb(CPU)

    assert own < large - 200
    ballast = torch.ones(64 * MIB // 4)
    assert own + 50 < peak_memory_mb(CPU) < large - 100
    del ballast


def test_a_peak_that_cannot_start_anew_is_said_to_be_the_process_s(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(speed, "CLEAR_REFS", tmp_path / "proc" / "clear_refs")
    monkeypatch.setattr(speed, "PROCESS_STATUS", tmp_path / "proc" / "status")

    assert not reset_peak_memory(CPU)
    assert peak_memory_mb(CPU) >= 0.9 * psutil.Process().memory_info().rss / MIB
