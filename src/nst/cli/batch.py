"""`nst batch`."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count, product
from pathlib import Path
from typing import Any

import click
from PIL import Image

from nst import files, image_writer
from nst.cli.command import Command, OneOf, examples, option
from nst.cli.contact_sheet import Cell, contact_sheet
from nst.cli.errors import CANCELED_EXIT_CODE, debug_option
from nst.cli.learned import WITH_EFFECT, LearnedPainter, are_learned
from nst.cli.machine import Machine, machine_options
from nst.cli.notices import say, tell
from nst.cli.options import (
    FIELDS,
    FILES,
    PATH,
    PicturePath,
    given,
    preset_option,
    quiet_option,
    say_ignored,
    transfer_options,
    with_dashes,
)
from nst.cli.painter import Painter
from nst.cli.painting import Painting
from nst.cli.progress_bar import Place
from nst.errors import (
    Diverged,
    InvalidImage,
    InvalidOption,
    InvalidStyleFile,
    OutOfMemory,
    StorageError,
    TransferCanceled,
)
from nst.image_files import HEIC_SUFFIXES, readable_suffixes
from nst.image_reader import HEIC_REMEDY, is_address
from nst.learned_file import learned_preset
from nst.learning_options import is_style_file
from nst.options import StyleTransferOptions
from nst.presets import DEFAULT_PRESET

CONTACT_SHEET = "contact-sheet.jpg"

SECONDS_BETWEEN_LOOKS = 1.0
"""At a watched directory; a file that has not changed
from one look to the next is whole."""

Pair = tuple[Path, Path]
"""A content and a style."""


@click.command(
    cls=Command,
    epilog=examples(
        "nst batch photos paintings -o out",
        "nst batch 'photos/*.jpg' painting.jpg -o out --preset fast",
        "nst batch photos paintings -o out --pairs --format jpg",
        "nst batch inbox painting.jpg -o out --watch",
        "nst batch photos painting.nst -o out",
    ),
)
@click.argument("contents", type=PicturePath("content"))
@click.argument("styles", type=PicturePath("style"))
@click.argument("more", type=PATH, nargs=-1, metavar="")
@option("-o", "--output", group=FILES, type=PATH, required=True, help="Directory of the results.")
@option(
    "--format",
    "format_name",
    group=FILES,
    type=OneOf(["png", "jpg", "webp", "tiff"]),
    default="png",
    show_default=True,
    help="Format of the results.",
)
@option(
    "--pairs",
    group=FILES,
    is_flag=True,
    help="Pair first with first, second with second, … by name.",
)
@option(
    "--watch",
    group=FILES,
    is_flag=True,
    help="Keep running and paint every image that is added to CONTENTS.",
)
@option("--overwrite", group=FILES, is_flag=True, help="Replace results that exist.")
@option(
    "--no-recipe",
    group=FILES,
    is_flag=True,
    help="Do not write the options and the images' paths into the results.",
)
@preset_option(DEFAULT_PRESET)
@transfer_options([name for name in FIELDS if name != "style_blend"], with_dashes, DEFAULT_PRESET)
@machine_options
@quiet_option
@debug_option
def batch(
    contents: Path,
    styles: Path,
    more: tuple[Path, ...],
    output: Path,
    format_name: str,
    pairs: bool,
    watch: bool,
    overwrite: bool,
    preset: str | None,
    machine: Machine,
    no_recipe: bool,
    **values: Any,
) -> int:
    """Paint every image of CONTENTS in every style of STYLES.

    Each of them is an image, a directory, or a pattern in quotes such as 'photos/*.jpg'. The
    results are OUTPUT/CONTENT_STYLE.png, and a contact sheet of them. Where two files differ only
    in their extension, it is part of the names of their results. A result that exists is skipped,
    unless --overwrite is given; an image that cannot be used is reported and left out.

    A style may be a file of nst learn, which paints at once.

    --protect finds the faces or people of each image; --detail-map is for single images.

    Ctrl-C stops after the current step and keeps the image so far. Exit code 1 if anything
    failed.
    """
    _check_usage((contents, styles, *more), pairs=pairs, watch=watch)
    style_files = _styles(styles)
    is_learned = are_learned(style_files)
    preset = learned_preset(preset) if is_learned else preset or DEFAULT_PRESET
    options = StyleTransferOptions.from_preset(preset, **given(values))
    say_ignored(options, but=WITH_EFFECT if is_learned else ())
    image_writer.check_bit_depth(f".{format_name}", options.bit_depth)
    if contents.is_dir() and contents.resolve() == output.resolve():
        raise InvalidOption("output", str(output), "another directory than that of the contents")
    to_paint: Iterable[Pair]
    if watch:
        if not contents.is_dir():
            raise InvalidOption("contents", str(contents), "a directory to watch")
        content_files = _files(contents)
        to_paint = _arriving(contents, style_files)
    else:
        content_files = _pictures("contents", contents)
        to_paint = list(
            _matched(content_files, style_files) if pairs else product(content_files, style_files)
        )
    painter_class = LearnedPainter if is_learned else Painter
    work = Batch(
        painter_class(options, machine),
        Outputs(output, f".{format_name}", content_files, style_files),
        overwrite=overwrite,
        with_recipe=not no_recipe,
    )
    files.check_output(output / CONTACT_SHEET)
    for place in (contents, styles):
        _tell_skipped(place)
    code = work.paint(to_paint)
    work.finish(is_table=not pairs)
    return code


class Outcome(StrEnum):
    """Outcome of one image, as the contact sheet says it."""

    PAINTED = ""
    SKIPPED = "from before"
    FAILED = "failed"
    UNFINISHED = "not finished"
    MISSING = "not painted"


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


@dataclass
class Batch:
    """The images of a batch and the outcome of each."""

    painter: Painter
    outputs: Outputs
    overwrite: bool
    with_recipe: bool
    outcomes: dict[Pair, Outcome] = field(default_factory=dict)
    unusable: set[Path] = field(default_factory=set)
    """Pictures that are left out from now on."""
    failed: set[Path] = field(default_factory=set)
    """Files that failed: the unusable pictures, and the
    others of which a result is missing."""
    counts: Counter[Outcome] = field(default_factory=Counter)
    """Pairs by what has become of them."""
    seconds: float = 0.0
    """Spent on the pictures that are painted."""

    def paint(self, pairs: Iterable[Pair]) -> int:
        """Paint a list of pairs, or those of an iterator that has no end.
        Return the exit code."""
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
        except KeyboardInterrupt:  # between two pictures
            if known is not None:
                return CANCELED_EXIT_CODE
        return 1 if self.failed else 0

    def finish(self, *, is_table: bool) -> None:
        """Save the contact sheet if there is anything new, and sum up."""
        if self.counts[Outcome.PAINTED]:
            sheet = self.outputs.directory / CONTACT_SHEET
            try:
                click.echo(
                    image_writer.save(self._sheet(is_table), sheet, overwrite=self.overwrite)
                )
            except StorageError as error:
                say(str(error))
        missing, failed = self.counts[Outcome.FAILED], len(self.failed)
        tell(
            f"{self.counts[Outcome.PAINTED]} painted, {self.counts[Outcome.SKIPPED]} skipped, "
            f"{failed} failed" + (f" ({missing} pictures are missing)" if missing > failed else "")
        )

    def _is_wanted(self, pair: Pair) -> bool:
        return self.overwrite or not self.outputs.of(*pair).exists()

    def _place(self, number: int, count: int, after: int) -> Place:
        painted = self.counts[Outcome.PAINTED]
        return Place(number, count, after, self.seconds / painted if painted else None)

    def _keep(self, pair: Pair, outcome: Outcome) -> None:
        self.counts[outcome] += 1
        if self.outcomes.get(pair) is not Outcome.PAINTED:  # a file may come again
            self.outcomes[pair] = outcome

    def _paint(self, content: Path, style: Path) -> Outcome:
        """What has become of the picture. Raises TransferCanceled."""
        output = self.outputs.of(content, style)
        if output.exists() and not self.overwrite:
            tell(f"{output} exists: skipped")
            return Outcome.SKIPPED
        if self.unusable & {content, style}:
            return Outcome.FAILED
        try:
            return self._try_to_paint(content, style, output)
        except (InvalidImage, InvalidStyleFile) as error:
            is_content = isinstance(error, InvalidImage) and error.role == "content"
            self.unusable.add(content if is_content else style)
            self.failed |= self.unusable
            say(str(error))
        except (OutOfMemory, Diverged, StorageError) as error:
            self.failed.add(output)
            say(f"{content} with {style}: {error}")
        except InvalidOption as error:
            if error.field != "output":  # of the whole batch, and so of every other pair
                raise
            self.failed.add(output)
            say(f"{content} with {style}: {error}")
        return Outcome.FAILED

    def _try_to_paint(self, content: Path, style: Path, output: Path) -> Outcome:
        painting = Painting(
            content=content,
            styles=(style,),
            output=output,
            frames=output.with_name(files.derived_name(output.stem, "_frames")),
            overwrite=self.overwrite,
            with_recipe=self.with_recipe,
        )
        began_at = time.monotonic()
        try:
            code = self.painter.paint(painting)
        except KeyboardInterrupt:
            raise TransferCanceled from None
        if code == CANCELED_EXIT_CODE:
            self.outcomes[content, style] = Outcome.UNFINISHED
            say(f"{output} is not finished; remove it to have it painted by the next batch")
            raise TransferCanceled
        self.seconds += time.monotonic() - began_at
        return Outcome.PAINTED

    def _sheet(self, is_table: bool) -> Image.Image:
        if is_table:
            contents = dict.fromkeys(content for content, _ in self.outcomes)
            styles = dict.fromkeys(style for _, style in self.outcomes)
            rows = [[Cell("", None), *map(self._source, styles)]] + [
                [self._source(content), *(self._result(content, style) for style in styles)]
                for content in contents
            ]
        else:
            rows = [[*map(self._source, pair), self._result(*pair)] for pair in self.outcomes]
        return contact_sheet(rows)

    def _source(self, file: Path) -> Cell:
        return Cell(file.stem, file, "cannot be used" if file in self.unusable else "")

    def _result(self, content: Path, style: Path) -> Cell:
        outcome = self.outcomes.get((content, style), Outcome.MISSING)
        is_there = outcome not in (Outcome.FAILED, Outcome.MISSING)
        return Cell("", self.outputs.of(content, style) if is_there else None, outcome)


def _check_usage(places: Sequence[Path], *, pairs: bool, watch: bool) -> None:
    if pairs and watch:
        raise click.UsageError("--pairs and --watch exclude each other")
    if len(places) > 2:
        raise click.UsageError(
            f"two names are expected, CONTENTS and STYLES, but there are {len(places)}; put a "
            "pattern like 'photos/*.jpg' in quotes, or the shell replaces it by the files"
        )


def _styles(place: Path) -> list[Path]:
    """Return pictures, or learned styles: of a directory without pictures its .nst files. Raises
    InvalidOption if there are none."""
    learned = sorted(filter(is_style_file, _visible(place))) if place.is_dir() else []
    return learned if learned and not _files(place) else _pictures("styles", place)


def _pictures(argument: str, place: Path) -> list[Path]:
    """Sorted by name. Raises InvalidOption if there are none."""
    if place.is_dir():
        files = _files(place)
        if not files:
            _tell_skipped(place)
    elif place.is_file():  # whatever its name looks like
        files = [place]
    elif place.parent.is_dir():  # also one with brackets in its name
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


def _files(directory: Path) -> list[Path]:
    """Return the visible files that look like pictures, sorted by name."""
    suffixes = readable_suffixes()
    return [
        file
        for file in _visible(directory)
        if file.suffix.lower() in suffixes and not file.is_dir()
    ]


def _visible(directory: Path) -> list[Path]:
    return sorted(file for file in directory.glob("*") if not file.name.startswith("."))


def _tell_skipped(place: Path) -> None:
    """Name what a directory holds beside files that look like pictures."""
    if not place.is_dir():
        return
    taken = set(_files(place))
    skipped = [file for file in _visible(place) if file not in taken]
    if skipped:
        names = ", ".join(f"{file.name}/" if file.is_dir() else file.name for file in skipped)
        tell(f"{place}: skipped what is no picture by its name: {names}")
    if any(file.suffix.lower() in HEIC_SUFFIXES for file in skipped):
        tell(f"{place}: for HEIC photos {HEIC_REMEDY}")


def _matched(contents: Sequence[Path], styles: Sequence[Path]) -> Iterable[Pair]:
    if len(contents) != len(styles):
        counts = f"{len(contents)} contents and {len(styles)} styles"
        raise InvalidOption("pairs", counts, "as many styles as contents, or leave --pairs out")
    return zip(contents, styles, strict=True)


def _arriving(contents: Path, styles: Sequence[Path]) -> Iterator[Pair]:
    """Pictures of the directory with every style, as they come or change; without end."""
    before: dict[Path, object] = {}
    taken: dict[Path, object] = {}
    while True:
        now = {file: _state(file) for file in _files(contents)}
        whole = [f for f, state in now.items() if state == before.get(f) != taken.get(f)]
        taken |= {file: now[file] for file in whole}
        before = now
        yield from product(whole, styles)
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _state(file: Path) -> object:
    """Changes while the file is being written; None if it is gone."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
