"""Result of a transfer; it can be saved and displayed."""

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from nst import image_sizes, image_writer, images
from nst.options import StyleTransferOptions
from nst.progress import Change, Distances, Losses, MemoryPlan, Samples, StopReason
from nst.recipe import Recipe, SourceFiles

SHOWN_SIDE_PIXELS = 1024
"""Longest side of an image in a notebook, which stores the image in its own file."""


@dataclass(frozen=True, slots=True)
class Result:
    """A finished, converged or canceled transfer, or a draft alone."""

    image: Image.Image
    """Image in RGB, or in RGBA if the content image has transparency.
    It has 8 bits per channel."""
    options: StyleTransferOptions
    """Options that the transfer began with; `changes` holds those that were steered."""
    losses: Losses
    """Losses of the image; NaN for a draft alone."""
    history: tuple[Losses, ...]
    """Losses after every step that was taken in this run.
    A transfer that was resumed has taken other steps before."""
    stop_reason: StopReason
    evaluations: int
    prepare_seconds: float
    """Seconds spent on preparing weights, images and targets."""
    optimize_seconds: float
    device: str
    precision: str
    """Precision of the convolutions at the start: fp32, bf16 or fp16."""
    model: str
    """Model that was used; for a draft alone, the requested one."""
    weights_sha256: str
    """SHA-256 of the model's weights, or of the draft's network for a draft alone."""
    distances: Distances | None = None
    """Distances; None if no other network is available, and for a draft alone."""
    memory_plan: MemoryPlan | None = None
    """Memory plan at the end; None for a draft alone."""
    samples: "Samples | None" = None
    """16-bit samples of the image; None if option bit_depth is 8."""
    changes: tuple[Change, ...] = ()
    """Options that were steered, with their steps."""
    stopped_after: int | None = None
    """Last step of a canceled transfer, counted over all scales.
    None if the transfer was not canceled."""
    notice: str | None = None
    """Message for the user if option `protect` has no effect."""
    files: SourceFiles | None = None
    """Files of the inputs; None if one of the inputs was not a file."""

    @property
    def output(self) -> "Image.Image | Samples":
        """Image at the requested bit depth, as `image_writer.save` takes it."""
        return self.image if self.samples is None else self.samples

    @property
    def steps(self) -> int:
        return len(self.history)

    @property
    def is_draft(self) -> bool:
        """Whether the result is a draft, without any optimizer step."""
        return self.memory_plan is None

    def recipe(self, pictures: Mapping[str, Any]) -> Recipe:
        """Return the recipe of the image.
        `pictures`: input files by the field of the recipe, which `SourceFiles.seen_from`
        returns."""
        return Recipe.of(
            self.options,
            model=self.model,
            weights_sha256=self.weights_sha256,
            distances=self.distances,
            changes=self.changes,
            stopped_after=self.stopped_after,
            **pictures,
        )

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> Path:
        """Write the image as .png, .jpg, .webp or .tiff; return the path of its file.

        It has the image's bit depth, and the recipe if all inputs were files. Without `overwrite`
        an existing file stays and the new one gets a number. Raises InvalidOption, StorageError.
        """
        file = Path(path)
        recipe = self.recipe(self.files.seen_from(file)).text() if self.files else None
        return image_writer.save(self.output, file, recipe=recipe, overwrite=overwrite)

    def __repr__(self) -> str:
        width, height = self.image.size
        if self.is_draft:
            return f"<Result: {width}×{height} pixels, a draft>"
        seconds = self.prepare_seconds + self.optimize_seconds
        return (
            f"<Result: {width}×{height} pixels, {self.steps} steps in {seconds:.1f} s with "
            f"{self.model} on {self.device}, {self.stop_reason}>"
        )

    def _repr_png_(self) -> bytes:
        """Return the image as the PNG file that a notebook shows."""
        shown, file = self.image, io.BytesIO()
        if max(shown.size) > SHOWN_SIDE_PIXELS:
            shown = images.resize(shown, image_sizes.fit(shown.size, SHOWN_SIDE_PIXELS))
        shown.save(file, "PNG")
        return file.getvalue()
