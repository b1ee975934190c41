"""Painting of a batch: each pair, its outcome, and the contact sheet."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import click

from nst import files, image_writer
from nst.cli.batch_inputs import Pair, state_of
from nst.cli.batch_outputs import Outputs
from nst.cli.command import errors_as_typed
from nst.cli.contact_sheet import Cell, contact_sheet, pages_of
from nst.cli.errors import CANCELED_EXIT_CODE
from nst.cli.notices import say, tell
from nst.cli.painter import Painter
from nst.cli.painting import Painting
from nst.cli.progress_bar import BatchPosition
from nst.errors import (
    Diverged,
    InvalidImage,
    InvalidOption,
    InvalidStyleFile,
    OutOfMemory,
    StorageError,
    TransferCanceled,
)

CONTACT_SHEET = "contact-sheet.jpg"

OF_ONE_PAIR = ("output", "max_memory_bytes")
"""Fields of the errors that concern one pair; all others concern every pair."""


class Outcome(StrEnum):
    """Outcome of one pair, as the contact sheet prints it."""

    PAINTED = ""
    SKIPPED = "from before"
    FAILED = "failed"
    UNFINISHED = "not finished"
    MISSING = "not painted"


@dataclass
class Batch:
    """Pairs of a batch and the outcome of each."""

    painter: Painter
    outputs: Outputs
    overwrite: bool
    with_recipe: bool
    outcomes: dict[Pair, Outcome] = field(default_factory=dict)
    unusable: dict[Path, object] = field(default_factory=dict)
    """Images and learned styles that cannot be used, with their states.
    They are left out from now on, unless their files change."""
    unfinished: dict[Pair, Path] = field(default_factory=dict)
    """Files of the images so far of pairs that are not finished."""
    failed: set[Path] = field(default_factory=set)
    """Files that failed: unusable inputs, and results that are missing
    for another reason."""
    counts: Counter[Outcome] = field(default_factory=Counter)
    """Number of pairs by outcome."""
    seconds: float = 0.0
    """Seconds spent on the images that were painted."""

    def paint(self, pairs: Iterable[Pair]) -> int:
        """Paint the pairs of a list or of an endless iterator; return the exit code."""
        known = pairs if isinstance(pairs, list) else None
        waiting = sum(map(self._is_wanted, known or ()))
        try:
            for number, pair in enumerate(pairs, 1):
                waiting -= self._is_wanted(pair)
                if known is not None:
                    self.painter.bar.place = self._place(number, len(known), waiting)
                self._keep(pair, self._paint(*pair))
        except TransferCanceled:
            return CANCELED_EXIT_CODE
        except KeyboardInterrupt:  # between two images
            if known is not None:
                return CANCELED_EXIT_CODE
        return 1 if self.failed else 0

    def finish(self, *, is_table: bool) -> None:
        """Save the contact sheet if an image was painted, and print a summary."""
        if self.counts[Outcome.PAINTED]:
            try:
                self._save_sheet(is_table)
            except StorageError as error:
                say(str(error))
        missing, failed = list(self.outcomes.values()).count(Outcome.FAILED), len(self.failed)
        tell(
            f"{self.counts[Outcome.PAINTED]} painted, {self.counts[Outcome.SKIPPED]} skipped, "
            f"{failed} failed" + (f" ({missing} pictures are missing)" if missing > failed else "")
        )

    def _is_wanted(self, pair: Pair) -> bool:
        return self.overwrite or not self.outputs.of(*pair).exists()

    def _place(self, number: int, count: int, after: int) -> BatchPosition:
        painted = self.counts[Outcome.PAINTED]
        return BatchPosition(number, count, after, self.seconds / painted if painted else None)

    def _keep(self, pair: Pair, outcome: Outcome) -> None:
        self.counts[outcome] += 1
        if self.outcomes.get(pair) is not Outcome.PAINTED:  # a watched file may come again
            self.outcomes[pair] = outcome

    def _paint(self, content: Path, style: Path) -> Outcome:
        """Paint a pair and return the outcome. Raises TransferCanceled."""
        output = self.outputs.of(content, style)
        if output.exists() and not self.overwrite:
            tell(f"{output} exists: skipped")
            return Outcome.SKIPPED
        states = {file: state_of(file) for file in (content, style)}
        if states.items() & self.unusable.items():
            return Outcome.FAILED
        try:
            with errors_as_typed():
                self._try_to_paint(content, style, output)
        except (InvalidImage, InvalidStyleFile) as error:
            is_content = isinstance(error, InvalidImage) and error.role == "content"
            file = content if is_content else style
            self.unusable[file] = states[file]
            self.failed.add(file)
            say(str(error) if file.name in str(error) else f"{file}: {error}")
        except (OutOfMemory, Diverged, StorageError) as error:
            self.failed.add(output)
            say(f"{content} with {style}: {error}")
        except InvalidOption as error:
            if error.field not in OF_ONE_PAIR:
                raise
            self.failed.add(output)
            say(f"{content} with {style}: {error}")
        else:
            self.failed -= {content, style, output}  # a file may be complete the second time
            return Outcome.PAINTED
        return Outcome.FAILED

    def _try_to_paint(self, content: Path, style: Path, output: Path) -> None:
        """Paint a pair. Raises TransferCanceled after Ctrl-C."""
        ending = f"_unfinished{output.suffix}"
        unfinished = files.free_path(output.with_name(files.derived_name(output.stem, ending)))
        painting = Painting(
            content=content,
            styles=(style,),
            output=output,
            frames=output.with_name(files.derived_name(output.stem, "_frames")),
            overwrite=self.overwrite,
            unfinished=unfinished,
            with_recipe=self.with_recipe,
        )
        began_at = time.monotonic()
        try:
            code = self.painter.paint(painting)
        except KeyboardInterrupt:
            code = CANCELED_EXIT_CODE
        if code == CANCELED_EXIT_CODE:
            if unfinished.exists():
                self.outcomes[content, style] = Outcome.UNFINISHED
                self.unfinished[content, style] = unfinished
                say(f"{unfinished} is not finished; the next batch paints {output}")
            raise TransferCanceled
        self.seconds += time.monotonic() - began_at

    def _save_sheet(self, is_table: bool) -> None:
        """Save the pages of the contact sheet and print their paths. Raises StorageError."""
        first = self.outputs.directory / CONTACT_SHEET
        pages = pages_of(self._rows(is_table), is_table=is_table)
        for page, numbered in zip(pages, files.numbered(first), strict=False):
            path = numbered if self.overwrite else first  # which gets the next free number
            click.echo(image_writer.save(contact_sheet(page), path, overwrite=self.overwrite))

    def _rows(self, is_table: bool) -> list[list[Cell]]:
        if is_table:
            contents = dict.fromkeys(content for content, _ in self.outcomes)
            styles = dict.fromkeys(style for _, style in self.outcomes)
            return [[Cell("", None), *map(self._source, styles)]] + [
                [self._source(content), *(self._result(content, style) for style in styles)]
                for content in contents
            ]
        return [[*map(self._source, pair), self._result(*pair)] for pair in self.outcomes]

    def _source(self, file: Path) -> Cell:
        return Cell(file.stem, file, "cannot be used" if file in self.unusable else "")

    def _result(self, content: Path, style: Path) -> Cell:
        pair = content, style
        outcome = self.outcomes.get(pair, Outcome.MISSING)
        is_there = outcome not in (Outcome.FAILED, Outcome.MISSING)
        file = self.unfinished.get(pair, self.outputs.of(*pair)) if is_there else None
        return Cell("", file, outcome)
