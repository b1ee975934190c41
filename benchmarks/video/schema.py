"""What a results file of painted films holds."""

from typing import Literal

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from benchmarks.engine.schema import Machine, Measured, Model, Record


class PaintedFilm(Measured):
    """A clip painted in one way."""

    clip: str
    method: str
    warping_error: NonNegativeFloat
    """[Lai18], RGB 0…1; what came into view is left out."""
    precision: NonNegativeFloat
    """Mean over the frames but the first, as of all distances."""
    coverage: NonNegativeFloat
    content_distance: NonNegativeFloat
    first_seconds: PositiveFloat
    later_seconds: PositiveFloat
    """Median time of a frame after the first."""


class Films(Record):
    """All films of one run."""

    schema_version: Literal[1] = 1
    suite: Literal["video"] = "video"
    nst_version: str
    machine: Machine
    model: Model
    judge: str
    preset: str
    style: str
    width: PositiveInt
    """Of the frames, in pixels."""
    frames: PositiveInt
    rows: tuple[PaintedFilm, ...] = ()
