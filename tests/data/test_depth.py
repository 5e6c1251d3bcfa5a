import numpy as np
import pytest
from PIL import Image

from vggsweep.data.decode import decode
from vggsweep.data.depth import measured_whites
from vggsweep.data.listing import list_folder
from vggsweep.data.preprocess import Preprocess
from vggsweep.data.scan import scan
from vggsweep.errors import DataError


def save(values: np.ndarray, path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if values.ndim == 3:
        save_colour_of_sixteen_bits(values, path)
    else:
        Image.fromarray(values).save(path)


def save_colour_of_sixteen_bits(values: np.ndarray, path) -> None:
    """A PNG that Pillow can read and not write."""
    import struct
    import zlib

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def ramp(highest: float, kind: str) -> np.ndarray:
    return (np.linspace(0, highest, 64).reshape(8, 8)).astype(kind)


@pytest.mark.parametrize(
    ("suffix", "kind", "highest", "white"),
    [
        ("png", "uint16", 65535, 65535),
        ("png", "uint16", 4095, 4095),
        ("tif", "uint16", 3000, 4095),
        ("tif", "uint16", 1000, 1023),
        ("tif", "int32", 255, 255),
        ("tif", "int32", 1, 1),
        ("tif", "int32", 1_000_000, 2**20 - 1),
        ("tif", "float32", 0.9, 1),
        ("tif", "float32", 250, 255),
        ("tif", "float32", 65535, 65535),
    ],
)
def test_the_range_of_a_data_set_is_the_usual_one_that_holds_it(suffix, kind, highest, white, tmp_path):
    save(ramp(highest, kind), tmp_path / "a" / f"0.{suffix}")
    save(ramp(highest / 2, kind), tmp_path / "b" / f"0.{suffix}")
    whites = measured_whites(list_folder(scan(tmp_path)))
    ((_, found),) = whites
    assert found == white
    for name, share in (("a", 1), ("b", 0.5)):
        pixels = decode(tmp_path / name / f"0.{suffix}", 1, 8, whites)[0]
        expected = ramp(highest * share, kind) * (255 / white)
        assert abs(pixels - expected).max() <= 1


def test_pictures_of_eight_bits_have_no_range(pictures, tmp_path):
    assert measured_whites(list_folder(scan(pictures(tmp_path, {"a": 2})))) == ()


def test_kinds_of_one_set_have_ranges_of_their_own(tmp_path):
    save(ramp(4000, "uint16"), tmp_path / "a" / "0.png")
    save(ramp(1, "float32"), tmp_path / "a" / "1.tif")
    (tmp_path / "a" / "broken.tif").write_bytes(b"II*\0")
    (tmp_path / "a" / "empty.png").touch()
    assert measured_whites(list_folder(scan(tmp_path))) == (("16-bit", 4095), ("float", 1))


def test_a_pgm_file_says_its_white_itself(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "0.pgm").write_bytes(b"P5 2 1 4095\n" + np.array([4095, 2048], ">u2").tobytes())
    assert measured_whites(list_folder(scan(tmp_path))) == ()
    assert decode(tmp_path / "a" / "0.pgm", 1, 1, ()) in (255, 127, 128)


@pytest.mark.parametrize(("values", "name"), [(4000, "16-bit"), (0.5, "float")])
def test_a_kind_that_training_did_not_show_is_refused(values, name, tmp_path):
    save(ramp(values, "uint16" if name == "16-bit" else "float32"), tmp_path / "a" / "0.tif")
    with pytest.raises(
        DataError, match=f"0.tif cannot be read .*{name} values in mode .* convert it to 8 bits"
    ):
        decode(tmp_path / "a" / "0.tif", 3, 8, ())


@pytest.mark.parametrize("highest", [2500, float("nan"), float("inf")])
def test_values_of_another_range_are_refused_and_a_little_is_clipped(highest, tmp_path):
    whites = (("float", 1000.0),)
    values = ramp(1500, "float32")
    save(values, tmp_path / "a" / "0.tif")
    assert decode(tmp_path / "a" / "0.tif", 1, 8, whites).max() == 255
    values[0, 0] = highest
    save(values, tmp_path / "a" / "1.tif")
    with pytest.raises(DataError, match="the range of the training pictures is 0 to 1000"):
        decode(tmp_path / "a" / "1.tif", 1, 8, whites)


def test_negative_values_are_refused(tmp_path):
    save(ramp(-1024, "int32"), tmp_path / "a" / "0.tif")
    with pytest.raises(DataError, match="from -1024 to 0"):
        decode(tmp_path / "a" / "0.tif", 1, 8, (("integer", 4095.0),))


def test_colour_of_sixteen_bits_is_read_where_it_fills_them(tmp_path):
    full = np.repeat(ramp(65535, "uint16")[..., None], 3, axis=2)
    save(full, tmp_path / "a" / "0.png")
    whites = measured_whites(list_folder(scan(tmp_path)))
    assert whites == (("16-bit colour", 65535),)
    assert abs(decode(tmp_path / "a" / "0.png", 3, 8, whites)[0] - (full[..., 0] >> 8)).max() <= 1


def test_colour_of_twelve_bits_is_refused_by_name(tmp_path):
    save(np.repeat(ramp(4095, "uint16")[..., None], 3, axis=2), tmp_path / "a" / "0.png")
    with pytest.raises(DataError, match=r"a/0.png .* colour pictures of 16 bits that use at most 12"):
        measured_whites(list_folder(scan(tmp_path)))


def test_ranges_travel_with_the_weights():
    kept = Preprocess(1, 8, 8, None, None, (("16-bit", 4095.0), ("float", 1.0)))
    assert Preprocess.from_dict(kept.to_dict()) == kept
    before = {key: value for key, value in kept.to_dict().items() if key != "whites"}
    assert Preprocess.from_dict(before).whites is None
