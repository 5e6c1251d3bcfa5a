import os
import pickle
import resource
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from vggsweep.data.decode import LONGEST_IN_SQUARES, DamagedPictures, decode, squared
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


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match=r"pipe.png cannot be read as a picture \(it is no file\)"):
        decode(tmp_path / "pipe.png", 3, 8)


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (3, 700), (900, 20)])
def test_a_thin_picture_is_its_middle(size, tmp_path):
    """What lies outside of the middle square is not resized; the result is the same within one level."""
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    scale = 8 / min(size)
    whole = picture.resize([max(8, round(side * scale)) for side in size], Image.Resampling.BILINEAR)
    assert max(whole.size) > LONGEST_IN_SQUARES * 8
    left, top = (whole.width - 8) // 2, (whole.height - 8) // 2
    expected = np.asarray(whole.crop((left, top, left + 8, top + 8))).astype(int)
    assert abs(squared(picture, 3, 8).transpose(1, 2, 0) - expected).max() <= 1


def test_a_line_of_pixels_takes_no_more_memory_than_it_has(tmp_path):
    """Resized as a whole, it would be 224 x 22,400,000 pixels."""
    Image.new("RGB", (1, 100_000), (200, 100, 50)).save(tmp_path / "line.png")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert decode(tmp_path / "line.png", 3, 224)[:, 0, 0].tolist() == [200, 100, 50]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_too_many_pixels_are_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    Image.new("1", (20, 20)).save(tmp_path / "bomb.png")
    with pytest.raises(DataError, match=r"bomb.png cannot be read .* more than 100 pixels"):
        decode(tmp_path / "bomb.png", 3, 8)


def test_a_large_picture_brings_no_warning(tmp_path):
    Image.new("1", (9000, 10_000)).save(tmp_path / "large.png")
    code = "import sys; from vggsweep.data.decode import decode; print(decode(sys.argv[1], 1, 8).shape)"
    answer = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "large.png"], capture_output=True, text=True
    )
    assert (answer.stdout, answer.stderr) == ("(1, 8, 8)\n", "")


def test_unreadable_exif_turns_nothing(tmp_path):
    Image.new("L", (10, 10), 9).save(tmp_path / "a.jpg", exif=b"Exif\0\0no exif at all")
    assert (decode(tmp_path / "a.jpg", 1, 10) == 9).all()


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "YCbCr", "PA"])
def test_other_modes_are_converted(mode, tmp_path):
    picture = Image.new("RGB", (8, 8), (255, 255, 255)).convert("P" if mode == "PA" else mode)
    assert (squared(picture.convert(mode), 3, 8) >= 254).all()


def test_many_damaged_pictures_are_counted():
    damage = DamagedPictures(tuple((f"cats/{number}\n.png", "broken") for number in range(25)))
    assert str(damage).startswith(r"25 files cannot be read as pictures: cats/0\n.png (broken); cats/1")
    assert "and 15 more" in str(damage)
    assert str(pickle.loads(pickle.dumps(damage))) == str(damage)
