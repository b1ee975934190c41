"""One transfer for a person at a terminal: progress, intermediates, Ctrl-C, saving."""

import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import click
from PIL import Image

from nst import images
from nst.bootstrap import weights_store
from nst.cli.checkpoints import Checkpoints, Command
from nst.cli.errors import CANCELED_EXIT_CODE
from nst.cli.progress_bar import ProgressBar, duration
from nst.errors import NSTError, StorageError, TransferCanceled
from nst.options import StyleTransferOptions
from nst.progress import Distances, MemoryPlan, Progress, Result, StopReason
from nst.recipe import PictureFile, Recipe

REASONS = {
    StopReason.TOTAL_ITERATIONS: "all steps done",
    StopReason.CONVERGED: "converged: the loss hardly falls any more",
    StopReason.CANCELED: "canceled",
}

TOLD_FROM_BYTES = 2_000_000_000
"""Plans that need more memory are told before the painting begins."""


@dataclass(frozen=True, slots=True)
class Painting:
    """What to paint, and where to."""

    content: Path
    style: Path
    options: StyleTransferOptions
    output: Path
    frames: Path
    """Directory of the intermediate pictures."""
    overwrite: bool = False
    with_recipe: bool = True
    checkpoints: Path | None = None
    """Directory of the checkpoint; None: it is not kept."""
    checkpoint_every_seconds: float = 0
    """0: never."""
    goes_on: bool = False
    """From the checkpoint that is there."""


def paint(
    painting: Painting,
    *,
    device: str = "auto",
    precision: str = "auto",
    max_memory_bytes: int | None = None,
    weights: Path | None = None,
) -> int:
    """Paint, save, say where the picture is; the exit code is 130 after Ctrl-C.

    The picture so far is saved, whatever ends the transfer, and the last checkpoint stays.
    """
    # Before torch is loaded, so that a mistake is answered at once.
    content = images.load(painting.content, "content")
    style = images.load(painting.style, "style")
    images.check_output(painting.output)
    files = [PictureFile.of(file, painting.output) for file in (painting.content, painting.style)]
    if painting.options.is_draft:
        return _paint_draft(painting, content, style, files)
    from nst.engine.style_transfer import NeuralStyleTransfer

    checkpoints = _checkpoints(painting, precision, weights)
    latest: Progress | None = None
    with _stop_on_ctrl_c() as ctrl_c, ProgressBar() as bar:

        def on_progress(progress: Progress) -> None:
            nonlocal latest
            latest = progress
            ctrl_c.has_picture = True
            bar.show_progress(progress)
            _save_frame(painting, progress)
            if checkpoints:
                checkpoints.keep(progress, now=ctrl_c.pressed)
            if ctrl_c.pressed:
                raise TransferCanceled

        store = weights_store(weights, bar.show_download)
        transfer = NeuralStyleTransfer(
            painting.options,
            device=device,
            precision=precision,
            max_memory_bytes=max_memory_bytes,
            weights=store,
        )
        plan = transfer.plan(content, style)
        if plan.tiles > 1 or plan.peak_bytes > TOLD_FROM_BYTES:
            click.echo(_in_words(plan), err=True)
        try:
            result = transfer.run(
                content,
                style,
                on_progress,
                resume_from=painting.checkpoints if painting.goes_on else None,
            )
        except (NSTError, KeyboardInterrupt):
            ctrl_c.is_saving = True
            if latest:
                saved = _save(latest.render(), painting, recipe=None)
                click.echo(f"The picture after step {latest.step} is in {saved}", err=True)
                if checkpoints:
                    checkpoints.tell()
            raise
        ctrl_c.is_saving = True
        saved = _save(result.image, painting, _recipe(painting, result, *files))
    click.echo(_summary(result), err=True)
    if checkpoints and result.stop_reason is StopReason.CANCELED:
        checkpoints.tell()
    elif checkpoints:
        checkpoints.remove()
    click.echo(saved)
    return CANCELED_EXIT_CODE if result.stop_reason is StopReason.CANCELED else 0


