"""Images in other colour spaces become sRGB: hand-made profiles, exact formulas."""

import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from nst.images import load
from support.pictures import encoded, picture

Array = NDArray[Any]

ADOBE_RGB_GAMMA = 563 / 256
ADOBE_RGB_TO_XYZ = np.array(
    [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
)
"""Matrix from Adobe RGB (1998) Color Image Encoding, annex C, adapted to D50.
An ICC profile contains this matrix."""

SRGB_TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
"""Lindbloom's digits for the matrix of IEC 61966-2-1, adapted to D50 by Bradford."""

D50 = (0.9642, 1.0, 0.8249)


def srgb_of(xyz: Array) -> Array:
    """Return colours adapted to D50 as sRGB from 0 to 255."""
    return 255 * curve((xyz @ np.linalg.inv(SRGB_TO_XYZ).T).clip(0, 1))


def curve(linear: Array) -> Array:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Return an ICC profile of version 2 for a display [ICC.1:2001-04]."""
    table, data = struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(data), len(body))
        data += body.ljust(-len(body) % 4 + len(body), b"\0")
    header = struct.pack(
        ">I4sI4s4s4s12s4s4s",
        *(132 + 12 * len(tags) + len(data), b"", 0x02400000, b"mntr", space, b"XYZ ", b""),
        *(b"acsp", b""),
    )
    return header.ljust(68, b"\0") + xyz_number(D50).ljust(60, b"\0") + table + data


def xyz_number(values: Any) -> bytes:
    return struct.pack(">3i", *(round(value * 65536) for value in values))


def gamma(exponent: float) -> bytes:
    return struct.pack(">4sxxxxIH", b"curv", 1, round(exponent * 256))


def xyz_tag(values: Any) -> bytes:
    return b"XYZ \0\0\0\0" + xyz_number(values)


ADOBE_RGB = profile(
    b"RGB ",
    {b"wtpt": xyz_tag(D50)}
    | {name: gamma(ADOBE_RGB_GAMMA) for name in (b"rTRC", b"gTRC", b"bTRC")}
    | dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz_tag, ADOBE_RGB_TO_XYZ.T), strict=True)),
)
GREY_GAMMA = 1.8
GREY = profile(b"GRAY", {b"wtpt": xyz_tag(D50), b"kTRC": gamma(GREY_GAMMA)})


def colours(image: Image.Image) -> Array:
    return np.asarray(image).astype(float)[..., :3]


def from_adobe_rgb(values: Array) -> Array:
    return srgb_of((values / 255) ** ADOBE_RGB_GAMMA @ ADOBE_RGB_TO_XYZ.T)


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "WEBP"])
def test_colours_of_another_space_are_converted(format_name: str) -> None:
    file = encoded(picture(), format_name, icc_profile=ADOBE_RGB, lossless=True)
    expected = from_adobe_rgb(colours(picture()))
    assert abs(expected - colours(picture())).max() > 20  # a forgotten profile would show
    assert abs(colours(load(file, "content")) - expected).max() <= 2


def test_palette_of_another_space_is_converted() -> None:
    image = picture().quantize(16)
    file = encoded(image, "PNG", icc_profile=ADOBE_RGB)
    expected = from_adobe_rgb(colours(image.convert("RGB")))
    assert abs(colours(load(file, "content")) - expected).max() <= 2


def test_alpha_is_kept_beside_a_profile() -> None:
    image = picture()
    image.putalpha(picture(mode="L"))
    loaded = load(encoded(image, "PNG", icc_profile=ADOBE_RGB), "content")
    assert np.array_equal(np.asarray(loaded)[..., 3], np.asarray(image)[..., 3])
    assert abs(colours(loaded) - from_adobe_rgb(colours(image))).max() <= 2


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_profile_is_applied(mode: str) -> None:
    image = picture(mode=mode)
    levels = np.asarray(image.convert("L")).astype(float)
    expected = 255 * curve((levels / 255) ** GREY_GAMMA)
    loaded = load(encoded(image, "PNG", icc_profile=GREY), "content")
    assert abs(expected - levels).max() > 10
    assert abs(colours(loaded) - expected[..., None]).max() <= 2


def test_grey_profile_is_applied_to_sixteen_bits() -> None:
    image = picture(mode="I;16").point(lambda level: level * 257)
    levels = np.asarray(picture(mode="L")).astype(float)
    expected = 255 * curve((levels / 255) ** GREY_GAMMA)
    loaded = load(encoded(image, "PNG", icc_profile=GREY), "content")
    assert abs(colours(loaded) - expected[..., None]).max() <= 2


def test_grey_picture_with_a_colour_profile_takes_its_curve() -> None:
    image = picture(mode="L")
    expected = from_adobe_rgb(colours(image.convert("RGB")))
    loaded = load(encoded(image, "PNG", icc_profile=ADOBE_RGB), "content")
    assert abs(colours(loaded) - expected).max() <= 2


def test_profile_of_srgb_changes_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    loaded = load(encoded(picture(), "PNG", icc_profile=srgb), "content")
    assert np.array_equal(colours(loaded), colours(picture()))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize(
    "broken",
    [b"rubbish", ADOBE_RGB[:200], ADOBE_RGB[:132] + bytes(len(ADOBE_RGB) - 132)],
    ids=["rubbish", "cut short", "without tags"],
)
def test_broken_profile_is_ignored(broken: bytes, mode: str) -> None:
    plain, tagged = (
        load(encoded(picture(mode=mode), "TIFF", **options), "content")
        for options in ({}, {"icc_profile": broken})
    )
    assert np.array_equal(colours(tagged), colours(plain))


def test_profile_for_another_kind_of_picture_is_ignored() -> None:
    loaded = load(encoded(picture(), "PNG", icc_profile=GREY), "content")
    assert np.array_equal(colours(loaded), colours(picture()))


def test_lab_is_converted_by_the_formula() -> None:
    lab = np.stack(np.meshgrid(np.arange(30, 90, 3), np.arange(-10, 10), [-10, 10]), axis=-1)
    lab = lab.reshape(20, 40, 3)
    f = ((lab[..., 0] + 16) / 116)[..., None] + np.stack(
        [lab[..., 1] / 500, np.zeros((20, 40)), -lab[..., 2] / 200], axis=-1
    )
    expected = srgb_of(f**3 * D50)  # CIE 15; all of these are above the straight part
    stored = np.rint(lab * [2.55, 1, 1]).astype("i2").astype("u1").tobytes()
    file = encoded(Image.frombytes("LAB", (40, 20), stored), "TIFF")
    assert stored in file  # TIFF 6.0, section 23: a and b as signed bytes
    assert (
        abs(colours(load(file, "content")) - expected).max() <= 4
    )  # LittleCMS interpolates a table
