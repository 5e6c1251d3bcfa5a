import importlib.util
from pathlib import Path

import numpy as np
import pytest

from vggsweep.data.mini import PATH, read_mini
from vggsweep.errors import DataError

TOOL = Path(__file__).parents[2] / "tools" / "make_fashion_mnist_mini.py"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.parametrize(("split", "per_class"), [("train", 600), ("test", 200)])
def test_the_small_set_is_balanced(split, per_class):
    images = read_mini(split)
    assert images.image_shape == (1, 28, 28)
    assert np.bincount(images.labels).tolist() == [per_class] * 10


def test_its_licence_ships_beside_it():
    assert "Zalando SE" in PATH.with_suffix(".LICENSE").read_text()
    assert PATH.stat().st_size < 4_000_000


def test_a_changed_file_is_refused(tmp_path):
    path = tmp_path / "mini.npz"
    with pytest.raises(DataError, match=r"mini.npz cannot be read.*Reinstall vggsweep"):
        read_mini("train", path)
    path.write_bytes(PATH.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"mini.npz was changed: its sha256 is .* Reinstall vggsweep"):
        read_mini("train", path)


@pytest.mark.skipif(not (DEBIAN.is_dir() and TOOL.exists()), reason="needs Debian's dataset-fashion-mnist")
def test_the_tool_makes_the_same_arrays_again(tmp_path):
    spec = importlib.util.spec_from_file_location("make_fashion_mnist_mini", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    made = tool.mini_arrays(tmp_path)
    for split in ("train", "test"):
        shipped = read_mini(split)
        assert (made[f"{split}_images"] == shipped.images[:, 0]).all()
        assert (made[f"{split}_labels"] == shipped.labels).all()
