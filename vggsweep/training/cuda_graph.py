"""A training step captured once as a CUDA graph and replayed from then on.

Launching is most of a small network's step: its operations are queued one by one and each computes for
microseconds. A CUDA graph holds the whole step, forward to update, and is launched as one.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor

from vggsweep.device import ResolvedPrecision, random_states, restore_random_states
from vggsweep.errors import ConfigError
from vggsweep.training.settings import TrainSettings
from vggsweep.training.step import EagerStep

log = logging.getLogger("vggsweep.trial")

Work = Callable[[], None]
# Training FLOPs (3 x 2 x MACs of a forward pass) below which a step is captured. On an H100 whose host
# launched a step of eight convolutions in 7 ms, a graph was 6.9 times as fast at 1e10 and 1.02 times at 4e11.
LAUNCH_BOUND_FLOPS = 2e12
# Eager steps before the capture: kernels are chosen, the optimizer makes its state.
WARM_STEPS = 3
# Largest distance between a replay's and an eager step's result, as a share of the step's own length: far
# above what another order of additions makes in bf16, far below a rate or a batch that stood still.
REPLAY_TOLERANCE = 0.05


class Capture(Protocol):
    """How a device captures work that can be replayed."""

    def warm_up(self, work: Work) -> None:
        """Do the work once where a capture would."""

    def capture(self, work: Work) -> Work:
        """Capture the work without doing it; the function returned replays it."""


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    """The stream on which this process makes all its captures; each stream costs tens of MB once."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class CudaCapture:
    """CUDA graphs, as `torch.cuda.graph` captures them: on another stream, with memory of their own.

    Args:
        device: whose work is captured.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def warm_up(self, work: Work) -> None:
        """Work on another stream than the default one, which cannot be captured."""
        stream = _side_stream(self.device)
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream), warnings.catch_warnings():
            # capturable optimizers warn once when they are used without
            warnings.filterwarnings("ignore", message=".*capturable=True")
            work()
        torch.cuda.current_stream().wait_stream(stream)

    def capture(self, work: Work) -> Work:
        """A graph of the work; its replays read and write the tensors that the work read and wrote."""
        graph = torch.cuda.CUDAGraph()
        stream = _side_stream(self.device)
        # The outer block: a capture that ends in an error leaves its stream behind as the current one.
        # thread_local: a loader's thread may pin memory meanwhile.
        with (
            torch.cuda.stream(torch.cuda.current_stream()),
            torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"),
        ):
            work()
        return graph.replay


class GraphStep:
    """Train as an eager step does, by replaying its CUDA graph from the fourth full batch on.

    The first replay is tried beside an eager step, and a graph that does otherwise is not used.
    Batches of another size than the first, such as an epoch's last, go the eager way. Everything outside
    the graph stays as it is: batches are made, weights averaged and checkpoints written between replays.

    Args:
        eager: the step to capture.
        capture: of the device.
        is_required: raise where the device cannot capture the step; else train on without a graph.

    Attributes:
        failure: why the step could not be captured; None while nothing went wrong.
    """

    def __init__(self, eager: EagerStep, capture: Capture, *, is_required: bool) -> None:
        self.eager = eager
        self.capture = capture
        self.is_required = is_required
        self.failure: str | None = None
        self.lr = torch.zeros((), device=eager.device)
        self._batch: tuple[Tensor, Tensor] | None = None
        self._warm_steps = 0
        self._replay: Work | None = None

    @property
    def is_captured(self) -> bool:
        """Whether steps are replayed by now."""
        return self._replay is not None

    def __call__(self, x_NCHW: Tensor, y_N: Tensor, lr: float | Tensor) -> None:
        """Train on one batch; arguments as of `EagerStep`."""
        self.lr.fill_(lr)
        if self._batch is None:
            self._batch = torch.empty_like(x_NCHW), torch.empty_like(y_N)
        x_static, y_static = self._batch
        if x_NCHW.shape != x_static.shape or self.failure is not None:
            self.eager(x_NCHW, y_N, self.lr)
            return
        x_static.copy_(x_NCHW)
        y_static.copy_(y_N)
        if self._warm_steps < WARM_STEPS:
            self._warm_steps += 1
            self.capture.warm_up(self._work)
        elif self._replay is not None or self._capture():
            assert self._replay is not None
            self._replay()
        else:
            self._work()

    def _work(self) -> None:
        assert self._batch is not None
        self.eager(*self._batch, self.lr)

    def _capture(self) -> bool:
        """Whether the device could capture the step, and its replay does what the step does."""
        try:
            replay = self.capture.capture(self._work)
            if not self._repeats(replay):
                raise RuntimeError("the recorded step trains otherwise than the eager one")
        except RuntimeError as error:
            if self.is_required:
                raise
            # gradients made while capturing lie in memory that nothing ever fills
            self.eager.network.zero_grad(set_to_none=True)
            self.failure = (str(error) or type(error).__name__).splitlines()[0]
            log.info("trains without a CUDA graph: %s", self.failure)
            return False
        self._replay = replay
        return True

    def _repeats(self, replay: Work) -> bool:
        """Whether a replay moves everything as an eager step does; nothing has moved afterwards.

        What a capture freezes by mistake would never show in an error. So both are tried with another
        rate and other labels than the capture saw, and from the same random numbers.
        """
        assert self._batch is not None
        labels, rate = self._batch[1].clone(), self.lr.clone()
        before, random = self._copy(), random_states(self.eager.device)
        after = []
        try:
            self._batch[1].copy_(labels.roll(1))
            self.lr.copy_(rate / 2)
            for work in (self._work, replay):
                work()
                after.append(self._copy())
                self._set_back(before, random)
        finally:
            self._set_back(before, random)
            self._batch[1].copy_(labels)
            self.lr.copy_(rate)
        if not all(tensor.isfinite().all() for tensor in after[0]["parameters"]):
            return True  # the training has diverged, which it will say itself; there is nothing to compare
        return all(
            _distance(after[1][kind], after[0][kind])
            <= REPLAY_TOLERANCE * _distance(after[0][kind], before[kind])
            for kind in before
        )

    def _copy(self) -> dict[str, list[Tensor]]:
        """In the CPU's memory, so that the trial does not look larger on the device than it is."""
        return {
            kind: [tensor.to("cpu", copy=True) for tensor in tensors]
            for kind, tensors in self._moving().items()
        }

    def _set_back(self, before: dict[str, list[Tensor]], random: dict[str, Any]) -> None:
        for kind, tensors in self._moving().items():
            for tensor, start in zip(tensors, before[kind], strict=True):
                tensor.copy_(start)
        restore_random_states(random, self.eager.device)

    def _moving(self) -> dict[str, list[Tensor]]:
        """Everything that a step writes to and the next one reads; each kind has a length of its own."""
        eager = self.eager
        states = eager.optimizer.state.values()
        kinds = {
            "parameters": [parameter.data for parameter in eager.network.parameters()],
            "buffers": list(eager.network.buffers()),
            "optimizer": [value for state in states for value in state.values() if isinstance(value, Tensor)],
            "sums": [eager.loss_sum, eager.hits, eager.steps, eager.first_bad_step],
        }
        return {kind: tensors for kind, tensors in kinds.items() if tensors}


