import numpy as np
from PIL import Image

from vggsweep.data.cache import RECENT
from vggsweep.data.folder import FolderImages
from vggsweep.data.listing import list_folder
from vggsweep.data.scan import scan


def test_threads_decode_the_same_as_one_and_only_once(pictures, tmp_path):
    images = FolderImages(list_folder(scan(pictures(tmp_path, {"cats": 70, "dogs": 80}))), 3, 12)
    indices = np.arange(150)[::-1].copy()
    together = images.read_all(indices)
    assert (together == images.read(indices)).all()
    assert images.read_all(indices) is together
    assert len(RECENT) == 1


def test_a_replaced_picture_is_decoded_again(pictures, tmp_path):
    images = FolderImages(list_folder(scan(pictures(tmp_path, {"cats": 3}))), 3, 12)
    before = images.read_all(np.arange(3))
    Image.new("RGB", (300, 300), (9, 9, 9)).save(images.pictures.paths[1])
    after = images.read_all(np.arange(3))
    assert (before[0] == after[0]).all()
    assert (after[1] == 9).all()
