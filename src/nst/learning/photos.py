"""Photos that a network learns from: drawn, cut and scaled at random.

File names are listed once; a photo is decoded only when it is drawn, so a folder may hold any
number of photos.
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
"""Minimum side of a square part, relative to the shorter side of its photo."""

KEPT_PHOTOS = 32
"""Number of decoded photos kept in memory; a small collection is decoded once."""

KEPT_SIDE = 4
"""Longest side of a photo in memory, relative to the side of its parts."""

MAX_DAMAGED = 1000
"""Number of unreadable photos drawn in a row after which drawing fails."""

OnDamaged = Callable[[Path, str], None]
"""Function that is called once for each unreadable photo, with the reason."""


class Photos:
    """Collection of photos from which square parts are drawn."""

    def __init__(self, files: Sequence[Path], on_damaged: OnDamaged | None = None) -> None:
        self.files = files
        self._on_damaged = on_damaged
        self._damaged: set[Path] = set()
        self._load = lru_cache(KEPT_PHOTOS)(_load)

    def __len__(self) -> int:
        return len(self.files)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the file names in order.
        With equal fingerprints, equal seeds draw the same photos."""
        names = "\0".join(file.name for file in self.files)
        return hashlib.sha256(os.fsencode(names)).hexdigest()

    def part(self, seed: str, side: int) -> Image.Image:
        """Return a random square part of a random photo, possibly mirrored.

        The part is an RGB image of `side` pixels. It depends only on the seed, not on earlier
        draws. Unreadable photos are skipped. Raises InvalidOption if no readable photo is found.
        """
        random = Random(seed)  # noqa: S311 – repeatable, not secret
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
    """Return the photos of a folder and its subfolders, or these files.
    None: the sample photos that come with nst. Raises InvalidOption if no photo is found."""
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
    """Yield the visible files whose names look like photos; skip unreadable folders."""
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
