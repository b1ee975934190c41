"""Reports of a transfer while it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

from PIL import Image

if TYPE_CHECKING:
    import numpy as np

Samples: TypeAlias = "np.ndarray[Any, Any]"
"""16-bit samples of an image: uint16 (H, W, 3) for RGB,
(H, W, 4) for RGBA; sRGB, 0…65535."""


class StopReason(StrEnum):
    """Reason why a transfer ended."""

    TOTAL_ITERATIONS = "total_iterations"
    CONVERGED = "converged"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Losses:
    """The terms of the loss, each already multiplied by its weight."""

    content: float
    style: float
    total_variation: float
    temporal: float = 0.0
    """Temporal loss of a frame that continues another; 0 for a single image."""

    @property
    def total(self) -> float:
        return self.content + self.style + self.total_variation + self.temporal


@dataclass(frozen=True, slots=True)
class Change:
    """Values that were steered while a transfer ran."""

    step: int
    """First step that went by these values; steps of all scales are counted from 1."""
    values: Mapping[str, float]
    """New value by option; options that are missing kept theirs."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """How a transfer divides its memory, and how much that is expected to be."""

    size: tuple[int, int]
    """Width and height of the result, in pixels."""
    tile_side: int | None
    """In pixels, about, without what tiles share;
    None: both pictures are computed at once."""
    tiles: int
    """In which the result is computed."""
    history_size: int
    """Steps that L-BFGS remembers; 0 for Adam."""
    process_bytes: int
    """Bytes that the process held before, and the workspace of its libraries."""
    network_bytes: int
    vector_bytes: int
    """Pictures, gradients, and what the optimizer remembers."""
    content_bytes: int
    """Features of the content image."""
    activation_bytes: int
    """Bytes of one tile, at the peak of an evaluation."""
    checkpoint_bytes: int
    """Size of a checkpoint on the disk.
    A new one is written before the old one goes, so that two are there for a
    moment."""

    @property
    def peak_bytes(self) -> int:
        """Return the peak bytes of the whole process."""
        return (
            self.process_bytes
            + self.network_bytes
            + self.vector_bytes
            + self.content_bytes
            + self.activation_bytes
        )


class Snapshot(Protocol):
    """A transfer after one step, frozen: it stays what it is
    while the transfer goes on."""

    def picture(self) -> Image.Image:
        """Return the picture in the size of the result, also while a coarser scale is
        painted; with option average it is the average of the last steps. 8 bits per
        channel."""

    def samples(self) -> "Samples | None":
        """Return the 16-bit samples of `picture`; None if option bit_depth is 8."""

    def output(self) -> "Image.Image | Samples":
        """Return the picture at the bit depth that was asked for,
        as `images.save` takes it."""

    def losses(self) -> Losses:
        """Return the losses of `picture`, NaN for a draft alone.
        Costs an evaluation where the picture is an average."""

    def save_checkpoint(self, path: Path) -> None:
        """Write the file from which the transfer goes on after this step.

        Raises StorageError, InvalidOption for a draft alone, which takes no steps, and ValueError
        after `without_checkpoint`.
        """

    def without_checkpoint(self) -> Self:
        """Return the same without the memory that only a checkpoint needs: what an
        optimizer remembers is larger than all else. For those who keep a snapshot
        during the next step."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The state after an optimizer step, a value that stays valid."""

    step: int
    total_iterations: int
    size: tuple[int, int]
    """Width and height of the scale that is being painted;
    the last one has the result's."""
    evaluations: int
    """How often the loss and its gradient have been computed so far."""
    losses: Losses
    """Where the optimizer is, whatever is averaged;
    NaN for a draft alone, which is step 0."""
    elapsed_seconds: float
    """Since the transfer began, or went on from a checkpoint."""
    share: float
    """Part of the work that is done, 0…1: pixels × evaluations of all scales, so that
    equal parts take about equal times. 1 on the last step."""
    remaining_seconds: float | None
    """At the speed so far, if the transfer goes on to `total_iterations`;
    0 on the last step. None after the first step, which also warms up what
    computes, so that its speed says nothing."""
    stop_reason: StopReason | None
    """Set on the last step only."""
    memory_plan: "MemoryPlan | None"
    """Memory plan of this scale; None for a draft alone."""
    in_force: Mapping[str, float]
    """Options that may be steered, with the values that this step used."""
    snapshot: Snapshot
    """The picture, its losses and the checkpoint after this step."""
    changes: tuple[Change, ...] = ()
    """Options that were steered up to this step, also before a checkpoint."""

    def __repr__(self) -> str:
        width, height = self.size
        steps = f"step {self.step} of {self.total_iterations}"
        return f"<Progress: {steps}, {width}×{height} pixels, loss {self.losses.total:.3g}>"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Machine and weights of a transfer."""

    device: str
    precision: str
    """Precision of the convolutions at the start: fp32, bf16 or fp16."""
    model: str
    """The one that is used; for a draft alone the one asked for."""
    weights_sha256: str
    """SHA-256 of the model's weights, or of the draft's network for a draft alone."""


OnProgress = Callable[[Progress], object]
"""Called after each step.
False stops the transfer after this step; any other value does not."""


@dataclass(frozen=True, slots=True)
class Distances:
    """How far an image is from its content image and its styles, seen by the network
    that did not paint it. 0 is equal. `nst.engine.distance` has the formulas."""

    judge: str
    """Network that measured: vgg16 or vgg19."""
    content: float
    """Self-similarity distance from the content image, 0…2.
    Paintings are between 0.15 and 0.4."""
    style: float
    """Larger of precision and coverage: the relaxed earth
    mover's distance from the styles, 0…2."""
    precision: float
    """Mean cosine distance from each feature of the image to its nearest in the
    styles. An unpainted photo may do well here; no measure by itself."""
    coverage: float
    """Mean cosine distance from each feature of the styles to
    its nearest in the image."""
    worst_tenth: float
    """Mean of the largest tenth of the distances that
    precision averages: places that no style reached."""
    gram: float
    """Squared distance of the Gram matrices, relative to those of the style:
    1 is as far as from nothing."""


@dataclass(frozen=True, slots=True)
class SquaredDistances:
    """Distances as nst 0.1 measured them, in old recipes and jobs.
    They cannot be compared with `Distances`."""

    judge: str
    """Network that measured: vgg16 or vgg19."""
    content: float
    """Squared distance of the features of conv4_2, relative to the content's own."""
    style: float
    """Squared distance of the Gram matrices; `Distances` calls it `gram`."""
