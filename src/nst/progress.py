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
"""16-bit samples of an image in sRGB, 0…65535.
The arrays are uint16: (H, W, 3) for RGB, (H, W, 4) for RGBA."""

CHECKPOINT_NAME = "checkpoint.safetensors"
"""Name of a checkpoint in a directory that is given instead of a file."""


class StopReason(StrEnum):
    """Reason why a transfer ended."""

    TOTAL_ITERATIONS = "total_iterations"
    CONVERGED = "converged"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Losses:
    """Terms of the loss, each already multiplied by its weight."""

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
    """First step that used these values; steps of all scales are counted from 1."""
    values: Mapping[str, float]
    """New values by option; all other options kept theirs."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Plan of a transfer's memory, and its expected size."""

    size: tuple[int, int]
    """Width and height of the result, in pixels."""
    tile_side: int | None
    """Approximate side of a tile in pixels, without the overlap of tiles.
    None: both images are computed at once."""
    tiles: int
    """Number of tiles in which the result is computed."""
    history_size: int
    """Number of steps that L-BFGS remembers; 0 for Adam."""
    process_bytes: int
    """Bytes that the process held before, and the workspace of its libraries."""
    network_bytes: int
    vector_bytes: int
    """Bytes of images, gradients and the optimizer's memory of steps."""
    content_bytes: int
    """Bytes of the content image's features."""
    activation_bytes: int
    """Bytes of one tile, at the peak of an evaluation."""
    checkpoint_bytes: int
    """Size of a checkpoint on the disk, in bytes.
    A new one is written before the old one is deleted, so that both exist for a moment."""
    keeps_freed_memory: bool = False
    """Whether the process keeps freed memory for the next tensors, which is faster.
    `activation_bytes` contains the gaps between them. With style loss neighbors, the content
    image's features are kept for the next search as well."""

    @property
    def peak_bytes(self) -> int:
        """Bytes of the whole process at its peak."""
        return (
            self.process_bytes
            + self.network_bytes
            + self.vector_bytes
            + self.content_bytes
            + self.activation_bytes
        )


class Snapshot(Protocol):
    """Frozen state of a transfer after one step.
    It does not change while the transfer continues."""

    def picture(self) -> Image.Image:
        """Return the image in the size of the result, with 8 bits per channel.
        It has this size also while a coarser scale is painted. With option average it is the
        average of the last steps."""

    def samples(self) -> "Samples | None":
        """Return the 16-bit samples of `picture`; None if option bit_depth is 8."""

    def output(self) -> "Image.Image | Samples":
        """Return the image at the requested bit depth, as `images.save` takes it."""

    def losses(self) -> Losses:
        """Return the losses of `picture`; NaN for a draft alone.
        If the image is an average, this costs an evaluation."""

    def save_checkpoint(self, path: Path) -> None:
        """Write a checkpoint from which the transfer resumes after this step.

        Raises StorageError, InvalidOption for a draft alone, which takes no steps, and ValueError
        after `without_checkpoint`.
        """

    def without_checkpoint(self) -> Self:
        """Return the snapshot without the memory that only a checkpoint needs.
        The optimizer's memory of steps is larger than everything else. Use this to keep a snapshot
        during the next step."""


@dataclass(frozen=True, slots=True)
class Progress:
    """State after an optimizer step; it stays valid while the transfer continues."""

    step: int
    total_iterations: int
    size: tuple[int, int]
    """Width and height of the scale that is being painted.
    The last scale has the size of the result."""
    evaluations: int
    """Number of evaluations of the loss and its gradient so far."""
    losses: Losses
    """Losses of the optimizer's current image, even if images are averaged.
    NaN for a draft alone, which is step 0."""
    elapsed_seconds: float
    """Seconds since the transfer began, or resumed from a checkpoint."""
    share: float
    """Share of the work that is done, 0…1; 1 on the last step.
    Work is pixels × evaluations of all scales, so that equal shares take about equal times."""
    remaining_seconds: float | None
    """Estimated seconds until `total_iterations`, at the speed so far.
    0 on the last step. None after the first step, whose speed is not typical because it includes
    warming up."""
    stop_reason: StopReason | None
    """Reason why the transfer ended; set on the last step only."""
    memory_plan: "MemoryPlan | None"
    """Memory plan of this scale; None for a draft alone."""
    in_force: Mapping[str, float]
    """Options that can be steered, with the values that this step used."""
    snapshot: Snapshot
    """Snapshot after this step: the image, its losses and the checkpoint."""
    changes: tuple[Change, ...] = ()
    """Options that were steered up to this step, including before a checkpoint."""
    notice: str | None = None
    """Message for the user if option `protect` has no effect."""

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
    """Model that is used; for a draft alone, the requested one."""
    weights_sha256: str
    """SHA-256 of the model's weights, or of the draft's network for a draft alone."""


OnProgress = Callable[[Progress], object]
"""Function that is called after each step.
If it returns False, the transfer stops after this step; any other value has no effect."""


@dataclass(frozen=True, slots=True)
class Distances:
    """Distances of an image from its content image and its styles; 0 is equal.
    They are measured by the network that did not paint the image. `nst.engine.distance` has the
    formulas."""

    judge: str
    """Network that measured: vgg16 or vgg19."""
    content: float
    """Self-similarity distance from the content image, 0…2.
    Paintings are between 0.15 and 0.4."""
    style: float
    """Relaxed earth mover's distance from the styles, 0…2.
    It is the larger of precision and coverage."""
    precision: float
    """Mean cosine distance of the image's features to the nearest of the styles.
    An unpainted photo may score well here, so precision alone is not a measure of quality."""
    coverage: float
    """Mean cosine distance of the styles' features to the nearest of the image."""
    worst_tenth: float
    """Mean of the largest tenth of the distances that precision averages.
    These are places that no style reached."""
    gram: float
    """Squared distance of the Gram matrices, relative to those of the style.
    Gram matrices of zeros have the distance 1."""


@dataclass(frozen=True, slots=True)
class SquaredDistances:
    """Distances as early versions measured them, in old recipes and jobs.
    They are not comparable with `Distances`."""

    judge: str
    """Network that measured: vgg16 or vgg19."""
    content: float
    """Squared distance of the features of conv4_2, relative to the content's own."""
    style: float
    """Squared distance of the Gram matrices; `Distances` calls it `gram`."""
