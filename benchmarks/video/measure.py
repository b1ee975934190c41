"""Warping error of a painted film.

[Lai18] Lai, Huang, Wang, Shechtman, Yumer, Yang: Learning Blind Video Temporal Consistency, ECCV
2018.
"""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from PIL import Image

from benchmarks.video.clips import Motions
from nst.engine.pictures.flow import warped


def warping_error(painted: Sequence[Image.Image], clip: Motions) -> float:
    """Return the warping error of [Lai18] §4.1, for RGB 0…1.

    It is the mean over pairs of frames of the mean squared distance |x − w|² between a frame and
    the previous one, moved along the motion of the clip. Pixels that came into view are left out.
    """
    return fmean(
        _error(painted[number - 1], painted[number], clip, number)
        for number in range(1, len(painted))
    )


def _error(before: Image.Image, frame: Image.Image, clip: Motions, number: int) -> float:
    now, moved = (np.asarray(each.convert("RGB"), np.float32) / 255 for each in (frame, before))
    apart = np.square(now - warped(moved, clip.flow(number))).sum(-1)
    return float(apart[clip.visible(number)].mean())
