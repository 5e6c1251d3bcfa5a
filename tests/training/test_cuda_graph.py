from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import torch

from vggsweep.errors import ConfigError, Interrupted, NonFiniteLoss
from vggsweep.training.checkpoint import CheckpointFile
from vggsweep.training.cuda_graph import (
    WARM_STEPS,
    Capture,
    GraphStep,
    Work,
    check_cuda_graph,
    choose_capture,
    is_launch_bound,
)
from vggsweep.training.loop import Training

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.conftest import Run

    Prepare = Callable[..., Run]

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
# 150 images in batches of 32: four full ones and a last one of 22, so that an epoch has both kinds of step.
FEW_STEPS = ("dataset.limit=150", "train.batch_size=32", "train.epochs=3")


@dataclass
class Tape:
    """A capture of the CPU: it keeps the work and does it again, as a graph's replay does."""

    warm: int = 0
    captures: int = 0
    replays: int = 0

    def warm_up(self, work: Work) -> None:
        self.warm += 1
        work()

    def capture(self, work: Work) -> Work:
        self.captures += 1

        def replay() -> None:
            self.replays += 1
            work()

        return replay


class NoTape(Tape):
    """A device that cannot capture."""

    def capture(self, work: Work) -> Work:
        raise RuntimeError("operation not permitted when stream is capturing\nand more of it")


class HalfTape(Tape):
    """A device whose memory ends amid a capture, when gradients are there that nothing computed."""

    def capture(self, work: Work) -> Work:
        for parameter in work.__self__.eager.network.parameters():  # type: ignore[attr-defined]
            parameter.grad = torch.full_like(parameter, torch.nan)
        raise RuntimeError("out of memory")


class TornTape(Tape):
    """A device whose memory ends amid the first replay."""

    def capture(self, work: Work) -> Work:
        def replay() -> None:
            work()
            raise RuntimeError("out of memory")

        return replay


class Blank(Tape):
    """A capture that does nothing."""

    def capture(self, work: Work) -> Work:
        return lambda: None


def frozen(name: str) -> type[Tape]:
    """A capture that keeps a number of the step as it was meanwhile: ``lr`` or ``y``."""

    class Frozen(Tape):
        def capture(self, work: Work) -> Work:
            step = work.__self__  # type: ignore[attr-defined]
            tensor = step.lr if name == "lr" else step._batch[1]
            kept = tensor.clone()

            def replay() -> None:
                now = tensor.clone()
                tensor.copy_(kept)
                work()
                tensor.copy_(now)

            return replay

    return Frozen


def captured(run: Run, capture: Capture) -> Run:
    """The same training, with its step captured."""
    settings = run.configuration
    run.training = Training(
        run.training.network, settings.optimizer, settings.scheduler, settings.train, "fp32", capture
    )
    return run


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
def test_replayed_steps_train_as_eager_ones_do(prepare: Prepare, words: tuple[str, ...]) -> None:
    eager = prepare(*FEW_STEPS, *words)()
    tape = Tape()
    replayed = captured(prepare(*FEW_STEPS, *words), tape)()
    assert replayed.losses == pytest.approx(eager.losses, rel=1e-4)
    assert [row[0:2] for row in replayed.metrics] == [row[0:2] for row in eager.metrics], "epoch and rate"
    # three epochs of four full batches, and the replay that was only tried
    assert (tape.warm, tape.captures, tape.replays) == (WARM_STEPS, 1, 12 - WARM_STEPS + 1)


def test_a_loss_that_is_not_finite_names_its_step_in_a_replay_too(prepare: Prepare) -> None:
    words = (*FEW_STEPS, "optimizer=sgd", "optimizer.lr=1e30", "scheduler=constant")
    run = captured(prepare(*words, "train.cuda_graph=always"), Tape())
    with pytest.raises(NonFiniteLoss) as replayed:
        run()
    eager = prepare(*words)
    with pytest.raises(NonFiniteLoss) as plain:
        eager()
    assert str(replayed.value) == str(plain.value)


def test_a_recorded_training_continues_from_its_checkpoint(prepare: Prepare, tmp_path: Path) -> None:
    words = (*FEW_STEPS, "train.ema=0.9", "optimizer=adamw")
    whole = captured(prepare(*words), Tape())()
    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt")
    first = captured(prepare(*words), Tape())
    first.on_epoch = lambda result: first.stop.handle(signal.SIGTERM, None) if result.epoch == 2 else None
    with pytest.raises(Interrupted):
        first(checkpoint)
    second = captured(prepare(*words), Tape())
    second.training.load_state_dict(checkpoint.load().state)
    second()
    assert second.metrics == whole.metrics


