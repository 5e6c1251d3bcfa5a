"""What a machine without a GPU can hold about work on one.

On the ``meta`` device every ``.item()``, every copy to the CPU and every tensor that was left on the CPU
raises, so a step that gets through it neither waits for the device nor mixes devices. Under
`FakeTensorMode` tensors that claim to be on a GPU go through the same code forward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

import vggsweep
from vggsweep.arch.build import build_network
from vggsweep.configuration.network import input_shape
from vggsweep.configuration.schema import Configuration, read_configuration
from vggsweep.data.augment import augment
from vggsweep.data.mixing import mix
from vggsweep.data.policy import apply_policy, draw_policy
from vggsweep.data.preprocess import Preprocess, _scale_and_shift
from vggsweep.data.settings import AugmentSettings
from vggsweep.sweep.spec.composer import Composer
from vggsweep.training.averaging import MovingAverage
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import Training, evaluate

if TYPE_CHECKING:
    Tiny = Callable[..., dict[str, Any]]

META, GPU = torch.device("meta"), torch.device("cuda", 0)
WAITS = "meta tensor|Cannot copy out of meta|item\\(\\) cannot be called on meta"
STEPS, BATCH = 3, 8
EVERYTHING = AugmentSettings(
    name="all",
    flip=True,
    crop_padding=4,
    erase_probability=0.5,
    erase_min_area=0.02,
    erase_max_area=0.33,
    policy="randaugment",
    policy_ops=2,
    policy_magnitude=9,
    mixup=0.2,
    cutmix=1.0,
    mix_probability=0.5,
)


class MetaBatches:
    """Batches without memory; it counts those that were asked for."""

    num_images = STEPS * BATCH
    steps_per_epoch = STEPS

    def __init__(self, configuration: Configuration) -> None:
        self.shape = input_shape(configuration)
        self.given = 0

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(STEPS):
            self.given += 1
            size = (BATCH, self.shape.channels, self.shape.resolution, self.shape.resolution)
            yield torch.rand(size, device=META), torch.zeros(BATCH, dtype=torch.int64, device=META)


class Listener:
    def step_ended(self, epoch: int, step: int, images: int) -> None: ...

    def epoch_ended(self, result: object) -> None: ...


def training_on(device: torch.device, configuration: Configuration) -> Training:
    network: nn.Module = build_network(configuration.arch, configuration.head, input_shape(configuration)).to(
        device
    )
    return Training(network, configuration.optimizer, configuration.scheduler, configuration.train, "fp32")


@pytest.mark.parametrize(
    "words",
    [
        ("optimizer=sgd",),
        ("optimizer=sgd_nesterov", "scheduler=onecycle", "train.label_smoothing=0.1"),
        ("optimizer=adam", "scheduler=cosine"),
        ("optimizer=adamw", "train.ema=0.9"),
        ("optimizer=rmsprop",),
        ("head=vgg", "head.hidden=16"),
        ("arch.batch_norm=false", "train.ema=0.5"),
    ],
)
def test_an_epoch_waits_for_the_device_only_at_its_end(tiny: Tiny, words: tuple[str, ...]) -> None:
    configuration = read_configuration(tiny(*words))
    training = training_on(META, configuration)
    batches = MetaBatches(configuration)
    with pytest.raises((RuntimeError, NotImplementedError), match=WAITS):
        training.run(batches, batches, listener=Listener(), stop=StopRequest())
    assert batches.given == STEPS, "the first wait is the sums' own, after the last step"
    state = [
        value
        for one in training.optimizer.state.values()
        for value in one.values()
        if isinstance(value, Tensor) and value.ndim
    ]
    assert {value.device.type for value in state} <= {"meta"}


def test_gradient_clipping_does_not_wait_for_the_device(tiny: Tiny) -> None:
    configuration = read_configuration(tiny("train.clip_grad_norm=0.5"))
    training = training_on(META, configuration)
    x_NCHW, y_N = next(MetaBatches(configuration).epoch(0))
    training.eager(x_NCHW, y_N, 0.1)


def test_an_evaluation_waits_for_the_device_only_at_its_end(tiny: Tiny) -> None:
    configuration = read_configuration(tiny())
    training = training_on(META, configuration)
    batches = MetaBatches(configuration)
    with pytest.raises((RuntimeError, NotImplementedError), match=WAITS):
        evaluate(training.network, batches, META, "fp32")
    assert batches.given == STEPS


def test_the_meta_device_would_catch_a_wait(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above can fail: a loss that is read in every step ends the epoch after its first."""
    configuration = read_configuration(tiny())
    training = training_on(META, configuration)
    batches = MetaBatches(configuration)
    monkeypatch.setattr(Listener, "step_ended", lambda *_: training.eager.loss_sum.item())
    with pytest.raises((RuntimeError, NotImplementedError), match=WAITS):
        training.run(batches, batches, listener=Listener(), stop=StopRequest())
    assert batches.given == 1


