"""Paths of the results of a batch."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path

from nst import files
from nst.cli.batch_inputs import Pair


class Outputs:
    """Paths of the results; no two pairs share one."""

    def __init__(
        self, directory: Path, suffix: str, contents: Iterable[Path], styles: Iterable[Path]
    ) -> None:
        """Prepare the paths in a directory.

        `contents`, `styles`: the files that are known already; more content images may come.
        """
        self.directory = directory
        self.pairs: dict[Path, Pair] = {}
        """Pairs so far, by the paths of their results."""
        self._suffix = suffix
        self._contents, self._styles = _Labels(contents), _Labels(styles)

    def of(self, content: Path, style: Path) -> Path:
        """Return the path of a pair's result, the same one each time."""
        stem = f"{self._contents.of(content)}_{self._styles.of(style)}"
        return next(
            output
            for number in count(1)
            if self.pairs.setdefault(output := self._path(stem, number), (content, style))
            == (content, style)
        )

    def _path(self, stem: str, number: int) -> Path:
        ending = f"-{number}{self._suffix}" if number > 1 else self._suffix
        return self.directory / files.derived_name(stem, ending)


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
