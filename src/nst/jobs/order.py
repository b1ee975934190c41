"""Orders: the inputs and options of jobs."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_serializer

from nst.film_options import later_options
from nst.learning_options import LearningOptions
from nst.options import StyleTransferOptions
from nst.progress import Change
from nst.recipe import PictureFile
from nst.samples import PREFIX, sample_with

LEARNED_TYPE = "application/x-nst"
"""Media type of a learned style's file."""

LEARNING_START_SECONDS = 600
"""Seconds that an attempt at learning has in addition to those of its options."""


class Value(BaseModel):
    """Base class of immutable models."""

    model_config = ConfigDict(frozen=True)


class Picture(Value):
    """An input file of a job; the storage has its bytes under `key`."""

    key: str
    sha256: str
    name: str
    """Cleaned file name, for display only; never a storage path."""
    content_type: str
    size: tuple[int, int]
    """Width and height in pixels; both 0 for a learned style, which has none."""

    @property
    def is_learned(self) -> bool:
        """Whether the file is a learned style."""
        return self.content_type == LEARNED_TYPE

    @property
    def in_recipe(self) -> PictureFile:
        """The file as a recipe refers to it."""
        path = f"{PREFIX}{self.sample}" if self.sample else self.name
        return PictureFile(path=path, sha256=self.sha256)

    @property
    def sample(self) -> str | None:
        """Name of the sample image if the file is one that comes with nst."""
        return sample_with(self.sha256)


class Film(Value):
    """A film as the content of a job."""

    frames: int
    """Number of frames that could be read."""
    seconds: float
    first_frame: str
    """Key of the film's first frame, a JPEG."""
    passes: int = 1
    """Number of times the film is painted, alternately forward and backward."""

    @property
    def paintings(self) -> int:
        """Number of frames that are painted in all passes."""
        return self.frames * self.passes


class Learning(Value):
    """Task of a job that learns its styles instead of painting."""

    options: LearningOptions
    names: tuple[str, ...]
    """Names of the styles, in their order."""
    licence: str = ""
    photos: tuple[Picture, ...] = ()
    """Photos that the network learns from; if empty, the sample photos of nst."""

    @property
    def title(self) -> str:
        """Name of the learned style."""
        return " and ".join(self.names)

    @property
    def max_seconds(self) -> float:
        """Maximum duration of one attempt, in seconds.
        Learning ends by itself after its minutes; previews and checkpoints take extra time."""
        return 2 * 60 * self.options.minutes + LEARNING_START_SECONDS


class Order(Value):
    """An order: the inputs and options of one job."""

    content: Picture
    """Content image or film; the first style image if the job learns."""
    film: Film | None = None
    """Facts of the content if it is a film, else None."""
    learning: Learning | None = None
    """Learning task if the job learns its styles, else None."""
    styles: tuple[Picture, ...] = Field(min_length=1)
    masks: tuple[Picture | None, ...] = ()
    """Mask of each style; a style without a mask (None) applies everywhere."""
    detail_map: Picture | None = None
    """Detail map; it is white where more of the content image is kept."""
    initial: Picture | None = None
    """Initial image; None if the options define where the transfer starts."""
    options: StyleTransferOptions
    preset: str | None = None
    """Name of the preset from which the options come, for display only."""
    given: tuple[str, ...] = ()
    """Names of the options that the client sent in addition to the preset."""
    changes: tuple[Change, ...] = ()
    """Planned changes of options, from a repeated recipe, with the step of each."""
    stop_after: int | None = None
    """Step after which the job stops successfully; None if it runs to its end."""

    @field_serializer("options")
    def _only_those_given(self, options: StyleTransferOptions) -> dict[str, Any]:
        # The worker must know whether the client named the model explicitly.
        return options.model_dump(mode="json", exclude_unset=True)

    @property
    def steps(self) -> int:
        """Number of optimizer steps of the order, at least 1 for each painted image.
        A draft counts as 1. A film counts as a single shot, because shots are detected while it
        is painted."""
        first = max(1, self.options.total_iterations)
        if self.film is None:
            return first
        later = later_options(self.options).total_iterations
        return first + (self.film.paintings - 1) * max(1, later)

    @property
    def in_recipe(self) -> dict[str, Any]:
        """The input files as a recipe refers to them, by field of the recipe."""
        return {
            "content": self.content.in_recipe,
            "styles": tuple(style.in_recipe for style in self.styles),
            "masks": tuple(mask and mask.in_recipe for mask in self.masks),
            "detail_map": self.detail_map and self.detail_map.in_recipe,
            "initial": self.initial and self.initial.in_recipe,
        }

    @property
    def inputs(self) -> Sequence[Picture]:
        """All input files that a worker needs."""
        photos = self.learning.photos if self.learning else ()
        others = (*self.masks, self.detail_map, self.initial)
        return (self.content, *self.styles, *filter(None, others), *photos)

    @property
    def is_picture(self) -> bool:
        """Whether the result is an image, not a film or a learned style."""
        return self.film is None and self.learning is None

    @property
    def is_learned(self) -> bool:
        """Whether a learned style paints the result, in one pass."""
        return self.styles[0].is_learned

    @property
    def names(self) -> Sequence[str | None]:
        """Names of the input files except photos.
        Orders with equal fingerprints may differ in them."""
        pictures = (self.content, *self.styles, *self.masks, self.detail_map, self.initial)
        return [picture.name if picture else None for picture in pictures]

    @property
    def title(self) -> str:
        if self.learning:
            return f"learned style {self.learning.title}"
        styles = " and ".join(_stem(style.name) for style in self.styles)
        return f"{_stem(self.content.name)} in {styles}"

    def fingerprint(self, version: str) -> str:
        """Return a hash that is equal for orders with equal results.
        `version`: version of nst that paints the results."""
        facts: dict[str, Any] = {
            "content": self.content.sha256,
            "styles": [style.sha256 for style in self.styles],
            "masks": [mask and mask.sha256 for mask in self.masks],
            "detail_map": self.detail_map and self.detail_map.sha256,
            "options": self.options.model_dump(mode="json"),
            "names_model": self.options.names_model,
            "nst": version,
        }
        # Only if set, so that orders of earlier versions keep their fingerprints.
        if self.initial:
            facts["initial"] = self.initial.sha256
        if self.changes:
            facts["changes"] = [[change.step, dict(change.values)] for change in self.changes]
        if self.stop_after:
            facts["stop_after"] = self.stop_after
        if self.film and self.film.passes > 1:
            facts["passes"] = self.film.passes
        if self.learning:
            facts["learning"] = self.learning.model_dump(mode="json", exclude={"photos"})
            facts["photos"] = [photo.sha256 for photo in self.learning.photos]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _stem(name: str) -> str:
    stem = name.rsplit(".", 1)[0].replace("_", " ").strip()
    return stem or "picture"