@pytest.mark.parametrize("resolution", [28, 32, 48])
@pytest.mark.parametrize("device", [META, GPU], ids=["meta", "cuda"])
def test_images_are_prepared_where_they_lie(resolution: int, device: torch.device) -> None:
    preprocess = Preprocess(1, 28, resolution, mean=(0.5,), std=(0.2,))
    images = torch.zeros(BATCH, 1, 28, 28, dtype=torch.uint8)
    random = np.random.RandomState(0)
    preprocess(images[:1])  # factors for the CPU, which must not serve another device
    with FakeTensorMode(allow_non_fake_inputs=False) if device is GPU else nullcontext():
        pixels = torch.zeros(BATCH, 1, 28, 28, dtype=torch.uint8, device=device)
        labels = torch.zeros(BATCH, dtype=torch.int64, device=device)
        if device is META:  # a fake tensor cannot be made from numpy's numbers
            for drawn in draw_policy(EVERYTHING, BATCH, random):
                pixels = apply_policy(pixels, "randaugment", drawn)
        x_NCHW = preprocess(pixels, torch.channels_last)
        x_NCHW = augment(x_NCHW, EVERYTHING, torch.Generator())
        for _ in range(9):
            mixed, both = mix(x_NCHW, labels, EVERYTHING, random)
            assert (mixed.device.type, both.device.type) == (device.type, device.type)
            assert (len(mixed), tuple(both.shape)) == (BATCH - 1, (BATCH - 1, 3))
    assert (x_NCHW.device.type, tuple(x_NCHW.shape)) == (device.type, (BATCH, 1, resolution, resolution))
    _scale_and_shift.cache_clear()  # fake tensors must not outlive their mode


def test_an_average_of_weights_stays_on_the_device(tiny: Tiny) -> None:
    training = training_on(META, read_configuration(tiny("train.ema=0.9")))
    assert isinstance(training.ema, MovingAverage)
    for _ in range(3):
        training.ema.update_parameters(training.network)
    assert {tensor.device.type for tensor in training.ema.module.state_dict().values()} == {"meta"}


@pytest.mark.parametrize(
    "words",
    [(), ("head=vgg",), ("arch=vgg_c",), ("arch=vgg_a_lrn",), ("arch=vgg_shallow5",)],
)
def test_a_forward_pass_mixes_no_devices(words: tuple[str, ...]) -> None:
    configuration = read_configuration(Composer(fixed=("dataset.resolution=224",)).compose(words))
    shape = input_shape(configuration)
    with FakeTensorMode(), GPU:
        network = build_network(configuration.arch, configuration.head, shape)
        scores_NK = network(torch.rand(2, shape.channels, shape.resolution, shape.resolution))
    assert (scores_NK.device.type, tuple(scores_NK.shape)) == ("cuda", (2, shape.num_classes))


def test_torch_cuda_is_used_in_two_files_only() -> None:
    package = Path(vggsweep.__file__).parent
    users = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "torch.cuda" in path.read_text(encoding="utf-8")
    }
    assert users == {"device.py", "training/cuda_graph.py"}
