"""Optical flow: where the pixels of a frame were in another frame, if visible.

[Kroeger16] Kroeger, Timofte, Dai, Van Gool: Fast Optical Flow using Dense Inverse Search, ECCV
2016.
[Sundaram10] Sundaram, Brox, Keutzer: Dense Point Trajectories by GPU-accelerated Large Displacement
Optical Flow, ECCV 2010.
[Ruder16] Ruder, Dosovitskiy, Brox: Artistic Style Transfer for Videos, GCPR 2016.

A flow is a float32 array (H, W, 2): the pixel at (x, y) was at (x, y) + flow[y, x] in the other
frame, in pixels. Torch is not imported here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from PIL import Image

from nst import images
from nst.errors import VideoUnavailable

RECOGNISED_LEVELS = 60.0
"""Maximum difference, in grey levels, from the pixel to which the flow leads.
If the difference is larger, they are not the same pixel."""
CUT_SHARE = 0.2
"""Minimum share of recognised pixels in a frame; below it another shot begins.
Between images of different things the share is below 0.05, within a shot above 0.5."""

REACH_SHARE = 1 / 32
"""Standard deviation of the window in which unknown values follow known ones.
It is relative to the longer side."""
FAR_AMOUNT = 0.01
"""Weight of the mean of all known values, added to the weights of those around."""


FlowBetween = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Function that estimates the flow between two images (H, W, 3).
The flow leads from the pixels of the first image to where they are in the second."""


def opencv() -> ModuleType:
    """Return the module of OpenCV. Raises VideoUnavailable."""
    try:
        import cv2
    except ImportError as error:
        raise VideoUnavailable("OpenCV") from error
    return cv2


@dataclass(frozen=True, slots=True)
class Motion:
    """Motion of the pixels of one frame since another one."""

    flow: np.ndarray
    """Flow from the frame to the other one, (H, W, 2)."""
    visible: np.ndarray
    """Whether each pixel is visible in the other frame, too: (H, W), bool.
    Pixels beside borders of the motion are false, because flows are blurred there."""

    @property
    def is_cut(self) -> bool:
        """Whether the image has changed as a whole."""
        return float(self.visible.mean()) < CUT_SHARE

    def warped(self, other: Image.Image) -> Image.Image:
        """Return the other frame, or its stylized image, moved along the flow.

        The result is RGB, in the size of the flow. Pixels that are not visible have no meaning.
        """
        return Image.fromarray(warped(np.asarray(other.convert("RGB")), self.flow))


def motion_since(
    other: Image.Image,
    frame: Image.Image,
    size: tuple[int, int],
    flow_between: FlowBetween | None = None,
) -> Motion:
    """Return the motion of the pixels of `frame` since `other`.

    `size`: width and height at which it is computed. `flow_between`: estimates the flow; None:
    dense inverse search.
    """
    flow_between = flow_between or _flow
    before, now = (np.asarray(images.resize(images.colours(each), size)) for each in (other, frame))
    back, forth = flow_between(now, before), flow_between(before, now)
    change = np.abs(warped(before, back).astype(np.float32) - now).mean(-1)
    is_known = _agree(back, forth) & ~_is_border(back)
    return Motion(back, is_known & (change <= RECOGNISED_LEVELS))


def warped(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Return an array (H, W) or (H, W, C), sampled where the flow leads to.

    The interpolation is bicubic.
    """
    cv2 = opencv()
    columns, rows = _positions(flow)
    found: np.ndarray = cv2.remap(
        image, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return found


def _flow(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the flow from the pixels of `start` to where they are in `end`.

    Both are (H, W, 3). The method is dense inverse search [Kroeger16].
    """
    cv2 = opencv()
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    start, end = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (start, end))
    flow: np.ndarray = search.calc(start, end, None)
    return flow


def _agree(back: np.ndarray, forth: np.ndarray) -> np.ndarray:
    """Return where the flow back and the flow forth cancel out, (H, W).

    The test is that of [Ruder16] after [Sundaram10]. A pixel that comes from beyond the border
    fails.
    """
    columns, rows = _positions(back)
    height, width = back.shape[:2]
    is_inside = (columns >= 0) & (columns <= width - 1) & (rows >= 0) & (rows <= height - 1)
    forth = warped(forth, back)
    apart, of_back, of_forth = (np.square(each).sum(-1) for each in (back + forth, back, forth))
    does_agree: np.ndarray = is_inside & (apart <= 0.01 * (of_back + of_forth) + 0.5)
    return does_agree


def _is_border(flow: np.ndarray) -> np.ndarray:
    """Return where the motion changes abruptly, (H, W).

    The test is that of [Ruder16] after [Sundaram10].
    """
    slopes = np.gradient(flow, axis=(0, 1))
    steepness = sum(np.square(slope).sum(-1) for slope in slopes)
    border: np.ndarray = steepness > 0.01 * np.square(flow).sum(-1) + 0.002
    return border


def extended(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return values (H, W, C) with the unknown ones filled in; `known` is (H, W).

    An unknown value is the mean of the known values around it, weighted by a Gaussian of
    REACH_SHARE, and far from all known values the mean of all.
    """
    cv2 = opencv()
    amount = known.astype(np.float32)[..., np.newaxis]
    mean = (values * amount).sum((0, 1)) / max(amount.sum(), 1)
    reach = REACH_SHARE * max(known.shape)
    sums, amounts = (
        cv2.GaussianBlur(each, (0, 0), reach).reshape(*known.shape, -1)
        for each in (values * amount, amount)
    )
    around = (sums + FAR_AMOUNT * mean) / (amounts + FAR_AMOUNT)
    return np.where(amount > 0, values, around)


def _positions(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns and the rows that the flow leads to, (H, W) each."""
    height, width = flow.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return columns + flow[..., 0], rows + flow[..., 1]
