"""Paints the images of the web page into frontend/src/assets/pictures.

Names of images are arguments; without any, all missing images are made.
"""

import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from nst import Inputs, NeuralStyleTransfer, StyleTransferOptions
from nst.images import load
from nst.progress import Progress

DATA = Path("data")
FOLDER = Path("frontend/src/assets/pictures")
MOST_BYTES = 60_000
LONGEST_SIDE_PIXELS = 640
RATIO = 3 / 2
"""Ratio of width to height of the images on the page."""

WALL_SIZE_PIXELS = 576
"""Longest side of the images on the first page."""
SMALL: Mapping[str, Any] = {"size": 384}
"""Options of the images on the page that explains the method."""

PAIRS = (
    "cat-impasto",
    "rocket-impasto",
    "coffee-stained_glass",
    "cat-woodcut_waves",
    "coffee-watercolour",
    "astronaut-mosaic",
    "rocket-orphism",
)
STAGED = ("coffee", "impasto")
STEPS = (0, 10, 40, 108)

VARIANTS: Mapping[str, tuple[tuple[str, str], Mapping[str, Any]]] = {
    **{
        f"strength-{percent}": (("cat", "stained_glass"), {"strength": percent / 100})
        for percent in (0, 50, 100)
    },
    **{
        f"brush-{percent}": (("rocket", "mosaic"), {"style_scale": percent / 100})
        for percent in (50, 100, 200)
    },
    **{
        f"color-{name}": (("coffee", "woodcut_waves"), {"color": name})
        for name in ("style", "match", "luminance")
    },
}
"""Images that show the effect of one option, each with its own pair."""

GRAM_LAYER = "relu2_1"
GRAM_SIDE_PIXELS = 384


def photo(name: str) -> Image.Image:
    width, height = (picture := load(DATA / "content" / f"{name}.jpg", "content")).size
    side = min(width, round(height * RATIO))
    # Faces are in the upper part of a portrait-format image.
    return ImageOps.fit(picture, (side, round(side / RATIO)), centering=(0.5, 0.25))


def style(name: str) -> Image.Image:
    return load(DATA / "style" / f"{name}.jpg", "style")


def small_style(name: str) -> Image.Image:
    return ImageOps.contain(style(name), (420, 420))


def paint(
    content: str,
    style_name: str,
    on_progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> Image.Image:
    chosen = StyleTransferOptions.from_preset("quality", model="vgg16", **options)
    return (
        NeuralStyleTransfer(chosen)
        .run(Inputs(photo(content), style(style_name)), on_progress)
        .image
    )


def pair(name: str) -> Image.Image:
    content, style_name = name.split("-")
    return paint(content, style_name, size=WALL_SIZE_PIXELS)


def variant(name: str) -> Image.Image:
    (content, style_name), options = VARIANTS[name]
    return paint(content, style_name, **SMALL, **options)


@cache
def stages() -> Mapping[int, Image.Image]:
    """Return one painting after each number of STEPS; 0 is the draft."""
    draft = StyleTransferOptions.from_preset("draft", **SMALL)
    content, style_name = STAGED
    found = {0: NeuralStyleTransfer(draft).run(Inputs(photo(content), style(style_name))).image}

    def keep(progress: Progress) -> None:
        if progress.step in STEPS:
            found[progress.step] = progress.snapshot.picture()

    paint(content, style_name, keep, **SMALL)
    return found


def gram(style_name: str) -> Image.Image:
    """Return the Gram matrix of a style image.
    Entries are brighter if two features occur together more strongly."""
    import torch

    from nst.engine.losses.sums import gram_sum
    from nst.engine.network.encoder import Encoder
    from nst.engine.network.weights import WeightsStore
    from nst.engine.pictures.tensors import to_tensor

    picture = ImageOps.contain(style(style_name), (512, 512))
    encoder = Encoder("vgg16", WeightsStore().load("vgg16").tensors, [GRAM_LAYER])
    with torch.no_grad():
        features = encoder(to_tensor(picture, picture.size))[GRAM_LAYER]
        matrix = gram_sum(features).numpy()
    # The diagonal is much stronger, so a logarithm is needed to see the rest.
    level = np.log10(matrix + 1e-6 * matrix.max())
    level = (level - np.percentile(level, 1)) / (
        np.percentile(level, 99.5) - np.percentile(level, 1)
    )
    grey = Image.fromarray((255 * level.clip(0, 1)).astype("uint8"))
    toned = ImageOps.colorize(grey, "#161412", "#faf8f4", mid="#b8371f")
    return toned.resize((GRAM_SIDE_PIXELS,) * 2, Image.Resampling.NEAREST)


def makers() -> Mapping[str, Callable[[], Image.Image]]:
    contents = {content for content, _ in (name.split("-") for name in PAIRS)}
    styles = {style_name for _, style_name in (name.split("-") for name in PAIRS)}
    return {
        **{f"photo-{name}": lambda name=name: photo(name) for name in sorted(contents)},
        **{f"style-{name}": lambda name=name: small_style(name) for name in sorted(styles)},
        **{name: lambda name=name: pair(name) for name in PAIRS},
        **{f"gram-{name}": lambda name=name: gram(name) for name in ("impasto", "woodcut_waves")},
        **{f"steps-{step}": lambda step=step: stages()[step] for step in STEPS},
        **{name: lambda name=name: variant(name) for name in VARIANTS},
    }


def write(picture: Image.Image, file: Path) -> None:
    """Write the image as WebP, in the best quality that is small enough."""
    picture.thumbnail((LONGEST_SIDE_PIXELS,) * 2)
    for quality in range(86, 40, -4):
        picture.save(file, quality=quality, method=6)
        if file.stat().st_size <= MOST_BYTES:
            return
    picture.thumbnail((picture.width * 3 // 4,) * 2)
    write(picture, file)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    known = makers()
    for wanted in sys.argv[1:] or [
        name for name in known if not (FOLDER / f"{name}.webp").exists()
    ]:
        print(wanted, file=sys.stderr)
        write(known[wanted](), FOLDER / f"{wanted}.webp")
