"""The recipe of a picture: all that is needed to paint it again, kept in its metadata."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import nst
from nst import images
from nst.errors import ImageRole, InvalidImage
from nst.options import StyleTransferOptions
from nst.progress import Distances, SquaredDistances


class PictureFile(BaseModel):
    """A picture that went in."""

    model_config = ConfigDict(frozen=True)

    path: str
    """Relative to the directory of the result, so that a folder can move as a whole."""
    sha256: str

    @classmethod
    def of(cls, file: Path, result: Path) -> Self:
        path = Path(os.path.relpath(file.resolve(), result.resolve().parent)).as_posix()
        # A name that is not UTF-8 cannot be kept; a finished picture must not be lost to it.
        readable = os.fsencode(path).decode("utf-8", "replace")
        return cls(path=readable, sha256=_sha256(file))

    def locate(self, result: Path, role: ImageRole) -> Path:
        """The file, seen from the result. Raises InvalidImage if it is gone or another one."""
        file = Path(os.path.normpath(result.resolve().parent / self.path))
        try:
            if not file.is_file():
                problem = "is not there any more"
            elif _sha256(file) != self.sha256:
                problem = "has changed since"
            else:
                return file
        except OSError as error:
            problem = f"cannot be read ({error.strerror})"
        raise InvalidImage(
            role,
            f"{file}, from which {result} was made, {problem}; name the pictures: "
            f"nst stylize CONTENT STYLE --from-image {result}",
        )


class Recipe(BaseModel):
    """What made a picture."""

    model_config = ConfigDict(frozen=True)

    nst: str
    """The version."""
    options: dict[str, Any]
    weights_sha256: str
    distances: Distances | SquaredDistances | None = None
    """SquaredDistances in recipes of nst 0.1."""
    content: PictureFile
    styles: tuple[PictureFile, ...] = Field(min_length=1)
    masks: tuple[PictureFile | None, ...] = ()
    """In the order of the styles; None: everywhere."""
    detail_map: PictureFile | None = None
    """White where more of the content picture stays."""
    initial: PictureFile | None = None
    """The picture to start from, if init_method does not say it."""

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
        )

    @classmethod
    def read(cls, picture: Path | bytes) -> Self:
        """The recipe inside a picture file. Raises InvalidImage if there is none."""
        name = "the picture" if isinstance(picture, bytes) else picture
        return cls.parse(images.read_recipe(picture), name)

    @classmethod
    def parse(cls, text: str | None, name: str | Path = "the picture") -> Self:
        """The recipe in this text from the picture `name`. Raises InvalidImage if it is none."""
        try:
            return cls.model_validate_json(text or "")
        except ValidationError as error:
            reason = f"{name} carries no recipe; only pictures that nst saved can be repeated"
            raise InvalidImage("initial", reason) from error

    def text(self) -> str:
        """As it stands in the metadata: JSON, ASCII only."""
        return json.dumps(self.model_dump(mode="json"))


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
