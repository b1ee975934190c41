"""The detail map: drawn, found, or both."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from nst import NeuralStyleTransfer, StyleTransferOptions, images
from nst.engine.draft import DraftTransfer
from nst.engine.inputs import Inputs, Pictures
from nst.engine.pictures import detail as detail_module
from nst.engine.pictures.detail import load_detail, load_detail_map
from nst.engine.pictures.protect import protect
from nst.errors import InvalidImage, InvalidOption
from support.pictures import SAMPLES, picture

CONTENT = picture(64, 48)


def left(width: int = 64, height: int = 48) -> Image.Image:
    """Return a map that is white on the left half."""
    drawn = Image.new("L", (width, height))
    drawn.paste(255, (0, 0, width // 2, height))
    return drawn


def options(what: Any) -> StyleTransferOptions:
    return StyleTransferOptions(size=64, protect=what)


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    return images.load(SAMPLES / "content" / "astronaut.jpg", "content")


# ── a drawn map ───────────────────────────────────────────────────────────────────────────────


def test_a_map_is_its_brightness_or_its_alpha() -> None:
    assert load_detail_map(left().convert("RGB"), CONTENT, 64).tobytes() == left().tobytes()
    cut_out = CONTENT.copy()
    cut_out.putalpha(left())
    assert load_detail_map(cut_out, CONTENT, 64).tobytes() == left().tobytes()


@pytest.mark.parametrize("size", [(128, 96), (21, 16), (1001, 750)])
def test_a_map_of_the_same_shape_may_have_another_size(size: tuple[int, int]) -> None:
    assert load_detail_map(left(*size), CONTENT, 64).size == size


@pytest.mark.parametrize("size", [(48, 64), (64, 64), (66, 48)])
def test_a_map_of_another_shape_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidImage, match="another shape than the content's 64×48") as caught:
        load_detail_map(left(*size), CONTENT, 64)
    assert caught.value.role == "detail map"


@pytest.mark.parametrize(
    ("grey", "says"),
    [
        (0, "detail map image: it is black everywhere; make it white where"),
        (255, "detail map image: it is white everywhere; .* lower strength instead"),
        (9, "detail map image: it is black everywhere; make it white where"),
        (250, "detail map image: it is white everywhere; .* lower strength instead"),
        (90, "detail map image: it is equally bright everywhere; .* lower strength instead"),
    ],
)
def test_a_map_that_is_the_same_everywhere_is_refused(grey: int, says: str) -> None:
    with pytest.raises(InvalidImage, match=says):
        load_detail_map(Image.new("L", (64, 48), grey), CONTENT, 64)


@pytest.mark.parametrize(("levels", "says"), [((0, 5), "black"), ((248, 255), "white")])
def test_a_map_with_only_noise_is_refused(levels: tuple[int, int], says: str) -> None:
    noise = Image.new("L", (64, 48), levels[0])
    noise.paste(levels[1], (0, 0, 8, 8))
    with pytest.raises(InvalidImage, match=f"it is {says} everywhere"):
        load_detail_map(noise, CONTENT, 64)


def test_a_spot_that_is_lost_in_the_result_counts_as_black() -> None:
    dot = Image.new("L", (6400, 4800))
    dot.putpixel((3000, 3000), 255)
    with pytest.raises(InvalidImage, match="black everywhere"):
        load_detail_map(dot, CONTENT, 64)
    assert load_detail_map(dot, CONTENT, 6400).size == dot.size


def test_a_map_that_is_missing_is_named() -> None:
    with pytest.raises(InvalidImage, match=r"detail map image: there is no file gone\.png"):
        load_detail_map("gone.png", CONTENT, 64)


# ── a drawn and a found map together ──────────────────────────────────────────────────────────


def test_neither_map_nor_protection_keeps_nothing() -> None:
    detail = load_detail(None, CONTENT, options("none"))
    assert (detail.map, detail.notice) == (None, None)


def test_a_map_alone_is_what_counts() -> None:
    detail = load_detail(left(), CONTENT, options("none"))
    assert detail.map is not None
    assert detail.map.tobytes() == left().tobytes()


@pytest.mark.parametrize("what", ["faces", "person"])
def test_protection_alone_is_what_was_found(astronaut: Image.Image, what: Any) -> None:
    detail = load_detail(None, astronaut, options(what))
    assert detail.map is not None
    assert detail.map.tobytes() == protect(astronaut, what).tobytes()
    assert detail.notice is None


def test_of_both_the_brighter_one_counts(astronaut: Image.Image) -> None:
    drawn = left(172, 215)
    detail = load_detail(drawn, astronaut, options("faces"))
    assert detail.map is not None
    resized = drawn.resize(astronaut.size, Image.Resampling.BILINEAR)
    expected = np.maximum(np.asarray(resized), np.asarray(protect(astronaut, "faces")))
    np.testing.assert_array_equal(np.asarray(detail.map), expected)


@pytest.mark.parametrize(
    ("what", "notice"), [("faces", "no face was found"), ("person", "no person was found")]
)
def test_if_nothing_is_found_there_is_a_notice_and_the_drawn_map_stays(
    what: Any, notice: str
) -> None:
    empty = load_detail(None, CONTENT, options(what))
    assert (empty.map, empty.notice) == (None, notice)
    drawn = load_detail(left(), CONTENT, options(what))
    assert drawn.map is not None
    assert (drawn.map.tobytes(), drawn.notice) == (left().tobytes(), notice)


@pytest.mark.parametrize(
    ("spot", "notice"),
    [(1, "no face was found"), (64, "a face fills the whole photo")],
)
def test_a_finding_that_distinguishes_nothing_in_the_result_is_left_out(
    spot: int, notice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = picture(6400, 6400) if spot == 1 else picture(64, 64)
    found = Image.new("L", content.size)
    found.paste(255, (0, 0, spot, spot))
    monkeypatch.setattr(detail_module, "protect", lambda *_: found)
    detail = load_detail(None, content, options("faces"))
    assert (detail.map, detail.notice) == (None, notice)


# ── the map as an input of a transfer ─────────────────────────────────────────────────────────


def loaded(content: Image.Image, what: Any, detail_map: Image.Image | None) -> Pictures:
    inputs = Inputs(content, picture(64, 64), detail_map=detail_map)
    return Pictures.load(inputs, options(what))


def test_a_transfer_sees_the_map_that_is_given() -> None:
    pictures = loaded(CONTENT, "none", left().convert("RGB"))
    assert pictures.detail is not None
    assert pictures.detail.tobytes() == left().tobytes()
    assert dict(pictures.by_role())["detail map"] is pictures.detail


def test_a_transfer_without_a_map_protects_what_is_found(astronaut: Image.Image) -> None:
    pictures = loaded(astronaut, "faces", None)
    assert pictures.detail is not None
    assert pictures.detail.tobytes() == protect(astronaut, "faces").tobytes()


def test_a_transfer_combines_the_given_map_with_what_is_found(astronaut: Image.Image) -> None:
    drawn = left(172, 215)
    pictures = loaded(astronaut, "faces", drawn)
    expected = load_detail(drawn, astronaut, options("faces")).map
    assert pictures.detail is not None
    assert expected is not None
    assert pictures.detail.tobytes() == expected.tobytes()
    assert pictures.detail.tobytes() != drawn.resize(astronaut.size).tobytes()


def test_one_load_of_the_images_searches_for_what_to_protect_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searches = []

    def protect(content: Image.Image, what: str) -> Image.Image:
        searches.append(what)
        return Image.new("L", content.size)

    monkeypatch.setattr(detail_module, "protect", protect)
    assert loaded(CONTENT, "person", None).notice == "no person was found"
    assert searches == ["person"]


def test_a_transfer_tells_that_nothing_is_protected() -> None:
    wanted = StyleTransferOptions.from_preset(
        "gram", size=32, model="vgg16", total_iterations=1, protect="faces"
    )
    inputs = Inputs(CONTENT, picture(40, 40))
    (progress,) = NeuralStyleTransfer(wanted).steps(inputs)
    result = NeuralStyleTransfer(wanted).run(inputs)
    assert progress.notice == result.notice == "no face was found"
    unprotected = wanted.model_copy(update={"protect": "none"})
    assert NeuralStyleTransfer(unprotected).run(inputs).notice is None


@pytest.mark.parametrize("what", ["none", "faces"])
def test_a_transfer_may_have_no_map(what: str) -> None:
    pictures = loaded(CONTENT, what, None)
    assert pictures.detail is None
    assert "detail map" not in dict(pictures.by_role())


def test_a_map_that_does_not_fit_stops_the_transfer() -> None:
    with pytest.raises(InvalidImage, match="another shape"):
        loaded(CONTENT, "none", left(64, 64))


def test_a_draft_takes_no_map() -> None:
    draft = DraftTransfer(StyleTransferOptions.from_preset("draft", size=64))
    with pytest.raises(InvalidOption, match="at least 1 with a detail map"):
        draft.run(Inputs(CONTENT, picture(64, 64), detail_map=left()))


# ── faces with every kind of protection ───────────────────────────────────────────────────────


@pytest.mark.parametrize("style_loss", ["neighbors", "gram"])
def test_the_flourish_is_told_where_faces_are(astronaut: Image.Image, style_loss: Any) -> None:
    inputs = Inputs(astronaut, picture(64, 64))
    faces = Pictures.load(inputs, StyleTransferOptions(style_loss=style_loss)).faces
    if style_loss == "gram":
        assert faces is None
    else:
        assert faces is not None
        assert faces.tobytes() == protect(astronaut, "faces").tobytes()


def test_a_photo_without_a_face_has_no_map_of_faces() -> None:
    assert Pictures.load(Inputs(CONTENT, picture(64, 64)), StyleTransferOptions()).faces is None
