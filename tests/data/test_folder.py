import numpy as np
import pytest
from PIL import Image

from vggsweep.data.cache import RECENT
from vggsweep.data.folder import FolderImages, decode
from vggsweep.data.listing import list_folder
from vggsweep.data.scan import scan
from vggsweep.errors import DataError


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".tiff", ".gif", ".jpg"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_format_becomes_a_square_of_its_centre(suffix, channels, tmp_path):
    picture = Image.new("RGB", (60, 20), (0, 0, 0))
    picture.paste((200, 200, 200), (20, 0, 40, 20))
    picture.save(tmp_path / f"a{suffix}")
    pixels = decode(tmp_path / f"a{suffix}", channels, 20)
    assert pixels.shape == (channels, 20, 20)
    assert pixels.dtype == np.uint8
    assert abs(int(pixels[:, 2:-2, 2:-2].mean()) - 200) < 5


def test_the_shorter_side_is_resized(tmp_path):
    Image.linear_gradient("L").resize((64, 128)).save(tmp_path / "a.png")
    pixels = decode(tmp_path / "a.png", 1, 32)
    assert pixels.shape == (1, 32, 32)
    # half of the height remains around the middle
    assert 60 < pixels[0, 0].mean() < 70
    assert 185 < pixels[0, -1].mean() < 195


def test_a_picture_is_turned_upright(tmp_path):
    picture = Image.new("L", (10, 10), 0)
    picture.paste(255, (0, 0, 10, 5))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    picture.save(tmp_path / "a.png", exif=exif)
    pixels = decode(tmp_path / "a.png", 1, 10)[0]
    assert pixels[0].max() == 0
    assert pixels[-1].min() == 255


def test_sixteen_bit_grey_keeps_its_shades(tmp_path):
    Image.fromarray(np.full((8, 8), 128 * 256, dtype=np.uint16)).save(tmp_path / "a.png")
    assert (decode(tmp_path / "a.png", 3, 8) == 128).all()


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA"])
def test_transparent_pixels_become_black(mode, tmp_path):
    picture = Image.new("RGBA", (8, 8), (255, 255, 255, 0)).convert(mode)
    if mode == "P":
        picture.info["transparency"] = bytes(256)
    picture.save(tmp_path / "a.png")
    assert (decode(tmp_path / "a.png", 1, 8) == 0).all()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_an_unreadable_picture_is_named(content, tmp_path):
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(
        DataError, match=r"broken.png cannot be read as a picture .* move it out of the folder"
    ):
        decode(tmp_path / "broken.png", 3, 8)


def test_a_truncated_picture_is_named(pictures, tmp_path):
    path = pictures(tmp_path, {"cats": 1}) / "cats" / "000.png"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"000.png cannot be read as a picture"):
        decode(path, 3, 8)


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
