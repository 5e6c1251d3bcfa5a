"""What was written is read again: it scores as the network does, and ONNX is timed."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vggsweep.configuration.schema import Configuration
from vggsweep.data.download import only_local
from vggsweep.data.images import PixelArray
from vggsweep.data.loading import validation_part
from vggsweep.device import device_name
from vggsweep.errors import ExportError, VggsweepError
from vggsweep.export.formats import INPUT, ONNX, Format, onnx_session, run_network
from vggsweep.measure.contention import ContentionWatch
from vggsweep.measure.speed import percentile, time_calls
from vggsweep.model import TrainedModel

TOLERANCE = 1e-4
MOST_IMAGES = 256
# Of other sizes than the one that was traced, so that a fixed batch size would be found out.
BATCHES = (1, 37)


@dataclass(frozen=True)
class Check:
    """How far an export's probabilities lie from the network's.

    Args:
        images: how many were compared.
        source: where they are from, in words.
        largest_difference: of two probabilities.
        tolerance: the most that passes.
        same_class: share of the images with the same likeliest class.
    """

    images: int
    source: str
    largest_difference: float
    tolerance: float
    same_class: float


def pixels_to_check(model: TrainedModel, configuration: Configuration) -> tuple[PixelArray, str]:
    """Images to compare on, uint8 [N, C, H, W], and where they are from: random ones without the data set.

    Nothing is downloaded for it.
    """
    try:
        with only_local():
            part = validation_part(configuration.dataset)
            pixels = part.images.read(part.indices[:MOST_IMAGES])
        if pixels.shape[1:] == model.input_shape:
            return pixels, f"validation images of {configuration.dataset.name}"
    except (VggsweepError, OSError):
        pass
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (MOST_IMAGES, *model.input_shape), dtype=np.uint8)
    return pixels, "random pixels (seed 0), as the data set is not on this machine"


def check_export(model: TrainedModel, form: Format, folder: Path, pixels: PixelArray, source: str) -> Check:
    """Compare what was written with the network.

    Args:
        model: the network, on the CPU.
        form: the format.
        folder: where it was written.
        pixels: uint8 [N, C, H, W].
        source: of the pixels.

    Raises:
        ExportError: a probability differs by more than the tolerance.
    """
    first, size = BATCHES
    starts = [0, *range(first, len(pixels), size)]
    parts = [pixels[start:end] for start, end in pairwise([*starts, len(pixels)])]
    found, wanted = (
        np.concatenate([run(part) for part in parts]) for run in (form.read(folder), run_network(model))
    )
    difference = float(np.abs(found - wanted).max())
    if not difference <= TOLERANCE:
        raise ExportError(
            f"The {form.name} file that was written scores otherwise than the network: probabilities differ "
            f"by up to {difference:.2g} on {len(pixels)} {source}, more than {TOLERANCE:g}. It is not kept."
        )
    same = float((found.argmax(axis=1) == wanted.argmax(axis=1)).mean())
    return Check(len(pixels), source, difference, TOLERANCE, same)


def onnx_latency(model: TrainedModel, folder: Path, configuration: Configuration) -> dict[str, Any]:
    """Time one image at a time under onnxruntime on this CPU, as often as ``measure`` says."""
    import onnxruntime

    cpu, threads = torch.device("cpu"), torch.get_num_threads()
    session = onnx_session(folder / ONNX.file, threads)
    one = np.zeros((1, *model.input_shape), dtype=np.uint8)
    with ContentionWatch(cpu) as watch:
        seconds = time_calls(lambda: session.run(None, {INPUT: one}), configuration.measure, cpu)
    return {
        "runtime": f"onnxruntime {onnxruntime.__version__}",
        "device": device_name(cpu),
        "threads": threads,
        "batch_size": 1,
        "latency_ms_p50": 1e3 * statistics.median(seconds),
        "latency_ms_p95": 1e3 * percentile(seconds, 0.95),
        "runs": len(seconds),
        "contended": watch.is_contended,
    }
