"""Results of a batch: where they go."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path

from nst import files
from nst.cli.batch_inputs import Pair


class Outputs:
    """Where the results go: no two pairs have one file."""

    def __init__(
        self, directory: Path, suffix: str, contents: Iterable[Path], styles: Iterable[Path]
    ) -> None:
        """`contents`, `styles`: the files that are known already; more contents may come."""
        self.directory = directory
        self.pairs: dict[Path, Pair] = {}
        """Those so far, by their outputs."""
        self._suffix = suffix
        self._contents, self._styles = _Labels(contents), _Labels(styles)

    def of(self, content: Path, style: Path) -> Path:
        """Return the same output each time for a pair."""
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
        """The file that is called by its stem alone; None where several have that stem."""
        for file in files:
            self._owners[file.stem] = None if file.stem in self._owners else file

    def of(self, file: Path) -> str:
        """Return the stem, or the whole name if another file has that stem."""
        return file.stem if self._owners.setdefault(file.stem, file) == file else file.name
