"""Command `nst live`: a camera or a film, painted while it is watched."""

import time
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nst.cli.command import Command, OneOf, WholeNumberBetween, examples, option
from nst.cli.errors import debug_option
from nst.cli.live_stream import LiveStream
from nst.cli.machine import MachineOptions, live_machine_options
from nst.cli.notices import tell
from nst.cli.options import (
    FILES,
    PATH,
    TITLES,
    given,
    quiet_option,
    say_ignored,
    transfer_options,
    with_dashes,
)
from nst.errors import InvalidOption
from nst.learned_file import PRESET
from nst.learning_options import is_style_file
from nst.options import StyleTransferOptions

if TYPE_CHECKING:
    from PIL import Image

    from nst.learning.live import Rate
    from nst.learning.painting import LearnedStyle

SIZE_PIXELS = 480
"""Longest side of a frame in pixels, unless --size is given."""

TELL_SECONDS = 10.0
"""Seconds between two lines with the number of frames per second."""


@click.command(
    cls=Command,
    epilog=examples(
        "nst live painting.nst --open",
        "nst live painting.nst --camera 1 --size 320",
        "nst live painting.nst film.mp4",
    ),
)
@click.argument("style", metavar="STYLE", type=PATH)
@click.argument("film", metavar="[FILM]", type=PATH, required=False)
@option(
    "--camera",
    group=FILES,
    type=WholeNumberBetween(min=0),
    default=0,
    show_default=True,
    help="Number of the camera, from 0; FILM is painted in its place.",
)
@option(
    "--port",
    group=FILES,
    type=WholeNumberBetween(0, 65535),
    default=8100,
    show_default=True,
    help="Port on this machine where the stream is watched; 0 finds a free one.",
)
@option("--open", "opens", group=FILES, is_flag=True, help="Open the stream in the browser.")
@transfer_options(["size"], with_dashes, PRESET, size=SIZE_PIXELS)
@option(  # a learned style has no color match
    "--color",
    group=TITLES["picture"],
    type=OneOf(["style", "luminance"]),
    help="Colours of the result. style: the style's colours. luminance: stylize luminance only and "
    "keep the content's chroma.  [default: style]",
)
@transfer_options(["color_amount", "style_blend"], with_dashes, PRESET)
@live_machine_options
@quiet_option
@debug_option
def live(
    style: Path,
    film: Path | None,
    camera: int,
    port: int,
    opens: bool,
    machine: MachineOptions,
    **values: Any,
) -> int:
    """Paint a camera or FILM live with STYLE, a .nst file of nst learn.

    The frames are streamed over HTTP, and only this machine can watch them: open the printed
    address in a browser, or as a browser source in OBS. Ctrl-C ends the stream; until then, a film
    repeats.
    """
    if not is_style_file(style):
        raise InvalidOption("style", str(style), "a .nst file; nst learn makes one of a painting")
    options = StyleTransferOptions.from_preset(PRESET, **{"size": SIZE_PIXELS, **given(values)})
    from nst.learning.live import Rate
    from nst.learning.painting import LearnedStyle

    learned = LearnedStyle.load(style, device=machine.device, precision=machine.precision)
    learned.check(options)
    say_ignored(options, is_learned=True)
    rate = Rate()
    stream = LiveStream(port, lambda: rate.per_second)
    with stream.served(), _frames(film, camera, options.size) as frames:
        click.echo(stream.address)
        if opens:
            webbrowser.open(stream.address)
        try:
            _paint(learned, options, frames, stream, rate)
        except KeyboardInterrupt:
            tell(f"nst: {rate.per_second:.1f} frames per second at the end")
    return 0


@contextmanager
def _frames(film: Path | None, camera: int, side_pixels: int) -> "Iterator[Iterable[Image.Image]]":
    from nst.learning import live

    if film:
        yield live.film(film, side_pixels)
        return
    with live.camera(camera) as frames:
        yield frames


def _paint(
    style: "LearnedStyle",
    options: StyleTransferOptions,
    frames: "Iterable[Image.Image]",
    stream: LiveStream,
    rate: "Rate",
) -> None:
    from nst.learning.live import as_jpeg

    told_at = time.monotonic()
    for frame in frames:
        stream.show(as_jpeg(style.paint(frame, options).image))
        rate.tick()
        if time.monotonic() - told_at >= TELL_SECONDS:
            told_at = time.monotonic()
            tell(f"nst: {rate.per_second:.1f} frames per second")
