"""The formats of an export: how each is written, read again, and used."""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vggsweep.data.images import PixelArray
from vggsweep.errors import ConfigError, ExportError
from vggsweep.model import TrainedModel, load_model
from vggsweep.results.disk.layout import TrialDirectory

INPUT, OUTPUT, BATCH = "images", "probabilities", "batch"
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")

Probabilities = NDArray[np.float32]
Runner = Callable[[PixelArray], Probabilities]


class Deployed(nn.Module):
    """A network as it leaves: raw pixels in, probabilities out.

    Args:
        model: on the CPU, in evaluation mode.
    """

    def __init__(self, model: TrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities of raw images.

        Args:
            images: (N, C, H, W), uint8.

        Returns:
            (N, num_classes), float32; each row adds up to 1.
        """
        scores: Tensor = self.model(images)
        return scores.softmax(dim=1)


@dataclass(frozen=True)
class Format:
    """One format.

    Args:
        name: as it is typed.
        file: of the network.
        packages: beyond vggsweep's own that writing it needs.
        write: puts the network into a folder.
        read: what was written, as a function.
        usage: Python that answers for ``pixels``, in the folder.
    """

    name: str
    file: str
    packages: tuple[str, ...]
    write: Callable[[TrainedModel, TrialDirectory, Path], None]
    read: Callable[[Path], Runner]
    usage: str


def check_packages(form: Format) -> None:
    """Refuse a format whose packages are not installed.

    Raises:
        ConfigError: names the extra that brings them.
    """
    missing = [name for name in form.packages if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"--to {form.name} needs {', '.join(missing)}: pip install 'vggsweep[onnx]'. "
            "--to torch-export and --to safetensors need nothing more."
        )


def run_network(model: TrainedModel) -> Runner:
    """The network itself as a function, to compare with."""
    return _run_module(Deployed(model).eval())


def _run_module(module: Callable[[Tensor], Tensor]) -> Runner:
    def run(pixels: PixelArray) -> Probabilities:
        with torch.no_grad():
            found: Probabilities = module(torch.from_numpy(pixels)).numpy()
        return found

    return run


def traced(network: nn.Module, example: Tensor, otherwise: str) -> torch.export.ExportedProgram:
    """A network as a graph for any number of images.

    Args:
        network: on the CPU, in evaluation mode.
        example: at least two images, as it takes them.
        otherwise: what to use where it cannot be traced.

    Raises:
        ExportError: torch cannot trace it, as networks of one's own may be.
    """
    with torch.no_grad(), _quiet():
        # First as it is: the preprocessing keeps two small tensors, which must not be those of the tracer.
        network(example)
        try:
            return torch.export.export(network, (example,), dynamic_shapes=({0: torch.export.Dim(BATCH)},))
        except Exception as error:  # torch raises what it finds in the network's own code
            raise ExportError(
                f"torch.export cannot trace this network: {_first_line(error)}. {otherwise}"
            ) from error


def _exported(model: TrainedModel) -> torch.export.ExportedProgram:
    example = torch.zeros(2, *model.input_shape, dtype=torch.uint8)
    return traced(Deployed(model).eval(), example, "Use --to safetensors.")


def _write_torch_export(model: TrainedModel, directory: TrialDirectory, folder: Path) -> None:
    program = _exported(model)
    with _quiet():
        torch.export.save(program, folder / TORCH_EXPORT.file)


def _read_torch_export(folder: Path) -> Runner:
    with _quiet():
        return _run_module(torch.export.load(folder / TORCH_EXPORT.file).module())


def _write_onnx(model: TrainedModel, directory: TrialDirectory, folder: Path) -> None:
    write_onnx(_exported(model), folder / ONNX.file)


def write_onnx(program: torch.export.ExportedProgram, file: Path) -> None:
    """Write a graph as an ONNX file with one input and one output.

    Raises:
        ExportError: torch cannot write it.
    """
    with _quiet():
        try:
            written = torch.onnx.export(program, dynamo=True, input_names=[INPUT], output_names=[OUTPUT])
        except Exception as error:
            raise ExportError(f"torch.onnx cannot write this network: {_first_line(error)}.") from error
        assert written is not None
        # torch names the axis after its own symbol; torch 2.10 cannot rename it
        shape = written.model.graph.inputs[0].shape
        assert shape is not None, "its input was exported with one"
        if hasattr(written, "rename_axes"):
            written.rename_axes({str(shape[0]): BATCH})
        written.save(file, external_data=False)


def onnx_session(file: Path, threads: int) -> Any:
    """onnxruntime's session of a file, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _read_onnx(folder: Path) -> Runner:
    session = onnx_session(folder / ONNX.file, torch.get_num_threads())
    return lambda pixels: session.run([OUTPUT], {INPUT: pixels})[0]


def _write_safetensors(model: TrainedModel, directory: TrialDirectory, folder: Path) -> None:
    """The trial's own two files: together they are what `load_model` needs."""
    for path in (directory.weights, directory.record):
        shutil.copyfile(path, folder / path.name)


def _read_safetensors(folder: Path) -> Runner:
    return run_network(load_model(folder))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What the exporters say of their own future and progress helps nobody who exports."""
    names = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


ONNX = Format(
    "onnx",
    "model.onnx",
    ONNX_PACKAGES,
    _write_onnx,
    _read_onnx,
    """\
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
probabilities = session.run(["probabilities"], {"images": pixels})[0]""",
)
TORCH_EXPORT = Format(
    "torch-export",
    "model.pt2",
    (),
    _write_torch_export,
    _read_torch_export,
    """\
import torch

model = torch.export.load("model.pt2").module()
probabilities = model(torch.from_numpy(pixels)).detach().numpy()""",
)
SAFETENSORS = Format(
    "safetensors",
    "model.safetensors",
    (),
    _write_safetensors,
    _read_safetensors,
    """\
import torch
import vggsweep

model = vggsweep.load_model(".")  # or: vggsweep predict . picture.png
probabilities = model(torch.from_numpy(pixels)).softmax(dim=1).detach().numpy()""",
)
FORMATS = {form.name: form for form in (ONNX, TORCH_EXPORT, SAFETENSORS)}
