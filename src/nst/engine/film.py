"""Films: each frame continues the one before it along the optical flow.

The continuity reduces flicker.

[Ruder16] Ruder, Dosovitskiy, Brox: Artistic Style Transfer for Videos, GCPR 2016.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from nst import image_sizes, images
from nst.engine.draft import run_draft
from nst.engine.inputs import Inputs
from nst.engine.pictures import levels
from nst.engine.pictures.flow import extended, motion_since, opencv
from nst.engine.pictures.styles import Styles
from nst.engine.transfer import NeuralStyleTransfer
from nst.options import StyleTransferOptions
from nst.progress import Progress, Provenance

DRAFT_SHARE = 0.5
"""Share of the frame's draft in the initial image of what came into view.
The frame has the rest. From the frame alone, the few steps of a later frame leave a grey photo;
the draft alone is more colourful than the painting around."""

PASS_SHARE = 0.5
"""Share of the stylized neighbour in a frame's initial image, in later passes.
The frame as stylized by the previous pass has the rest."""


@dataclass(frozen=True, slots=True)
class PaintedFrame:
    """A frame of a film and its stylized image."""

    frame: Image.Image
    painted: Image.Image
    """Stylized image, in the size of the result."""


class FilmTransfer:
    """Transfer that paints the frames of a film, one after the other.

    The first frame of each shot is painted like a single image. Every other frame starts from the
    stylized image of the frame before, moved along the optical flow. Where something came into
    view, it starts from a mix of the frame and its draft, in the colours of that stylized image.
    The temporal term holds the moved parts in place [Ruder16].
    """

    def __init__(self, transfer: NeuralStyleTransfer, later: StyleTransferOptions) -> None:
        """Create a transfer for a film.

        `transfer`: paints the first frame of a shot. `later`: options of all other frames. Drafts
        do not continue one another. Raises VideoUnavailable.
        """
        self._first = transfer
        self._later = transfer.with_options(later)
        if not later.is_draft:
            opencv()

    def provenance(self) -> Provenance:
        """Return the device, the precision and the weights. Raises WeightsUnavailable."""
        return self._first.provenance()

    def steps(
        self,
        frame: Image.Image,
        styles: Styles,
        before: PaintedFrame | None = None,
        *,
        latest: Image.Image | None = None,
    ) -> Iterator[Progress]:
        """Paint a frame step by step, as `NeuralStyleTransfer.steps` does.

        `before`: the neighbour that is painted already: the frame before or, in a backward pass,
        the frame after; None for the first frame. `latest`: the stylized image of this frame from
        the previous pass; None in the first pass. Raises as `NeuralStyleTransfer.steps` does.
        """
        inputs = Inputs(frame, styles)
        options = self._later.options
        if options.is_draft:
            return (self._later if before else self._first).steps(inputs)
        size = image_sizes.fit(frame.size, options.size)
        motion = motion_since(before.frame, frame, size) if before else None
        if before is None or motion is None or motion.is_cut:
            if latest is None:
                return self._first.steps(inputs)
            return self._later.steps(replace(inputs, initial=latest, held=Image.new("L", size)))
        moved = motion.warped(before.painted)
        if latest is None:
            start = continued(self._half_painted(frame, inputs, size), moved, motion.visible)
        else:
            again = latest.convert("RGB")
            mixed = Image.blend(again, moved, PASS_SHARE)
            start = Image.composite(mixed, again, _as_mask(motion.visible))
        return self._later.steps(replace(inputs, initial=start, held=_as_mask(motion.visible)))

    def _half_painted(
        self, frame: Image.Image, inputs: Inputs, size: tuple[int, int]
    ) -> Image.Image:
        """Return a mix of a frame and its draft: RGB in this (width, height)."""
        draft = images.colours(run_draft(self._later.options, inputs).image)
        return Image.blend(images.resize(images.colours(frame), size), draft, DRAFT_SHARE)


def pass_order(pass_: int, count: int) -> range:
    """Return the numbers of the frames in the order in which a pass paints them.

    Frames are numbered from 0, passes from 1. Passes alternate between forward and backward
    [Ruder16].
    """
    return range(count) if pass_ % 2 else range(count - 1, -1, -1)


def continued(frame: Image.Image, moved: Image.Image, visible: np.ndarray) -> Image.Image:
    """Return the initial image of a frame.

    It is the moved stylized image of the neighbour where that is visible. Elsewhere it is `frame`,
    with the colour change that the stylized image has around that place. Images are RGB, of the
    size of `visible` (H, W).
    """
    photo = levels.of_image(frame)
    change = levels.of_image(moved) - photo
    return levels.to_image(photo + extended(change, visible))


def _as_mask(visible: np.ndarray) -> Image.Image:
    """Return a bool array (H, W) as a grey image, white where it is true."""
    return Image.fromarray(visible.astype(np.uint8) * np.uint8(255))
