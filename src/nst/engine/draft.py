"""Drafts: one pass through a network, in a fraction of a second.

[Ghiasi17] Ghiasi, Lee, Kudlur, Dumoulin, Shlens: Exploring the structure of a real-time, arbitrary
neural artistic stylization network, BMVC 2017, arXiv 1705.06830.

Torch is not imported here, because the import alone takes longer than the draft.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image

from nst import image_sizes, images
from nst.controls import Controls
from nst.engine.inputs import Inputs, finished, recoloured
from nst.engine.network.files import BUNDLE
from nst.engine.network.onnx_network import Network
from nst.engine.pictures import levels
from nst.engine.pictures.styles import Style, load_styles, mixed_levels
from nst.errors import DraftUnavailable, InvalidOption
from nst.option_fields import MAX_SIZE
from nst.options import StyleTransferOptions
from nst.progress import Losses, OnProgress, Progress, Provenance, Samples, StopReason
from nst.result import Result

NETWORK = Network(
    BUNDLE / "draft.onnx",
    "bd765d79bba1f3a986a50be96ad150a1574f06350c5d93d4e462e3a4c3095566",
    DraftUnavailable,
    threads=0,
)
"""Both networks of [Ghiasi17] in one graph.
The inputs are `content` and `style`, (1, H, W, 3) each, the output is `draft`, of the content's
shape; all are RGB from 0 to 1."""

STYLE_SIDE_PIXELS = 256
"""Side of the square to which the style image is resized, as in training."""

MAX_PIXELS = 1_000_000
"""Maximum number of pixels that the network paints; a larger draft is enlarged.
Strokes have a fixed size in pixels, so they would be lost in a larger image, and memory grows by
0.3 GB per million pixels."""

MARGIN_PIXELS = 16
"""Width of the margin by which the content image is mirrored over its borders.
The network's own padding spoils the outermost pixels."""

SIDE_MULTIPLE = 4
"""Number by which both sides must be divisible: the network halves them twice."""

NO_LOSSES = Losses(math.nan, math.nan, math.nan)
"""Losses of an image that no model has compared with content and style."""


class DraftTransfer:
    """Transfer that paints a draft: it takes no steps and compares nothing."""

    def __init__(self, options: StyleTransferOptions) -> None:
        self._options = options

    def run(
        self,
        inputs: Inputs,
        on_progress: OnProgress | None = None,  # noqa: ARG002 – a draft has no steps
        *,
        resume_from: object = None,
        controls: Controls | None = None,  # noqa: ARG002 – a draft cannot be steered
    ) -> Result:
        """Paint the draft. Raises InvalidImage, InvalidOption, DraftUnavailable."""
        check_begins(resume_from)
        if inputs.initial is not None:
            raise InvalidOption("total_iterations", 0, "at least 1 to start from a picture")
        if inputs.detail_map is not None:
            raise InvalidOption("total_iterations", 0, "at least 1 with a detail map")
        return run_draft(self._options, inputs)

    def steps(
        self,
        inputs: Inputs,
        *,
        resume_from: object = None,
        controls: Controls | None = None,  # noqa: ARG002
    ) -> Iterator[Progress]:
        """Return the draft as the only progress, of step 0. Raises as `run` does."""
        return iter([_as_progress(self.run(inputs, resume_from=resume_from))])

    def plan(self, inputs: Inputs) -> None:
        """Return None, because a draft needs little memory."""

    def provenance(self) -> Provenance:
        return Provenance("cpu", "fp32", self._options.model, NETWORK.sha256)


@dataclass(frozen=True, slots=True)
class DraftSnapshot:
    """A `nst.progress.Snapshot` of a draft."""

    draft: Result

    def picture(self) -> Image.Image:
        return self.draft.image

    def samples(self) -> "Samples | None":
        return self.draft.samples

    def output(self) -> "Image.Image | Samples":
        return self.draft.output

    def losses(self) -> Losses:
        return NO_LOSSES

    def save_checkpoint(self, path: Path) -> None:
        raise InvalidOption("total_iterations", 0, f"at least 1 to write the checkpoint {path}")

    def without_checkpoint(self) -> Self:
        return self


