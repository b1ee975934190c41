"""A frame continues the frame before; the engine holds the moved pixels."""

from collections.abc import Iterator
from typing import Any, Self, cast

import numpy as np
import pytest
from benchmarks.video.clips import clips
from PIL import Image, ImageChops

from nst import Inputs, NeuralStyleTransfer, StyleTransferOptions, images
from nst.engine import film, steering
from nst.engine.draft import run_draft
from nst.engine.film import FilmTransfer, PaintedFrame
from nst.engine.pictures.flow import motion_since
from nst.engine.scales import scales
from nst.film_options import later_options
from nst.progress import Progress
from support.pictures import SAMPLES, picture

SIZE = (96, 72)
PAN, *_ = clips(
    {
        name: images.load(SAMPLES / "content" / f"{name}.jpg", "content")
        for name in ("astronaut", "cat", "coffee", "rocket")
    },
    SIZE[0],
    frames=3,
)
BEFORE, FRAME = PAN.frame(1), PAN.frame(2)
STYLE = picture(64, 64)
FIRST = StyleTransferOptions.from_preset("fast", size=SIZE[0])
LATER = StyleTransferOptions.from_preset("fast", size=SIZE[0], total_iterations=3)


class Recorder:
    """Transfer that paints nothing and records its inputs."""

    def __init__(self, options: StyleTransferOptions = FIRST) -> None:
        self.options = options
        self.calls: list[tuple[StyleTransferOptions, Inputs]] = []

    def with_options(self, options: StyleTransferOptions) -> Self:
        other = type(self)(options)
        other.calls = self.calls
        return other

    def steps(self, inputs: Inputs) -> Iterator[Progress]:
        self.calls.append((self.options, inputs))
        return iter(())


def given(
    before: PaintedFrame | None = None,
    latest: Image.Image | None = None,
    later: StyleTransferOptions = LATER,
) -> tuple[StyleTransferOptions, Inputs]:
    recorder = Recorder()
    transfer = FilmTransfer(cast("NeuralStyleTransfer", recorder), later)
    transfer.steps(FRAME, STYLE, before, latest=latest)
    (call,) = recorder.calls
    return call


def pixels(image: Any) -> np.ndarray:
    return np.asarray(image, dtype=float)


def test_the_first_frame_is_painted_as_a_single_picture() -> None:
    options, inputs = given()
    assert options == FIRST
    assert (inputs.initial, inputs.held) == (None, None)


def test_a_frame_starts_from_what_moved() -> None:
    painted = ImageChops.invert(BEFORE)
    options, inputs = given(PaintedFrame(BEFORE, painted))
    assert options == LATER
    motion = motion_since(BEFORE, FRAME, SIZE)
    assert 0.5 < motion.visible.mean() < 1
    assert np.array_equal(pixels(inputs.held) == 255, motion.visible)
    moved = pixels(motion.warped(painted))
    assert np.array_equal(pixels(inputs.initial)[motion.visible], moved[motion.visible])


def test_what_came_into_view_starts_in_the_colours_of_the_painting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The painting is the film here, but darker and with more blue."""
    monkeypatch.setattr(film, "DRAFT_SHARE", 0)
    shift = np.array([-40, -20, 10])
    painted = Image.fromarray((pixels(BEFORE) * 0.5 + 80 + shift).astype(np.uint8))
    _, inputs = given(PaintedFrame(BEFORE, painted))
    new = pixels(inputs.held) == 0
    expected = pixels(FRAME) * 0.5 + 80 + shift
    apart = np.abs(pixels(inputs.initial) - expected)[new].mean()
    assert apart < np.abs(pixels(FRAME) - expected)[new].mean() / 2


def test_what_came_into_view_starts_half_painted() -> None:
    """The painting is the draft here, so no colour changes."""
    drafts = [run_draft(LATER, Inputs(frame, STYLE)).image for frame in (BEFORE, FRAME)]
    _, inputs = given(PaintedFrame(BEFORE, drafts[0]))
    new = pixels(inputs.held) == 0
    from_frame, from_draft = (
        np.abs(pixels(inputs.initial) - pixels(image))[new].mean() for image in (FRAME, drafts[1])
    )
    assert from_draft < from_frame


def test_after_a_cut_a_frame_is_painted_as_a_first_one() -> None:
    other = ImageChops.invert(FRAME.transpose(Image.Transpose.ROTATE_180))
    options, inputs = given(PaintedFrame(other, other))
    assert options == FIRST
    assert inputs.initial is None


def test_in_a_later_pass_the_frame_as_it_was_and_its_neighbour_are_mixed() -> None:
    neighbour, latest = (Image.new("RGB", SIZE, colour) for colour in ("red", "blue"))
    options, inputs = given(PaintedFrame(BEFORE, neighbour), latest)
    assert options == LATER
    share = film.PASS_SHARE
    mixed = np.array([255 * share, 0, 255 * (1 - share)])
    assert np.abs(pixels(inputs.initial)[pixels(inputs.held) == 255] - mixed).max() <= 1
    assert (pixels(inputs.initial)[pixels(inputs.held) == 0] == [0, 0, 255]).all()


def test_in_a_later_pass_the_first_frame_goes_on_from_itself_and_is_held_nowhere() -> None:
    latest = Image.new("RGB", SIZE, "blue")
    options, inputs = given(latest=latest)
    assert options == LATER
    assert inputs.initial is latest
    assert inputs.held is not None
    assert inputs.held.getextrema() == (0, 0)


def test_drafts_do_not_continue_one_another() -> None:
    draft = StyleTransferOptions.from_preset("draft", size=SIZE[0])
    options, inputs = given(PaintedFrame(BEFORE, BEFORE), later=draft)
    assert options == draft
    assert (inputs.initial, inputs.held) == (None, None)


@pytest.mark.parametrize(("preset", "finishing"), [("fast", True), ("gram", False)])
def test_a_later_frame_is_painted_as_a_single_picture_ends(preset: str, finishing: bool) -> None:
    """Style loss neighbors paints it as it finishes an image, with single features."""
    options = later_options(StyleTransferOptions.from_preset(preset))
    (scale,) = scales(SIZE, options, is_held=True)
    assert (scale.size, scale.steps) == (SIZE, options.total_iterations)
    assert (scale.is_finest, scale.is_finishing) == (True, finishing)


@pytest.mark.parametrize("preset", ["fast", "gram"])
def test_what_is_held_changes_least(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The left half is held firmly; the right half comes nearer to the style."""
    held = Image.new("L", SIZE)
    held.paste(255, (0, 0, SIZE[0] // 2, SIZE[1]))
    options = StyleTransferOptions.from_preset(preset, size=SIZE[0], model="vgg16")
    firm = 1e4 * steering.TEMPORAL_WEIGHTS[options.style_loss]
    monkeypatch.setitem(steering.TEMPORAL_WEIGHTS, options.style_loss, firm)
    later = options.model_copy(update={"total_iterations": 10})
    inputs = Inputs(FRAME, STYLE, initial=FRAME, held=held)
    *_, last = NeuralStyleTransfer(later, precision="fp32").steps(inputs)
    change = np.abs(pixels(last.snapshot.picture()) - pixels(FRAME)).mean(-1)
    left, right = np.hsplit(change, 2)
    assert left[:, :-8].mean() < right[:, 8:].mean() / 2
    assert last.losses.temporal > 0
    assert last.size == SIZE
