"""Files made anew after reports to other programs, and what is right for each.

The files lie in cases/ of the directory that NST_TEST_ASSETS names; the README there describes
them. A test whose file is missing is skipped, with the name of the file.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from support.assets import ASSETS

CASES = ASSETS / "cases"

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PictureCase:
    """Expected facts about an image file."""

    format: str
    size: Size
    """Width and height of the upright image in pixels."""
    turns: int | None = None
    """Counterclockwise quarter turns from the sample photo of the cat to this image.
    None: the image shows something else."""


@dataclass(frozen=True, slots=True)
class FilmCase:
    """Expected facts about a film."""

    frames: int
    """Number of frames that can be read."""
    seconds: float
    size: Size = (160, 120)
    means: tuple[float, float, float] = (148, 111, 86)
    """Mean red, green and blue of the first frame as players show it, each 0…255."""
    is_damaged: bool = False
    has_sound: bool = False


PICTURES = {
    "content_cutout_dark.png": PictureCase("PNG", (240, 160)),
    "iccp_big.png": PictureCase("PNG", (240, 160), turns=0),
    "itxt_big.png": PictureCase("PNG", (240, 160), turns=0),
    "mask_rgba_one_pixel.png": PictureCase("PNG", (240, 160)),
    "mif1.avif": PictureCase("AVIF", (240, 160), turns=0),
    "miniswhite16.tif": PictureCase("TIFF", (240, 160), turns=0),
    "orient_9.jpg": PictureCase("JPEG", (240, 160), turns=0),
    "orient_ascii6.jpg": PictureCase("JPEG", (160, 240), turns=3),
    "orient_byte6.jpg": PictureCase("JPEG", (160, 240), turns=3),
    "orient_xmp6.jpg": PictureCase("JPEG", (240, 160), turns=0),
    "pano_12.jpg": PictureCase("JPEG", (1600, 128)),
    "pano_1200.png": PictureCase("PNG", (24000, 20)),
    "style_cutout.png": PictureCase("PNG", (240, 180)),
    "style_portrait.jpg": PictureCase("JPEG", (300, 900)),
    "ztxt_big.png": PictureCase("PNG", (240, 160), turns=0),
}

ON_PAGE = (
    *("iccp_big.png", "itxt_big.png", "ztxt_big.png"),
    *("mif1.avif", "orient_9.jpg", "orient_xmp6.jpg"),
    *("orient_ascii6.jpg", "orient_byte6.jpg"),  # Chromium does not rotate these two
)
"""Images that a browser and the server may interpret differently."""

FILMS = {
    "bt709_720p.mp4": FilmCase(2, 0.2, (1280, 720), means=(143.5, 143.5, 143.5)),
    "corrupt.mkv": FilmCase(14, 2.0, is_damaged=True),
    "corrupt.mp4": FilmCase(16, 2.0, is_damaged=True),
    "dvb.ts": FilmCase(14, 0.56, has_sound=True),
    "h264.avi": FilmCase(14, 1.4),
    "hflip.mp4": FilmCase(4, 0.4),
    "hlg2020.mp4": FilmCase(3, 0.3),
    "pcm.mov": FilmCase(8, 0.8, has_sound=True),
    "pq2020.mp4": FilmCase(3, 0.3),
    "raw.h264": FilmCase(14, 1.4),
}


def case(name: str) -> Path:
    """Return the path of a case file; skip the test if the file is missing."""
    path = CASES / name
    if not path.is_file():
        pytest.skip(f"no cases/{name}; NST_TEST_ASSETS names the directory around cases/")
    return path