def _distance(some: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """Euclidean distance over all numbers of both lists."""
    pairs = zip(some, others, strict=True)
    squares = [(one.double() - other.double()).square().sum() for one, other in pairs]
    return float(torch.stack(squares).sum().sqrt().item())


def choose_capture(
    settings: TrainSettings, device: torch.device, precision: ResolvedPrecision, *, macs: int, is_known: bool
) -> Capture | None:
    """How to capture this training's step, or None where each operation is launched by itself.

    Args:
        settings: ``cuda_graph`` and what speaks against it.
        device, precision: of the training.
        macs: of a forward pass, per image.
        is_known: false for a network, an optimizer or a loss from the user's own code, which may decide in
            Python what to compute; a graph would keep the first decision for ever. ``auto`` makes none.

    Raises:
        ConfigError: ``train.cuda_graph=always`` where no graph can be captured.
    """
    check_cuda_graph(settings, device, precision)
    if settings.nproc > 1:  # a graph cannot hold the exchange of gradients with other processes
        return None
    if settings.cuda_graph == "always":
        return CudaCapture(device)
    can_capture = device.type == "cuda" and precision != "fp16" and is_known
    # compiled, an H100 trained 25,790 images/s with a graph and 17,968 without
    is_bound = settings.compile or is_launch_bound(macs, settings.batch_size)
    wants_graph = settings.cuda_graph == "auto" and is_bound
    return CudaCapture(device) if can_capture and wants_graph else None


def check_cuda_graph(settings: TrainSettings, device: torch.device, precision: ResolvedPrecision) -> None:
    """Refuse ``train.cuda_graph=always`` where no graph can be captured.

    Raises:
        ConfigError: names what stands against it.
    """
    if settings.cuda_graph != "always":
        return
    reasons = {
        f"this run is on {device.type}": device.type != "cuda",
        "fp16's gradient scaling asks the device at every step": precision == "fp16",
    }
    for reason, holds in reasons.items():
        if holds:
            raise ConfigError(
                f"train.cuda_graph=always captures the steps of a CUDA device, and {reason}. "
                "Use train.cuda_graph=auto."
            )


def is_launch_bound(macs: int, batch_size: int) -> bool:
    """Whether a GPU takes longer to launch a training step than to compute it.

    Args:
        macs: of a forward pass, per image.
        batch_size: images a step.

    >>> is_launch_bound(27_000_000, batch_size=128), is_launch_bound(15_470_000_000, batch_size=128)
    (True, False)
    """
    return 3 * 2 * macs * batch_size < LAUNCH_BOUND_FLOPS
