"""Painting with a learned style, for `nst stylize`."""

from collections.abc import Sequence
from pathlib import Path

import click

from nst import files, images
from nst.cli.notices import tell
from nst.cli.options import say_ignored
from nst.errors import InvalidOption
from nst.learning.options import is_style_file
from nst.options import StyleTransferOptions
from nst.recipe import SourceFiles

PRESET = "draft"
"""The preset whose options are those of a learned style: nothing is optimised."""


def is_learned(styles: Sequence[Path]) -> bool:
    """Return whether a learned style is among the styles."""
    return any(map(is_style_file, styles))


def learned_preset(given: str | None) -> str:
    """Return the preset of learned styles. Raises InvalidOption if another one was given."""
    if given not in (None, PRESET):
        raise InvalidOption("preset", given, "none, or draft, with a learned style")
    return PRESET


def paint_learned(
    content: Path,
    styles: Sequence[Path],
    output: Path,
    options: StyleTransferOptions,
    *,
    device: str,
    precision: str,
    overwrite: bool,
    with_recipe: bool,
) -> int:
    """Paint, save, and say where the image is; the exit code."""
    if len(styles) > 1:
        names = " ".join(map(str, styles))
        raise InvalidOption(
            "styles", names, "one .nst file alone; nst learn puts several styles into one"
        )
    say_ignored(options, but=("device", "precision"))
    files.check_output(output)
    images.check_bit_depth(output.suffix, options.bit_depth)
    from nst.learning.painting import LearnedStyle

    (file,) = styles
    style = LearnedStyle.load(file, device=device, precision=precision)
    result = style.paint(content, options)
    recipe = result.recipe(SourceFiles(content, [file]).seen_from(output))
    path = images.save(
        result.output, output, recipe=recipe.text() if with_recipe else None, overwrite=overwrite
    )
    width, height = result.image.size
    names = ", ".join(style.facts.styles)
    seconds = f"{result.prepare_seconds:.1f} s"
    tell(f"{width}×{height} pixels in {seconds}, learned: {names}")
    click.echo(path)
    return 0
