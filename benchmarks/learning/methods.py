"""Methods that learn a style and paint with it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks import fast_style_loop
from benchmarks.engine.schema import Model
from benchmarks.fast_style_loop import FastStyleLoop
from nst import LearnedStyle, LearningOptions, StyleTransferOptions, image_sizes, images
from nst.engine.draft import paint_draft
from nst.engine.network.weights import WeightsStore
from nst.learning.photos import Photos, find_photos
from nst.learning.training_run import TrainingRun

MODEL: Model = "vgg16"


@dataclass(frozen=True, slots=True)
class Task:
    """Task that all methods learn."""

    style: Path
    photos: Path | None
    """Folder of photos; None: the sample photos."""
    size: int
    """Side of the parts of photos in pixels."""
    style_size: int
    """Longest side of the style image in pixels."""
    store: WeightsStore


class Method(Protocol):
    """Method that learns a style, then paints with it."""

    steps: int

    def learn(self, minutes: float) -> None:
        """Learn until this number of minutes is spent on steps, including earlier calls."""

    def paint(self, photo: Image.Image) -> Image.Image:
        """Return a painting of the photo in the photo's size."""


class Nst:
    """Method of `nst learn`."""

    def __init__(self, task: Task, *, steady: bool = False) -> None:
        self._task = task
        self._steady = steady
        self._training_run = self._training_run_of(minutes=1.0)
        self._style: LearnedStyle | None = None
        self.steps = 0

    def learn(self, minutes: float) -> None:
        with TemporaryDirectory() as directory:
            checkpoint = Path(directory) / "checkpoint.safetensors"
            self._training_run.save_checkpoint(checkpoint, {})
            self._training_run = self._training_run_of(minutes)
            self._training_run.resume(checkpoint)
            for _ in self._training_run.training.run():
                pass
            self._style = LearnedStyle.load(self._training_run.save(Path(directory) / "style.nst"))
        self.steps = self._training_run.training.step

    def paint(self, photo: Image.Image) -> Image.Image:
        assert self._style is not None
        return self._style.paint(photo, _draft_options(photo)).image

    def _training_run_of(self, minutes: float) -> TrainingRun:
        options = LearningOptions(
            minutes=minutes,
            size=self._task.size,
            style_size=self._task.style_size,
            model=MODEL,
            steady=self._steady,
        )
        return TrainingRun.begin(
            [self._task.style],
            options,
            names=["style"],
            photos=self._task.photos,
            weights=self._task.store,
        )


CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT = 3e6, 3e4, 1.0
"""Weights of the plain loop; the paper chooses them for each style.
With these weights, the content loss of a blank image and the remaining style loss of a painting
have the same order of magnitude."""


class Plain:
    """Loop of [Johnson16]."""

    def __init__(self, task: Task) -> None:
        style = images.colours(images.load(task.style, "style"))
        small = images.resize(style, image_sizes.fit(style.size, task.style_size))
        self._size = task.size
        self._photos: Photos = find_photos(task.photos)
        self._loop = FastStyleLoop(
            task.store.load(MODEL).tensors,
            _tensor(small),
            content_weight=CONTENT_WEIGHT,
            style_weight=STYLE_WEIGHT,
            tv_weight=TV_WEIGHT,
        )
        self._seconds = 0.0
        self.steps = 0

    def learn(self, minutes: float) -> None:
        while self._seconds < 60 * minutes:
            started = time.monotonic()
            first = self.steps * fast_style_loop.BATCH
            numbers = range(first, first + fast_style_loop.BATCH)
            parts = [self._photos.part(str(number), self._size) for number in numbers]
            self._loop.step(torch.cat(list(map(_tensor, parts))))
            self.steps += 1
            self._seconds += time.monotonic() - started

    @torch.inference_mode()
    def paint(self, photo: Image.Image) -> Image.Image:
        width, height = photo.size
        pixels = np.asarray(photo.convert("RGB"))
        padded = np.pad(pixels, [(0, -height % 4), (0, -width % 4), (0, 0)], mode="reflect")
        painted = self._loop.network(_tensor(Image.fromarray(padded)))[0, :, :height, :width]
        return Image.fromarray(painted.clamp(0, 255).round().byte().permute(1, 2, 0).numpy())


class Draft:
    """Draft network, which needs no learning for a style."""

    def __init__(self, task: Task) -> None:
        self._style = images.load(task.style, "style")
        self.steps = 0

    def learn(self, minutes: float) -> None:
        """Do nothing; the draft network learns nothing."""

    def paint(self, photo: Image.Image) -> Image.Image:
        return paint_draft(photo, self._style, photo.size)


METHODS: Mapping[str, Callable[[Task], Method]] = {
    "draft": Draft,
    "nst": Nst,
    "steady": partial(Nst, steady=True),
    "plain": Plain,
}


def seconds_to_paint(method: Method, photo: Image.Image, repeats: int) -> float:
    """Return the median seconds of painting a photo, without the first call."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        method.paint(photo)
        times.append(time.perf_counter() - started)
    return median(times[1:])


def _draft_options(photo: Image.Image) -> StyleTransferOptions:
    return StyleTransferOptions.from_preset("draft", size=max(photo.size))


def _tensor(picture: Image.Image) -> Tensor:
    """Return the image as a tensor (1, 3, H, W), RGB 0…255."""
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)[None].float()
