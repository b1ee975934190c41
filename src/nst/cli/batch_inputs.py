"""Inputs of a batch: images and styles, a watched directory, and pairs."""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path

from nst.cli.notices import tell
from nst.errors import InvalidOption
from nst.image_files import HEIC_SUFFIXES, readable_suffixes
from nst.image_reader import HEIC_REMEDY, is_address
from nst.learning_options import is_style_file

SECONDS_BETWEEN_LOOKS = 1.0
"""Seconds between two looks at a watched directory.
A file that has not changed from one look to the next is complete."""

Pair = tuple[Path, Path]
"""A content image and a style."""


def styles_in(place: Path) -> list[Path]:
    """Return the style images or learned styles of a file, directory or pattern.

    For a directory without images they are its .nst files. Raises InvalidOption if none is found.
    """
    learned = sorted(filter(is_style_file, _visible(place))) if place.is_dir() else []
    return learned if learned and not files_in(place) else pictures_in("styles", place)


def pictures_in(argument: str, place: Path) -> list[Path]:
    """Return the images of a file, directory or pattern, sorted by name.

    `argument`: name of the argument in an error. Raises InvalidOption if none is found.
    """
    if place.is_dir():
        files = files_in(place)
        if not files:
            tell_skipped(place, taken=())
    elif place.is_file():  # whatever its name is
        files = [place]
    elif place.parent.is_dir():  # the directory may have brackets in its name
        files = sorted(place.parent.glob(place.name))
    else:
        files = sorted(Path(place.anchor).glob(str(place.relative_to(place.anchor))))
    if not files:
        allowed = "a picture, a directory of pictures, or a pattern in quotes like 'photos/*.jpg'"
        if is_address(place):
            allowed += "; this is an address, so download it first"
        elif "[" in str(place):
            allowed += "; in a pattern [12] stands for 1 or 2, and [[] for a bracket"
        raise InvalidOption(argument, str(place), allowed)
    return files


def files_in(directory: Path) -> list[Path]:
    """Return the visible files that look like images, sorted by name."""
    suffixes = readable_suffixes()
    return [
        file
        for file in _visible(directory)
        if file.suffix.lower() in suffixes and not file.is_dir()
    ]


def _visible(directory: Path) -> list[Path]:
    return sorted(file for file in directory.glob("*") if not file.name.startswith("."))


def tell_skipped(place: Path, *, taken: Collection[Path]) -> None:
    """Print the names of everything in a directory that is not used."""
    if not place.is_dir():
        return
    skipped = [file for file in _visible(place) if file not in taken]
    if skipped:
        names = ", ".join(f"{file.name}/" if file.is_dir() else file.name for file in skipped)
        tell(f"{place}: skipped, not named as pictures: {names}")
    if any(file.suffix.lower() in HEIC_SUFFIXES for file in skipped):
        tell(f"{place}: for HEIC photos {HEIC_REMEDY}")


def matched(contents: Sequence[Path], styles: Sequence[Path]) -> Iterable[Pair]:
    """Pair the first content image with the first style, and so on.

    Raises InvalidOption if the numbers differ.
    """
    if len(contents) != len(styles):
        counts = f"{len(contents)} contents and {len(styles)} styles"
        raise InvalidOption("pairs", counts, "as many styles as contents, or leave --pairs out")
    return zip(contents, styles, strict=True)


def arriving(contents: Path, styles: Sequence[Path]) -> Iterator[Pair]:
    """Yield every new or changed image of the directory with each style.

    The iterator does not end.
    """
    before: dict[Path, object] = {}
    taken: dict[Path, object] = {}
    while True:
        now = {file: state_of(file) for file in files_in(contents)}
        whole = [f for f, state in now.items() if state == before.get(f) != taken.get(f)]
        taken |= {file: now[file] for file in whole}
        before = now
        yield from product(whole, styles)
        time.sleep(SECONDS_BETWEEN_LOOKS)


def state_of(file: Path) -> object:
    """Return a value that changes while the file is written; None if it is gone."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
