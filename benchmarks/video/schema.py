"""Content of a results file of painted films."""

from typing import Literal, Self

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from benchmarks.engine.schema import (
    Machine,
    Measured,
    Model,
    Record,
    of_this_version,
    versions_of,
)


class PaintedFilm(Measured):
    """Clip painted by one method."""

    clip: str
    method: str
    warping_error: NonNegativeFloat
    """Warping error of [Lai18], RGB 0…1, without pixels that came into view."""
    precision: NonNegativeFloat
    """Mean over all frames except the first, like all distances."""
    coverage: NonNegativeFloat
    content_distance: NonNegativeFloat
    first_seconds: PositiveFloat
    later_seconds: PositiveFloat
    """Median time of a frame after the first."""


class FilmMemory(Measured):
    """Resident memory while a long film is painted along the flow."""

    frames: PositiveInt
    width: PositiveInt
    """Width of the frames, in pixels."""
    settled_frame: PositiveInt
    """Frame, counted from 1, after which memory should not grow."""
    settled_bytes: PositiveInt
    most_bytes: PositiveInt
    """Maximum at the end of all later frames."""


class Films(Record):
    """All films of one machine and one set of options."""

    schema_version: Literal[2] = 2
    suite: Literal["video"] = "video"
    nst_version: str
    """Version of the run that began the file."""
    machine: Machine
    model: Model
    judge: str
    preset: str
    style: str
    width: PositiveInt
    """Width of the frames, in pixels."""
    frames: PositiveInt
    rows: tuple[PaintedFilm, ...] = ()
    memory: FilmMemory | None = None

    def continues(self, before: Self) -> bool:
        """Return whether this run measures the same as an earlier one."""
        measured = {"rows", "memory", "nst_version"}
        return self.model_dump(exclude=measured) == before.model_dump(exclude=measured)

    def has(self, clip: str, method: str) -> bool:
        return any((row.clip, row.method) == (clip, method) for row in self.rows)

    def including(self, row: PaintedFilm) -> Self:
        return self.model_copy(update={"rows": (*self.rows, of_this_version(row))})

    def with_memory(self, memory: FilmMemory) -> Self:
        return self.model_copy(update={"memory": of_this_version(memory)})

    @property
    def versions(self) -> str:
        """Versions of nst that measured the rows and the memory."""
        memory = [self.memory] if self.memory else []
        return versions_of(self.nst_version, [*self.rows, *memory])
