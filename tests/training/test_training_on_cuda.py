"""Trainings on a real GPU: precision, graphs, checkpoints. `pytest -m cuda` runs them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import torch

from vggsweep.device import configure_kernels, timed
from vggsweep.errors import Interrupted
from vggsweep.training.checkpoint import CheckpointFile
from vggsweep.training.cuda_graph import CudaCapture, choose_capture
from vggsweep.training.loop import Training

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.conftest import Run

    Prepare = Callable[..., Run]

pytestmark = pytest.mark.cuda
CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
# 600 images in batches of 128: four full ones and a last one of 88, so that an epoch has both kinds of step.
FEW_STEPS = ("dataset.limit=600", "train.batch_size=128", "train.epochs=3")


def captured(run: Run) -> Run:
    """The same training, replayed as a CUDA graph."""
    settings = run.configuration
    run.training = Training(
        run.training.network,
        settings.optimizer,
        settings.scheduler,
        settings.train,
        run.training.precision,
        CudaCapture(GPU),
    )
    return run


@pytest.mark.parametrize(
    ("words", "tolerance"),
    [
        ((), 1e-3),
        (("train.channels_last=false",), 1e-3),
        (("train.precision=bf16",), 3e-2),
        (("train.precision=fp16",), 3e-2),
        (("train.precision=fp16", "optimizer=sgd_nesterov", "train.clip_grad_norm=1.0"), 3e-2),
    ],
)
def test_a_gpu_trains_as_the_cpu_does(prepare: Prepare, words: tuple[str, ...], tolerance: float) -> None:
    rate = ("optimizer.lr=0.01", "train.epochs=2")
    others = [word for word in words if "precision" not in word]
    on_cpu = prepare(*FEW_STEPS, *others, *rate)()
    on_gpu = prepare(*FEW_STEPS, *words, *rate, device=GPU)()
    assert on_gpu.losses == pytest.approx(on_cpu.losses, rel=tolerance)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    "words",
    [
        ("optimizer=sgd",),
        ("optimizer=sgd_nesterov", "scheduler=onecycle", "train.label_smoothing=0.1"),
        ("optimizer=sgd_nesterov", "train.ema=0.9", "augment=crop_flip"),
        ("optimizer=adam", "train.clip_grad_norm=0.5"),
        ("optimizer=adamw", "scheduler=cosine"),
        ("optimizer=rmsprop",),
        ("head=vgg", "head.hidden=32"),
    ],
)
def test_a_cuda_graph_trains_as_eager_steps_do(
    prepare: Prepare, words: tuple[str, ...], precision: str
) -> None:
    words = (*FEW_STEPS, *words, f"train.precision={precision}", "optimizer.lr=0.003")
    eager = prepare(*words, device=GPU)()
    replayed = captured(prepare(*words, device=GPU))()
    assert replayed.training.graph is not None
    assert replayed.training.graph.failure is None
    assert replayed.training.graph.is_captured
    # dropout draws its masks from the graph's own offsets, so that head is compared by its first epoch
    assert replayed.losses[:2] == pytest.approx(eager.losses[:2], rel=5e-2 if "head=vgg" in words else 1e-2)
    assert [row[:2] for row in replayed.metrics] == [row[:2] for row in eager.metrics], "epoch and rate"


@pytest.mark.parametrize("is_captured", [True, False])
@pytest.mark.parametrize("optimizer", ["sgd_nesterov", "adamw"])
def test_a_training_continues_from_its_checkpoint(
    prepare: Prepare, tmp_path: Path, optimizer: str, is_captured: bool
) -> None:
    words = (*FEW_STEPS, "train.ema=0.9", "augment=crop_flip", f"optimizer={optimizer}", "optimizer.lr=0.003")

    def fresh() -> Run:
        run = prepare(*words, device=GPU)
        return captured(run) if is_captured else run

    whole = fresh()()
    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt")
    first = fresh()
    first.on_epoch = lambda result: first.stop.handle(signal.SIGTERM, None) if result.epoch == 2 else None
    with pytest.raises(Interrupted):
        first(checkpoint)
    second = fresh()
    second.training.load_state_dict(checkpoint.load().state)
    second()
    assert second.losses == pytest.approx(whole.losses, rel=1e-2)


@pytest.mark.parametrize(("before", "after"), [(GPU, CPU), (CPU, GPU)], ids=["to the CPU", "to the GPU"])
@pytest.mark.parametrize("optimizer", ["sgd_nesterov", "adamw", "rmsprop"])
def test_a_checkpoint_moves_between_devices(
    prepare: Prepare, tmp_path: Path, before: torch.device, after: torch.device, optimizer: str
) -> None:
    words = (*FEW_STEPS, f"optimizer={optimizer}", "train.ema=0.9", "optimizer.lr=0.003")
    whole = prepare(*words)()
    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt")
    first = prepare(*words, device=before)
    first.on_epoch = lambda result: first.stop.handle(signal.SIGTERM, None) if result.epoch == 2 else None
    with pytest.raises(Interrupted):
        first(checkpoint)
    second = prepare(*words, device=after)
    second.training.load_state_dict(checkpoint.load().state)
    second()
    assert len(second.losses) == 6
    assert second.losses == pytest.approx(whole.losses, rel=1e-2)


def test_images_stay_on_the_device(prepare: Prepare) -> None:
    run = prepare(*FEW_STEPS, device=GPU)
    x_NCHW, y_N = next(iter(run.data.train.epoch(0)))
    assert (x_NCHW.device, y_N.device) == (GPU, GPU)
    allocated = torch.cuda.memory_allocated(GPU)
    run.data.close()
    assert allocated - torch.cuda.memory_allocated(GPU) >= 600 * 28 * 28


def test_auto_replays_a_small_network_on_this_device(prepare: Prepare) -> None:
    train = prepare("train.batch_size=128").configuration.train
    assert choose_capture(train, GPU, "bf16", macs=8_000_000, is_known=True) is not None


def test_work_is_timed_by_the_device(prepare: Prepare) -> None:
    configure_kernels(GPU, "fp32", deterministic=False, threads=None)
    matrix = torch.rand(2_048, 2_048, device=GPU)
    timed(lambda: matrix @ matrix, GPU)
    one, many = (timed(lambda n=n: [matrix @ matrix for _ in range(n)], GPU) for n in (4, 64))
    assert many > 4 * one > 0
