"""`nst video`."""

import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from PIL import Image

from nst import images
from nst.cli.command import Command, examples, option
from nst.cli.errors import CANCELED_EXIT_CODE, debug_option
from nst.cli.film_checkpoint import FilmCheckpoint, FilmCommand
from nst.cli.notices import tell
from nst.cli.options import (
    FIELDS,
    FILES,
    PATH,
    START,
    TITLES,
    given,
    is_given,
    machine_options,
    preset_option,
    quiet_option,
    say_ignored,
    transfer_options,
    with_dashes,
)
from nst.cli.painting import CtrlC, Painter, stop_on_ctrl_c
from nst.cli.progress_bar import duration
from nst.options import StyleTransferOptions
from nst.video import CONTAINERS, Container, Repainted, Video

if TYPE_CHECKING:
    from nst.engine.transfer import NeuralStyleTransfer

DEFAULT_PRESET = "fast"
LATER_SHARE = 4
"""Of the first frame's steps a later frame takes one in so many: it begins nearly done."""
_DAMAGED = "The film is damaged: {} of its packets could not be read; what they hold is left out."
LEFT_OUT = ("total_iterations", "save_every", "style_blend", "bit_depth")
"""Options without meaning for a video; --first-steps and --steps replace total_iterations."""


@click.command(
    cls=Command,
    epilog=examples(
        "nst video in.mp4 painting.jpg",
        "nst video in.mp4 painting.jpg -o out.webm --size 640 --strength 0.7",
        "nst video --resume in_painting_checkpoint",
    ),
)
@click.argument("source", metavar="VIDEO", type=PATH, required=False)
@click.argument("style", type=PATH, required=False)
@option(
    "-o",
    "--output",
    group=FILES,
    type=PATH,
    help="The result, an .mp4, .mov or .webm file.  [default: VIDEO_STYLE.mp4]",
)
@option("--overwrite", group=FILES, is_flag=True, help="Replace the output if it exists.")
@option(
    "--first-steps",
    group=TITLES["end"],
    type=click.IntRange(min=0),
    help="Optimizer steps for the first frame.  [default: those of the preset]",
)
@option(
    "--steps",
    group=TITLES["end"],
    type=click.IntRange(min=0),
    help="Optimizer steps for every later frame.  [default: a quarter of the first's]",
)
@option(
    "--resume",
    group=START,
    type=PATH,
    metavar="DIRECTORY",
    help="Go on from the frames of an interrupted film. Film, style and options are its own, and "
    "the result takes the place of the film so far.",
)
@preset_option(DEFAULT_PRESET)
@transfer_options(
    [name for name in FIELDS if name not in LEFT_OUT],
    with_dashes,
    DEFAULT_PRESET,
)
@machine_options
@quiet_option
@debug_option
def video(
    source: Path | None,
    style: Path | None,
    output: Path | None,
    overwrite: bool,
    first_steps: int | None,
    steps: int | None,
    resume: Path | None,
    preset: str | None,
    device: str,
    precision: str,
    max_memory: int | None,
    weights: Path | None,
    **values: Any,
) -> int:
    """Paint every frame of VIDEO in the style of the picture STYLE.

    Each frame starts from the result of the one before, which reduces flicker. Without --size the
    result is as large as VIDEO. The sound is copied, or converted where the file cannot hold it.
    Ctrl-C ends the result with the frames so far; --resume goes on from them.
    --protect finds the faces or people of each frame; --detail-map is for single pictures.
    """
    if resume:
        numbers = [value for value in (first_steps, steps) if value is not None]
        if source or preset or numbers or given(values):
            raise _usage_error("--resume takes film, style and options from the checkpoint")
        command = FilmCommand.read(resume)
        source, style = command.files(resume)
        if output is None:
            output, replaces_partial = command.target(resume)
            overwrite = overwrite or replaces_partial
        first, steps = StyleTransferOptions(**command.options), command.later_steps
        if not is_given("precision"):
            precision = command.precision
        weights = weights or (Path(command.weights) if command.weights else None)
    elif not (source and style):
        raise _usage_error("name a film and a picture: nst video VIDEO STYLE")
    film = Video.inspect(source)
    style_picture = images.load(style, "style")
    output = output or Path(images.derived_name(f"{source.stem}_{style.stem}", ".mp4"))
    images.check_output(output, tuple(CONTAINERS))
    if not resume:
        values["total_iterations"] = first_steps
        values["size"] = values["size"] or max(film.size)
        first = StyleTransferOptions.from_preset(preset or DEFAULT_PRESET, **given(values))
    later = _later(first, steps)
    say_ignored(later if first.is_draft else first)
    checkpoint_name = images.derived_name(output.stem, "_checkpoint")
    directory = resume or images.free_path(output.with_name(checkpoint_name))
    command = FilmCommand.of(
        directory,
        film=source,
        style=style,
        output=output,
        options=first,
        later_steps=later.total_iterations,
        precision=precision,
        weights=weights,
    )
    painter = Painter(
        first, device=device, precision=precision, max_memory=max_memory, weights=weights
    )
    checkpoint = FilmCheckpoint(directory, command, goes_on=resume is not None)
    return _paint(film, style_picture, later, painter, checkpoint, output, overwrite=overwrite)