def _checkpoints(painting: Painting, precision: str, weights: Path | None) -> Checkpoints | None:
    if painting.checkpoints is None:
        return None
    command = Command.of(
        painting.checkpoints,
        content=painting.content,
        style=painting.style,
        output=painting.output,
        options=painting.options,
        precision=precision,
        weights=weights,
        with_recipe=painting.with_recipe,
    )
    return Checkpoints(painting.checkpoints, command, painting.checkpoint_every_seconds)


def _paint_draft(
    painting: Painting, content: Image.Image, style: Image.Image, files: Sequence[PictureFile]
) -> int:
    """Without torch, and too fast for a bar; whenever Ctrl-C comes, no half picture is left."""
    from nst.engine.preview import run_draft

    result = run_draft(painting.options, content, style)
    saved = _save(result.image, painting, _recipe(painting, result, *files))
    width, height = result.image.size
    click.echo(f"{width}×{height} pixels, a draft in {result.prepare_seconds:.1f} s", err=True)
    click.echo(saved)
    return 0


def _save_frame(painting: Painting, progress: Progress) -> None:
    every = painting.options.save_every
    if every and progress.step % every == 0:
        digits = len(str(progress.total_iterations))
        name = f"{progress.step:0{digits}d}{painting.output.suffix}"
        images.save(progress.render(), painting.frames / name, overwrite=painting.overwrite)


def _recipe(
    painting: Painting, result: Result, content: PictureFile, style: PictureFile
) -> str | None:
    if not painting.with_recipe:
        return None
    return Recipe.of(
        painting.options,
        model=result.model,
        weights_sha256=result.weights_sha256,
        distances=result.distances,
        content=content,
        style=style,
    ).text()


def _save(image: Image.Image, painting: Painting, recipe: str | None) -> Path:
    try:
        return images.save(image, painting.output, recipe=recipe, overwrite=painting.overwrite)
    except StorageError as error:
        # The place was checked before, so the disk is full or gone: do not lose the work.
        refuge = Path(tempfile.mkdtemp(prefix="nst-")) / painting.output.name
        click.echo(f"nst: {error}; saving to {refuge.parent} instead", err=True)
        return images.save(image, refuge, recipe=recipe)


def _in_words(plan: MemoryPlan) -> str:
    width, height = plan.size
    tiles = f" in {plan.tiles} tiles of about {plan.tile_side} pixels" if plan.tiles > 1 else ""
    history = f", optimizer history {plan.history_size}" if plan.history_size else ""
    memory = f"about {plan.peak_bytes / 1e9:.1f} GB of memory"
    return f"{width}×{height} pixels{tiles}{history}: {memory}"


def _summary(result: Result) -> str:
    width, height = result.image.size
    seconds = result.prepare_seconds + result.optimize_seconds
    return (
        f"{width}×{height} pixels, {result.steps} steps in {duration(seconds)} with {result.model} "
        f"on {result.device} in {result.precision}; {REASONS[result.stop_reason]}"
        + _distances(result.distances)
    )


def _distances(distances: Distances | None) -> str:
    if distances is None:
        return ""
    return (
        f"\nseen by {distances.judge}: content distance {distances.content:.3f}, "
        f"style distance {distances.style:.4f}"
    )


@dataclass(slots=True)
class _CtrlC:
    pressed: bool = False
    has_picture: bool = False
    is_saving: bool = False


@contextmanager
def _stop_on_ctrl_c() -> Iterator[_CtrlC]:
    """The first Ctrl-C asks to stop after the step; the second, or one before there is a picture
    to keep, interrupts at once; saving is not interrupted."""
    state = _CtrlC()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if state.is_saving:
            return
        if state.pressed or not state.has_picture:
            signal.default_int_handler(number, frame)
        state.pressed = True
        click.echo("\nStopping after this step; Ctrl-C again stops at once.", err=True)

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield state
    finally:
        signal.signal(signal.SIGINT, before)