def check_begins(resume_from: object) -> None:
    """Raise InvalidOption if a transfer without steps has a checkpoint."""
    if resume_from is not None:
        raise InvalidOption("total_iterations", 0, "at least 1 to resume from a checkpoint")


def _as_progress(draft: Result) -> Progress:
    return Progress(
        step=0,
        total_iterations=0,
        size=draft.image.size,
        evaluations=0,
        losses=draft.losses,
        elapsed_seconds=draft.prepare_seconds,
        share=1.0,
        remaining_seconds=0.0,
        stop_reason=draft.stop_reason,
        memory_plan=None,
        in_force={},
        snapshot=DraftSnapshot(draft),
    )


def run_draft(options: StyleTransferOptions, inputs: Inputs) -> Result:
    """Paint the draft of these images, even if total_iterations is above 0.

    The initial image has no effect. Raises InvalidImage, InvalidOption, DraftUnavailable.
    """
    started = time.perf_counter()
    picture = images.load(inputs.content, "content")
    image_sizes.check_result_size(picture.size, options.size, MAX_SIZE)
    size = image_sizes.fit(picture.size, options.size)
    styles = load_styles(inputs.styles, inputs.masks, picture, options)
    colored = recoloured(styles, picture, size, options)
    draft = finished(_drafts(picture, colored, size), picture, options)
    return Result(
        image=levels.to_image(draft),
        samples=levels.to_samples(draft) if options.is_16_bit else None,
        options=options,
        losses=NO_LOSSES,
        history=(),
        stop_reason=StopReason.TOTAL_ITERATIONS,
        evaluations=0,
        prepare_seconds=time.perf_counter() - started,
        optimize_seconds=0.0,
        device="cpu",
        precision="fp32",
        model=options.model,
        weights_sha256=NETWORK.sha256,
    )


def paint_drafts(
    content: Image.Image, styles: Sequence[Style], size: tuple[int, int]
) -> Image.Image:
    """Paint a draft in each style and mix the drafts by the styles' masks and shares.

    Return an RGB image of exactly this (width, height). Raises DraftUnavailable.
    """
    return levels.to_image(_drafts(content, styles, size))


def paint_draft(content: Image.Image, style: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Paint the content image in the style of the style image.

    Return an RGB image of exactly this (width, height). The first call loads the network, which
    then stays in memory. Raises DraftUnavailable.
    """
    return levels.to_image(_draft(content, style, size))


def _drafts(content: Image.Image, styles: Sequence[Style], size: tuple[int, int]) -> np.ndarray:
    """Return the levels of `paint_drafts`."""
    drafts = [_draft(content, style.picture, size) for style in styles]
    return mixed_levels(content, drafts, styles)


def _draft(content: Image.Image, style: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Return the levels of `paint_draft`."""
    pixels = _pixels(content, image_sizes.limited(size, MAX_PIXELS))
    height, width, _ = pixels.shape
    margins = [(MARGIN_PIXELS, MARGIN_PIXELS + -side % SIDE_MULTIPLE) for side in (height, width)]
    mirrored = np.pad(pixels, [*margins, (0, 0)], mode="reflect")
    painted = _run(mirrored, _pixels(style, (STYLE_SIDE_PIXELS, STYLE_SIDE_PIXELS)))
    inner = painted[MARGIN_PIXELS:, MARGIN_PIXELS:][:height, :width]
    return levels.resized(inner * np.float32(255), size)


def _pixels(picture: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Return an image at this (width, height) as (H, W, 3), RGB from 0 to 1."""
    return np.asarray(images.resize(images.colours(picture), size), dtype=np.float32) / 255


def _run(content: np.ndarray, style: np.ndarray) -> np.ndarray:
    """Run the network on the content and the style, and return the draft.

    All three are (H, W, 3), RGB from 0 to 1; the content's sides are multiples of SIDE_MULTIPLE.
    """
    (draft,) = NETWORK.run({"content": content[np.newaxis], "style": style[np.newaxis]})
    return draft.squeeze(axis=0)
