"""Take a trained network away: weights with all that a prediction needs.

    model = vggsweep.load_model("runs/0")
    model.predict("boot.jpg")        # [("ankle boot", 0.97), ("sneaker", 0.02), …]

The trial's directory is all that it takes; the data set may be on another machine.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from vggsweep.arch.build import build_network
from vggsweep.arch.description import InputShape
from vggsweep.arch.settings import TorchvisionSettings
from vggsweep.configuration.recorded import recorded_configuration
from vggsweep.data.decode import decode, squared
from vggsweep.data.images import PixelArray
from vggsweep.data.preprocess import Preprocess
from vggsweep.errors import DataError, RecordError
from vggsweep.files import write_atomically
from vggsweep.results.disk.address import find_trial
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory
from vggsweep.results.disk.record import read_record

METADATA = "vggsweep"  # the entry of the file that holds ours

Picture = str | Path | Image.Image
Guess = tuple[str, float]  # class name and probability


class TrainedModel(nn.Module):
    """A trained network in evaluation mode, with its preprocessing.

    Args:
        network: from preprocessed images to class scores.
        preprocess: from raw pixels to what the network was trained on.
        class_names: one a score.
    """

    def __init__(self, network: nn.Module, preprocess: Preprocess, class_names: Sequence[str]) -> None:
        super().__init__()
        self.network = network
        self.preprocess = preprocess
        self.class_names = tuple(class_names)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a raw image in pixels."""
        return self.preprocess.channels, self.preprocess.native, self.preprocess.native

    def read(self, picture: Picture) -> PixelArray:
        """A picture as the network's raw image, uint8 [C, H, W].

        Args:
            picture: a file that Pillow can open, or an image; it is cropped to a square and its colours are
                converted as those of a picture folder are.

        Raises:
            DataError: there is no such file, or it cannot be read as a picture.
        """
        form = (self.preprocess.channels, self.preprocess.native, self.preprocess.whites)
        if isinstance(picture, Image.Image):
            return squared(picture, *form)
        if not Path(picture).is_file():
            raise DataError(f"There is no picture {str(picture)!r}.")
        return decode(Path(picture), *form)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores of raw images.

        Args:
            images: (N, C, H, W), uint8 from 0 to 255, on the model's device.

        Returns:
            (N, num_classes) unnormalised scores.
        """
        scores: Tensor = self.network(self.preprocess(images))
        return scores

    @overload
    def predict(self, picture: Picture, top: int = ...) -> list[Guess]: ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, picture: Iterable[Picture], top: int = ...) -> list[list[Guess]]: ...
    def predict(self, picture: Picture | Iterable[Picture], top: int = 5) -> list[Guess] | list[list[Guess]]:
        """The likeliest classes of a picture, with their probabilities.

        Args:
            picture: a file that Pillow can open, or an image; it is cropped to a square and its colours
                are converted as those of a picture folder are. Of several, each is answered by itself.
            top: how many classes.

        Returns:
            Pairs of class name and probability, the likeliest first; for several pictures a list of these.

        Raises:
            DataError: there is no such file, or it cannot be read as a picture.
        """
        if isinstance(picture, str | Path | Image.Image):
            return self._guess(picture, top)
        return [self._guess(one, top) for one in picture]

    def _guess(self, picture: Picture, top: int) -> list[Guess]:
        return self.guesses(self.read(picture)[None], top)[0]

    @torch.no_grad()
    def guesses(self, pixels: PixelArray, top: int) -> list[list[Guess]]:
        """The likeliest classes of each of some raw images, with their probabilities.

        Args:
            pixels: (N, C, H, W), uint8, of `read`.
            top: how many classes.
        """
        x_NCHW = torch.tensor(pixels).to(next(self.network.parameters()).device)
        best = self(x_NCHW).softmax(dim=1).topk(min(top, len(self.class_names)))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [
            [(self.class_names[i], p) for i, p in zip(labels, shares, strict=True)]
            for labels, shares in pairs
        ]


def save_weights(network: nn.Module, path: Path, preprocess: Preprocess, class_names: Sequence[str]) -> None:
    """Write ``model.safetensors``: weights, and as metadata the preprocessing and the class names."""
    # Copies: safetensors refuses tensors that share memory, as tied weights do, or that are not contiguous.
    tensors = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in network.state_dict().items()
    }
    # One entry: safetensors writes several in random order, and equal weights should be equal files.
    metadata = {METADATA: json.dumps({"preprocess": preprocess.to_dict(), "class_names": list(class_names)})}
    write_atomically(path, save(tensors, metadata=metadata))


def weights_digest(path: Path) -> str:
    """SHA-256 of a file of weights, by which a record knows its own."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_model(trial: str | Path, device: str | torch.device = "cpu") -> TrainedModel:
    """The network of a finished trial, ready to predict.

    Args:
        trial: ``SWEEP/7``, ``SWEEP/best``, or the trial's directory.
        device: where to put it.

    Raises:
        ConfigError: there is no such trial.
        RecordError: the directory holds no record, or no weights.
    """
    directory = TrialDirectory(Path(trial))
    if not directory.path.is_dir():
        directory = find_trial(str(trial))
    if (trials := SweepDirectory(directory.path).trials).is_dir():
        raise RecordError(f"{directory.path} is a sweep; name one of its trials, such as {trials / '00000'}.")
    record = read_record(directory.path)
    if not directory.weights.exists():
        raise RecordError(
            f"{directory.path} keeps no weights. `vggsweep weights {shlex.quote(directory.address)}` trains "
            "the same network once more for them; train.keep_weights=true keeps them at once."
        )
    configuration = recorded_configuration(record)
    try:
        with safe_open(directory.weights, framework="pt") as file:
            metadata = json.loads((file.metadata() or {})[METADATA])
        preprocess = Preprocess.from_dict(metadata["preprocess"])
        class_names = metadata["class_names"]
        if record.weights_sha256 not in (None, weights_digest(directory.weights)):
            raise RecordError(
                f"{directory.weights} does not belong to {directory.record}: it was changed, or is another "
                "trial's. Put the trial's own file back, or train it again with train.keep_weights=true."
            )
        # The file alone says how many classes: the picture folder may be on another machine.
        shape = InputShape(preprocess.channels, preprocess.resolution, len(class_names))
        arch = configuration.arch
        if isinstance(arch, TorchvisionSettings):  # where the training began is of no use now
            arch = replace(arch, pretrained=False)
        network = build_network(arch, configuration.head, shape)
        network.load_state_dict(load_file(directory.weights))
    except SafetensorError as error:
        raise RecordError(f"{directory.weights} is damaged: {error}.") from None
    except (KeyError, RuntimeError) as error:
        raise RecordError(f"{directory.weights} does not belong to {directory.record}: {error}.") from error
    return TrainedModel(network, preprocess, class_names).to(device).eval()
