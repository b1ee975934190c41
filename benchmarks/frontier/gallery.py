"""Painted images with distances, kept so that only changes are painted again."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from pydantic import PositiveFloat

from benchmarks.engine import files
from benchmarks.engine.schema import Record
from benchmarks.frontier.methods import Method, hash_of_sources, key
from nst import image_writer, images
from nst.engine import distance
from nst.engine.network.weights import Weights, WeightsStore
from nst.engine.pictures.styles import Style
from nst.progress import Distances


@dataclass(frozen=True, slots=True)
class Pair:
    """Content image and style image."""

    content: Path
    style: Path

    def __str__(self) -> str:
        return f"{self.content.stem}+{self.style.stem}"


class Kept(Record):
    """Facts about a kept image, in a file beside it."""

    seconds: PositiveFloat
    judged_by: str
    """Network and version of the judge."""
    distances: Distances


@dataclass(frozen=True, slots=True)
class Gallery:
    """Directory of painted images: PAIR+METHOD+STRENGTH+SETTINGS+VERSION.png."""

    directory: Path
    store: WeightsStore
    judge: Weights
    trusted: Collection[str] = ()
    """Methods whose images of any version count.
    Changes of the code since then do not concern these methods."""

    def get(self, method: Method, pair: Pair) -> tuple[Kept, tuple[int, int]]:
        """Return seconds, distances and size of an image; paint and judge a new one."""
        content, style = images.load(pair.content, "content"), images.load(pair.style, "style")
        notes = self._notes(method, f"{pair}+{method.name}+{method.strength:g}", content, style)
        file = notes.with_suffix(".png")
        kept = Kept.model_validate_json(notes.read_text()) if notes.exists() else None
        if kept is None:
            painted, seconds = method.paint(content, style, self.store)
            image_writer.save(painted, file, overwrite=True)
        else:
            painted, seconds = images.load(file, "content"), kept.seconds
        if kept is None or kept.judged_by != self._judge_version:
            distances = self._distances(painted, content, style)
            kept = Kept(seconds=seconds, judged_by=self._judge_version, distances=distances)
            files.write(kept, notes)
        return kept, painted.size

    def _notes(self, method: Method, name: str, *pictures: Image.Image) -> Path:
        """Return the path of the file with seconds and distances.
        The image is beside it."""
        stem = f"{name}+{key(method.settings, *pictures)}"
        exact = self.directory / f"{stem}+{method.version[:16]}.json"
        if exact.exists() or method.name not in self.trusted:
            return exact
        others = self.directory.glob(f"{stem}+*.json")
        return max(others, key=lambda file: file.stat().st_mtime, default=exact)

    @property
    def _judge_version(self) -> str:
        sources = hash_of_sources([Path(distance.__file__)])
        return f"{self.judge.model} {self.judge.sha256} {sources}"

    def _distances(
        self, painted: Image.Image, content: Image.Image, style: Image.Image
    ) -> Distances:
        distances = distance.measure(painted, content, [Style(style)], self.judge)
        if distances is None:
            raise ValueError(f"an image of {painted.size} pixels is too small to be judged")
        return distances
