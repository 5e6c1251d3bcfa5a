from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from tests.alone import Trial, interrupted_after
from tests.alone import trial as trial
from vggsweep.errors import Interrupted, TrialPruned
from vggsweep.results.columns import COLUMNS
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record, read_record
from vggsweep.results.tables.table import row
from vggsweep.training.loop import EpochResult
from vggsweep.training.progress import EpochObserver

if TYPE_CHECKING:
    Train = Callable[..., tuple[Record, TrialDirectory]]

FILES = {"config.yaml", "overrides.yaml", "record.json", "history.csv", "answers.json", "trial.log"}


def files_of(directory: TrialDirectory) -> set[str]:
    return {path.name for path in directory.path.iterdir()} - {"trial.lock"}


# --- what a trial leaves behind


def test_a_record_alone_yields_every_column_of_the_table(trial: Callable[..., Trial], tmp_path: Path) -> None:
    done = trial(
        "measure=default", "measure.min_seconds=0", "train.evaluate_test=true", "train.threshold_acc=0.01"
    )
    written = done()
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(done.directory.record, tmp_path / "elsewhere" / "record.json")
    shutil.rmtree(done.directory.path)
    record = read_record(tmp_path / "elsewhere")
    # JSON has lists where the record had tuples
    assert replace(record, configuration={}, swept={}) == replace(written, configuration={}, swept={})
    values = row(record, tmp_path / "elsewhere")
    # `pareto` is of the table, not of a row; no budget here, ten classes have no top-5, no pruner looked,
    # and a finished trial needs no reason
    assert [name for name in COLUMNS if values[name] is None] == [
        "budget_residual",
        "val_top5",
        "averaged_val_acc",
        "pareto",
        "reason",
    ]
    assert values["arch.kernel_size"] == 3
    assert (values["sweep"], values["trial"], values["state"]) == ("alone", 7, "COMPLETE")
    assert (values["epochs"], values["epochs_run"]) == (2, 2)
    assert 0 < values["latency_ms_p50"] <= values["latency_ms_p95"]
    assert 0 <= values["test_acc"] <= 1
    assert values["images_per_second"] > 0


def test_the_record_says_the_budget_the_width_solved_and_what_is_left_over(
    trial: Callable[..., Trial],
) -> None:
    record = trial("budget=macs", "budget.like={width: 6}", "arch.width=null", "arch.depth=4")()
    assert record.state == "COMPLETE", record.reason
    assert record.configuration["budget"]["name"] == "macs"
    assert record.configuration["arch"]["width"] is None, "as given, so that the hash is the budget's"
    assert record.network["solved_width"] == record.network["width"] == 6
    assert record.costs["budget_target"] == record.costs["macs"]
    assert row(record, Path("somewhere"))["budget_residual"] == 0


def test_epochs_to_the_threshold_are_counted_from_the_history(trial: Callable[..., Trial]) -> None:
    done = trial("train.epochs=3", "train.threshold_acc=1.0")
    assert done().metrics["epochs_to_threshold"] is None
    reached = [epoch["train_acc"] for epoch in read_history(done.directory.history)]
    again = trial("train.epochs=3", f"train.threshold_acc={max(reached[1:])}")()
    assert again.metrics["train_acc"] == reached[-1], "the threshold changes no result"
    expected = next(number for number, acc in enumerate(reached, 1) if acc >= max(reached[1:]))
    assert again.metrics["epochs_to_threshold"] == expected


def test_the_directory_holds_what_ran_and_nothing_temporary(trial: Callable[..., Trial]) -> None:
    done = trial()
    record = done()
    assert files_of(done.directory) == FILES
    assert yaml.safe_load(done.directory.config.read_text()) == done.plain
    assert yaml.safe_load(done.directory.overrides.read_text()) == ["a=1"]
    assert "epoch 2/2" in done.directory.log.read_text()
    history = read_history(done.directory.history)
    assert [epoch["epoch"] for epoch in history] == [1, 2]
    for name in ("train_loss", "train_acc", "val_loss", "val_acc"):
        assert history[-1][name] == record.metrics[name]


