"""The styles of a transfer, and the amount of each style at every place."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nst import StyleTransferOptions, image_sizes
from nst.engine.pictures.styles import Style, amounts, load_mask, load_styles, mixed, style_size
from nst.errors import InvalidImage, InvalidOption
from support.pictures import picture

CONTENT = picture(64, 48)


def options(**values: Any) -> StyleTransferOptions:
    return StyleTransferOptions(size=64, **values)


def left(width: int = 64, height: int = 48, edge: float = 0.5) -> Image.Image:
    """Return a mask that is white on the left and black from the edge on."""
    mask = Image.new("L", (width, height))
    mask.paste(255, (0, 0, round(width * edge), height))
    return mask


def styles(*masks: Image.Image | None, shares: tuple[float, ...] = ()) -> list[Style]:
    shares = shares or (1 / len(masks),) * len(masks)
    return [Style(picture(), *pair) for pair in zip(shares, masks, strict=True)]


def test_one_picture_is_one_style_with_all_shares() -> None:
    (style,) = load_styles(picture(40, 30), (), CONTENT, options())
    assert (style.picture.size, style.share, style.mask) == ((40, 30), 1.0, None)


def test_several_pictures_of_all_kinds(tmp_path: Path) -> None:
    picture(40, 30).save(tmp_path / "a.png")
    sources: Any = [tmp_path / "a.png", str(tmp_path / "a.png"), (tmp_path / "a.png").read_bytes()]
    loaded = load_styles(sources, (), CONTENT, options())
    assert [style.picture.size for style in loaded] == [(40, 30)] * 3
    assert [style.share for style in loaded] == [pytest.approx(1 / 3)] * 3


def test_shares_in_the_order_of_the_styles() -> None:
    loaded = load_styles([picture(), picture()], (), CONTENT, options(style_blend=(3, 1)))
    assert [style.share for style in loaded] == [0.75, 0.25]


@pytest.mark.parametrize("blend", [(1.0,), (0.5, 0.3, 0.2)])
def test_as_many_shares_as_styles(blend: tuple[float, ...]) -> None:
    with pytest.raises(InvalidOption, match="as many shares as styles, here 2") as caught:
        load_styles([picture(), picture()], (), CONTENT, options(style_blend=blend))
    assert caught.value.field == "style_blend"


def test_no_style_and_too_many_masks() -> None:
    with pytest.raises(InvalidImage, match="style image: there is none"):
        load_styles([], (), CONTENT, options())
    with pytest.raises(InvalidOption, match="masks: 2 is invalid; expected no more"):
        load_styles(picture(), [left(), left()], CONTENT, options())


def test_styles_without_a_mask_are_everywhere() -> None:
    loaded = load_styles([picture()] * 3, [None, left()], CONTENT, options())
    assert [style.mask is None for style in loaded] == [True, False, True]
    parts = amounts(loaded, (8, 4))
    assert parts is not None
    np.testing.assert_allclose(parts[0], parts[2])
    np.testing.assert_allclose(parts[0][:, :3], 1 / 3)
    np.testing.assert_allclose(parts[0][:, 5:], 1 / 2)


# ── masks ─────────────────────────────────────────────────────────────────────────────────────


def test_a_mask_is_its_brightness() -> None:
    mask = load_mask(left().convert("RGB"), CONTENT, 64)
    assert mask.mode == "L"
    assert np.array_equal(np.asarray(mask), np.asarray(left()))


def test_a_mask_with_transparency_is_its_alpha() -> None:
    cut_out = CONTENT.copy()
    cut_out.putalpha(left())
    mask = load_mask(cut_out, cut_out, 64)
    assert np.array_equal(np.asarray(mask), np.asarray(left()))


@pytest.mark.parametrize("size", [(48, 64), (64, 64), (66, 48), (63, 50)])
def test_a_mask_of_another_shape_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidImage, match=r"mask image: .*another shape than the content's 64×48"):
        load_mask(left(*size), CONTENT, 64)


@pytest.mark.parametrize("size", [(128, 96), (64, 48), (21, 16), (1001, 750)])
def test_a_mask_of_the_same_shape_may_have_another_size(size: tuple[int, int]) -> None:
    assert load_mask(left(*size), CONTENT, 64).size == size


def test_a_mask_without_white_is_refused() -> None:
    dot = Image.new("L", (6400, 4800))
    dot.putpixel((3000, 3000), 255)
    for black in (Image.new("L", (64, 48)), dot):
        with pytest.raises(InvalidImage, match="mask image: it is black everywhere"):
            load_mask(black, CONTENT, 64)
    assert load_mask(dot, CONTENT, 6400).size == dot.size


@pytest.mark.parametrize("levels", [(0, 1), (0, 15), (15, 15)])
def test_a_mask_with_only_noise_in_its_black_is_refused(levels: tuple[int, int]) -> None:
    noise = Image.new("L", (64, 48), levels[0])
    noise.paste(levels[1], (0, 0, 8, 8))
    with pytest.raises(InvalidImage, match="mask image: it is black everywhere"):
        load_mask(noise, CONTENT, 64)


def test_a_dark_grey_mask_is_a_mask() -> None:
    assert load_mask(Image.new("L", (64, 48), 32), CONTENT, 64).getextrema() == (32, 32)


def test_no_mask_is_no_amount() -> None:
    assert amounts(styles(None, None), (8, 4)) is None


def test_where_masks_overlap_styles_are_mixed_by_their_shares() -> None:
    overlapping = styles(left(edge=0.75), left(edge=0.75).rotate(180), shares=(0.2, 0.8))
    parts = amounts(overlapping, (64, 48))
    assert parts is not None
    np.testing.assert_allclose([part[0, 0] for part in parts], [1, 0])
    np.testing.assert_allclose([part[0, 32] for part in parts], [0.2, 0.8], rtol=1e-6)
    np.testing.assert_allclose([part[0, 63] for part in parts], [0, 1])


def test_soft_edges_that_meet_leave_no_gap_and_grey_is_less() -> None:
    ramp = Image.linear_gradient("L").rotate(90).resize((64, 48))
    parts = amounts(styles(ramp, ramp.point(lambda value: 255 - value)), (64, 48))
    assert parts is not None
    np.testing.assert_allclose(sum(parts), 1, rtol=1e-6)
    (alone,) = amounts(styles(ramp), (64, 48)) or []
    np.testing.assert_allclose(alone, np.asarray(ramp) / 255, rtol=1e-6)


def test_edges_stay_sharp_and_without_ripples() -> None:
    (part,) = amounts(styles(left(640, 480)), (64, 48)) or []
    assert set(part[:, :31].ravel()) == {1.0}
    assert set(part[:, 33:].ravel()) == {0.0}


# ── composed images ───────────────────────────────────────────────────────────────────────────

WHITE, BLACK, GREY = (
    Image.new("RGB", (64, 48), colour) for colour in ("white", "black", "#808080")
)


def test_the_picture_of_a_single_style_is_not_touched() -> None:
    assert mixed(GREY, [WHITE], styles(None)) is WHITE


def test_pictures_are_mixed_by_their_shares() -> None:
    found = mixed(GREY, [WHITE, BLACK], styles(None, None, shares=(0.2, 0.8)))
    assert found.getextrema() == ((51, 51),) * 3


def test_pictures_go_where_their_masks_are_and_the_content_elsewhere() -> None:
    found = np.asarray(mixed(GREY, [WHITE, BLACK], styles(left(edge=0.25), left().rotate(180))))
    assert [int(found[5, x, 0]) for x in (3, 20, 50)] == [255, 128, 0]


@pytest.mark.parametrize("size", [(300, 900), (24_000, 20), (20, 24_000), (16, 16)])
@pytest.mark.parametrize("result", [(512, 41), (96, 64), (512, 512), (16, 512)])
@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_a_style_never_has_too_few_pixels(
    size: tuple[int, int], result: tuple[int, int], scale: float
) -> None:
    assert min(style_size(size, result, scale)) >= image_sizes.MIN_SIDE_PIXELS
