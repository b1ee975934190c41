"""Command `nst batch`."""

from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import click

from nst import files, image_writer
from nst.cli.batch_inputs import (
    Pair,
    arriving,
    files_in,
    matched,
    pictures_in,
    styles_in,
    tell_skipped,
)
from nst.cli.batch_outputs import Outputs
from nst.cli.batch_painting import CONTACT_SHEET, Batch
from nst.cli.command import Command, OneOf, examples, option, usage_error
from nst.cli.errors import debug_option
from nst.cli.learned import LearnedPainter, are_learned
from nst.cli.machine import MachineOptions, machine_options
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
from nst.errors import InvalidOption
from nst.learned_file import learned_preset
from nst.options import StyleTransferOptions
from nst.presets import DEFAULT_PRESET


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
    machine: MachineOptions,
    no_recipe: bool,
    **values: Any,
) -> int:
    """Paint every image of CONTENTS in every style of STYLES.

    CONTENTS and STYLES are each an image, a directory, or a pattern in quotes such as
    'photos/*.jpg'. The results are OUTPUT/CONTENT_STYLE.png and a contact sheet. If two files
    differ only in their extension, the extension is part of the names of their results. An existing
    result is skipped unless --overwrite is given; an image that cannot be used is reported and left
    out.

    A style may be a file of nst learn, which paints an image in a fraction of a second.

    --protect finds the faces or people in each image; --detail-map is for single images.

    Ctrl-C stops after the current step and keeps the image so far as
    OUTPUT/CONTENT_STYLE_unfinished.png; the next run paints it. The exit code is 1 if anything
    failed.
    """
    _check_usage((contents, styles, *more), pairs=pairs, watch=watch)
    style_files = styles_in(styles)
    is_learned = are_learned(style_files)
    preset = learned_preset(preset) if is_learned else preset or DEFAULT_PRESET
    options = StyleTransferOptions.from_preset(preset, **given(values))
    say_ignored(options, is_learned=is_learned)
    image_writer.check_bit_depth(f".{format_name}", options.bit_depth)
    to_paint: Iterable[Pair]
    if watch:
        if not contents.is_dir():
            raise InvalidOption("contents", str(contents), "a directory to watch")
        content_files = files_in(contents)
        to_paint = arriving(contents, style_files)
    else:
        content_files = pictures_in("contents", contents)
        to_paint = list(
            matched(content_files, style_files) if pairs else product(content_files, style_files)
        )
    painter_class = LearnedPainter if is_learned else Painter
    work = Batch(
        painter_class(options, machine),
        Outputs(output, f".{format_name}", content_files, style_files),
        overwrite=overwrite,
        with_recipe=not no_recipe,
    )
    _check_output(output, contents, content_files, "contents")
    _check_output(output, styles, style_files, "styles")
    files.check_output(output / CONTACT_SHEET)
    tell_skipped(contents, taken=content_files)
    tell_skipped(styles, taken=style_files)
    code = work.paint(to_paint)
    work.finish(is_table=not pairs)
    return code


def _check_output(output: Path, place: Path, found: Sequence[Path], name: str) -> None:
    """Raise InvalidOption if the next batch would take results for its inputs.

    `place`: a file, directory or pattern. `found`: its images.
    """
    directories = {file.resolve().parent for file in found}
    if not place.is_file() and output.resolve() in {place.resolve(), *directories}:
        raise InvalidOption("output", str(output), f"another directory than that of the {name}")


def _check_usage(places: Sequence[Path], *, pairs: bool, watch: bool) -> None:
    if pairs and watch:
        raise usage_error("--pairs and --watch exclude each other")
    if len(places) > 2:
        raise usage_error(
            f"two names are expected, CONTENTS and STYLES, but there are {len(places)}; put a "
            "pattern like 'photos/*.jpg' in quotes, or the shell replaces it by the files"
        )
