from __future__ import annotations

import pytest

from vggsweep.errors import ConfigError
from vggsweep.training.loop import EpochResult
from vggsweep.trial_facts import epochs_to_threshold, failure_reason, metrics, training_times


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


def test_the_speed_leaves_the_first_epoch_out_and_the_seconds_do_not() -> None:
    first = epoch(1, 0.5, seconds=8.0, speed=10.0)
    assert training_times([first]) == {"train_seconds": 8.0, "images_per_second": 10.0}
    later = [epoch(n, 0.5, seconds=1.0, speed=speed) for n, speed in ((2, 300.0), (3, 310.0), (4, 100.0))]
    assert training_times([first, *later]) == {"train_seconds": 11.0, "images_per_second": 300.0}


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_too_little_memory_is_told_with_a_way_out(error: Exception) -> None:
    assert "train.batch_size" in failure_reason(error, "cpu", 128)


def test_our_own_errors_speak_for_themselves_and_others_say_where() -> None:
    assert failure_reason(ConfigError("no such width"), "cpu", 128) == "no such width"
    try:
        raise ValueError("odd")
    except ValueError as error:
        reason = failure_reason(error, "cpu", 128)
    assert reason.startswith("ValueError: odd (")
    assert __file__ in reason
