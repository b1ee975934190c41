"""Command `nst video`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from nst import files, images
from nst.cli.command import Command, examples, option, renamed, usage_error
from nst.cli.ctrl_c import stop_on_ctrl_c
from nst.cli.errors import CANCELED_EXIT_CODE, debug_option
from nst.cli.film_checkpoint import FilmCheckpoint, FilmCommand
from nst.cli.film_frames import Frames, Previews
from nst.cli.learned import LearnedPainter
from nst.cli.machine import MachineOptions, machine_options
from nst.cli.notices import tell
from nst.cli.options import (
    FIELDS,
    FILES,
    PATH,
    START,
    TITLES,
    PicturePath,
    given,
    is_given,
    preset_option,
    quiet_option,
    say_ignored,
    transfer_options,
    with_dashes,
)
from nst.cli.painter import Painter
from nst.errors import InvalidOption
from nst.film_options import LATER_SHARES, MAX_PASSES, ONCE_FOR_DRAFTS, later_options
from nst.learned_file import learned_preset
from nst.learning_options import is_style_file
from nst.options import StyleTransferOptions
from nst.video import CONTAINERS, Container, Video

DEFAULT_PRESET = "fast"
LEFT_OUT = ("total_iterations", "save_every", "style_blend", "bit_depth")
"""Options without a meaning for a video.
--first-steps and --steps replace total_iterations."""


@click.command(
    cls=Command,
    epilog=examples(
        "nst video in.mp4 painting.jpg",
        "nst video in.mp4 painting.jpg -o out.webm --size 640 --strength 0.7",
        "nst video --resume in_painting_checkpoint",
        "nst video in.mp4 painting.nst",
    ),
)
@click.argument("source", metavar="VIDEO", type=PATH, required=False)
@click.argument("style", type=PicturePath("style"), required=False)
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
    help="Optimizer steps for every later frame.  [default: one for every "
    f"{LATER_SHARES['neighbors']} of the first, with Gram matrices for every "
    f"{LATER_SHARES['gram']}]",
)
@option(
    "--passes",
    group=TITLES["end"],
    type=click.IntRange(1, MAX_PASSES),
    help="Number of times the video is painted, forward and backward in turn.  [default: 1]",
)
@option(
    "--preview",
    group=FILES,
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Keep every N-th painted frame as an image beside the output; 0: none.  [default: 0]",
)
@option(
    "--resume",
    group=START,
    type=PATH,
    metavar="DIRECTORY",
    help="Continue from the frames of an interrupted video, with its style and options. The result "
    "replaces the video so far.",
)
@preset_option(DEFAULT_PRESET)
@transfer_options(
    [name for name in FIELDS if name not in LEFT_OUT],
    with_dashes,
    DEFAULT_PRESET,
    size="that of VIDEO",
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
    passes: int | None,
    preview: int,
    resume: Path | None,
    preset: str | None,
    machine: MachineOptions,
    **values: Any,
) -> int:
    """Paint every frame of VIDEO in the style of the image STYLE.

    Each frame continues the previous one along the optical flow, so that strokes stay on what they
    paint. Without --size the result is as large as VIDEO. The sound is copied, or converted if the
    format of the result cannot hold it.

    After Ctrl-C the result has the frames so far; --resume continues from them.

    STYLE may be a file of nst learn: each frame is then painted alone, in a fraction of a second. A
    style that was learned with --steady flickers less. A video painted with a learned style cannot
    be resumed.

    --protect finds the faces or people in each frame; --detail-map is for single images.
    """
    replaces_partial, previews_path = False, None
    if resume:
        numbers = [value for value in (first_steps, steps, passes) if value is not None]
        if source or preset or numbers or given(values):
            raise usage_error("--resume takes film, style and options from the checkpoint")
        command = FilmCommand.read(resume)
        source, style = command.files(resume)
        output, overwrite, replaces_partial = command.target(resume, output, overwrite=overwrite)
        first, steps = StyleTransferOptions(**command.options), command.later_steps
        passes = command.passes
        preview = preview if is_given("preview") else command.preview
        previews_path = command.previews_path(resume)
        machine = command.machine(machine)
    elif not (source and style):
        raise usage_error("name a film and a picture: nst video VIDEO STYLE")
    if is_style_file(style):
        if first_steps or steps or (passes or 1) > 1:
            raise usage_error("a learned style takes no --first-steps, --steps or --passes")
        preset = learned_preset(preset)
    film = Video.inspect(source)
    style_source = style if is_style_file(style) else images.load(style, "style")
    output = output or Path(files.derived_name(f"{source.stem}_{style.stem}", ".mp4"))
    files.check_output(output, tuple(CONTAINERS))
    if overwrite:
        files.check_keeps_inputs(output, (source, style))
    if not resume:
        values["total_iterations"] = first_steps
        values["size"] = values["size"] or max(film.size)
        with renamed(total_iterations="first_steps"):
            first = StyleTransferOptions.from_preset(preset or DEFAULT_PRESET, **given(values))
    _check_passes(first, passes)
    with renamed(total_iterations="steps"):
        later = later_options(first, steps)
    is_learned = is_style_file(style)
    say_ignored(later if first.is_draft else first, is_learned=is_learned)
    _check_libraries(later)
    checkpoint_name = files.derived_name(output.stem, "_checkpoint")
    directory = resume or files.free_path(output.with_name(checkpoint_name))
    previews_path = previews_path or _previews_path(output, overwrite=overwrite)
    command = FilmCommand.of(
        directory,
        film=source,
        style=style,
        output=output,
        overwrite=overwrite,
        options=first,
        later_steps=later.total_iterations,
        passes=passes or 1,
        preview=preview,
        previews=previews_path,
        machine=machine,
        partial=output if replaces_partial else None,
    )
    painter_class = LearnedPainter if is_learned else Painter
    painter = painter_class(first, machine)
    if isinstance(painter, LearnedPainter):
        painter.tell_unsteady(style)
    checkpoint = FilmCheckpoint(directory, command, is_kept=not is_learned)
    previews = Previews(previews_path, preview)
    if preview:
        files.check_directory(previews.directory, "preview")
    frames = partial(
        Frames,
        film,
        style_source,
        later,
        painter,
        checkpoint,
        previews,
        passes=command.passes,
    )
    return _paint(film, frames, checkpoint, output, overwrite=overwrite or replaces_partial)


def _paint(
    film: Video,
    frames_with: Callable[..., Frames],
    checkpoint: FilmCheckpoint,
    output: Path,
    *,
    overwrite: bool,
) -> int:
    """Write the film, print its path, and return the exit code.

    An error that ends the painting after the first frame is raised when the film so far is saved.
    """
    kind = CONTAINERS[output.suffix.lower()]
    _tell_losses(film, kind)
    with stop_on_ctrl_c() as ctrl_c:
        frames = frames_with(ctrl_c=ctrl_c)
        try:
            saved = files.write_file(
                output, lambda temporary: frames.write(temporary, kind), overwrite=overwrite
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


def _previews_path(output: Path, *, overwrite: bool) -> Path:
    """Return the directory of a new film's previews; those of another film stay."""
    path = output.with_name(files.derived_name(output.stem, "_preview"))
    return path if overwrite else files.free_path(path)


def _tell_losses(film: Video, kind: Container) -> None:
    """Print a notice about sound and transparency that the file cannot hold."""
    if film.sound and film.sound not in kind.copied:
        tell(f"The sound is converted to {kind.sound_name}.")
    if film.has_alpha and not kind.transparent:
        able = " and ".join(name for name, other in CONTAINERS.items() if other.transparent)
        tell(f"Transparent parts become white: an MP4 file holds no transparency, {able} do.")


def _check_passes(first: StyleTransferOptions, passes: int | None) -> None:
    """Raise InvalidOption if further passes would paint the same frames."""
    if first.is_draft and passes and passes > 1:
        raise InvalidOption("passes", passes, ONCE_FOR_DRAFTS)


def _check_libraries(later: StyleTransferOptions) -> None:
    """Raise VideoUnavailable without OpenCV, before the first frame is painted."""
    if not later.is_draft:
        from nst.engine.pictures.flow import opencv

        opencv()
