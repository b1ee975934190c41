"""The same transfer twice: the naive loop's and ours."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.engine.schema import Model
from benchmarks.naive import NaiveTransfer
from nst import images
from nst.engine.style_transfer import NeuralStyleTransfer
from nst.engine.weights import WeightsStore
from nst.options import StyleTransferOptions

SAMPLES = Path(__file__).resolve().parents[2] / "data"
CONTENT = SAMPLES / "content" / "cat.jpg"
STYLE = SAMPLES / "style" / "impasto.jpg"

MEAN_RGB = (123.68, 116.779, 103.939)


@dataclass(frozen=True)
class Subject:
    """A model at a height. `evaluations` bounds our transfer, the naive loop is told by `run`."""

    model: Model
    height_pixels: int
    store: WeightsStore
    device: torch.device
    evaluations: int = 1
    precision: str = "auto"

    @cached_property
    def ours(self) -> NeuralStyleTransfer:
        options = StyleTransferOptions(
            model=self.model,
            size=max(self.size),
            total_iterations=self.evaluations,
            convergence_tolerance=0,
            save_every=0,
        )
        return NeuralStyleTransfer(
            options, device=self.device.type, precision=self.precision, weights=self.store
        )

    @cached_property
    def naive(self) -> NaiveTransfer:
        content = self._tensor(images.load(CONTENT, "content"), self.size)
        style_picture = images.load(STYLE, "style")
        style = self._tensor(style_picture, _at_height(style_picture.size, self.height_pixels))
        return NaiveTransfer(self.model, self.ours.weights.tensors, content, style)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        return _at_height(images.load(CONTENT, "content").size, self.height_pixels)

    def _tensor(self, picture: Image.Image, size: tuple[int, int]) -> Tensor:
        pixels = np.array(images.resize(images.flatten(picture), size), dtype=np.float32)
        centred = torch.from_numpy(pixels - np.array(MEAN_RGB, dtype=np.float32))
        return centred.permute(2, 0, 1).unsqueeze(0).contiguous().to(self.device)


def _at_height(size: tuple[int, int], height: int) -> tuple[int, int]:
    return round(size[0] * height / size[1]), height


def store_for(model: str, weights_dir: Path | None) -> WeightsStore:
    """The bundled VGG-16, or whatever this machine has of another model; nothing is fetched."""
    return WeightsStore(directory=None if model == "vgg16" else weights_dir, offline=True)