def _paint(
    film: Video,
    style: Image.Image,
    later: StyleTransferOptions,
    painter: Painter,
    checkpoint: FilmCheckpoint,
    output: Path,
    *,
    overwrite: bool,
) -> int:
    """Write the film, say where it is, and return the exit code.

    What ends the painting after the first frame is raised when the film so far is saved.
    """
    kind = CONTAINERS[output.suffix.lower()]
    _tell_losses(film, kind)
    size = images.fit(film.size, painter.options.size)
    with stop_on_ctrl_c() as ctrl_c, painter.bar:
        frames = Frames(film, style, later, painter, ctrl_c, checkpoint)
        try:
            saved = images.write_file(
                output,
                lambda temporary: frames.count(film.repaint(temporary, kind, size, frames.paint)),
                overwrite=overwrite,
            )
        except BaseException:
            checkpoint.tell()
            raise
    tell(frames.summary())
    if frames.failure or ctrl_c.pressed:
        checkpoint.leave(saved)
    else:
        checkpoint.remove()
    if frames.failure:
        tell(f"The film so far is in {saved}")
        raise frames.failure
    click.echo(saved)
    return CANCELED_EXIT_CODE if ctrl_c.pressed else 0


class Frames:
    """Paints one frame after the other."""

    def __init__(
        self,
        film: Video,
        style: Image.Image,
        later: StyleTransferOptions,
        painter: Painter,
        ctrl_c: CtrlC,
        checkpoint: FilmCheckpoint,
    ) -> None:
        """`later`: the options of all frames but the first, which has the painter's."""
        self.failure: BaseException | None = None
        """What ended the film early."""
        self._checkpoint = checkpoint
        self._film = film
        self._style = style
        self._later = later
        self._painter = painter
        self._ctrl_c = ctrl_c
        self._done = 0
        self._unprotected = 0
        """Frames in which there was nothing to protect."""
        self._damaged = 0
        """Packets of the source that could not be read."""
        self._latest: Image.Image | None = None
        self._started = time.monotonic()

    def paint(self, frame: Image.Image) -> Image.Image | None:
        """Return the painted frame; None after Ctrl-C."""
        try:
            painted = self._checkpoint.frame(self._done)
            if painted is None:
                painted = self._painted(frame)
                if painted is not None:
                    self._checkpoint.keep(self._done, painted)
        except (Exception, KeyboardInterrupt):
            self._ctrl_c.is_saving = self._done > 0
            raise
        if painted is None:
            self._ctrl_c.is_saving = True
            return None
        self._latest = painted
        self._ctrl_c.has_picture = True
        self._done += 1
        return painted

    def _painted(self, frame: Image.Image) -> Image.Image | None:
        """None after Ctrl-C."""
        from nst.engine.inputs import Inputs
        from nst.engine.pictures.detail import load_detail

        transfer, initial = self._painter.transfer, None
        if self._latest:
            transfer = self._later_transfer
            initial = None if self._later.is_draft else self._latest
        detail = load_detail(None, frame, transfer.options)
        self._unprotected += detail.notice is not None
        inputs = Inputs(frame, self._style, initial=initial, detail_map=detail.map)
        for progress in transfer.steps(inputs):
            if self._ctrl_c.pressed:
                return None
            seconds = time.monotonic() - self._started
            self._painter.bar.show_frame(self._done + 1, self._film.frames, progress, seconds)
        return progress.snapshot.picture()

    @cached_property
    def _later_transfer(self) -> "NeuralStyleTransfer":
        return self._painter.transfer.with_options(self._later)

    def count(self, repainted: Repainted) -> None:
        """Keep what the summary says about the film."""
        self._damaged, self.failure = repainted.damaged, repainted.failure

    def summary(self) -> str:
        """There is at least one frame."""
        assert self._latest is not None
        width, height = self._latest.size
        seconds = duration(time.monotonic() - self._started)
        summary = f"{width}×{height} pixels, {self._done} frames in {seconds}"
        if self._unprotected:
            summary += f"; nothing was found to protect in {self._unprotected} of them"
        if self._damaged:
            summary += f"\n{_DAMAGED.format(self._damaged)}"
        return summary


def _tell_losses(film: Video, kind: Container) -> None:
    """Say what the file cannot hold as it is."""
    if film.sound and film.sound not in kind.copied:
        tell(f"The sound is converted to {kind.sound_name}.")
    if film.has_alpha and not kind.transparent:
        able = " and ".join(name for name, other in CONTAINERS.items() if other.transparent)
        tell(f"Transparent parts become white: an MP4 file holds no transparency, {able} do.")


def _later(first: StyleTransferOptions, steps: int | None) -> StyleTransferOptions:
    """One scale: a coarser one would forget what the frame starts from."""
    if steps is None:
        steps = -(-first.total_iterations // LATER_SHARE)
    changed = {"total_iterations": steps, "scales": 1}
    return StyleTransferOptions(**first.model_dump(exclude_unset=True) | changed)


def _usage_error(message: str) -> click.UsageError:
    return click.UsageError(message, click.get_current_context())