def test_the_record_says_how_accurate_each_class_is(trial: Callable[..., Trial]) -> None:
    done = trial()
    metrics = done().metrics
    names, images, shares = (metrics[f"class_{of}"] for of in ("names", "images", "acc"))
    assert names[0] == "t-shirt"
    assert sum(images) == metrics["val_images"]
    assert metrics["balanced_acc"] == pytest.approx(sum(shares) / 10)
    assert sum(s * n for s, n in zip(shares, images, strict=True)) / sum(images) == pytest.approx(
        metrics["val_acc"]
    )
    assert (
        row(read_record(done.directory.path), done.directory.path)["balanced_acc"] == metrics["balanced_acc"]
    )


def test_a_hundred_classes_have_a_top5_accuracy_in_history_record_and_table(
    trial: Callable[..., Trial], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    for number in range(100):
        (tmp_path / "pictures" / f"{number:02d}").mkdir(parents=True)
        for name in ("a", "b"):
            pixels = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number:02d}" / f"{name}.png")
    words = (
        "dataset=image_folder",
        f"dataset.root={tmp_path / 'pictures'}",
        "dataset.resolution=4",
        "dataset.limit=null",
        "dataset.val_fraction=0.5",
        "train.batch_size=50",
    )

    done = trial(*words)
    stopped = []

    def stop_after_one(result: EpochResult, _val_images: int) -> None:
        if result.epoch == 1 and not stopped:
            stopped.append(result)
            raise Interrupted

    with pytest.raises(Interrupted):
        done(stop_after_one)
    record = done()  # the checkpoint carries the first epoch's value on

    history = read_history(done.directory.history)
    assert [epoch["val_top5"] for epoch in history] == [stopped[0].val_top5, record.metrics["val_top5"]]
    assert all(epoch["val_acc"] <= epoch["val_top5"] <= 1 for epoch in history)
    values = row(record, done.directory.path)
    assert values["val_top5"] == record.metrics["val_top5"]
    assert list(values).index("val_top5") == list(values).index("val_acc") + 1


def test_ten_classes_have_no_top5_accuracy(trial: Callable[..., Trial]) -> None:
    done = trial()

    assert "val_top5" not in done().metrics
    assert "val_top5" not in done.directory.history.read_text()


def test_the_checkpoint_is_kept_when_asked(trial: Callable[..., Trial]) -> None:
    done = trial("train.keep_checkpoint=true")
    done()
    assert files_of(done.directory) == FILES | {"checkpoint.pt", "checkpoint.pt.prev"}


def test_without_checkpoints_none_is_written(trial: Callable[..., Trial]) -> None:
    done = trial("train.checkpoint=false", "train.keep_checkpoint=true")
    assert done().state == "COMPLETE"
    assert files_of(done.directory) == FILES


def test_the_record_names_precision_device_and_threads(trial: Callable[..., Trial]) -> None:
    environment = trial("train.precision=bf16")().environment
    assert (environment["precision"], environment["device"], environment["threads"]) == ("bf16", "cpu", 1)


def test_nothing_is_measured_when_measuring_is_off(trial: Callable[..., Trial]) -> None:
    assert set(trial()().measurements) == {"peak_memory_mb"}


# --- switches for speed


@pytest.mark.parametrize(
    "word", ["train.keep_freed_memory=false", "train.checkpoint=false", "train.eval_batch_size=256"]
)
def test_a_switch_for_speed_does_not_change_the_result(trial: Callable[..., Trial], word: str) -> None:
    # eval_batch_size adds losses in another order; the other two change no arithmetic at all
    # and any accuracy is enough here for epochs_to_threshold
    enough = "train.threshold_acc=0.01"
    plain, switched = trial(enough)().metrics, trial(enough, word)().metrics
    assert switched.keys() == plain.keys()
    for name, value in plain.items():
        same = value if isinstance(value, list) else pytest.approx(value, rel=1e-6)  # of classes: counts
        assert switched[name] == same, name
    assert {name: switched[name] for name in ("train_loss", "train_acc", "val_acc")} == {
        name: plain[name] for name in ("train_loss", "train_acc", "val_acc")
    }


