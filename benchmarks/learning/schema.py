"""What a results file of learned styles holds."""

from collections.abc import Collection
from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from benchmarks.engine.schema import Machine, Measured, Record


class PaintedPhoto(Measured):
    """A photo as a method paints it after some time of learning."""

    method: str
    minutes: NonNegativeFloat
    """Time spent on steps."""
    steps: NonNegativeInt
    content: str
    style: str
    content_distance: NonNegativeFloat
    style_distance: NonNegativeFloat
    """Larger of precision and coverage."""
    precision: NonNegativeFloat
    coverage: NonNegativeFloat


class LearnedNetwork(Measured):
    """What a method is worth beside its distances, after the last of its minutes."""

    method: str
    style: str
    seconds: PositiveFloat
    """Median time to paint 600×400 pixels, warm."""
    frame_seconds: PositiveFloat
    """Median time to paint a frame of the film, 512 pixels wide."""
    warping_error: NonNegativeFloat
    """Of a film painted frame by frame [Lai18], RGB 0…1."""
    peak_bytes: NonNegativeInt
    """Peak memory of the process while it learned; 0 where nothing is learned."""


class Learning(Record):
    """All methods of one run."""

    schema_version: Literal[1] = 1
    suite: Literal["learning"] = "learning"
    nst_version: str
    machine: Machine
    judge: str
    size: PositiveInt
    """Side in pixels of the parts of photos that are learned from."""
    photos: PositiveInt
    """Number of photos that are learned from; those that are painted are not among them."""
    painted_size: PositiveInt
    """Longest side of the judged images, in pixels."""
    images: tuple[PaintedPhoto, ...] = ()
    networks: tuple[LearnedNetwork, ...] = ()


def without(learning: Learning, methods: Collection[str], styles: Collection[str]) -> Learning:
    """Return the results without the rows of these methods on these styles."""

    def is_kept(row: PaintedPhoto | LearnedNetwork) -> bool:
        return row.method not in methods or row.style not in styles

    images, networks = filter(is_kept, learning.images), filter(is_kept, learning.networks)
    return learning.model_copy(update={"images": tuple(images), "networks": tuple(networks)})
