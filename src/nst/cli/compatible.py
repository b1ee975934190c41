"""`python neural_style_transfer.py`: the command of the classic programs.
It has their options and defaults."""

from pathlib import Path
from typing import Any

import click

from nst import files, images
from nst.cli.command import OneOf, PlainCommand, renamed
from nst.cli.errors import run
from nst.cli.machine import MachineOptions
from nst.cli.options import FIELDS, PATH, given, say_ignored, transfer_options, with_underscores
from nst.cli.painter import Painter
from nst.cli.painting import Painting
from nst.errors import InvalidOption
from nst.options import StyleTransferOptions

OUTPUT_DIRECTORY = Path("data/output")

TRANSFER_OPTIONS = (
    "content_weight",
    "style_weight",
    "tv_weight",
    "optimizer",
    "model",
    "total_iterations",
    "learning_rate",
)


def main(samples: Path) -> None:
    """Run the command. `samples`: directory of the default images."""
    run(command(files.relative_path(samples)), "neural_style_transfer.py")


def command(samples: Path) -> click.Command:
    @click.command(cls=PlainCommand)
    @click.option(
        "--content_image_path",
        type=PATH,
        default=samples / "content" / "cat.jpg",
        show_default=True,
        help="The picture to paint.",
    )
    @click.option(
        "--style_image_path",
        type=PATH,
        default=samples / "style" / "impasto.jpg",
        show_default=True,
        help="The picture whose style to take.",
    )
    @transfer_options(TRANSFER_OPTIONS, with_underscores, "classic")
    @click.option(  # as published, that is, without draft
        "--init_method",
        type=OneOf(["random", "content", "style"]),
        default=FIELDS["init_method"].default,
        show_default=True,
        help="Initial image: Gaussian noise, the content or the style.",
    )
    @click.option(
        "--height",
        type=int,
        default=400,
        metavar="PIXELS",
        show_default=True,
        help="Height of the result; its width follows.",
    )
    @click.option(
        "--output_file",
        default="output_image.jpg",
        show_default=True,
        help="Name of the final picture.",
    )
    def neural_style_transfer(
        content_image_path: Path,
        style_image_path: Path,
        height: int,
        output_file: str,
        **values: Any,
    ) -> int:
        """Paint the content image in the style of the style image.

        Intermediate images and the result are saved in data/output/combined_CONTENT_STYLE/.
        """
        size = _size(content_image_path, height)
        directory = files.free_path(
            OUTPUT_DIRECTORY / f"combined_{content_image_path.stem}_{style_image_path.stem}"
        )
        painting = Painting(
            content=content_image_path,
            styles=(style_image_path,),
            output=directory / output_file,
            frames=directory,
        )
        options = StyleTransferOptions(size=size, **given(values))
        say_ignored(options)
        with renamed(output="output_file"):
            return Painter(options, MachineOptions()).paint(painting)

    return neural_style_transfer


def _size(content: Path, height: int) -> int:
    """Return the longest side of the content image at this height.

    An image fitted to this side has exactly this height: the longest side is rounded by at most
    half a pixel, and the height, the shorter side, therefore by no more.
    """
    width, original_height = images.load(content, "content").size
    size = max(height, round(width * height / original_height))
    try:
        return StyleTransferOptions(size=size).size
    except InvalidOption as error:
        allowed = f"pixels so that the longest side is {error.allowed}"
        raise InvalidOption("height", height, allowed) from error