def test_a_device_that_cannot_record_trains_on_and_says_why(prepare: Prepare) -> None:
    run = captured(prepare(*FEW_STEPS), NoTape())()
    assert isinstance(run.training.graph, GraphStep)
    assert run.training.graph.failure == "operation not permitted when stream is capturing"
    assert not run.training.graph.is_captured
    assert run.losses == pytest.approx(prepare(*FEW_STEPS)().losses, rel=1e-4)


@pytest.mark.parametrize("tape", [NoTape, HalfTape, TornTape])
def test_what_a_failed_recording_left_moves_nothing(prepare: Prepare, tape: type[Tape]) -> None:
    words = (*FEW_STEPS, "optimizer=sgd_nesterov", "head=vgg", "head.hidden=32")
    run = captured(prepare(*words), tape())()
    assert run.training.graph is not None
    assert run.training.graph.failure is not None
    assert run.metrics == prepare(*words)().metrics


@pytest.mark.parametrize("option", ["adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("before", [True, False])
def test_a_checkpoint_goes_on_with_a_graph_and_without_one(
    prepare: Prepare, option: str, before: bool
) -> None:
    first, second = (prepare(*FEW_STEPS, f"optimizer={option}") for _ in range(2))
    first()
    state = first.training.state_dict()
    for group in state["optimizer"]["param_groups"]:
        group["capturable"] = before  # as a captured step of a GPU has it, and an eager one has not
    second.training.optimizer.param_groups[0]["capturable"] = not before
    second.training.load_state_dict(state)
    assert second.training.optimizer.param_groups[0]["capturable"] is not before


@pytest.mark.parametrize(
    "tape", [Blank, frozen("lr"), frozen("y")], ids=["blank", "frozen rate", "frozen labels"]
)
@pytest.mark.parametrize("words", [("head=vgg", "head.hidden=32"), ("optimizer=adamw",)])
def test_a_recording_that_trains_otherwise_is_not_used(
    prepare: Prepare, tape: type[Tape], words: tuple[str, ...]
) -> None:
    run = captured(prepare(*FEW_STEPS, *words), tape())()
    assert run.training.graph is not None
    assert run.training.graph.failure == "the recorded step trains otherwise than the eager one"
    assert run.losses == pytest.approx(prepare(*FEW_STEPS, *words)().losses, rel=1e-4)


def test_a_graph_that_was_asked_for_must_be_had(prepare: Prepare) -> None:
    with pytest.raises(RuntimeError, match="not permitted"):
        captured(prepare(*FEW_STEPS, "train.cuda_graph=always"), NoTape())()


def test_small_networks_on_a_gpu_are_captured(prepare: Prepare) -> None:
    train = prepare("train.batch_size=128").configuration.train
    small = {"macs": 8_000_000, "is_known": True}

    def chosen(device: torch.device = GPU, precision: str = "bf16", **changes: object) -> bool:
        facts = {name: changes.pop(name, value) for name, value in small.items()}
        return choose_capture(replace(train, **changes), device, precision, **facts) is not None  # type: ignore[arg-type]

    assert chosen()
    assert not chosen(CPU)
    assert not chosen(macs=15_470_000_000), "VGG-16 at 224 px computes for longer than it launches"
    assert not chosen(is_known=False), "a network of the user's own may decide in Python"
    assert not chosen(precision="fp16")
    assert chosen(compile=True, macs=15_470_000_000), "a compiled step launches through more Python"
    assert not chosen(cuda_graph="never")
    assert chosen(cuda_graph="always", macs=15_470_000_000)


@pytest.mark.parametrize(("device", "precision", "reason"), [(CPU, "bf16", "on cpu"), (GPU, "fp16", "fp16")])
def test_always_is_refused_where_no_graph_can_be_had(
    prepare: Prepare, device: torch.device, precision: str, reason: str
) -> None:
    train = replace(prepare().configuration.train, cuda_graph="always")
    with pytest.raises(ConfigError, match=reason):
        check_cuda_graph(train, device, precision)  # type: ignore[arg-type]


def test_more_images_a_step_are_less_launch_bound() -> None:
    assert is_launch_bound(27_000_000, batch_size=128)
    assert not is_launch_bound(27_000_000, batch_size=16_384)
