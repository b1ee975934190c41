"""Subjects of the benchmarks: the same transfer by the naive loop and by ours."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.engine.schema import Model
from benchmarks.naive import NaiveTransfer
from benchmarks.pictures import SAMPLES
from nst import images, transparency
from nst.engine.network.weights import WeightsStore
from nst.engine.style_transfer import IterativeTransfer
from nst.options import StyleTransferOptions

CONTENT = SAMPLES / "content" / "cat.jpg"
STYLE = SAMPLES / "style" / "impasto.jpg"

MEAN_RGB = (123.68, 116.779, 103.939)


@dataclass(frozen=True, slots=True)
class Pair:
    """Content image and style image of a curve."""

    number: int
    """Number of the pair, from 1."""
    content: Path
    style: Path


NAMES = (("tubingen", "the_scream"), ("golden_gate", "wave_crop"), ("lion", "starry_night"))
SAMPLE_NAMES = (("cat", "impasto"), ("astronaut", "mosaic"), ("coffee", "woodcut_waves"))


def pairs(pictures: Path | None) -> tuple[Pair, ...]:
    """Return three pairs of images.
    They are the classics of this field, from a directory with content/ and style/, or the samples
    in data/. The project may not ship the classics."""
    directory, names = (pictures, NAMES) if pictures else (SAMPLES, SAMPLE_NAMES)
    return tuple(
        Pair(number, directory / "content" / f"{content}.jpg", directory / "style" / f"{style}.jpg")
        for number, (content, style) in enumerate(names, start=1)
    )


@dataclass(frozen=True)
class Subject:
    """Model at a height; `evaluations` limits our transfer.
    The limit of the naive loop is the argument of its `run`."""

    model: Model
    height_pixels: int
    store: WeightsStore
    device: torch.device
    evaluations: int = 1
    precision: str = "auto"
    content: Path = CONTENT
    style: Path = STYLE
    width_pixels: int | None = None
    """Width of the result; None: the content image's aspect ratio is kept."""
    max_memory_bytes: int | None = None
    """Memory limit of our transfer; None: the engine's own choice."""

    @cached_property
    def ours(self) -> IterativeTransfer:
        options = StyleTransferOptions(
            model=self.model,
            size=max(self.size),
            total_iterations=self.evaluations,
            convergence_tolerance=0,
            save_every=0,
        )
        bounds: dict[str, Any] = {}
        if self.max_memory_bytes:
            bounds["max_memory_bytes"] = self.max_memory_bytes
        return IterativeTransfer(
            options,
            device=self.device.type,
            precision=self.precision,
            weights=self.store,
            **bounds,
        )

    @cached_property
    def naive(self) -> NaiveTransfer:
        style_picture = images.load(self.style, "style")
        style = self._tensor(style_picture, _at_height(style_picture.size, self.height_pixels))
        content = self._tensor(self.picture, self.size)
        return NaiveTransfer(self.model, self.ours.weights.tensors, content, style)

    @cached_property
    def picture(self) -> Image.Image:
        """Content image, stretched if a width is set."""
        picture = images.load(self.content, "content")
        return images.resize(picture, self._size_of(picture)) if self.width_pixels else picture

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        return self._size_of(self.picture)

    def _size_of(self, picture: Image.Image) -> tuple[int, int]:
        if self.width_pixels:
            return self.width_pixels, self.height_pixels
        return _at_height(picture.size, self.height_pixels)

    def _tensor(self, picture: Image.Image, size: tuple[int, int]) -> Tensor:
        pixels = np.array(images.resize(transparency.flatten(picture), size), dtype=np.float32)
        centred = torch.from_numpy(pixels - np.array(MEAN_RGB, dtype=np.float32))
        return centred.permute(2, 0, 1).unsqueeze(0).contiguous().to(self.device)


def _at_height(size: tuple[int, int], height: int) -> tuple[int, int]:
    return round(size[0] * height / size[1]), height


def store_for(model: str, weights_dir: Path | None) -> WeightsStore:
    """Return a store of the bundled VGG-16, or of local weights of another model.
    The store downloads nothing."""
    return WeightsStore(directory=None if model == "vgg16" else weights_dir, offline=True)
