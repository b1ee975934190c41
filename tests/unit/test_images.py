"""Every kind of image that `load` reads, against values computed with numpy."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps, features

from nst.image_reader import ImageSource
from nst.images import load
from support.pictures import encoded, picture

Array = NDArray[Any]

RAMP = np.arange(64 * 48).reshape(48, 64) * 21
"""Grey of 16 bits from 0 to 64491, in which no value occurs twice."""

RAMPS = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=-1)


def pixels(source: ImageSource, mode: str = "RGB") -> Array:
    image = load(source, "content")
    assert image.mode == mode
    return np.asarray(image).astype(float)


def visible(levels: Array) -> Array:
    """Return levels with alpha, black where nothing is visible.
    The reader may choose colours that nobody sees."""
    return levels * (levels[..., 3:] > 0)


def grey(values: Array) -> Array:
    return np.repeat(values[..., None], 3, axis=-1)


def png(samples: Array, colour_type: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of 16 bits a sample; Pillow writes only grey ones."""
    height, width = samples.shape[:2]
    rows = samples.astype(">u2").reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    file = b"\x89PNG\r\n\x1a\n"
    for name, body in ((b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")):
        file += struct.pack(">I", len(body)) + name + body
        file += struct.pack(">I", zlib.crc32(name + body))
    return file


def tiff(samples: Array, photometric: int) -> bytes:
    """Return an uncompressed TIFF with samples of any type."""
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim > 2 else 1
    data = samples.tobytes()
    sample_format = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    bits = samples.dtype.itemsize * 8
    arrays = struct.pack("<4H", *[bits] * 4) + struct.pack("<4H", *[sample_format] * 4)
    tags = [(256, width), (257, height), (259, 1), (262, photometric), (273, 24)]
    tags += [(277, channels), (278, height), (279, len(data))]
    entries = [struct.pack("<HHII", number, 4, 1, value) for number, value in tags]
    for number, offset, value in ((258, 8, bits), (339, 16, sample_format)):
        fits = channels <= 2  # the values fit into the entry itself
        where = struct.pack("<HH", value, value) if fits else struct.pack("<I", offset)
        entries.append(struct.pack("<HHI", number, 3, channels) + where)
    entries.sort(key=lambda entry: int.from_bytes(entry[:2], "little"))
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + b"\0" * 4
    return b"II*\0" + struct.pack("<I", 24 + len(data)) + arrays + data + directory


# ── orientation ───────────────────────────────────────────────────────────────────────────────

STORED: dict[int, Callable[[Array], Array]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: np.rot90,
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
"""Stored image of each orientation, after the sides that EXIF 2.32 names.
EXIF gives the side of the first row and that of the first column."""


def turned(orientation: int, format_name: str) -> bytes:
    stored = STORED[orientation](np.asarray(picture()))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format_name == "WEBP" else {}
    return encoded(Image.fromarray(stored), format_name, exif=exif, **options)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "WEBP"])
def test_picture_comes_upright(format_name: str, orientation: int) -> None:
    assert np.array_equal(pixels(turned(orientation, format_name)), np.asarray(picture()))


@pytest.mark.parametrize("orientation", STORED)
def test_photo_and_opened_photo_come_upright(orientation: int) -> None:
    file = turned(orientation, "JPEG")
    opened = Image.open(io.BytesIO(file))
    for source in (file, opened):
        difference = abs(pixels(source) - np.asarray(picture()))
        assert difference.mean() < 3  # JPEG of quality 75; another orientation differs by > 20


def test_broken_exif_is_ignored() -> None:
    plain = encoded(picture(), "PNG")
    broken = encoded(picture(), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffrubbish")
    assert np.array_equal(pixels(broken), pixels(plain))


# ── modes ─────────────────────────────────────────────────────────────────────────────────────


def test_two_levels_become_black_and_white() -> None:
    drawing = picture(mode="1")
    expected = grey(np.where(np.asarray(drawing), 255, 0))
    assert np.array_equal(pixels(encoded(drawing, "PNG")), expected)


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "BMP", "GIF"])
def test_grey_is_repeated(format_name: str) -> None:
    image = picture(mode="L")
    assert np.array_equal(pixels(encoded(image, format_name)), grey(np.asarray(image)))


