"""What a results file of the frontier holds."""

from typing import Literal

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from benchmarks.engine.schema import Machine, Measured, Model, Record


class Painted(Measured):
    """One image, and how far it is from its content and its style."""

    method: str
    strength: NonNegativeFloat
    content: str
    """Names of the files, without extension."""
    style: str
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    seconds: PositiveFloat
    """Time to paint it, preparation included, when it was painted."""
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
    """Network that measured: the other one."""
    size: PositiveInt
    """Longest side in pixels."""
    methods: tuple[str, ...]
    """The first one is compared with each of the others."""
    rows: tuple[Painted, ...] = ()
