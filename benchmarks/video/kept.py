"""Painted frames of a benchmark, kept in a directory for later runs."""

import json
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from nst import files, image_writer


@dataclass(frozen=True, slots=True)
class KeptFilm:
    """Frames of a clip painted by one method, counted from 1, with their seconds."""

    directory: Path
    name: str

    def frame(self, number: int) -> tuple[Image.Image, float] | None:
        """Return a frame and its seconds; None if it is not painted yet."""
        seconds = self._seconds().get(str(number))
        if seconds is None:
            return None
        with Image.open(self._file(number)) as image:
            image.load()
            return image, seconds

    def keep(self, number: int, image: Image.Image, seconds: float) -> None:
        image_writer.save(image, self._file(number), overwrite=True)
        text = json.dumps(self._seconds() | {str(number): seconds})
        files.write_file(self._index, lambda file: file.write_text(text), overwrite=True)

    @property
    def _index(self) -> Path:
        return self.directory / f"{self.name}.json"

    def _seconds(self) -> dict[str, float]:
        """Return the seconds by frame number, which is text because JSON requires it."""
        if not self._index.exists():
            return {}
        found: dict[str, float] = json.loads(self._index.read_text())
        return found

    def _file(self, number: int) -> Path:
        return self.directory / f"{self.name}-{number:03}.png"
