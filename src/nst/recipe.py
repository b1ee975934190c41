"""Recipe of an image: everything needed to paint it again, kept in its metadata."""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import nst
from nst import images
from nst.errors import ImageRole, InvalidImage
from nst.files import relative_path, sha256_of
from nst.options import StyleTransferOptions
from nst.progress import Change, Distances, SquaredDistances
from nst.samples import PREFIX, sample_file, sample_with

MAX_JSON_BYTES = 1_000_000
"""Maximum size of a recipe.json that is read; recipes have a few thousand bytes."""


_OPTIONS: Mapping[ImageRole, str] = {
    "mask": " --style-mask MASK",
    "detail map": " --detail-map MAP",
    "initial": " --init-image IMAGE",
}
"""Options of `nst stylize` that name an image, by its role."""


class PictureFile(BaseModel):
    """Image file that was an input of a transfer."""

    model_config = ConfigDict(frozen=True)

    path: str
    """Path relative to the directory of the result, or `sample:NAME`.
    Relative paths let a folder be moved as a whole; `sample:NAME` is an image that comes with
    nst. On Windows the path of a file on another drive is absolute."""
    sha256: str

    @classmethod
    def of(cls, file: Path, result: Path, sha256: str | None = None) -> Self:
        """Return the record of a file for the recipe in the file `result`.
        `sha256`: that of the file when it was read; None: now."""
        sha256 = sha256 or sha256_of(file)
        if name := sample_with(sha256):
            return cls(path=f"{PREFIX}{name}", sha256=sha256)
        path = relative_path(file.resolve(), result.resolve().parent).as_posix()
        # A name that is not UTF-8 cannot be stored, but must not cost a finished image.
        readable = os.fsencode(path).decode("utf-8", "replace")
        return cls(path=readable, sha256=sha256)

    def is_of(self, file: Path, result: Path) -> bool:
        """Return whether this is the record of a file, which may have changed or moved.
        `result`: file with the recipe."""
        place = os.path.normpath(result.resolve().parent / self.path)
        return place == os.fspath(file.resolve()) or self.sha256 == sha256_of(file)

    def locate(self, result: Path, role: ImageRole) -> Path:
        """Return the path of the file; `result`: file with the recipe.
        Raises InvalidImage if the file is missing or has changed."""
        file = sample_file(self.path, role) or Path(
            os.path.normpath(result.resolve().parent / self.path)
        )
        try:
            if not file.is_file():
                problem = "no longer exists"
            elif sha256_of(file) != self.sha256:
                problem = "has changed since"
            else:
                return file
        except OSError as error:
            problem = f"cannot be read ({error.strerror})"
        raise InvalidImage(
            role,
            f"{file}, from which {result} was made, {problem}; name the pictures: "
            f"nst stylize CONTENT STYLE{_OPTIONS.get(role, '')} --from-image {result}",
        )


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """Input files of a transfer."""

    content: Path
    styles: Sequence[Path]
    masks: Sequence[Path | None] = ()
    """Masks in the order of the styles; None: the style is used everywhere."""
    detail_map: Path | None = None
    initial: Path | None = None
    sha256: Mapping[Path, str] = field(default_factory=dict)
    """SHA-256 of the files that were hashed, by path."""

    def hashed(self) -> Self:
        """Return the files with their present hashes; later they may change or go.
        A file that cannot be read has no hash; its reader raises the error."""
        files = (self.content, *self.styles, *self.masks, self.detail_map, self.initial)
        hashes: dict[Path, str] = {}
        for file in files:
            with suppress(OSError):
                if file and file.is_file():  # a pipe would block
                    hashes[file] = sha256_of(file)
        return replace(self, sha256=hashes)

    def seen_from(self, result: Path) -> dict[str, Any]:
        """Return the files by the recipe's field, for the recipe in the file `result`.
        Those without a hash are hashed now."""

        def named(file: Path | None) -> PictureFile | None:
            return PictureFile.of(file, result, self.sha256.get(file)) if file else None

        return {
            "content": named(self.content),
            "styles": tuple(map(named, self.styles)),
            "masks": tuple(map(named, self.masks)),
            "detail_map": named(self.detail_map),
            "initial": named(self.initial),
        }


