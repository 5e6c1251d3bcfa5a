"""How a network is called: eager, compiled, or by onnxruntime."""

from __future__ import annotations

import tempfile
import types
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from vggsweep.device import ResolvedPrecision
from vggsweep.errors import ConfigError
from vggsweep.export.formats import INPUT, ONNX_PACKAGES, onnx_session, traced, write_onnx

Call = Callable[[], object]
# Gives the call of one network on some images.
Bind = Callable[[Tensor], Call]


def check_engine(engine: str, device: torch.device, precision: ResolvedPrecision) -> None:
    """Refuse an engine that cannot compute so.

    Raises:
        ConfigError: names what is missing, or what it computes in.
    """
    if engine != "onnxruntime":
        return
    missing = [name for name in ONNX_PACKAGES if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"--engine onnxruntime needs {', '.join(missing)}: pip install 'vggsweep[onnx]'. "
            "--engine eager,compile need nothing more."
        )
    if device.type != "cpu" or precision != "fp32":
        raise ConfigError(
            f"--engine onnxruntime computes in fp32 on the CPU, and this is {precision} on {device.type}. "
            "Ask for it alone: --engine onnxruntime --precision fp32 --device cpu."
        )


def bind_network(engine: str, network: nn.Module, threads: int) -> Bind:
    """Prepare one network for an engine.

    Args:
        engine: ``eager``, ``compile`` or ``onnxruntime``.
        network: on its device, in evaluation mode.
        threads: of onnxruntime; torch has its own for the whole process.

    Raises:
        ExportError: the network cannot be written for onnxruntime.
    """
    if engine == "eager":
        return lambda images: lambda: network(images)
    if engine == "compile":
        return lambda images: _call_of(_compiled(network), images)
    return _onnxruntime(network, threads)


def _call_of(forward: Callable[[Tensor], Tensor], images: Tensor) -> Call:
    return lambda: forward(images)


def _compiled(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """The network compiled for images of one size.

    torch keeps what it compiled by the code of the function, eight times at most, and then silently runs
    eagerly: each network gets a function with code of its own.
    """

    def forward(images: Tensor) -> Tensor:
        scores: Tensor = network(images)
        return scores

    own = types.FunctionType(
        forward.__code__.replace(), forward.__globals__, forward.__name__, None, forward.__closure__
    )
    compiled: Callable[[Tensor], Tensor] = torch.compile(own, dynamic=False, fullgraph=True)
    return compiled


def _onnxruntime(network: nn.Module, threads: int) -> Bind:
    def bind(images: Tensor) -> Call:
        example = images if len(images) > 1 else torch.cat([images, images])
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "network.onnx"
            write_onnx(traced(network, example, "Use --engine eager."), file)
            session = onnx_session(file, threads)
        pixels = {INPUT: images.contiguous().numpy()}
        return lambda: session.run(None, pixels)

    return bind
