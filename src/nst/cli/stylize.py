"""Command `nst stylize`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from nst import files
from nst.cli.checkpoints import Command as CheckpointCommand
from nst.cli.command import Command, examples, option, renamed, usage_error
from nst.cli.errors import debug_option
from nst.cli.learned import LearnedPainter
from nst.cli.machine import MachineOptions, machine_options
from nst.cli.options import (
    FIELDS,
    FILES,
    MACHINE,
    PATH,
    START,
    TITLES,
    PicturePath,
    Seconds,
    SteeringChange,
    given,
    preset_option,
    quiet_option,
    say_ignored,
    say_ignored_steps,
    transfer_options,
    with_dashes,
)
from nst.cli.painter import Painter
from nst.cli.painting import Painting
from nst.cli.repeating import read_recipe, recipe_for, weights_of
from nst.controls import STEERABLE, planned
from nst.learned_file import learned_preset
from nst.learning_options import is_learned
from nst.options import StyleTransferOptions
from nst.presets import DEFAULT_PRESET
from nst.progress import Change

EVERYWHERE = Path("-")
"""Value of --style-mask for a style that applies everywhere."""


@click.command(
    cls=Command,
    epilog=examples(
        "nst stylize photo.jpg painting.jpg",
        "nst stylize photo.jpg painting.jpg -o out.png --preset fast --strength 0.7",
        "nst stylize photo.jpg painting.jpg --size 1600 --color luminance",
        "nst stylize photo.jpg sky.jpg sea.jpg --style-blend 0.7,0.3",
        "nst stylize photo.jpg painting.nst",
        "nst stylize photo.jpg painting.jpg --init-image painting.nst",
        "nst stylize --from-image out.png --seed 7",
        "nst stylize --resume out_checkpoint",
    ),
)
@click.argument("content", type=PicturePath("content"), required=False)
@click.argument("styles", metavar="STYLE...", type=PicturePath("style"), nargs=-1)
@option(
    "-o",
    "--output",
    group=FILES,
    type=PATH,
    help="The result, a .png, .jpg, .webp or .tiff file.  [default: CONTENT_STYLE.png]",
)
@option("--overwrite", group=FILES, is_flag=True, help="Replace the output if it exists.")
@option(
    "--style-mask",
    "masks",
    group=FILES,
    type=PATH,
    multiple=True,
    help="Area of a style: an image in the shape of CONTENT, white where the style applies, grey "
    "at soft edges. If it has an alpha channel with a shape, that is used. Give it once for each "
    "style, in their order; - means everywhere.",
)
@option(
    "--detail-map",
    group=FILES,
    type=PATH,
    help="Area where more of the photo is kept: an image in the shape of CONTENT, white there and "
    "grey at soft edges. With --protect, the brighter of both maps counts.",
)
@option(
    "--timelapse",
    group=FILES,
    type=PATH,
    help="Film of the painting, 9 seconds long: a .mp4, .webp or .gif file.",
)
@option(
    "--no-recipe",
    group=FILES,
    is_flag=True,
    help="Do not write the options and the images' paths into the result.",
)
@preset_option(DEFAULT_PRESET)
@option(
    "--from-image",
    group=START,
    type=PATH,
    help="Repeat the recipe of this image or recipe.json; options override it.",
)
@option(
    "--steer",
    "changes",
    group=START,
    type=SteeringChange(),
    multiple=True,
    metavar="STEP:OPTION=VALUE,…",
    help="Change options from this step on, such as 40:strength=0.8. "
    f"Options: {', '.join(STEERABLE).replace('_', '-')}.",
)
@option(
    "--stop-after",
    group=TITLES["end"],
    type=click.IntRange(min=1),
    metavar="STEP",
    help="Stop after this step and keep the image, as Ctrl-C does.",
)
@option(
    "--init-image",
    group=START,
    type=PATH,
    help="Initial image, resized, or a .nst file of nst learn, which paints the initial image from "
    "CONTENT; replaces --init-method.",
)
@option(
    "--resume",
    group=START,
    type=PATH,
    metavar="DIRECTORY",
    help="Continue from a checkpoint, with its images and options. The result replaces the image "
    "so far.",
)
@transfer_options(FIELDS, with_dashes, DEFAULT_PRESET)
@machine_options
@option(
    "--checkpoint-every",
    group=MACHINE,
    type=Seconds(),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Checkpoint interval in seconds; 0 disables it. After Ctrl-C or a crash, --resume "
    "continues from OUTPUT_checkpoint/, which is removed when the image is finished.",
)
@quiet_option
@debug_option
def stylize(
    content: Path | None,
    styles: tuple[Path, ...],
    output: Path | None,
    overwrite: bool,
    preset: str | None,
    from_image: Path | None,
    changes: Sequence[Change],
    stop_after: int | None,
    masks: tuple[Path, ...],
    detail_map: Path | None,
    init_image: Path | None,
    timelapse: Path | None,
    machine: MachineOptions,
    no_recipe: bool,
    checkpoint_every: float,
    resume: Path | None,
    **values: Any,
) -> int:
    """Paint the image CONTENT in the style of the image STYLE, or of several mixed.

    STYLE may be a file of nst learn, which paints in one pass; it accepts --size, --style-blend,
    --color, --color-amount and --bit-depth.

    An existing output is kept and the new file gets a number, unless --overwrite is given.
    sample:NAME in place of an image names a built-in image, such as sample:cat or sample:mosaic.
    Ctrl-C stops after the current step and keeps the image so far.
    """
    replaces_partial, weights_sha256 = False, None
    where = tuple(None if mask == EVERYWHERE else mask for mask in masks)
    if init_image:
        _refuse(values["init_method"], "--init-image and --init-method exclude each other")
    if resume:
        pictures = content or from_image or masks or detail_map or init_image
        others = pictures or preset or given(values) or changes or stop_after
        _refuse(others, "--resume takes pictures and options from the checkpoint")
        command = CheckpointCommand.read(resume)
        content, styles, where, detail_map, init_image = command.pictures(resume)
        options = StyleTransferOptions(**command.options)
        changes, stop_after = command.changes, command.stop_after
        output, overwrite, replaces_partial = command.target(resume, output, overwrite=overwrite)
        timelapse = timelapse or command.timelapse_path(resume)
        machine = command.machine(machine)
        no_recipe = no_recipe or not command.with_recipe
    elif from_image:
        _refuse(preset, "--preset and --from-image exclude each other")
        recipe = read_recipe(from_image)
        if content:
            replaced = {
                "masks": where,
                "detail_map": detail_map,
                "initial": init_image or values["init_method"],
            }
            named = [name for name, value in replaced.items() if value]
            recipe = recipe_for(recipe, content, styles, from_image, named)
        if recipe.detail_map:
            detail_map = detail_map or recipe.detail_map.locate(from_image, "detail map")
        content = content or recipe.content.locate(from_image, "content")
        if not styles:
            styles = tuple(style.locate(from_image, "style") for style in recipe.styles)
        where = where or tuple(
            mask.locate(from_image, "mask") if mask else None for mask in recipe.masks
        )
        if recipe.initial and not values["init_method"]:
            init_image = init_image or recipe.initial.locate(from_image, "initial")
        options = StyleTransferOptions(**recipe.options | given(values))
        weights_sha256 = weights_of(recipe, options)
        changes = changes or recipe.changes_without(given(values))
        if values["total_iterations"] is None:
            stop_after = stop_after or recipe.stopped_after
    elif content and styles:
        preset = learned_preset(preset) if is_learned(styles) else preset or DEFAULT_PRESET
        options = StyleTransferOptions.from_preset(preset, **given(values))
    else:
        raise usage_error("name two pictures: nst stylize CONTENT STYLE")
    output = output or Path(_default_name((content, *styles)))
    if is_learned(styles):
        _refuse(
            where or detail_map or init_image or timelapse,
            "a learned style takes no --style-mask, --detail-map, --init-image or --timelapse",
        )
    say_ignored(options, is_learned=is_learned(styles))
    changes = _planned(options, changes, stop_after)
    painting = Painting(
        content=content,
        styles=styles,
        masks=where,
        detail_map=detail_map,
        output=output,
        frames=output.with_name(files.derived_name(output.stem, "_frames")),
        initial=init_image,
        timelapse=timelapse,
        overwrite=overwrite,
        replaces_partial=replaces_partial,
        weights_sha256=weights_sha256,
        with_recipe=not no_recipe,
        checkpoints=resume or files.free_path(_checkpoint_directory(output)),
        checkpoint_every_seconds=checkpoint_every,
        goes_on=resume is not None,
        changes=changes,
        stop_after=stop_after,
        is_estimated=True,
    )
    painter_class = LearnedPainter if is_learned(styles) else Painter
    return painter_class(options, machine).paint(painting)


def _planned(
    options: StyleTransferOptions, changes: Sequence[Change], stop_after: int | None
) -> list[Change]:
    """Return the checked changes in their order; print what has no effect."""
    with renamed(step="steer"):
        ordered = planned(options, changes)
    say_ignored_steps(options, ordered, stop_after)
    return ordered


def _default_name(pictures: Sequence[Path]) -> str:
    return files.derived_name("_".join(picture.stem for picture in pictures), ".png")


def _checkpoint_directory(output: Path) -> Path:
    return output.with_name(files.derived_name(output.stem, "_checkpoint"))


def _refuse(given: object, message: str) -> None:
    """Raise UsageError if the value was given."""
    if given:
        raise usage_error(message)
