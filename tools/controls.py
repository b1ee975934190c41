"""Paints docs/controls/*.jpg: strips of images that show the controls' effects.

`python tools/controls.py` paints all of them, `python tools/controls.py strength color` only the
named ones.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from nst import Inputs, NeuralStyleTransfer, StyleTransferOptions, files, images

DATA = Path("data")
STRIPS = Path("docs/controls")
SIZE = 384
CELL = (250, 167)
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
GAP_PIXELS, FONT_PIXELS = 6, 13
MAX_BYTES = 60_000
QUALITIES = range(88, 40, -4)
"""Qualities of JPEG; the best one that is small enough is used."""

Strip = Mapping[str, Image.Image]
"""Images by their captions."""


def content(name: str = "coffee") -> Image.Image:
    return images.load(DATA / "content" / f"{name}.jpg", "content")


def style(name: str) -> Image.Image:
    return images.load(DATA / "style" / f"{name}.jpg", "style")


def paint(
    *styles: str,
    photo: str = "coffee",
    masks: Sequence[Image.Image] = (),
    detail_map: Image.Image | None = None,
    preset: str = "quality",
    **options: Any,
) -> Image.Image:
    """Return a painting, made with the bundled network."""
    chosen = StyleTransferOptions.from_preset(preset, **{"size": SIZE, "model": "vgg16"} | options)
    print(" ".join(styles), options, file=sys.stderr, flush=True)
    inputs = Inputs(content(photo), list(map(style, styles)), masks=masks, detail_map=detail_map)
    return NeuralStyleTransfer(chosen).run(inputs).image


def paint_plainly(*styles: str, **options: Any) -> Image.Image:
    """Return a painting by Gram matrices at one scale, with plain options.
    `options`: options that are added to these."""
    plain: dict[str, Any] = {
        "style_layers": "classic",
        "scales": 1,
        "average": 0,
        "padding": "zeros",
    }
    return paint(*styles, preset="gram", **plain | {"total_iterations": 100} | options)


def each(
    option: str,
    *values: Any,
    of: str = "woodcut_waves",
    by: Callable[..., Image.Image] = paint,
    **others: Any,
) -> Strip:
    """Return a strip with one painting per value of an option."""
    flag = option.replace("_", "-")
    return {f"{flag} {value}": by(of, **{option: value}, **others) for value in values}


def strengths(photo: str, of: str) -> Strip:
    return {photo: content(photo), **each("strength", *STRENGTHS, of=of, photo=photo)}


def details() -> Strip:
    from nst.engine.pictures.protect import protect

    mask = protect(content("astronaut"), "faces")
    without, with_map = (
        paint("impasto", photo="astronaut", strength=0.7, detail_map=each, size=CELL[0])
        for each in (None, mask)
    )
    pictures = {
        "no detail map": without,
        "what protect faces finds": mask.resize(without.size),
        "protect faces": with_map,
    }
    return {caption: upper_half(picture) for caption, picture in pictures.items()}


def upper_half(picture: Image.Image) -> Image.Image:
    return picture.crop((0, 0, picture.width, picture.width * CELL[1] // CELL[0]))


def saucer(*, is_soft: bool) -> Image.Image:
    """Return a mask that is white where the photo shows the cup and its saucer."""
    mask = Image.new("L", content().size)
    width, height = mask.size
    ImageDraw.Draw(mask).ellipse((0.13 * width, 0.02 * height, 0.8 * width, 0.97 * height), 255)
    return mask.filter(ImageFilter.GaussianBlur(width / 15)) if is_soft else mask


def masked(*, is_soft: bool) -> Strip:
    mask = saucer(is_soft=is_soft)
    around = ImageOps.invert(mask)
    return {
        "mask": mask,
        "one style in it": paint("stained_glass", masks=[mask]),
        "another around it": paint("stained_glass", "impasto", masks=[mask, around]),
    }


def corner(picture: Image.Image) -> Image.Image:
    """Return the upper left corner, a fifth of each side, which shows the border."""
    return picture.crop((0, 0, picture.width // 5, picture.height // 5))


def detail(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.crop((width // 3, height // 3, width // 3 * 2, height // 3 * 2))


def colours() -> Strip:
    return {
        **each("color", "style", "match", "luminance", of="impasto"),
        "color-amount 0.5": paint("impasto", color="luminance", color_amount=0.5),
    }


def blends() -> Strip:
    shares = ("1,0", "0.67,0.33", "0.33,0.67", "0,1")
    return {
        f"style-blend {blend}": paint("stained_glass", "watercolour", style_blend=blend)
        for blend in shares
    }


def style_losses() -> Strip:
    painted = {
        f"{loss}, strength {strength}": paint_plainly("impasto", style_loss=loss, strength=strength)
        for loss, strength in (("gram", 0.5), ("wasserstein", 0.5), ("wasserstein", 0.3))
    }
    return {"neighbors, strength 0.5": paint("impasto"), **painted}


def scales() -> Strip:
    return {
        "scales 1": paint_plainly("impasto"),
        "scales 3": paint_plainly("impasto", scales=3),
        "style-layers dense": paint_plainly("impasto", style_layers="dense"),
    }


CONTROLS: Mapping[str, Callable[[], Strip]] = {
    "strength": lambda: strengths("coffee", "woodcut_waves"),
    "strength-astronaut": lambda: strengths("astronaut", "impasto"),
    "strength-cat": lambda: strengths("cat", "stained_glass"),
    "flourish": lambda: each("flourish", 0.0, 0.5, 1.0, of="impasto", photo="rocket"),
    "detail-map": details,
    "style-scale": lambda: each("style_scale", 0.5, 1.0, 2.0, of="mosaic"),
    "color": colours,
    "style-blend": blends,
    "style-mask": lambda: masked(is_soft=False),
    "soft-mask": lambda: masked(is_soft=True),
    "style-loss": style_losses,
    "average": lambda: {
        name: detail(picture)
        for name, picture in each(
            "average", 0.0, 0.9, 0.98, of="watercolour", by=paint_plainly
        ).items()
    },
    "padding": lambda: {
        name: corner(picture)
        for name, picture in each("padding", "zeros", "replicate", by=paint_plainly).items()
    },
    "init-method": lambda: each(
        "init_method", "content", "random", "style", "draft", by=paint_plainly
    ),
    "scales": scales,
}


def strip(pictures: Strip) -> Image.Image:
    """Return the images in a row, with their captions below."""
    width, height = (side + GAP_PIXELS for side in CELL)
    page = Image.new("RGB", (width * len(pictures) - GAP_PIXELS, height + FONT_PIXELS), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(FONT_PIXELS)
    for column, (caption, picture) in enumerate(pictures.items()):
        # Faces are in the upper part of a portrait-format image.
        cell = ImageOps.fit(picture.convert("RGB"), CELL, centering=(0.5, 0.25))
        page.paste(cell, (column * width, 0))
        middle = column * width + CELL[0] / 2
        pen.text((middle, CELL[1] + 2), caption, "black", font, anchor="ma")
    return page


def save(page: Image.Image, path: Path) -> Path:
    """Write the strip in the best quality that MAX_BYTES allow; return its path."""
    for quality in QUALITIES:
        file = BytesIO()
        page.save(file, "JPEG", quality=quality, optimize=True)
        if len(file.getvalue()) < MAX_BYTES:
            break
    return files.write_file(path, lambda p: p.write_bytes(file.getvalue()), overwrite=True)


if __name__ == "__main__":
    for name in sys.argv[1:] or CONTROLS:
        print(save(strip(CONTROLS[name]()), STRIPS / f"{name}.jpg"))
