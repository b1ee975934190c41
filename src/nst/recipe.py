"""The recipe of a picture: all that is needed to paint it again, kept in its metadata."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

import nst
from nst import images
from nst.errors import ImageRole, InvalidImage, NSTError
from nst.options import StyleTransferOptions


class PictureFile(BaseModel):
    """A picture that went in."""

    model_config = ConfigDict(frozen=True)

    path: str
    """Relative to the directory of the result, so that a folder can move as a whole."""
    sha256: str

    @classmethod
    def of(cls, file: Path, result: Path) -> Self:
        path = os.path.relpath(file.resolve(), result.resolve().parent)
        return cls(path=path, sha256=_sha256(file))

    def locate(self, result: Path, role: ImageRole) -> Path:
        """The file, seen from the result. Raises InvalidImage if it is gone or another one."""
        file = Path(os.path.normpath(result.resolve().parent / self.path))
        for problem, is_so in (
            ("is not there any more", not file.is_file()),
            ("has changed since", file.is_file() and _sha256(file) != self.sha256),
        ):
            if is_so:
                raise InvalidImage(
                    role,
                    f"{file}, from which {result} was made, {problem}; name the pictures: "
                    f"nst stylize CONTENT STYLE --from-image {result}",
                )
        return file


class Recipe(BaseModel):
    """What made a picture."""

    model_config = ConfigDict(frozen=True)

    nst: str
    """The version."""
    options: dict[str, Any]
    weights_sha256: str
    content: PictureFile
    styles: tuple[PictureFile, ...]

    @classmethod
    def of(
        cls,
        options: StyleTransferOptions,
        *,
        model: str,
        weights_sha256: str,
        content: Path,
        style: Path,
        result: Path,
    ) -> Self:
        return cls(
            nst=nst.__version__,
            options=options.model_dump() | {"model": model},
            weights_sha256=weights_sha256,
            content=PictureFile.of(content, result),
            styles=(PictureFile.of(style, result),),
        )

    @classmethod
    def read(cls, picture: Path) -> Self:
        """The recipe inside a picture. Raises InvalidImage if there is none."""
        text = images.read_recipe(picture)
        try:
            return cls.model_validate(json.loads(text or ""))
        except (ValueError, ValidationError, NSTError) as error:
            reason = (
                f"{picture} carries no recipe; only pictures that nst has saved can be repeated"
            )
            raise InvalidImage("initial", reason) from error

    def text(self) -> str:
        """As it stands in the metadata: JSON, ASCII only."""
        return json.dumps(self.model_dump(mode="json"))


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
