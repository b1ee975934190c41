"""Content of a results file of learned styles."""

from collections.abc import Collection
from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from benchmarks.engine.schema import Machine, Measured, Record


class PaintedPhoto(Measured):
    """Photo that a method has painted after some time of learning."""

    method: str
    minutes: NonNegativeFloat
    """Minutes spent on steps."""
    steps: NonNegativeInt
    content: str
    style: str
    content_distance: NonNegativeFloat
    style_distance: NonNegativeFloat
    """Larger of precision and coverage."""
    precision: NonNegativeFloat
    coverage: NonNegativeFloat


class LearnedNetwork(Measured):
    """Speed, steadiness and memory of a method, after the last of its minutes."""

    method: str
    style: str
    seconds: PositiveFloat
    """Median time to paint 600×400 pixels, warm."""
    frame_seconds: PositiveFloat
    """Median time to paint a frame of the film, 512 pixels wide."""
    warping_error: NonNegativeFloat
    """Warping error [Lai18] of a film painted frame by frame, RGB 0…1."""
    peak_bytes: NonNegativeInt
    """Peak memory of the process while it learned; 0 if it learns nothing."""


class Learning(Record):
    """Results of all methods of one run."""

    schema_version: Literal[1] = 1
    suite: Literal["learning"] = "learning"
    nst_version: str
    machine: Machine
    judge: str
    size: PositiveInt
    """Side, in pixels, of the parts of photos in training."""
    photos: PositiveInt
    """Number of photos in training; the painted photos are not among them."""
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
