"""Unreadable images raise InvalidImage: one line with the problem and the remedy."""

import io
import re
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, features

from nst import image_files, image_reader, images
from nst.errors import InvalidImage, UnsupportedImage
from nst.image_reader import ImageSource
from nst.image_sizes import MIN_SIDE_PIXELS, check_result_size, check_sides, fit
from nst.images import load
from support.pictures import encoded, picture

HAS_AVIF = features.check("avif")
AVIF = pytest.param("AVIF", marks=pytest.mark.skipif(not HAS_AVIF, reason="Pillow has no AVIF"))


def reason(source: object) -> str:
    """Return the reason of a refusal; check what all refusals have in common."""
    with pytest.raises(InvalidImage) as caught:
        load(cast("ImageSource", source), "style")
    error = caught.value
    assert error.role == "style"
    assert str(error) == f"style image: {error.reason}"
    assert len(str(error).splitlines()) == 1
    problem, remedy = error.reason.rsplit("; ", 1)
    assert problem
    assert remedy
    return error.reason


def png_header(width: int, height: int) -> bytes:
    """Return a PNG of two levels a pixel, without its pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + checksum + b"\0\0\0\x10IDAT"


# ── paths ─────────────────────────────────────────────────────────────────────────────────────


def test_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "no.jpg", str(tmp_path / "no.jpg"), tmp_path / "no\0thing.jpg"):
        assert f"there is no file {path}" in reason(path)


def test_directory(tmp_path: Path) -> None:
    assert f"{tmp_path} is not a file" in reason(tmp_path)


def test_name_that_is_too_long(tmp_path: Path) -> None:
    assert "n" * 5000 in reason(tmp_path / ("n" * 5000 + ".jpg"))


def test_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.png"
    picture().save(path)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)  # file modes do not stop the superuser
    assert "secret.png cannot be read (Permission denied)" in reason(path)


@pytest.mark.parametrize("name", ["empty.png", "text.jpg"])
def test_file_of_something_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("" if name.startswith("empty") else "Dear diary,\n" * 100)
    assert f"{path} is not a picture that can be read; use JPEG, PNG" in reason(path)


# ── kinds ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("format_name", ["EPS", "PDF", "PPM", "ICO", "TGA", "JPEG2000", "PCX"])
def test_rare_formats_are_not_even_tried(format_name: str) -> None:
    # Few people review these decoders, and one of them starts Ghostscript.
    assert "is not a picture that can be read" in reason(encoded(picture(), format_name))


def test_what_is_no_picture_where_heic_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has not read a HEIC photo yet."""
    monkeypatch.setattr(image_reader, "READABLE", tuple(image_files.DECODERS))
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(UnsupportedImage, match="not a picture that can be read"):
        load(b"no picture", "style")


def test_drawing_of_vectors() -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"/>'
    assert "is not a picture that can be read" in reason(svg)


@pytest.mark.parametrize(
    "thing",
    [
        None,
        42,
        [[0, 1], [2, 3]],
        {"path": "photo.jpg"},
        object(),
        np.zeros((1, 2, 40, 40, 3), "u1"),
        np.zeros((40, 40, 7), "u1"),
        np.zeros((40, 40), "c8"),
        np.full((40, 40), np.nan),
        np.linspace(-255, 255, 1600).reshape(40, 40),
    ],
    ids=lambda thing: f"{getattr(thing, 'dtype', '')}{type(thing).__name__}",
)
def test_object_that_is_no_picture(thing: object) -> None:
    assert " is not a picture" in reason(thing)
    assert "; give a path, bytes, a Pillow image or an array" in reason(thing)


# ── damage ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.98])
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", AVIF])
def test_file_that_is_cut_short(format_name: str, share: float) -> None:
    file = encoded(picture(640, 480), format_name)
    problem = reason(file[: int(len(file) * share)])
    assert "damaged or cut short" in problem or "not a picture that can be read" in problem


def test_pillow_image_whose_file_is_closed() -> None:
    image = Image.open(io.BytesIO(encoded(picture(), "PNG")))
    image.close()
    assert "the data is damaged" in reason(image)


# ── size ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [(1, 1), (20_000, 10), (15, 400)])
def test_too_few_pixels(size: tuple[int, int]) -> None:
    problem = reason(encoded(Image.new("1", size), "PNG"))
    assert problem.startswith(f"{size[0]}×{size[1]} pixels are too few, each side needs 16")


