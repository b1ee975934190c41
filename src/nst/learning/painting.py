"""Painting with a learned network: one pass, no optimizer."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch.nn.utils import convert_conv2d_weight_memory_format

from nst import image_sizes, images
from nst.engine.device import precision_of, resolve_device, resolve_precision
from nst.engine.draft import NO_LOSSES
from nst.engine.inputs import finished
from nst.engine.pictures import levels
from nst.image_reader import ImageSource
from nst.learned_file import StyleFacts
from nst.learning import style_file
from nst.learning.network import StyleNetwork, paint_levels
from nst.learning_options import check_learned
from nst.option_fields import MAX_SIZE
from nst.options import StyleTransferOptions
from nst.progress import StopReason
from nst.result import Result

MAX_PIXELS = 4_000_000
"""Maximum number of painted pixels; a larger image is enlarged from them.
Strokes have a fixed size in pixels: they would be too small to see in a larger image, while memory
grows by 0.4 GB per million pixels."""


@dataclass(frozen=True, slots=True)
class LearnedStyle:
    """Network that has learned one or more styles and paints any number of photos."""

    network: StyleNetwork
    facts: StyleFacts
    device: torch.device
    dtype: torch.dtype
    """Data type of all convolutions except the last one."""

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto", precision: str = "auto") -> Self:
        """Load a learned style from a file that `nst learn` wrote.
        `device` and `precision`: as for `NeuralStyleTransfer`. Raises
        InvalidStyleFile, InvalidOption."""
        where = resolve_device(device)
        dtype = resolve_precision(precision, where)
        network, facts = style_file.load(Path(path))
        convert_conv2d_weight_memory_format(network, torch.channels_last)
        return cls(network.to(where), facts, where, dtype)

    @property
    def is_steady(self) -> bool:
        """Whether option steady was set in training, which reduces flicker in films."""
        return self.facts.recipe.options.get("steady") is True

    def paint(self, content: ImageSource, options: StyleTransferOptions | None = None) -> Result:
        """Paint a photo.

        Only the options size, style_blend (a share for each style of the file), `color` (style or
        luminance), color_amount and bit_depth have an effect; None: the options of preset draft.
        Raises InvalidImage, InvalidOption.
        """
        started = time.perf_counter()
        options = options or StyleTransferOptions.from_preset("draft")
        self.check(options)
        photo = images.load(content, "content")
        image_sizes.check_result_size(photo.size, options.size, MAX_SIZE)
        size = image_sizes.fit(photo.size, options.size)
        shares = options.style_shares(len(self.facts.styles))
        painted = finished(self._levels(photo, size, shares), photo, options)
        return Result(
            image=levels.to_image(painted),
            options=options,
            samples=levels.to_samples(painted) if options.is_16_bit else None,
            losses=NO_LOSSES,
            history=(),
            stop_reason=StopReason.TOTAL_ITERATIONS,
            evaluations=0,
            prepare_seconds=time.perf_counter() - started,
            optimize_seconds=0.0,
            device=str(self.device),
            precision=precision_of(self.dtype),
            model=options.model,
            weights_sha256=self.facts.tensors_sha256,
        )

    def check(self, options: StyleTransferOptions) -> None:
        """Raise InvalidOption if a learned style does not support the options."""
        check_learned(options)
        options.style_shares(len(self.facts.styles))

    def _levels(
        self, photo: Image.Image, size: tuple[int, int], shares: Sequence[float]
    ) -> np.ndarray:
        painted_size = image_sizes.limited(size, MAX_PIXELS)
        pixels = levels.of_image(images.resize(images.colours(photo), painted_size))
        return levels.resized(paint_levels(self.network, pixels, shares, self.dtype), size)