def test_measuring_does_not_change_the_result(trial: Callable[..., Trial]) -> None:
    assert trial("measure=default", "measure.min_seconds=0")().metrics == trial()().metrics


# --- trials that fail


def test_a_diverging_rate_fails_with_epoch_step_and_advice(trial: Callable[..., Trial]) -> None:
    failed = trial("optimizer.lr=1e30", "scheduler=constant")
    record = failed()
    assert record.state == "FAIL"
    assert record.reason is not None
    assert "NaN or infinite in epoch 1, step 2" in record.reason
    assert "optimizer.lr" in record.reason
    assert record.metrics == {"epochs_run": 0}
    assert read_record(failed.directory.path) == replace(
        record, configuration=read_record(failed.directory.path).configuration
    )
    assert "NonFiniteLoss" in failed.directory.log.read_text()


def failing(error: Exception) -> EpochObserver:
    def observe(result: EpochResult, _val_images: int) -> None:
        raise error

    return observe


def test_a_foreign_error_fails_with_its_words_and_place(trial: Callable[..., Trial]) -> None:
    failed = trial()
    record = failed(failing(ValueError("no such colour")))
    assert record.state == "FAIL"
    assert record.reason is not None
    assert record.reason.startswith("ValueError: no such colour (")
    assert f"{Path(__file__).name}:" in record.reason
    assert record.metrics["epochs_run"] == 1
    assert "Traceback" in failed.directory.log.read_text()


def exhaust_memory(result: EpochResult, _val_images: int) -> None:
    torch.empty(1 << 60, dtype=torch.uint8)