class Recipe(BaseModel):
    """Recipe of an image."""

    model_config = ConfigDict(frozen=True)

    nst: str
    """Version of nst that painted the image."""
    options: dict[str, Any]
    weights_sha256: str
    distances: Distances | SquaredDistances | None = None
    """Distances of the image; SquaredDistances in recipes of nst 0.1."""
    content: PictureFile
    styles: tuple[PictureFile, ...] = Field(min_length=1)
    masks: tuple[PictureFile | None, ...] = ()
    """Masks in the order of the styles; None: the style is used everywhere."""
    detail_map: PictureFile | None = None
    """Detail map, white where more of the content image is kept."""
    initial: PictureFile | None = None
    """Initial image; None if init_method determines it."""
    changes: tuple[Change, ...] = ()
    """Options that were steered, with their first steps; empty in recipes of nst 0.1."""
    stopped_after: int | None = Field(default=None, ge=1)
    """Step after which the transfer was stopped; None if it ran to its end."""

    @classmethod
    def of(
        cls,
        options: StyleTransferOptions,
        *,
        model: str,
        weights_sha256: str,
        distances: Distances | None,
        content: PictureFile,
        styles: Sequence[PictureFile],
        masks: Sequence[PictureFile | None] = (),
        detail_map: PictureFile | None = None,
        initial: PictureFile | None = None,
        changes: Sequence[Change] = (),
        stopped_after: int | None = None,
    ) -> Self:
        return cls(
            nst=nst.__version__,
            options=options.model_dump(mode="json") | {"model": model},
            weights_sha256=weights_sha256,
            distances=distances,
            content=content,
            styles=tuple(styles),
            masks=tuple(masks),
            detail_map=detail_map,
            initial=initial,
            changes=tuple(changes),
            stopped_after=stopped_after,
        )

    @classmethod
    def read(cls, picture: Path | bytes) -> Self:
        """Return the recipe in an image file or in a file recipe.json.
        Raises InvalidImage if the file has no recipe."""
        if isinstance(picture, bytes):
            return cls.parse(recipe_text(picture) or images.read_recipe(picture))
        return cls.parse(_text_of(picture) or images.read_recipe(picture), picture)

    @classmethod
    def parse(cls, text: str | None, name: str | Path = "the picture") -> Self:
        """Return the recipe in this text, which comes from the image `name`.
        Raises InvalidImage if the text is not a recipe."""
        try:
            return cls.model_validate_json(text or "")
        except ValidationError as error:
            reason = f"{name} carries no recipe; only pictures that nst saved can be repeated"
            raise InvalidImage("initial", reason) from error

    def changes_without(self, options: Collection[str]) -> tuple[Change, ...]:
        """Return the changes without these options, which have new values."""
        kept = [
            Change(step, {name: value for name, value in values.items() if name not in options})
            for step, values in ((change.step, change.values) for change in self.changes)
        ]
        return tuple(change for change in kept if change.values)

    def text(self) -> str:
        """Return the recipe as text for the metadata: JSON, ASCII only."""
        return json.dumps(self.model_dump(mode="json"))


def recipe_text(data: bytes) -> str | None:
    """Return the text of a file recipe.json; None if it is not a JSON object."""
    is_json = len(data) <= MAX_JSON_BYTES and data.lstrip().startswith(b"{")
    return data.decode("utf-8", "replace") if is_json else None


def _text_of(file: Path) -> str | None:
    try:
        with file.open("rb") as stream:
            return recipe_text(stream.read(MAX_JSON_BYTES + 1))
    except OSError:  # the reader of images raises the error
        return None
