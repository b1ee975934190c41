"""Methods that paint: the presets of nst, and the authors' loop."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import nst
from benchmarks import neighbors_loop
from benchmarks.steps import last_of
from nst import (
    Inputs,
    NeuralStyleTransfer,
    StyleTransferOptions,
    engine,
    image_sizes,
    images,
    transparency,
)
from nst.engine.network.weights import WeightsStore
from nst.engine.pictures.styles import style_size
from nst.presets import PRESETS

AUTHORS = "authors"
"""Name of the loop of `benchmarks.neighbors_loop`; its strength is its alpha."""

SEED = 0


def names() -> list[str]:
    """Return the names of all methods that have a strength."""
    presets = [name for name in PRESETS if not StyleTransferOptions.from_preset(name).is_draft]
    return [*presets, AUTHORS]


@dataclass(frozen=True, slots=True)
class Method:
    """One method at one strength."""

    name: str
    strength: float
    model: str
    size: int
    """Longest side of the image in pixels."""
    steps: int | None = None
    """Number of steps in place of the method's own; for the authors' loop, per scale."""

    @property
    def settings(self) -> dict[str, Any]:
        """Requested settings, equal in every version of nst that has these options."""
        if self.name == AUTHORS:
            return {"alpha": self.strength, "size": self.size, "steps": self._loop_steps}
        return self._options().model_dump(mode="json", exclude_defaults=True)

    @property
    def version(self) -> str:
        """Hash of all code and all defaults that determine the painted image."""
        if self.name == AUTHORS:
            return hash_of_sources(_loop_files())
        options = self._options().model_dump_json()
        parts = (nst.__version__, options, hash_of_sources(_engine_files()))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def paint(
        self, content: Image.Image, style: Image.Image, store: WeightsStore
    ) -> tuple[Image.Image, float]:
        """Return the image and its seconds, including all preparations."""
        started = time.perf_counter()
        if self.name == AUTHORS:
            painted = self._paint_by_loop(content, style, store)
        else:
            transfer = NeuralStyleTransfer(self._options(), weights=store)
            last = last_of(transfer.steps(Inputs(content, style)))
            painted = last.snapshot.picture()
        return painted, time.perf_counter() - started

    @property
    def _loop_steps(self) -> int:
        return self.steps or neighbors_loop.STEPS

    def _options(self) -> StyleTransferOptions:
        given: dict[str, Any] = {} if self.steps is None else {"total_iterations": self.steps}
        return StyleTransferOptions.from_preset(
            self.name,
            size=self.size,
            model=self.model,
            seed=SEED,
            save_every=0,
            **{"strength": self.strength, **given},
        )

    def _paint_by_loop(
        self, content: Image.Image, style: Image.Image, store: WeightsStore
    ) -> Image.Image:
        size = image_sizes.fit(content.size, self.size)
        loop = neighbors_loop.NeighborsLoop(
            store.load("vgg16").tensors,
            _tensor(content, size),
            _tensor(style, style_size(style.size, size)),
            alpha=self.strength,
            seed=SEED,
        )
        pixels = (255 * loop.run(self._loop_steps)[0]).round().byte().permute(1, 2, 0)
        return Image.fromarray(pixels.numpy())


def hash_of_sources(files: Sequence[Path]) -> str:
    """Return the version of a method, which changes only with its code."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def key(settings: dict[str, Any], *pictures: Image.Image) -> str:
    """Return the hash of settings and images."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for picture in pictures:
        digest.update(str(picture.size).encode() + picture.tobytes())
    return digest.hexdigest()[:16]


def _engine_files() -> list[Path]:
    """Return the sources that determine a preset's image, without the judge's."""
    directory = Path(engine.__file__).parent
    return [file for file in directory.rglob("*.py") if file.name != "distance.py"]


def _loop_files() -> list[Path]:
    directory = Path(neighbors_loop.__file__).parent
    return [directory / "naive.py", directory / "neighbors_loop.py"]


def _tensor(picture: Image.Image, size: tuple[int, int]) -> Tensor:
    """Return the image in this size as a tensor (1, 3, H, W), 0…1."""
    resized = images.resize(transparency.flatten(picture), size)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1)[None].float() / 255
