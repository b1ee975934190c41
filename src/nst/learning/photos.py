"""The photographs that a network learns from: drawn at
random, cut and scaled at random.

Names are listed once; a photo is decoded when it is drawn, so that a folder may hold any number.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random

from PIL import Image

from nst import image_sizes, images
from nst.errors import InvalidImage, InvalidOption
from nst.image_files import HEIC_SUFFIXES, readable_suffixes
from nst.image_reader import HEIC_REMEDY
from nst.samples import samples

SMALLEST_PART = 0.5
"""Side of the smallest square that is cut from a photo,
relative to its shorter side."""

KEPT_PHOTOS = 32
"""Decoded photos in memory: a small collection is decoded once."""

KEPT_SIDE = 4
"""Longest side of a photo in memory, relative to that of
the parts that are cut from it."""

MAX_DAMAGED = 1000
"""Photos drawn in a row that cannot be read, after which the folder is given up."""

OnDamaged = Callable[[Path, str], None]
"""Called once for each photo that cannot be read, with the reason."""


class Photos:
    """A collection of photographs from which square parts are drawn."""

    def __init__(self, files: Sequence[Path], on_damaged: OnDamaged | None = None) -> None:
        self.files = files
        self._on_damaged = on_damaged
        self._damaged: set[Path] = set()
        self._load = lru_cache(KEPT_PHOTOS)(_load)

    def __len__(self) -> int:
        return len(self.files)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the names in their order, by which the same
        draws are the same photos."""
        names = "\0".join(file.name for file in self.files)
        return hashlib.sha256(os.fsencode(names)).hexdigest()

    def part(self, seed: str, side: int) -> Image.Image:
        """Return a random square part of a random photo, perhaps mirrored:
        RGB, `side` pixels.

        The seed decides all, whatever was drawn before. Photos that cannot be read are passed
        over. Raises InvalidOption if there are no others.
        """
        random = Random(seed)  # noqa: S311 – a draw that can be repeated, no secret
        photo = self._draw(random, side)
        width, height = photo.size
        part = random.uniform(SMALLEST_PART, 1) * min(width, height)
        left, top = random.uniform(0, width - part), random.uniform(0, height - part)
        box = (left, top, left + part, top + part)
        square = photo.resize((side, side), Image.Resampling.LANCZOS, box)
        if random.random() < 0.5:
            return square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return square

    def _draw(self, random: Random, side: int) -> Image.Image:
        for _ in range(MAX_DAMAGED):
            file = self.files[random.randrange(len(self.files))]
            if file in self._damaged:
                if len(self._damaged) == len(self.files):
                    break
                continue
            try:
                return self._load(file, KEPT_SIDE * side)
            except InvalidImage as error:
                self._damaged.add(file)
                if self._on_damaged:
                    self._on_damaged(file, error.reason)
        allowed = "a folder with photos that can be read"
        raise InvalidOption("photos", str(self.files[0].parent), allowed)


def find_photos(
    folder: Path | Sequence[Path] | None, on_damaged: OnDamaged | None = None
) -> Photos:
    """Return the photos of a folder and of the folders in it, these files, or the
    sample photos that come with nst. Raises InvalidOption if there are none."""
    if folder is None:
        return Photos(list(samples("content").values()), on_damaged)
    if not isinstance(folder, Path):
        return Photos(folder, on_damaged)
    if not folder.is_dir():
        raise InvalidOption("photos", str(folder), "a folder with photos")
    files = sorted(_files(folder))
    if not files:
        suffixes = readable_suffixes()
        allowed = f"a folder with photos, files ending in {', '.join(sorted(suffixes))}"
        if HEIC_SUFFIXES.isdisjoint(suffixes):
            allowed += f"; for HEIC photos {HEIC_REMEDY}"
        raise InvalidOption("photos", str(folder), allowed)
    return Photos(files, on_damaged)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the visible files that look like photos by name; folders that cannot be read hold
    none."""
    suffixes = readable_suffixes()
    for directory, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes:  # noqa: PTH122 – 100 000 Path objects take seconds
                yield Path(directory, name)


def _load(file: Path, longest_side: int) -> Image.Image:
    photo = images.colours(images.load(file, "content"))
    if max(photo.size) <= longest_side:
        return photo
    return images.resize(photo, image_sizes.fit(photo.size, longest_side))
