from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from vggsweep.configuration.schema import Configuration, read_configuration
from vggsweep.errors import ConfigError, OutOfMemory
from vggsweep.measure.speed import measure_inference
from vggsweep.training.loop import EpochResult, evaluate
from vggsweep.trial_facts import class_metrics, epochs_to_threshold, failure_reason, metrics, training_times


def epoch(number: int, train_acc: float, seconds: float = 2.0, speed: float = 100.0) -> EpochResult:
    return EpochResult(number, 0.1, 1.0, train_acc, 1.0, train_acc - 0.1, seconds, speed)


def test_the_threshold_is_met_by_the_first_epoch_that_reaches_it() -> None:
    history = [epoch(1, 0.5), epoch(2, 0.9), epoch(3, 0.85), epoch(4, 0.95)]
    assert epochs_to_threshold(history, 0.9) == 2
    assert epochs_to_threshold(history, 0.96) is None


def test_without_an_epoch_there_is_nothing_to_report() -> None:
    assert metrics([], 0.9, 600) == {"epochs_run": 0}
    assert training_times([]) == {"train_seconds": None, "images_per_second": None}


def test_the_last_epoch_counts_and_top5_is_left_out_where_there_is_none() -> None:
    found = metrics([epoch(1, 0.5), epoch(2, 0.8)], 0.9, 600)
    assert (found["epochs_run"], found["val_images"], found["epochs_to_threshold"]) == (2, 600, None)
    assert found["val_acc"] == pytest.approx(0.7)
    assert "val_top5" not in found


def test_a_class_without_images_has_no_accuracy_and_counts_in_no_mean() -> None:
    found = class_metrics((5, 1, 0, 1), (6, 3, 0, 1), ("a", "b", "c", "d"))
    assert found["balanced_acc"] == pytest.approx((5 / 6 + 1 / 3 + 1) / 3)
    assert found["class_acc"] == [5 / 6, 1 / 3, None, 1.0]
    assert (found["class_images"], found["class_names"]) == ([6, 3, 0, 1], ["a", "b", "c", "d"])
    assert class_metrics((), (), ("a", "b")) == {}


def test_the_speed_leaves_the_first_epoch_out_and_the_seconds_do_not() -> None:
    first = epoch(1, 0.5, seconds=8.0, speed=10.0)
    assert training_times([first]) == {"train_seconds": 8.0, "images_per_second": 10.0}
    later = [epoch(n, 0.5, seconds=1.0, speed=speed) for n, speed in ((2, 300.0), (3, 310.0), (4, 100.0))]
    assert training_times([first, *later]) == {"train_seconds": 11.0, "images_per_second": 300.0}


class Hungry(torch.nn.Module):
    """A network for whose batches no memory is left."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        raise MemoryError


class Batches:
    """Two empty images."""

    num_images, steps_per_epoch = 2, 1

    def epoch(self, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        yield torch.zeros(2, 1, 8, 8), torch.zeros(2, dtype=torch.int64)


CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def configuration(tiny: Callable[..., dict[str, Any]]) -> Configuration:
    return read_configuration(tiny("measure=default", "train.batch_size=128"))


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_too_little_memory_is_told_with_a_way_out(error: Exception, configuration: Configuration) -> None:
    assert "Try train.batch_size=64," in failure_reason(error, "cpu", configuration)


def test_where_memory_ran_out_decides_which_field_is_named(configuration: Configuration) -> None:
    with pytest.raises(MemoryError) as validation:
        evaluate(Hungry(), Batches(), CPU, "fp32")
    with pytest.raises(MemoryError) as measurement:
        measure_inference(Hungry(), (1, 8, 8), configuration.measure, nullcontext, channels_last=False)

    assert "Try train.eval_batch_size=256," in failure_reason(validation.value, "cpu", configuration)
    assert "Try measure.throughput_batch_size=128," in failure_reason(measurement.value, "cpu", configuration)


def test_a_batch_of_one_is_not_halved() -> None:
    assert "Try a smaller dataset.resolution" in str(OutOfMemory("cpu", 1))


def test_our_own_errors_speak_for_themselves_and_others_say_where(configuration: Configuration) -> None:
    assert failure_reason(ConfigError("no such width"), "cpu", configuration) == "no such width"
    try:
        raise ValueError("odd")
    except ValueError as error:
        reason = failure_reason(error, "cpu", configuration)
    assert reason.startswith("ValueError: odd (")
    assert __file__ in reason
