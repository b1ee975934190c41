"""`nst learn`."""

import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click
from pydantic import BaseModel, ConfigDict, ValidationError

from nst import files
from nst.bootstrap import weights_store
from nst.cli.checkpoints import Pace, readable_name
from nst.cli.command import Command
from nst.cli.errors import CANCELED_EXIT_CODE, debug_option
from nst.cli.notices import say
from nst.cli.options import PATH, given, is_given, learning_options
from nst.cli.painting import stop_on_ctrl_c
from nst.cli.progress_bar import ProgressBar, duration
from nst.errors import InvalidCheckpoint, InvalidOption, NSTError, StorageError
from nst.learning.options import BUDGET, SUFFIX, LearningOptions, is_style_file
from nst.options import DEVICES, PRECISIONS

if TYPE_CHECKING:
    from nst.learning.lesson import Lesson

ONNX_SUFFIX = ".onnx"


class LearnCommand(BaseModel):
    """Arguments of `nst learn`, as a checkpoint keeps them. Paths are absolute."""

    model_config = ConfigDict(frozen=True)

    styles: tuple[str, ...]
    names: tuple[str, ...]
    photos: str | None
    output: str
    licence: str
    options: dict[str, Any]
    precision: str
    weights: str | None

    @classmethod
    def read(cls, checkpoint: Path) -> Self:
        """Raises InvalidCheckpoint."""
        from nst.learning.checkpoint import LearningCheckpoint

        try:
            return cls.model_validate(LearningCheckpoint.read(checkpoint).command)
        except ValidationError as error:
            reason = "does not say what was learned; start again"
            raise InvalidCheckpoint(str(checkpoint), reason) from error


@click.command(cls=Command)
@click.argument("styles", metavar="STYLE...", type=PATH, nargs=-1)
@click.option(
    "-o", "--output", type=PATH, help="The learned style, a .nst file.  [default: STYLE.nst]"
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
@click.option(
    "--photos",
    type=PATH,
    metavar="DIRECTORY",
    help="Photos to learn from, also in the directories below; any number.  [default: the sample "
    "photos of nst; more photos make the network better]",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="Name of a style, once for each STYLE in their order.  [default: the names of the files]",
)
@click.option("--licence", default="", help="Terms of use, kept in the file.")
@click.option(
    "--export",
    type=click.Choice(["onnx"]),
    help="Write an ONNX graph beside the output, too; of a .nst file given as STYLE, do only that.",
)
@learning_options
@click.option("--weights", type=PATH, help="File of VGG weights for the model.")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="auto",
    show_default=True,
    help="Of the convolutions that compare images; auto takes bf16 where it is fast.",
)
@click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    show_default=True,
    help="What computes; auto takes the fastest there is.",
)
@click.option(
    "--checkpoint-every",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Interval at which OUTPUT_checkpoint.safetensors is written, from which --resume "
    "continues after Ctrl-C or a crash; it is removed when learning is done. 0: never.",
)
@click.option(
    "--resume",
    type=PATH,
    metavar="FILE",
    help="Continue from a checkpoint. Everything but --minutes and --steps is its own.",
)
@debug_option
def learn(
    styles: tuple[Path, ...],
    output: Path | None,
    overwrite: bool,
    photos: Path | None,
    names: tuple[str, ...],
    licence: str,
    export: str | None,
    weights: Path | None,
    precision: str,
    device: str,
    checkpoint_every: float,
    resume: Path | None,
    **values: Any,
) -> int:
    """Learn the style of the image STYLE, or several styles, once; then paint any photo at once.

    A small network learns from photos until the time is over. `nst stylize PHOTO OUTPUT` paints
    with it in a fraction of a second. Ctrl-C stops after the current step and keeps the network so
    far.
    """
    if export and len(styles) == 1 and is_style_file(styles[0]):
        return _export(styles[0], output, overwrite)
    if resume:
        others = {name for name in given(values) if name not in BUDGET}
        if styles or photos or names or licence or output or others:
            raise click.UsageError(
                "--resume takes everything but --minutes and --steps from the checkpoint",
                click.get_current_context(),
            )
        command = LearnCommand.read(resume)
        if is_given("precision"):
            command = command.model_copy(update={"precision": precision})
    elif styles:
        command = LearnCommand(
            styles=tuple(map(_absolute, styles)),
            names=names or tuple(readable_name(Path(style.stem)) for style in styles),
            photos=_absolute(photos) if photos else None,
            output=_absolute(output or Path(files.derived_name(styles[0].stem, SUFFIX))),
            licence=licence,
            options=given(values),
            precision=precision,
            weights=_absolute(weights) if weights else None,
        )
    else:
        raise click.UsageError("name an image: nst learn STYLE", click.get_current_context())
    options = LearningOptions(**command.options | given(values))
    files.check_output(Path(command.output), (SUFFIX,))
    if export:
        _check_export()  # before learning, not after it
    file = resume or files.free_path(_checkpoint_of(Path(command.output)))
    checkpoint = Checkpoint(file, command, checkpoint_every)
    path, is_canceled = _teach(command, options, checkpoint, device, resume, overwrite)
    click.echo(_relative(path))
    if export:
        _export(path, None, overwrite)
    return CANCELED_EXIT_CODE if is_canceled else 0


