"""Makes the sample content images, data/content/*.jpg.

The photographs are free of copyright (public domain or CC0) and are part of the
scikit-image wheel, so one pinned download gives the same four images on every
machine.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from wheels import SCIKIT_IMAGE, SCIKIT_IMAGE_SHA256, open_wheel

CONTENT_FOLDER = Path(__file__).resolve().parent.parent / "data" / "content"
JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Photograph:
    """Photograph in the wheel, and the part of it that is kept."""

    name: str
    member: str
    crop_pixels: tuple[int, int, int, int] | None = None  # left, upper, right, lower


# Provenance as stated in the docstrings of skimage.data.
PHOTOGRAPHS = (
    # Eileen Collins, from NASA's Great Images; public domain. The crop leaves out the model
    # of the shuttle and the table at the right: a portrait of about 4:5 remains.
    Photograph("astronaut", "astronaut.png", crop_pixels=(8, 0, 352, 430)),
    # Chelsea, by Stefan van der Walt; CC0.
    Photograph("cat", "chelsea.png"),
    # By Rachel Michetti, courtesy of Pikolo Espresso Bar; CC0.
    Photograph("coffee", "coffee.png"),
    # Falcon 9 with DSCOVR before its launch, by SpaceX; released into the public domain.
    Photograph("rocket", "rocket.jpg"),
)


def read_photograph(wheel: zipfile.ZipFile, photograph: Photograph) -> Image.Image:
    """Decode one photograph of the wheel and crop it."""
    with wheel.open(f"skimage/data/{photograph.member}") as stream:
        picture = Image.open(stream).convert("RGB")
    return picture if photograph.crop_pixels is None else picture.crop(photograph.crop_pixels)


def save_jpeg(picture: Image.Image, path: Path) -> None:
    """Write an image under a temporary name, then rename it.
    An interrupted run therefore leaves no partial image."""
    partial = path.with_name(path.name + ".partial")
    picture.save(partial, format="JPEG", quality=JPEG_QUALITY, subsampling="4:4:4")
    partial.replace(path)


def main() -> None:
    """Write every sample content image."""
    CONTENT_FOLDER.mkdir(parents=True, exist_ok=True)
    with open_wheel(SCIKIT_IMAGE, SCIKIT_IMAGE_SHA256) as wheel:
        for photograph in PHOTOGRAPHS:
            picture = read_photograph(wheel, photograph)
            save_jpeg(picture, CONTENT_FOLDER / f"{photograph.name}.jpg")


if __name__ == "__main__":
    main()
