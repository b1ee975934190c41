"""`nst stylize`."""

from pathlib import Path
from typing import Any

import click

from nst.cli.errors import debug_option
from nst.cli.options import FIELDS, PATH, MemorySize, given, transfer_options, with_dashes
from nst.cli.painting import Painting, paint
from nst.options import DEVICES, PRECISIONS, PRESETS, StyleTransferOptions
from nst.recipe import Recipe

DEFAULT_PRESET = "quality"


@click.command()
@click.argument("content", type=PATH, required=False)
@click.argument("style", type=PATH, required=False)
@click.option(
    "-o",
    "--output",
    type=PATH,
    help="The result, a .png, .jpg, .webp or .tiff file.  [default: CONTENT_STYLE.png]",
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help=f"Where to start from; options below change it.  [default: {DEFAULT_PRESET}]",
)
@click.option(
    "--from-image", type=PATH, help="Repeat the recipe inside this picture; options change it."
)
@transfer_options(FIELDS, with_dashes, DEFAULT_PRESET)
@click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    show_default=True,
    help="What computes; auto takes the fastest there is.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="auto",
    show_default=True,
    help="Of the convolutions; auto takes bf16 where it is fast, and fp32 to finish.",
)
@click.option(
    "--max-memory",
    type=MemorySize(),
    help="What the process may hold, like 4GB; large pictures are then computed in tiles.  "
    "[default: what is free]",
)
@click.option("--weights", type=PATH, help="File of VGG weights for the model.")
@click.option(
    "--no-recipe",
    is_flag=True,
    help="Do not write the options and the pictures' paths into the result.",
)
@debug_option
def stylize(
    content: Path | None,
    style: Path | None,
    output: Path | None,
    overwrite: bool,
    preset: str | None,
    from_image: Path | None,
    device: str,
    precision: str,
    max_memory: int | None,
    weights: Path | None,
    no_recipe: bool,
    **values: Any,
) -> int:
    """Paint the picture CONTENT in the style of the picture STYLE.

    An existing output stays and the new picture gets a number, unless --overwrite is given.
    Ctrl-C stops after the current step and keeps the picture so far.
    """
    if from_image:
        if preset:
            raise _usage_error("--preset and --from-image exclude each other")
        recipe = Recipe.read(from_image)
        content = content or recipe.content.locate(from_image, "content")
        style = style or recipe.styles[0].locate(from_image, "style")
        options = StyleTransferOptions(**recipe.options | given(values))
    elif content and style:
        options = StyleTransferOptions.from_preset(preset or DEFAULT_PRESET, **given(values))
    else:
        raise _usage_error("name two pictures: nst stylize CONTENT STYLE")
    output = output or Path(f"{content.stem}_{style.stem}.png")
    painting = Painting(
        content=content,
        style=style,
        options=options,
        output=output,
        frames=output.with_name(f"{output.stem}_frames"),
        overwrite=overwrite,
        with_recipe=not no_recipe,
    )
    return paint(
        painting,
        device=device,
        precision=precision,
        max_memory_bytes=max_memory,
        weights=weights,
    )


def _usage_error(message: str) -> click.UsageError:
    return click.UsageError(message, click.get_current_context())
