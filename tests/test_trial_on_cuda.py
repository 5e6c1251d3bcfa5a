"""Whole trials on a real GPU. `pytest -m cuda` runs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
import torch

from vggsweep.measure.contention import ContentionWatch

if TYPE_CHECKING:
    from vggsweep.results.disk.layout import TrialDirectory
    from vggsweep.results.disk.record import Record

    Train = Callable[..., tuple[Record, TrialDirectory]]

pytestmark = pytest.mark.cuda
ON_GPU = ("device=cuda", "train.precision=auto")
BIG = ("arch.depth=4", "arch.width=64", "dataset.resolution=224", "train.batch_size=256", "train.epochs=1")
OTHER = "import torch, sys; x = torch.ones(9, device='cuda'); print('there', flush=True); sys.stdin.read()"


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Half a GiB of the device for this process."""
    torch.cuda.empty_cache()
    share = 2**29 / torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(share)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


def test_a_trial_says_where_and_how_it_ran(train: Train) -> None:
    record, _ = train(*ON_GPU, "measure=default", "measure.min_seconds=0.05", "train.epochs=3")
    assert record.state == "COMPLETE", record.reason
    environment, measured = record.environment, record.measurements
    assert environment["device"] == "cuda:0"
    assert environment["device_name"] == torch.cuda.get_device_name(0)
    assert environment["precision"] == "bf16"
    assert environment["cuda_graph"] is True, record.notes
    assert 0 < measured["latency_ms_p50"] <= measured["latency_ms_p95"]
    assert measured["throughput"] > 0
    assert 0 < measured["peak_memory_mb"] < 2_000


def test_the_peak_of_memory_is_the_trials_own(train: Train) -> None:
    peaks = [
        train(*ON_GPU, *words)[0].measurements["peak_memory_mb"]
        for words in (BIG, ("arch.depth=2", "arch.width=4"))
    ]
    assert peaks[0] > 500
    assert peaks[1] < peaks[0] / 3


def test_too_little_memory_ends_one_trial_with_a_hint(train: Train, little_memory: None) -> None:
    failed, _ = train(*ON_GPU, *BIG)
    assert failed.state == "FAIL"
    assert failed.reason is not None
    assert "memory" in failed.reason
    assert "train.batch_size" in failed.reason
    following, _ = train(*ON_GPU)
    assert following.state == "COMPLETE", following.reason


def test_fp16_is_trained_without_a_graph(train: Train) -> None:
    record, _ = train("device=cuda", "train.precision=fp16")
    assert record.state == "COMPLETE", record.reason
    assert record.environment["precision"] == "fp16"


@pytest.mark.cuda(devices=2)
def test_another_device_than_the_first_is_used(train: Train) -> None:
    record, _ = train("device=cuda:1", "train.precision=auto")
    assert record.environment["device"] == "cuda:1"
    assert record.measurements["peak_memory_mb"] > 0


def test_other_work_on_the_device_is_noticed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "there\n"
        torch.ones(9, device="cuda")
        with ContentionWatch(torch.device("cuda", 0)) as watch:
            pass
        other.communicate()
    # None in a container in which nvidia-smi knows processes by other numbers
    assert watch.is_contended in (True, None)


# torch 2.11 imports its own deprecated torch.jit on Python 3.12
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_network_trains(train: Train) -> None:
    record, _ = train(*ON_GPU, "train.compile=true")
    assert record.state == "COMPLETE", record.reason
