"""Optical flow: known motions, newly visible parts, and cuts."""

import sys

import numpy as np
import pytest
from benchmarks.video.clips import Clip, clips
from PIL import Image, ImageChops

from nst import images
from nst.engine.pictures.flow import extended, motion_since, opencv
from nst.errors import VideoUnavailable
from support.pictures import SAMPLES

NAMES = ("astronaut", "cat", "coffee", "rocket")
SIZE = (160, 120)
PICTURES = {
    name: images.load(SAMPLES / "content" / f"{name}.jpg", "content").convert("RGB")
    for name in NAMES
}
CLIPS = {clip.name: clip for clip in clips(PICTURES, SIZE[0], frames=4)}


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_the_flow_is_the_true_motion(clip: Clip) -> None:
    motion = motion_since(clip.frame(1), clip.frame(2), SIZE)
    apart = np.linalg.norm(motion.flow - clip.flow(2), axis=-1)
    both = motion.visible & clip.visible(2)
    assert both.mean() > 0.75
    assert np.median(apart[both]) < 0.3
    assert np.mean(apart[both] < 1) > 0.9
    assert not motion.is_cut


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_what_was_moved_looks_like_the_frame(clip: Clip) -> None:
    before, frame = clip.frame(1), clip.frame(2)
    motion = motion_since(before, frame, SIZE)
    moved, still = (
        np.abs(np.asarray(each, float) - np.asarray(frame, float)).mean(-1)[motion.visible].mean()
        for each in (motion.warped(before), before)
    )
    assert moved < still / 2


def test_what_comes_into_view_is_not_visible_before() -> None:
    """The camera turns by 12 pixels, so a strip at the border is new."""
    wide = PICTURES["coffee"].resize((220, 160))
    before, frame = (wide.crop((x, 20, x + 160, 140)) for x in (10, 22))
    visible = motion_since(before, frame, SIZE).visible
    assert visible[:, -12:].mean() < 0.1
    assert visible[:, :-24].mean() > 0.8


def test_where_the_foreground_leaves_the_background_is_not_visible() -> None:
    clip = CLIPS["two layers"]
    visible, really = motion_since(clip.frame(1), clip.frame(2), SIZE).visible, clip.visible(2)
    assert visible[~really].mean() < 0.5 < visible[really].mean()


@pytest.mark.parametrize("first", NAMES)
@pytest.mark.parametrize("second", NAMES)
def test_another_shot_is_a_cut(first: str, second: str) -> None:
    before, frame = (PICTURES[name].resize(SIZE) for name in (first, second))
    assert motion_since(before, frame, SIZE).is_cut == (first != second)


@pytest.mark.parametrize("colours", [("black", "white"), ("red", "blue")])
def test_flat_frames_of_other_colours_are_cuts(colours: tuple[str, str]) -> None:
    before, frame = (Image.new("RGB", SIZE, colour) for colour in colours)
    assert motion_since(before, frame, SIZE).is_cut
    assert not motion_since(before, before, SIZE).is_cut


def test_a_darker_frame_is_no_cut() -> None:
    frame = PICTURES["cat"].resize(SIZE)
    darker = ImageChops.multiply(frame, Image.new("RGB", SIZE, (220, 220, 220)))
    assert not motion_since(frame, darker, SIZE).is_cut


def test_unknown_values_follow_those_around() -> None:
    values = np.zeros((60, 90, 2), np.float32)
    values[:, :45] = (10, -4)
    values[:, 45:] = (-2, 8)
    known = np.ones((60, 90), bool)
    known[20:40, 10:14] = known[20:40, 76:80] = False
    found = extended(np.where(known[..., np.newaxis], values, 99), known)
    assert np.array_equal(found[known], values[known])
    np.testing.assert_allclose(found, values, atol=0.3)


def test_far_from_all_known_values_their_mean_counts() -> None:
    known = np.zeros((60, 90), bool)
    known[:, :4] = True
    found = extended(np.full((60, 90, 3), 7, np.float32) * known[..., np.newaxis], known)
    np.testing.assert_allclose(found, 7, rtol=1e-4)


def test_where_nothing_is_known_there_is_0() -> None:
    assert not extended(np.ones((8, 8, 3), np.float32), np.zeros((8, 8), bool)).any()


def test_without_opencv_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(VideoUnavailable, match=r"OpenCV; get it with `pip install 'nst\[video\]'`"):
        opencv()
