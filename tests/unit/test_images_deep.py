"""Pixels of every photometric interpretation, of 16 and 32 bits, and of floats."""

import io
import struct
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from nst.errors import InvalidImage, UnsupportedImage
from nst.images import inspect, load
from support.pictures import encoded
from unit.test_images import RAMP, RAMPS, png

Array = NDArray[Any]


def tiff(values: Array, photometric: str = "minisblack", **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, photometric=photometric, metadata=None, **options)
    return file.getvalue()


def levels(file: bytes) -> Array:
    image = load(file, "content")
    assert inspect(file, "content").size == image.size
    return np.asarray(image).astype(float)


def grey(file: bytes) -> Array:
    loaded = levels(file)
    assert (loaded == loaded[..., :1]).all()
    return loaded[..., 0]


SHARE = RAMP / RAMP.max()

TYPES = ["u1", "<u2", ">u2", "<u4", ">u4", "<f2", "<f4", ">f4", "<f8"]


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_photometric_interpretation_at_every_depth(
    photometric: str, kind: str, compression: str | None
) -> None:
    dtype = np.dtype(kind)
    white = 1 if dtype.kind == "f" else np.iinfo(dtype).max
    values = (SHARE * white).astype(dtype)
    file = tiff(
        values, photometric, compression=compression, byteorder=">" if kind.startswith(">") else "<"
    )
    expected = SHARE * 255 if photometric == "minisblack" else 255 - SHARE * 255
    assert abs(grey(file) - expected).max() <= 1


def packed_tiff(samples: Array, bits: int, photometric: int) -> bytes:
    """Return a grey TIFF with samples of up to 8 bits; Pillow writes none of 2 and 4."""
    height, width = samples.shape
    digits = (samples[..., np.newaxis] >> np.arange(bits)[::-1]) & 1
    data = np.packbits(digits.reshape(height, -1).astype(np.uint8), axis=1).tobytes()
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8)]
    tags += [(277, 1), (278, height), (279, len(data))]
    entries = b"".join(struct.pack("<HHII", number, 4, 1, value) for number, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory


@pytest.mark.parametrize("photometric", [0, 1], ids=["white is zero", "black is zero"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_photometric_interpretation_below_16_bits(bits: int, photometric: int) -> None:
    most = 2**bits - 1
    samples = np.arange(64 * 48).reshape(48, 64) // 7 % (most + 1)
    expected = samples if photometric == 1 else most - samples
    assert np.array_equal(grey(packed_tiff(samples, bits, photometric)), expected * (255 // most))


@pytest.mark.parametrize("kind", ["<u4", "<f4", ">f4", "<f8", "<u2", ">u2"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colours_of_any_depth(kind: str, planar: str) -> None:
    dtype = np.dtype(kind)
    share = RAMPS / RAMPS.max()
    values = (share * (1 if dtype.kind == "f" else np.iinfo(dtype).max)).astype(dtype)
    if planar == "separate":
        values = np.moveaxis(values, -1, 0)
    order = ">" if kind.startswith(">") else "<"
    file = tiff(values, "rgb", planarconfig=planar, byteorder=order)
    assert abs(levels(file) - share * 255).max() <= 1


def test_colours_of_floats_with_alpha() -> None:
    share = RAMPS / RAMPS.max()
    values = np.dstack([share, np.full_like(SHARE, 1.0)]).astype("f4")
    values[:20, :, 3] = 0.5
    found = levels(tiff(values, "rgb", extrasamples=["unassalpha"]))
    assert abs(found[..., :3] - share * 255).max() <= 1
    assert set(found[..., 3].flat) == {128, 255}


@pytest.mark.parametrize(
    ("lowest", "highest", "kind"),
    [
        (-1.0, 1.0, "f4"),
        (0.0, 12.5, "f4"),
        (900.0, 3000.0, "f4"),
        (-400.0, -20.0, "f4"),
        (0.0, 0.01, "f4"),
        (0, 100_000, "i4"),
        (-30_000, 30_000, "i2"),
        (-1_000_000, 2_000_000, "i4"),
    ],
)
def test_range_is_found(lowest: float, highest: float, kind: str) -> None:
    values = (lowest + SHARE * (highest - lowest)).astype(kind)
    assert abs(grey(tiff(values)) - SHARE * 255).max() <= 1


@pytest.mark.parametrize("shape", [(40, 40), (40, 40, 3)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_value_that_is_no_number_is_said(bad: float, shape: tuple[int, ...]) -> None:
    values = np.full(shape, 0.5, "f4")
    values[3, 5] = bad
    file = tiff(values, "rgb" if len(shape) == 3 else "minisblack")
    for judge in (load, inspect):
        with pytest.raises(InvalidImage, match=r"of its \d+ values are NaN or infinite; replace"):
            judge(file, "content")


def test_rare_pixels_are_named() -> None:
    values = np.zeros((40, 40, 2), "c8")
    with pytest.raises(UnsupportedImage, match="rare kind of pixels; save it uncompressed"):
        load(tiff(values[..., 0]), "content")


def test_tiff_of_floats_that_is_cut_short_is_refused() -> None:
    file = tiff(np.dstack([SHARE] * 3).astype("f4"), "rgb")
    with pytest.raises(InvalidImage):
        load(file[: len(file) // 2], "content")


# ── transparent colours ───────────────────────────────────────────────────────────────────────


def test_one_transparent_colour_of_sixteen_bits() -> None:
    colour = RAMPS[20, 20]
    near = RAMPS.copy()
    near[20, 21] = colour + np.array([0, 1, 0])  # equal in 8 bits
    file = png(near, 2, (b"tRNS", struct.pack(">3H", *colour.tolist())))
    alpha = levels(file)[..., 3]
    assert np.array_equal(alpha == 0, (near == colour).all(axis=-1))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_one_transparent_grey_below_eight_bits(bits: int) -> None:
    import png as pypng

    values = np.arange(64 * 48).reshape(48, 64) // 24 % 2**bits
    file = io.BytesIO()
    writer = pypng.Writer(64, 48, greyscale=True, bitdepth=bits, transparent=1)
    writer.write(file, values.tolist())
    found = levels(file.getvalue())
    assert np.array_equal(found[..., 3] == 0, values == 1)


# ── animations ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("format_name", ["GIF", "PNG", "WEBP"])
def test_empty_first_frames_are_passed_over(format_name: str) -> None:
    none, red = (Image.new("RGBA", (32, 24), (255, 0, 0, alpha)) for alpha in (0, 255))
    blue = Image.new("RGBA", (32, 24), "blue")
    frames = [none.copy(), red, blue]
    file = encoded(
        none, format_name, save_all=True, append_images=frames, duration=[100, 110, 120, 130]
    )
    found = levels(file)
    assert (found[..., 0] > 250).all()
    assert (found[..., 2] < 5).all()


# ── orientation ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("channels", [1, 3])
def test_deep_pixels_come_upright(kind: str, channels: int) -> None:
    values = np.zeros((48, 64, channels), kind)
    values[:, :8] = {"u1": 255, "u2": 65535, "f4": 1}[kind]
    file = tiff(
        values[..., 0] if channels == 1 else values,
        "rgb" if channels == 3 else "minisblack",
        extratags=[(274, 3, 1, 6, True)],
    )
    loaded = levels(file)
    assert loaded.shape == (64, 48, 3)
    assert (loaded[:8] == 255).all()  # the first column is the upper side
    assert (loaded[8:] == 0).all()
