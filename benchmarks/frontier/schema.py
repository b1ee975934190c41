"""Content of a results file of the frontier."""

from typing import Literal

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from benchmarks.engine.schema import Machine, Measured, Model, Record


class Painted(Measured):
    """One image with its distances from its content and its style."""

    method: str
    strength: NonNegativeFloat
    content: str
    """Name of the content image's file, without extension; `style` has the same form."""
    style: str
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    seconds: PositiveFloat
    """Seconds to paint the image, including preparation, when it was painted."""
    content_distance: NonNegativeFloat
    style_distance: NonNegativeFloat
    """Larger of precision and coverage."""
    precision: NonNegativeFloat
    coverage: NonNegativeFloat
    worst_tenth: NonNegativeFloat
    gram: NonNegativeFloat

    @property
    def pair(self) -> str:
        return f"{self.content} + {self.style}"


class Frontier(Record):
    """All images of one run, in the order in which they were measured."""

    schema_version: Literal[1] = 1
    suite: Literal["frontier"] = "frontier"
    nst_version: str
    machine: Machine
    model: Model
    """Network that painted."""
    judge: str
    """Network that judged: the other one."""
    size: PositiveInt
    """Longest side in pixels."""
    methods: tuple[str, ...]
    """Methods; the first one is compared with each of the others."""
    rows: tuple[Painted, ...] = ()