def test_no_pixels() -> None:
    assert "0×0 pixels are too few" in reason(Image.new("RGB", (0, 0)))
    assert "0×0 pixels are too few" in reason(np.zeros((0, 0, 3), "u1"))


def test_smallest_picture_is_read() -> None:
    assert load(Image.new("RGB", (MIN_SIDE_PIXELS,) * 2), "content").size == (16, 16)
    with pytest.raises(InvalidImage, match=r"15×400 pixels are too few.*larger picture"):
        check_sides((15, 400), "content")


@pytest.mark.parametrize(
    ("content", "size"),
    [
        ((1600, 32), 512),
        ((1600, 32), 32),
        ((24_000, 20), 32),
        ((24_000, 20), 512),
        ((20, 24_000), 4096),
        ((16, 1_000_000), 512),
    ],
)
def test_remedy_for_a_result_that_is_too_narrow_works(content: tuple[int, int], size: int) -> None:
    with pytest.raises(InvalidImage) as caught:
        check_result_size(content, size, 4096)
    remedy = caught.value.reason.rsplit("; ", 1)[1]
    number = int(re.search(r"at (?:least|most) (\d+)", remedy)[1])  # type: ignore[index]
    if remedy.startswith("give a size"):
        check_result_size(content, number, 4096)
    else:
        check_result_size((number * 100, 100), size, 4096)


def test_fitting_leaves_every_side_a_pixel() -> None:
    assert fit((24_000, 20), 400) == (400, 1)
    assert fit((20, 24_000), 400) == (1, 400)


@pytest.fixture
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Assert that no pixels are decoded, so that none take memory."""
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("it was decoded"))


@pytest.mark.usefixtures("undecoded")
def test_bomb_is_refused() -> None:
    assert "too many pixels; make it smaller" in reason(png_header(60_000, 60_000))


@pytest.mark.usefixtures("undecoded")
def test_more_pixels_than_allowed_are_an_error_and_no_warning() -> None:
    # Pillow warns from 89 million pixels, and refuses from 179 million pixels.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        problem = reason(png_header(13_000, 13_000))
    assert "13000×13000 pixels are more than the 150 million allowed" in problem
    assert caught == []


def test_large_picture_is_read_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)  # Pillow warns above this number
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert load(encoded(picture(64, 48), "PNG"), "content").size == (64, 48)
    assert caught == []


# ── any file ──────────────────────────────────────────────────────────────────────────────────


def genuine() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    small = picture(32, 24)
    return [
        encoded(small, "JPEG", exif=exif),
        encoded(small.convert("CMYK"), "JPEG", progressive=True),
        encoded(small, "PNG", exif=exif),
        encoded(small.convert("I;16"), "PNG"),
        encoded(small.quantize(8), "PNG", transparency=b"\x80" * 8),
        encoded(small, "WEBP", exif=exif),
        encoded(small, "TIFF", exif=exif),
        encoded(small, "TIFF", compression="tiff_lzw"),
        encoded(small, "GIF"),
        *([encoded(small, "AVIF", exif=exif)] if HAS_AVIF else []),
    ]


Change = tuple[float, int]


def changed(file: bytes, changes: list[Change], length: float) -> bytes:
    damaged = bytearray(file)
    for place, byte in changes:
        damaged[int(place * len(file))] = byte
    return bytes(damaged[: int(length * len(file))])


place = st.floats(0, 1, exclude_max=True)
damaged_files = st.builds(
    changed,
    st.sampled_from(genuine()),
    # Headers are brittle, so most changes are there.
    st.lists(st.tuples(st.one_of(place, place.map(lambda x: x**4)), st.integers(0, 255))),
    st.one_of(st.just(1.0), place),
)


@pytest.fixture
def few_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit the pixels, so that a changed size does not make the test slow."""
    monkeypatch.setattr(images, "MAX_PIXELS", 1_000_000)


@pytest.mark.parametrize(
    "strategy", [st.binary(max_size=200), damaged_files], ids=["any", "damaged"]
)
def test_any_bytes_are_a_picture_or_an_invalid_image(
    strategy: st.SearchStrategy[bytes], few_pixels: None
) -> None:
    @settings(max_examples=600, deadline=None, database=None)
    @given(strategy)
    def check(file: bytes) -> None:
        try:
            text = load(file, "content").mode
        except InvalidImage as error:
            text = str(error)
        assert text in {"RGB", "RGBA"} or text.startswith("content image: ")
        assert len(text.splitlines()) == 1

    check()
