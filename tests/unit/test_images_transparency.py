"""Transparent pixels get the colours of visible ones, and add no white."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from nst.errors import InvalidImage
from nst.image_masks import shape
from nst.images import colours, inspect, load
from support.pictures import encoded, picture

SUBJECT = (40, 30, 20)


def same(first: Image.Image, second: Image.Image) -> bool:
    return np.array_equal(np.asarray(first), np.asarray(second))


def cut_out(below: tuple[int, int, int], size: tuple[int, int] = (120, 80)) -> Image.Image:
    """Return a dark disc; its transparent surroundings contain another colour."""
    image = Image.new("RGBA", size, (*below, 0))
    ImageDraw.Draw(image).ellipse((30, 20, 90, 60), fill=(*SUBJECT, 255))
    return image


@pytest.mark.parametrize("below", [(255, 255, 255), (255, 0, 255), (0, 0, 0)])
def test_colours_of_the_subject_go_on_below_the_transparency(below: tuple[int, int, int]) -> None:
    loaded = load(encoded(cut_out(below), "PNG"), "content")
    assert loaded.mode == "RGBA"
    assert same(loaded.getchannel("A"), cut_out(below).getchannel("A"))
    assert abs(np.asarray(colours(loaded)).astype(int) - SUBJECT).max() <= 4


def test_each_part_is_continued_around_itself() -> None:
    image = Image.new("RGBA", (200, 40))
    image.paste((200, 0, 0, 255), (0, 0, 20, 40))
    image.paste((0, 0, 200, 255), (180, 0, 200, 40))
    loaded = np.asarray(colours(load(image, "content")))
    assert loaded[20, 40, 0] > loaded[20, 40, 2]
    assert loaded[20, 160, 2] > loaded[20, 160, 0]


def test_tiny_subject_of_a_large_picture_reaches_everywhere() -> None:
    image = Image.new("RGBA", (1000, 700))
    image.putpixel((3, 5), (*SUBJECT, 255))
    assert abs(np.asarray(colours(load(image, "content"))).astype(int) - SUBJECT).max() <= 4


def test_loading_twice_changes_nothing() -> None:
    once = load(cut_out((255, 255, 255)), "content")
    assert same(load(once, "content"), once)


def test_transparent_style_is_cut_to_what_is_visible() -> None:
    file = encoded(cut_out((255, 255, 255)), "PNG")
    style = load(file, "style")
    assert (style.mode, style.size) == ("RGB", (61, 41))
    assert (np.asarray(style) == SUBJECT).all()
    assert inspect(file, "style").size == (120, 80)


@pytest.mark.parametrize("size", [(64, 48), (61, 37), (400, 20)])
def test_every_colour_of_a_style_is_one_of_its_visible_ones(size: tuple[int, int]) -> None:
    image = picture(*size).convert("RGBA")
    alpha = Image.new("L", size)
    alpha.paste(255, (0, 0, 18, 17))
    alpha.putpixel((size[0] - 1, size[1] - 1), 255)
    image.putalpha(alpha)
    levels = np.asarray(image)
    visible = {tuple(colour) for colour in levels[levels[..., 3] > 0][:, :3].tolist()}
    found = {tuple(colour) for colour in np.asarray(load(image, "style")).reshape(-1, 3).tolist()}
    assert found == visible


def test_style_of_which_too_little_is_visible_is_refused() -> None:
    image = Image.new("RGBA", (100, 100))
    image.paste((9, 9, 9, 255), (0, 0, 10, 10))
    for judge in (load, inspect):
        with pytest.raises(InvalidImage, match="10×10 pixels are too few"):
            judge(encoded(image, "PNG"), "style")


def cut_out_softly(blur: float, below: str) -> Image.Image:
    """Return a dark disc with a soft edge, which was blended with a colour before."""
    shape = Image.new("L", (200, 160))
    ImageDraw.Draw(shape).ellipse((40, 20, 160, 140), fill=255)
    shape = shape.filter(ImageFilter.GaussianBlur(blur))
    ground = Image.new("RGB", shape.size, below)
    image = Image.composite(Image.new("RGB", shape.size, SUBJECT), ground, shape)
    image.putalpha(shape)
    return image


@pytest.mark.parametrize("blur", [0, 1, 4])
@pytest.mark.parametrize("below", ["white", "magenta"])
def test_what_was_around_a_soft_cut_out_is_not_painted(blur: float, below: str) -> None:
    image = cut_out_softly(blur, below)
    style = np.asarray(load(image, "style")).astype(int)
    assert abs(style - SUBJECT).max() <= 25  # a tenth of the surroundings
    loaded = load(image, "content")
    invisible = np.asarray(loaded)[..., 3] == 0
    assert abs(np.asarray(colours(loaded)).astype(int) - SUBJECT)[invisible].max() <= 25
    assert same(load(loaded, "content"), loaded)


def test_visible_pixels_of_a_soft_content_keep_their_colours() -> None:
    image = picture(64, 48).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((64, 48)))
    before, after = (np.asarray(each) for each in (image, load(image, "content")))
    seen = before[..., 3] > 0
    assert np.array_equal(before[seen], after[seen])


def test_a_style_that_is_half_transparent_is_used_as_a_whole() -> None:
    image = picture(64, 48)
    shades = np.random.default_rng(1).integers(60, 120, (48, 64)).astype("u1")
    image.putalpha(Image.fromarray(shades))
    assert same(load(image, "style"), picture(64, 48))


# ── masks ─────────────────────────────────────────────────────────────────────────────────────


def test_stray_pixels_of_alpha_are_no_shape() -> None:
    mask = picture(mode="L").convert("RGBA")
    mask.putpixel((5, 5), (9, 9, 9, 254))
    mask.putpixel((6, 5), (9, 9, 9, 0))
    loaded = load(encoded(mask, "PNG"), "mask")
    assert loaded.mode == "RGBA"
    assert abs(np.asarray(shape(loaded)).astype(int) - np.asarray(mask.convert("L"))).mean() < 0.1


def test_faint_noise_of_alpha_is_no_shape() -> None:
    mask = picture(mode="L").convert("RGBA")
    noise = np.random.default_rng(1).integers(250, 256, (48, 64)).astype("u1")
    mask.putalpha(Image.fromarray(noise))
    assert same(shape(load(mask, "mask")), mask.convert("L"))


def test_alpha_with_a_shape_is_the_mask() -> None:
    mask = cut_out((255, 255, 255))
    assert same(shape(load(mask, "mask")), mask.getchannel("A"))
