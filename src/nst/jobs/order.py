"""Order: what somebody asks a job for, its inputs and options."""

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
"""Media type of the file of a learned style."""

LEARNING_START_SECONDS = 600
"""Seconds that an attempt at learning has beside those of its options."""


class Value(BaseModel):
    """Model whose fields never change."""

    model_config = ConfigDict(frozen=True)


class Picture(Value):
    """A picture that went in; the storage has its bytes under `key`."""

    key: str
    sha256: str
    name: str
    """For people: the file's own name, cleaned; never where it is stored."""
    content_type: str
    size: tuple[int, int]
    """Width and height in pixels; both 0 for a learned style, which has none."""

    @property
    def is_learned(self) -> bool:
        """Whether it is the file of a learned style."""
        return self.content_type == LEARNED_TYPE

    @property
    def in_recipe(self) -> PictureFile:
        """The picture as a recipe names it."""
        path = f"{PREFIX}{self.sample}" if self.sample else self.name
        return PictureFile(path=path, sha256=self.sha256)

    @property
    def sample(self) -> str | None:
        """Name of the picture if it comes with nst."""
        return sample_with(self.sha256)


class Film(Value):
    """A film as the content of a job."""

    frames: int
    """Number of frames that could be read."""
    seconds: float
    first_frame: str
    """Key of its first frame, a JPEG."""
    passes: int = 1
    """Number of times it is painted, forward and backward in turn."""

    @property
    def paintings(self) -> int:
        """Number of frames that are painted in all passes."""
        return self.frames * self.passes


class Learning(Value):
    """Learning of the styles of a job, in place of painting."""

    options: LearningOptions
    names: tuple[str, ...]
    """Names of the styles, in their order."""
    licence: str = ""
    photos: tuple[Picture, ...] = ()
    """Photos that the network learns from; none: the sample photos of nst."""

    @property
    def title(self) -> str:
        """Name of the learned style."""
        return " and ".join(self.names)

    @property
    def max_seconds(self) -> float:
        """Maximum duration of one attempt. Learning ends by itself after its minutes;
        previews and checkpoints come on top."""
        return 2 * 60 * self.options.minutes + LEARNING_START_SECONDS


class Order(Value):
    """An order: the inputs and options of one job."""

    content: Picture
    """The first style image if the job learns."""
    film: Film | None = None
    """Set if the content is a film, whose frames are painted."""
    learning: Learning | None = None
    """Set if the job learns the styles and paints nothing."""
    styles: tuple[Picture, ...] = Field(min_length=1)
    masks: tuple[Picture | None, ...] = ()
    """For each style where it applies; None: everywhere."""
    detail_map: Picture | None = None
    """White where more of the content image stays."""
    initial: Picture | None = None
    """Image that is painted on; None: the options say where the transfer starts."""
    options: StyleTransferOptions
    preset: str | None = None
    """From which the options come, for people."""
    given: tuple[str, ...] = ()
    """Names of the options that the client sent, beside the preset."""
    changes: tuple[Change, ...] = ()
    """Options that are steered, and at which step, from a recipe that is repeated."""
    stop_after: int | None = None
    """Step after which the job stops and has succeeded; None: it goes on to its end."""

    @field_serializer("options")
    def _only_those_given(self, options: StyleTransferOptions) -> dict[str, Any]:
        # Whether somebody asked for the model by name must be known to the worker too.
        return options.model_dump(mode="json", exclude_unset=True)

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole order; a frame of a film counts as one at least.
        Shots of a film are known only when it is painted: it counts as one."""
        first = self.options.total_iterations
        if self.film is None:
            return first
        later = later_options(self.options).total_iterations
        return max(1, first) + (self.film.paintings - 1) * max(1, later)

    @property
    def in_recipe(self) -> dict[str, Any]:
        """The pictures as a recipe names them, by the recipe's field."""
        return {
            "content": self.content.in_recipe,
            "styles": tuple(style.in_recipe for style in self.styles),
            "masks": tuple(mask and mask.in_recipe for mask in self.masks),
            "detail_map": self.detail_map and self.detail_map.in_recipe,
            "initial": self.initial and self.initial.in_recipe,
        }

    @property
    def inputs(self) -> Sequence[Picture]:
        """All files that a worker needs."""
        photos = self.learning.photos if self.learning else ()
        others = (*self.masks, self.detail_map, self.initial)
        return (self.content, *self.styles, *filter(None, others), *photos)

    @property
    def is_picture(self) -> bool:
        """Whether the result is an image: no film and no learned style."""
        return self.film is None and self.learning is None

    @property
    def is_learned(self) -> bool:
        """Whether a learned style paints it, in one pass."""
        return self.styles[0].is_learned

    @property
    def names(self) -> Sequence[str | None]:
        """Names of all pictures; two orders with the same fingerprint may differ in them."""
        pictures = (self.content, *self.styles, *self.masks, self.detail_map, self.initial)
        return [picture.name if picture else None for picture in pictures]

    @property
    def title(self) -> str:
        if self.learning:
            return f"learned style {self.learning.title}"
        styles = " and ".join(_stem(style.name) for style in self.styles)
        return f"{_stem(self.content.name)} in {styles}"

    def fingerprint(self, version: str) -> str:
        """Equal for orders whose results are equal, painted by this version of nst."""
        facts: dict[str, Any] = {
            "content": self.content.sha256,
            "styles": [style.sha256 for style in self.styles],
            "masks": [mask and mask.sha256 for mask in self.masks],
            "detail_map": self.detail_map and self.detail_map.sha256,
            "options": self.options.model_dump(mode="json"),
            "names_model": self.options.names_model,
            "nst": version,
        }
        # Only where there is any: orders of earlier versions keep their fingerprint.
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
