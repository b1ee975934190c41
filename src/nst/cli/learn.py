"""Command `nst learn`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nst import files
from nst.bootstrap import weights_store
from nst.cli.checkpoints import readable_name
from nst.cli.command import Command, OneOf, examples, option, usage_error
from nst.cli.ctrl_c import stop_on_ctrl_c
from nst.cli.errors import CANCELED_EXIT_CODE, debug_option
from nst.cli.machine import MachineOptions, learning_machine_options
from nst.cli.notices import say, tell
from nst.cli.options import (
    FILES,
    MACHINE,
    PATH,
    START,
    PicturePath,
    Seconds,
    given,
    learning_options,
    quiet_option,
)
from nst.cli.progress_bar import ProgressBar, duration
from nst.cli.training_files import LearnCommand, TrainingFiles, relative
from nst.errors import InvalidOption
from nst.learned_file import SUFFIX
from nst.learning_options import BUDGET, LearningOptions, is_style_file

if TYPE_CHECKING:
    from nst.learning.training_run import TrainingRun

ONNX_SUFFIX = ".onnx"


@click.command(
    cls=Command,
    epilog=examples(
        "nst learn painting.jpg --photos holidays",
        "nst learn painting.jpg --photos holidays --minutes 60 -o painting.nst",
        "nst learn sky.jpg sea.jpg -o two.nst --name sky --name sea",
        "nst learn --resume painting_checkpoint.safetensors --minutes 90",
        "nst learn painting.nst --export onnx",
    ),
)
@click.argument("styles", metavar="STYLE...", type=PicturePath("style"), nargs=-1)
@option(
    "-o",
    "--output",
    group=FILES,
    type=PATH,
    help="The learned style, a .nst file.  [default: STYLE.nst]",
)
@option("--overwrite", group=FILES, is_flag=True, help="Replace the output if it exists.")
@option(
    "--photos",
    group=FILES,
    type=PATH,
    metavar="DIRECTORY",
    help="Photos to learn from, also in the directories below; any number.  [default: the sample "
    "photos of nst; more photos make the network better]",
)
@option(
    "--name",
    "names",
    group=FILES,
    multiple=True,
    help="Name of a style, once for each STYLE in their order.  [default: the names of the files]",
)
@option("--licence", group=FILES, default="", help="Terms of use, kept in the file.")
@option(
    "--export",
    group=FILES,
    type=OneOf(["onnx"]),
    help="Write an ONNX graph beside the output, too; of a .nst file given as STYLE, do only that.",
)
@option(
    "--preview-every",
    group=FILES,
    type=Seconds(),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Interval at which OUTPUT_preview.jpg shows three photos as the network paints them. 0: "
    "never.",
)
@option(
    "--resume",
    group=START,
    type=PATH,
    metavar="FILE",
    help="Continue from a checkpoint, with its pictures and options; only the length and the way "
    "of computing can change.",
)
@learning_options
@learning_machine_options
@option(
    "--checkpoint-every",
    group=MACHINE,
    type=Seconds(),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Interval at which OUTPUT_checkpoint.safetensors is written, from which --resume "
    "continues after Ctrl-C or a crash; it is removed when learning is done. 0: never.",
)
@quiet_option
@debug_option
def learn(
    styles: tuple[Path, ...],
    output: Path | None,
    overwrite: bool,
    photos: Path | None,
    names: tuple[str, ...],
    licence: str,
    export: str | None,
    preview_every: float,
    resume: Path | None,
    machine: MachineOptions,
    checkpoint_every: float,
    **values: Any,
) -> int:
    """Learn the style of the image STYLE, or several styles.

    A small network learns from photos until the time is over. nst stylize, nst batch and nst video
    accept its file in place of a style image, and paint any photo in a fraction of a second.

    sample:NAME in place of STYLE names a built-in image, such as sample:mosaic. An existing output
    is kept and the new file gets a number, unless --overwrite is given. Ctrl-C stops after the
    current step and keeps the network so far.
    """
    if any(map(is_style_file, styles)):
        is_more = photos or names or licence or resume or given(values)
        if not export or len(styles) > 1 or is_more:
            raise usage_error(
                "a learned style is not learned again; to export one: "
                "nst learn STYLE.nst --export onnx [-o FILE] [--overwrite]"
            )
        return _export(styles[0], output, overwrite)
    if resume:
        others = {name for name in given(values) if name not in BUDGET}
        if styles or photos or names or licence or output or others:
            raise usage_error(
                "--resume takes everything but --minutes and --steps from the checkpoint"
            )
        command = LearnCommand.read(resume)
        command = command.with_given(machine, overwrite=overwrite, export=export)
    elif styles:
        command = LearnCommand(
            styles=tuple(style.absolute() for style in styles),
            names=names or tuple(readable_name(Path(style.stem)) for style in styles),
            photos=photos.absolute() if photos else None,
            output=(output or Path(files.derived_name(styles[0].stem, SUFFIX))).absolute(),
            overwrite=overwrite,
            export=export,
            licence=licence,
            options=given(values),
            device=machine.device,
            precision=machine.precision,
            weights=machine.weights.absolute() if machine.weights else None,
        )
    else:
        raise usage_error("name an image: nst learn STYLE")
    options = LearningOptions(**command.options | given(values))
    written = TrainingFiles.of(command, resume, checkpoint_every, preview_every)
    files.check_output(written.output, (SUFFIX,))
    path, is_canceled = _teach(command, options, written, resume)
    click.echo(relative(path))
    if command.export and is_canceled:
        tell("nst: not exported; the finished network will be")
    elif command.export:
        _export(path, None, command.overwrite)
    return CANCELED_EXIT_CODE if is_canceled else 0


def _teach(
    command: LearnCommand,
    options: LearningOptions,
    written: TrainingFiles,
    resume: Path | None,
) -> tuple[Path, bool]:
    """Train the network, save it and print a summary.

    Returns the path of the file, and whether Ctrl-C ended the training.
    """
    damaged: list[Path] = []
    with ProgressBar() as bar:
        training_run = _begin(command, options, bar, damaged)
        if resume:
            training_run.resume(resume)
        path, is_canceled = _learn(training_run, written, bar)
    training, count = training_run.training, len(training_run.photos) - len(damaged)
    photos = "photo" if count == 1 else "photos"
    tell(f"{training.step} steps in {duration(training.seconds)} from {count} {photos}")
    if is_canceled:
        written.checkpoint.leave(path)
    else:
        written.checkpoint.remove()
    return path, is_canceled


def _begin(
    command: LearnCommand, options: LearningOptions, bar: ProgressBar, damaged: list[Path]
) -> "TrainingRun":
    """Prepare the training; photos that turn out to be damaged are added to `damaged`."""

    def leave_out(file: Path, reason: str) -> None:
        damaged.append(file)
        say(f"{reason}; left out" if str(file) in reason else f"{file}: {reason}; left out")

    from nst.learning.training_run import TrainingRun

    training_run = TrainingRun.begin(
        list(command.styles),
        options,
        names=command.names,
        photos=command.photos,
        licence=command.licence,
        device=command.device,
        precision=command.precision,
        weights=weights_store(command.weights, bar.show_download),
        on_damaged=leave_out,
    )
    _tell_photos(training_run, command.photos)
    return training_run


def _tell_photos(training_run: "TrainingRun", folder: Path | None) -> None:
    count = len(training_run.photos)
    if folder is None:
        tell(
            f"nst: learning from the {count} sample photos; more photos make the network better: "
            "--photos DIRECTORY"
        )
    else:
        tell(f"nst: learning from {count} photos in {relative(folder)}")


def _learn(
    training_run: "TrainingRun", written: TrainingFiles, bar: ProgressBar
) -> tuple[Path, bool]:
    """Run the training steps; return the path, and whether Ctrl-C ended them."""
    with stop_on_ctrl_c() as ctrl_c:
        try:
            for progress in training_run.training.run():
                ctrl_c.has_picture = True
                bar.show_learning(progress)
                written.checkpoint.keep(training_run, now=ctrl_c.pressed)
                written.preview.keep(training_run)
                if ctrl_c.pressed:
                    break
        except (Exception, KeyboardInterrupt):
            ctrl_c.is_saving = True
            if training_run.training.step:
                path = relative(written.save(training_run))
                tell(f"The network after step {training_run.training.step} is in {path}")
                written.checkpoint.leave(path)
            raise
        ctrl_c.is_saving = True
        return written.save(training_run), ctrl_c.pressed


def _export(file: Path, output: Path | None, overwrite: bool) -> int:
    """Write a learned style as an ONNX graph and print its path.

    Returns the exit code.
    """
    from nst.learning import onnx_file

    target = output or file.with_suffix(ONNX_SUFFIX)
    if target.suffix.lower() != ONNX_SUFFIX:
        raise InvalidOption("output", str(target), f"a name ending in {ONNX_SUFFIX}")
    click.echo(relative(onnx_file.export(file, target, overwrite=overwrite)))
    return 0