def test_palette_is_looked_up() -> None:
    image = picture().quantize(16)
    palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
    assert np.array_equal(pixels(encoded(image, "PNG")), palette[np.asarray(image)])


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_kept(format_name: str) -> None:
    image = picture()
    image.putalpha(picture(mode="L"))
    file = encoded(image, format_name, lossless=True, exact=True)
    assert np.array_equal(visible(pixels(file, "RGBA")), visible(np.asarray(image)))


def test_grey_with_alpha_keeps_both() -> None:
    image = picture(mode="LA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    levels = np.asarray(image)
    expected = np.dstack([grey(levels[..., 0]), levels[..., 1]])
    assert np.array_equal(visible(pixels(encoded(image, "PNG"), "RGBA")), visible(expected))


def test_palette_with_transparent_entries() -> None:
    image = picture().quantize(16)
    palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
    alphas = np.arange(16) * 17
    file = encoded(image, "PNG", transparency=bytes(alphas.tolist()))
    expected = np.dstack([palette[np.asarray(image)], alphas[np.asarray(image)]])
    assert np.array_equal(visible(pixels(file, "RGBA")), visible(expected))


def test_palette_with_alpha_channel() -> None:
    alpha = Image.linear_gradient("L").resize((64, 48))
    rgba = picture()
    rgba.putalpha(alpha)
    image = rgba.convert("PA")
    palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
    expected = np.dstack([palette[np.asarray(image)[..., 0]], np.asarray(alpha)])
    assert np.array_equal(visible(pixels(image, "RGBA")), visible(expected))


def test_one_transparent_grey() -> None:
    levels = np.asarray(picture(mode="L"))
    level = int(levels[20, 20])
    file = encoded(picture(mode="L"), "PNG", transparency=level)
    expected = np.dstack([grey(levels), np.where(levels == level, 0, 255)])
    assert np.array_equal(visible(pixels(file, "RGBA")), visible(expected))


def test_one_transparent_grey_of_sixteen_bits() -> None:
    file = png(RAMP, 0, (b"tRNS", struct.pack(">H", int(RAMP[20, 20]))))
    transparent = pixels(file, "RGBA")[..., 3] == 0
    assert np.array_equal(transparent, RAMP[20, 20] == RAMP)


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBA"])
def test_opaque_alpha_is_dropped(mode: str) -> None:
    assert load(picture().convert("RGBA").convert(mode), "content").mode == "RGB"


def test_opaque_palette_entries_are_dropped() -> None:
    file = encoded(picture().quantize(16), "PNG", transparency=b"\xff" * 16)
    assert load(file, "content").mode == "RGB"


def cmyk() -> Image.Image:
    red, green, blue = picture().split()
    black = Image.radial_gradient("L").rotate(45).resize(red.size).point(lambda level: level // 2)
    return Image.merge("CMYK", (red, green, blue, black))


@pytest.mark.parametrize(
    ("format_name", "tolerance"),
    [("TIFF", 1), ("JPEG", 6)],  # the error of JPEG itself at quality 100
)
def test_inks_are_subtracted_from_white(format_name: str, tolerance: int) -> None:
    file = encoded(cmyk(), format_name, quality=100)
    # Adobe's programs, and so Pillow, invert the inks of a JPEG and say so in a marker.
    assert (b"Adobe" in file) == (format_name == "JPEG")
    inks = np.asarray(cmyk()).astype(float)
    expected = (255 - inks[..., :3]) * (255 - inks[..., 3:]) / 255
    assert abs(pixels(file) - expected).max() <= tolerance


def test_luma_and_chroma_of_a_tiff_are_converted() -> None:
    ycbcr = np.asarray(picture(mode="YCbCr")).astype(float)
    luma, blue, red = ycbcr[..., 0], ycbcr[..., 1] - 128, ycbcr[..., 2] - 128
    expected = np.dstack(  # JFIF 1.02
        [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue]
    )
    assert abs(pixels(tiff(ycbcr.astype("u1"), 6)) - expected.clip(0, 255)).max() <= 1


def test_photo_keeps_its_colours() -> None:
    file = encoded(picture(), "JPEG", quality=100, subsampling=0)
    assert abs(pixels(file) - np.asarray(picture())).max() <= 4  # of luma and chroma together


# ── more than 8 bits ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("file", [png(RAMP, 0), tiff(RAMP.astype("u2"), 1)], ids=["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(file: bytes) -> None:
    assert abs(pixels(file) - grey(RAMP / 257)).max() <= 0.5


@pytest.mark.parametrize("file", [png(RAMPS, 2), tiff(RAMPS.astype("u2"), 2)], ids=["PNG", "TIFF"])
def test_sixteen_bit_colours_are_scaled_not_clipped(file: bytes) -> None:
    assert abs(pixels(file) - RAMPS / 257).max() <= 1


def test_sixteen_bit_alpha_is_scaled_not_clipped() -> None:
    for samples, colour_type in ((np.dstack([RAMPS, RAMP]), 6), (np.dstack([RAMP, RAMP]), 4)):
        alpha = pixels(png(samples, colour_type), "RGBA")[..., 3]
        assert abs(alpha - RAMP / 257).max() <= 1


@pytest.mark.parametrize(
    ("values", "white"),
    [
        (RAMP.astype("i4") % 256, 255),
        (RAMP.astype("i4"), 65535),
        (RAMP.astype("i4") * 2**15, 2**31),
        (RAMP.astype("f4") / 65535, 1),
        (RAMP.astype("f4") / 257, 255),
        (RAMP.astype("f4"), 65535),
        (RAMP.astype("f4") * 1000, 64491 * 1000),
        (RAMP.astype("f4") / 65535 - 0.2, 1),
    ],
    ids=["i 8", "i 16", "i 32", "f 1", "f 8", "f 16", "f large", "f negative"],
)
def test_long_integers_and_floats_are_scaled_by_their_white(values: Array, white: float) -> None:
    expected = grey((values / white * 255).clip(0, 255))
    assert abs(pixels(tiff(values, 1)) - expected).max() <= 0.51  # float32 may round near a half


# ── formats and sources ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("format_name", "tolerance"),
    [
        ("BMP", 0),
        ("WEBP", 0),
        ("MPO", 12),
        pytest.param(
            "AVIF",
            12,
            marks=pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF"),
        ),
    ],
)
def test_formats_are_read_and_of_several_pictures_the_first(
    format_name: str, tolerance: int
) -> None:
    options: dict[str, Any] = {"quality": 100, "lossless": True}
    if format_name != "BMP":
        options |= {"save_all": True, "append_images": [ImageOps.invert(picture())]}
    file = encoded(picture(), format_name, **options)
    assert abs(pixels(file) - np.asarray(picture())).max() <= tolerance


@pytest.mark.parametrize("format_name", ["GIF", "PNG", "TIFF"])
def test_first_frame_of_an_animation(format_name: str) -> None:
    red, blue = (Image.new("RGB", (20, 20), colour) for colour in ("red", "blue"))
    file = encoded(red, format_name, save_all=True, append_images=[blue])
    assert np.array_equal(pixels(file), np.asarray(red))


def test_every_source_gives_the_same_picture(tmp_path: Path) -> None:
    path = tmp_path / "größe 1.png"
    picture().save(path)
    for source in (str(path), path, path.read_bytes(), picture(), np.asarray(picture())):
        assert np.array_equal(pixels(source), np.asarray(picture()))


def test_given_picture_is_not_modified() -> None:
    given = Image.open(io.BytesIO(turned(6, "PNG")))
    given.load()
    before = given.tobytes(), given.mode, given.size, dict(given.info)
    loaded = load(given, "content")
    loaded.paste("white", (0, 0, 20, 20))
    assert (given.tobytes(), given.mode, given.size, given.info) == before


def test_metadata_stays_behind() -> None:
    file = encoded(picture(), "PNG", dpi=(72, 72), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    assert load(file, "content").info == {}


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3), (48, 64, 4)])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64"])
def test_array_is_scaled_to_eight_bits(shape: tuple[int, ...], kind: str) -> None:
    share = np.linspace(0, 1, int(np.prod(shape))).reshape(shape)
    white = 1 if kind.startswith("float") else np.iinfo(kind).max
    array = (share * white).astype(kind)
    expected = grey(share * 255) if len(shape) == 2 else share * 255
    mode = "RGBA" if shape[-1] == 4 else "RGB"
    difference = pixels(array, mode) - expected
    is_seen = expected[..., 3:] >= 1 if mode == "RGBA" else True
    assert abs(difference * is_seen).max() <= 1


def test_array_beyond_white_is_clipped() -> None:
    array = np.array([-0.1, 1.1]).repeat(200).reshape(20, 20)  # resampling leaves such values
    assert set(pixels(array).flat) == {0, 255}
