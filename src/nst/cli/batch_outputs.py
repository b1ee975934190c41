"""Paths of the results of a batch."""

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from nst import files
from nst.cli.batch_inputs import Pair
from nst.errors import InvalidImage
from nst.recipe import Recipe


class Outputs:
    """Paths of the results; no two pairs share one."""

    def __init__(
        self, directory: Path, suffix: str, contents: Iterable[Path], styles: Iterable[Path]
    ) -> None:
        """Prepare the paths in a directory.

        `contents`, `styles`: the files that are known already; more content images may come.
        """
        self.directory = directory
        self._suffix = suffix
        self._contents, self._styles = _Labels(contents), _Labels(styles)
        self._pairs: dict[Path, Pair] = {}
        """Pairs so far, by the paths of their results."""
        self._paths: dict[Pair, Path] = {}

    def of(self, content: Path, style: Path) -> Path:
        """Return the path of a pair's result, the same one each time.

        An earlier result of the pair is found also if its name would be another one now. A name
        that an earlier result of another pair has is left to it.
        """
        pair = content, style
        if pair not in self._paths:
            path = next(path for path in self._candidates(pair) if path not in self._pairs)
            self._paths[pair], self._pairs[path] = path, pair
        return self._paths[pair]

    def _candidates(self, pair: Pair) -> Iterator[Path]:
        content, style = pair
        plain = self._path(f"{content.stem}_{style.stem}", 1)
        if _is_result_of(plain, pair):
            yield plain
        stem = f"{self._contents.of(content)}_{self._styles.of(style)}"
        for path in (self._path(stem, number) for number in count(1)):
            if _is_result_of(path, pair) is not False:
                yield path

    def _path(self, stem: str, number: int) -> Path:
        ending = f"-{number}{self._suffix}" if number > 1 else self._suffix
        return self.directory / files.derived_name(stem, ending)


def _is_result_of(path: Path, pair: Pair) -> bool | None:
    """Return whether an image is the result of a pair.
    Return None if there is no image, or if it does not tell what it was painted from."""
    try:
        recipe = Recipe.read(path)
        (found,) = recipe.styles
        return all(
            each.is_of(file, path) for each, file in zip((recipe.content, found), pair, strict=True)
        )
    except (InvalidImage, OSError, ValueError):
        return None


class _Labels:
    """Short names of files."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._owners: dict[str, Path | None] = {}
        """File of each stem, named by the stem alone; None if several files share it."""
        for file in files:
            self._owners[file.stem] = None if file.stem in self._owners else file

    def of(self, file: Path) -> str:
        """Return the stem, or the whole name if another file has that stem."""
        return file.stem if self._owners.setdefault(file.stem, file) == file else file.name