class Checkpoint:
    """The file from which learning goes on, written while it runs."""

    def __init__(self, path: Path, command: LearnCommand, every_seconds: float) -> None:
        self._path = path
        self._command = command.model_dump(mode="json")
        self._pace = Pace(every_seconds)

    def keep(self, lesson: "Lesson", *, now: bool) -> None:
        """Write the checkpoint now, or if it is time. What cannot be kept is learned all the
        same."""
        if not self._pace.is_due(now=now):
            return
        with self._pace.writing():
            try:
                lesson.save_checkpoint(self._path, self._command)
            except StorageError as error:
                say(f"going on without a checkpoint: {error}")

    def tell(self) -> None:
        """Say how to go on, if that is possible."""
        if self._path.exists():
            command = shlex.join(["nst", "learn", "--resume", str(_relative(self._path))])
            click.echo(f"To continue: {command}", err=True)

    def remove(self) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _teach(
    command: LearnCommand,
    options: LearningOptions,
    checkpoint: Checkpoint,
    device: str,
    resume: Path | None,
    overwrite: bool,
) -> tuple[Path, bool]:
    """Begin or go on, learn, and sum up; return the file, and whether Ctrl-C ended it."""
    with ProgressBar() as bar:
        lesson = _begin(command, options, device, bar)
        if resume:
            lesson.resume(resume)
        path, is_canceled = _learn(lesson, checkpoint, Path(command.output), overwrite, bar)
    training, count = lesson.training, len(lesson.photos)
    click.echo(
        f"{training.step} steps in {duration(training.seconds)} from {count} photos", err=True
    )
    if is_canceled:
        checkpoint.tell()
    else:
        checkpoint.remove()
    return path, is_canceled


def _begin(
    command: LearnCommand, options: LearningOptions, device: str, bar: ProgressBar
) -> "Lesson":
    from nst.learning.lesson import Lesson

    lesson = Lesson.begin(
        list(command.styles),
        options,
        names=command.names,
        photos=Path(command.photos) if command.photos else None,
        licence=command.licence,
        device=device,
        precision=command.precision,
        weights=weights_store(
            Path(command.weights) if command.weights else None, bar.show_download
        ),
        on_damaged=lambda file, reason: say(f"{file}: {reason}; left out"),
    )
    if command.photos is None:
        say(
            f"learning from the {len(lesson.photos)} sample photos; more photos make the network "
            "better: --photos DIRECTORY"
        )
    return lesson


def _learn(
    lesson: "Lesson", checkpoint: Checkpoint, output: Path, overwrite: bool, bar: ProgressBar
) -> tuple[Path, bool]:
    """Take the steps; return the file, and whether Ctrl-C ended it."""
    with stop_on_ctrl_c() as ctrl_c:
        try:
            for progress in lesson.training.run():
                ctrl_c.has_picture = True
                bar.show_learning(progress)
                checkpoint.keep(lesson, now=ctrl_c.pressed)
                if ctrl_c.pressed:
                    break
        except (NSTError, KeyboardInterrupt):
            ctrl_c.is_saving = True
            if lesson.training.step:
                path = _relative(lesson.save(output, overwrite=overwrite))
                click.echo(f"The network after step {lesson.training.step} is in {path}", err=True)
                checkpoint.tell()
            raise
        ctrl_c.is_saving = True
        return lesson.save(output, overwrite=overwrite), ctrl_c.pressed


def _export(file: Path, output: Path | None, overwrite: bool) -> int:
    """Write a learned style as an ONNX graph and say where it is; the exit code."""
    from nst.learning import onnx_file, style_file

    network, _ = style_file.load(file)
    target = output or file.with_suffix(ONNX_SUFFIX)
    if target.suffix.lower() != ONNX_SUFFIX:
        raise InvalidOption("output", str(target), f"a name ending in {ONNX_SUFFIX}")
    click.echo(_relative(onnx_file.export(network, target, overwrite=overwrite)))
    return 0


def _check_export() -> None:
    from nst.learning.onnx_file import check_available

    check_available()


def _checkpoint_of(output: Path) -> Path:
    return output.with_name(files.derived_name(output.stem, "_checkpoint.safetensors"))


def _absolute(path: Path) -> str:
    return str(path.absolute())


def _relative(path: Path) -> Path:
    """Return the path as seen from here, if that is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
