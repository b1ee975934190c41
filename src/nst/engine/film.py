"""Films: each frame continues the one before along the
optical flow, so that nothing flickers.

[Ruder16] Ruder, Dosovitskiy, Brox: Artistic Style Transfer for Videos, GCPR 2016.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from nst import image_sizes, images
from nst.engine.inputs import Inputs
from nst.engine.pictures import levels
from nst.engine.pictures.flow import extended, motion_since, opencv
from nst.engine.pictures.styles import Styles
from nst.engine.transfer import NeuralStyleTransfer
from nst.image_reader import ImageSource
from nst.options import StyleTransferOptions
from nst.progress import Progress, Provenance

PASS_SHARE = 0.5
"""Share of the neighbour's painting in what a frame starts from in later passes;
the frame as the pass before has painted it has the rest."""


@dataclass(frozen=True, slots=True)
class PaintedFrame:
    """A frame of a film, and what was painted of it."""

    frame: Image.Image
    painted: Image.Image
    """In the size of the result."""


class FilmTransfer:
    """Paints the frames of a film, one after the other.

    The first frame of each shot is painted as a single picture. Every other one starts from the
    painting of the frame before, moved along the optical flow, and where something came into view
    from itself in the painting's colours; what was moved is held by the temporal term [Ruder16].
    """

    def __init__(self, transfer: NeuralStyleTransfer, later: StyleTransferOptions) -> None:
        """`transfer`: of the first frame of a shot.
        `later`: the options of all other frames. Drafts do not continue one another.
        Raises VideoUnavailable."""
        self._first = transfer
        self._later = transfer.with_options(later)
        if not later.is_draft:
            opencv()

    def provenance(self) -> Provenance:
        """Return what computes. Raises WeightsUnavailable."""
        return self._first.provenance()

    def steps(
        self,
        frame: Image.Image,
        styles: Styles,
        before: PaintedFrame | None = None,
        *,
        latest: Image.Image | None = None,
        detail_map: "ImageSource | None" = None,
    ) -> Iterator[Progress]:
        """Paint a frame step by step, as `NeuralStyleTransfer.steps`.

        `before`: its neighbour, the frame before or in a backward pass the frame after it, which is
        painted already; None for the first one. `latest`: what the pass before has painted of the
        frame; None in the first pass. Raises as `NeuralStyleTransfer.steps`.
        """
        inputs = Inputs(frame, styles, detail_map=detail_map)
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
            start = continued(images.resize(images.colours(frame), size), moved, motion.visible)
        else:
            again = latest.convert("RGB")
            mixed = Image.blend(again, moved, PASS_SHARE)
            start = Image.composite(mixed, again, _as_mask(motion.visible))
        return self._later.steps(replace(inputs, initial=start, held=_as_mask(motion.visible)))


def pass_order(pass_: int, count: int) -> range:
    """Return the numbers of the frames, from 0, in the order in which a pass, counted
    from 1, paints them: forward and backward in turn [Ruder16]."""
    return range(count) if pass_ % 2 else range(count - 1, -1, -1)


def continued(frame: Image.Image, moved: Image.Image, visible: np.ndarray) -> Image.Image:
    """Return what a frame starts from: the painting of its neighbour, moved, where it
    is visible there, and elsewhere the frame, changed in colour as the painting
    changes what lies around.

    Images are RGB, of the size of `visible` (H, W).
    """
    photo = levels.of_image(frame)
    change = levels.of_image(moved) - photo
    return levels.to_image(photo + extended(change, visible))


def _as_mask(visible: np.ndarray) -> Image.Image:
    """(H, W), bool → grey, white where true."""
    return Image.fromarray(visible.astype(np.uint8) * np.uint8(255))