@pytest.mark.parametrize(
    "observer",
    [
        failing(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")),
        failing(MemoryError()),
        exhaust_memory,
    ],
    ids=["cuda", "python", "cpu"],
)
def test_out_of_memory_fails_with_what_would_fit(
    trial: Callable[..., Trial], observer: EpochObserver
) -> None:
    record = trial("device=auto" if not torch.cuda.is_available() else "device=cpu")(observer)
    assert record.state == "FAIL"
    assert record.reason is not None
    assert record.reason.startswith("Out of memory on cpu with train.batch_size=64. Try train.batch_size=32")


def test_two_damaged_checkpoints_are_set_aside_and_the_training_starts_anew(
    trial: Callable[..., Trial],
) -> None:
    damaged = trial()
    for path in (damaged.directory.checkpoint, damaged.directory.path / "checkpoint.pt.prev"):
        path.write_bytes(b"nothing")
    record = damaged()
    assert record.state == "COMPLETE"
    assert record.metrics["epochs_run"] == 2
    assert "checkpoint.pt is damaged" in record.notes[0]
    assert record.notes[0].endswith("The training starts anew.")
    assert (damaged.directory.path / "unused-checkpoint.pt").read_bytes() == b"nothing"


def test_a_pruned_trial_keeps_its_history(trial: Callable[..., Trial]) -> None:
    pruned = trial("train.epochs=3")
    record = pruned(failing(TrialPruned(1)))
    assert (record.state, record.reason) == ("PRUNED", "pruned after epoch 1")
    assert record.metrics["epochs_run"] == 1
    assert "val_acc" in record.metrics
    assert len(read_history(pruned.directory.history)) == 1
    assert files_of(pruned.directory) == FILES


# --- continuing


def test_a_continued_trial_tells_its_observer_the_epoch_that_it_may_have_missed(
    trial: Callable[..., Trial],
) -> None:
    whole = trial("train.epochs=3")().metrics
    stopped = trial("train.epochs=3")
    with pytest.raises(Interrupted):
        stopped(interrupted_after(2))
    told: list[int] = []
    again = trial("train.epochs=3")
    record = again(lambda result, _: told.append(result.epoch))
    assert told == [2, 3]
    assert record.metrics == whole
    assert "continues after epoch 2 of 3" in again.output.getvalue()


def test_a_trial_killed_after_its_last_checkpoint_finishes_without_training(
    trial: Callable[..., Trial],
) -> None:
    whole = trial("train.keep_weights=true")
    reference, weights = whole().metrics, whole.directory.weights.read_bytes()
    whole.directory.record.unlink()
    whole.directory.weights.unlink()
    with pytest.raises(Interrupted):
        trial("train.keep_weights=true")(interrupted_after(2))
    whole.directory.history.unlink()
    record = trial("train.keep_weights=true")()
    assert record.state == "COMPLETE"
    assert record.metrics == reference
    assert whole.directory.weights.read_bytes() == weights
    assert len(read_history(whole.directory.history)) == 2
    assert record.timings["images_per_second"] > 0
    assert files_of(whole.directory) == FILES | {"model.safetensors"}


def test_files_that_a_kill_left_half_written_are_swept_away(trial: Callable[..., Trial]) -> None:
    continued = trial()
    for name in (".record.json.123.tmp", ".history.csv.45.tmp", "checkpoint.pt.tmp", "model.safetensors.tmp"):
        (continued.directory.path / name).write_text("half")
    continued()
    assert files_of(continued.directory) == FILES


def test_a_damaged_checkpoint_is_noted_and_the_result_is_the_same(trial: Callable[..., Trial]) -> None:
    whole = trial("train.epochs=3")().metrics
    with pytest.raises(Interrupted):
        trial("train.epochs=3")(interrupted_after(2))
    continued = trial("train.epochs=3")
    checkpoint = continued.directory.checkpoint
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    record = continued()
    assert record.metrics == whole
    (note,) = record.notes
    assert "checkpoint.pt is damaged" in note
    assert note in continued.output.getvalue()


def test_another_number_of_threads_is_noted(
    trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vggsweep.device.DEFAULT_THREADS", 1)  # as OMP_NUM_THREADS=1
    with pytest.raises(Interrupted):
        trial("train.threads=null")(interrupted_after(1))
    monkeypatch.setattr("vggsweep.device.DEFAULT_THREADS", 2)
    (note,) = trial("train.threads=null")().notes
    assert "continued with 2 CPU threads after 1" in note


# --- numbers


def test_a_finished_run_is_left_alone_and_its_configuration_becomes_a_new_trial(train: Train) -> None:
    first, before = train()
    content = before.record.read_bytes()
    second, after = train()
    assert (first.trial, second.trial) == (0, 1)
    assert (before.path.name, after.path.name) == ("00000", "00001")
    assert before.record.read_bytes() == content
    assert first.configuration_hash == second.configuration_hash
    assert first.metrics == second.metrics


def test_a_class_that_no_validation_image_shows_is_a_note(
    train: Callable[..., tuple[Record, TrialDirectory]], own_folder: Path
) -> None:
    rng = np.random.default_rng(0)
    labels = np.array([0] * 60 + [1] * 60 + [2])
    images = rng.integers(0, 256, (len(labels), 8, 8), dtype=np.uint8)
    np.savez(own_folder / "rare.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)

    words = (
        "dataset=arrays",
        f"dataset.path={own_folder / 'rare.npz'}",
        "dataset.resolution=8",
        "dataset.channels=1",
    )
    record, directory = train(*words, "dataset.limit=null", "arch.num_blocks=1", "train.epochs=1")

    told = "no validation image shows 1 of 3 classes (2): accuracies say nothing of it"
    assert told in record.notes
    assert told in directory.log.read_text()
