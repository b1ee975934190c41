"""Content of a results file of learned styles."""

from collections.abc import Collection
from typing import Literal, Self

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from benchmarks.engine.schema import Machine, Measured, Record, of_this_version, versions_of


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
    """Peak memory of the process while it learned; 0 if it learns nothing.
    It contains the network that judges. Rows without `nst_version` have the peak of the process
    from its start to the first of the method's minutes, its earlier methods included."""


class Learning(Record):
    """Results of all methods of one run."""

    schema_version: Literal[1] = 1
    suite: Literal["learning"] = "learning"
    nst_version: str
    """Version of the run that began the file."""
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

    def continues(self, before: Self) -> bool:
        """Return whether this run measures the same as an earlier one."""
        measured = {"images", "networks", "nst_version"}
        return self.model_dump(exclude=measured) == before.model_dump(exclude=measured)

    def including(self, row: PaintedPhoto | LearnedNetwork) -> Self:
        name = "images" if isinstance(row, PaintedPhoto) else "networks"
        return self.model_copy(update={name: (*getattr(self, name), of_this_version(row))})

    @property
    def versions(self) -> str:
        """Versions of nst that measured the rows."""
        return versions_of(self.nst_version, [*self.images, *self.networks])


def without(learning: Learning, methods: Collection[str], styles: Collection[str]) -> Learning:
    """Return the results without the rows of these methods on these styles."""

    def is_kept(row: PaintedPhoto | LearnedNetwork) -> bool:
        return row.method not in methods or row.style not in styles

    images, networks = filter(is_kept, learning.images), filter(is_kept, learning.networks)
    return learning.model_copy(update={"images": tuple(images), "networks": tuple(networks)})
