"""The formats by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor, nn

from vggsweep.data.preprocess import Preprocess
from vggsweep.errors import ExportError
from vggsweep.export.formats import TORCH_EXPORT
from vggsweep.model import TrainedModel
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.verbs.export import FORMATS as TYPED


class Deciding(nn.Sequential):
    """What a network of one's own may do: another path for another input."""

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = super().forward(images if images.sum() > 0 else -images)
        return scores


def test_a_network_that_decides_by_its_input_is_refused_with_the_format_that_takes_it(tmp_path: Path) -> None:
    network = Deciding(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 26 * 26, 3))
    model = TrainedModel(network, Preprocess(1, 28, 28, None, None), ("a", "b", "c")).eval()

    with pytest.raises(ExportError, match="torch.export cannot trace this network: .*Use --to safetensors."):
        TORCH_EXPORT.write(model, TrialDirectory(tmp_path), tmp_path)


def test_the_formats_that_can_be_typed_are_those_there_are() -> None:
    from vggsweep.export.formats import FORMATS

    assert tuple(FORMATS) == TYPED
