"""Transfers for a person at a terminal: progress, intermediates, Ctrl-C, saving."""

import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click
from PIL import Image

from nst import files, image_sizes, image_writer, images, transparency, video
from nst.bootstrap import estimate, keep_frame_speed, keep_speed, weights_store
from nst.cli.checkpoints import Checkpoints, Command
from nst.cli.errors import CANCELED_EXIT_CODE
from nst.cli.machine import Machine
from nst.cli.notices import say, tell, tell_stand_in
from nst.cli.progress_bar import ProgressBar, duration
from nst.controls import Controls
from nst.errors import InvalidOption, NSTError, StorageError, TransferCanceled
from nst.learning_options import is_learned
from nst.options import StyleTransferOptions
from nst.progress import Change, Distances, MemoryPlan, Progress, Samples, StopReason
from nst.recipe import SourceFiles

if TYPE_CHECKING:
    from nst.engine.inputs import Inputs
    from nst.engine.pictures.detail import Detail
    from nst.engine.transfer import NeuralStyleTransfer
    from nst.result import Result
    from nst.video import Video

REASONS = {
    StopReason.TOTAL_ITERATIONS: "finished",
    StopReason.CONVERGED: "finished early: the loss has converged",
    StopReason.CANCELED: "stopped by you",
}

TOLD_FROM_BYTES = 2_000_000_000
"""Plans that need more memory are told before the painting begins."""


@dataclass(frozen=True, slots=True)
class Painting:
    """Inputs and outputs of one transfer."""

    content: Path
    styles: Sequence[Path]
    output: Path
    frames: Path
    """Directory of the intermediate pictures."""
    masks: Sequence[Path | None] = ()
    """Where the styles belong, in their order; None: everywhere."""
    detail_map: Path | None = None
    """Where more of the content stays."""
    initial: Path | None = None
    """The picture to start from, if init_method does not say it."""
    timelapse: Path | None = None
    """The film of the painting, if one is wanted."""
    overwrite: bool = False
    replaces_partial: bool = False
    """Whether the result takes the place of the picture so
    far, which an earlier run left."""
    with_recipe: bool = True
    checkpoints: Path | None = None
    """Directory of the checkpoint; None: it is not kept."""
    checkpoint_every_seconds: float = 0
    """0: never."""
    goes_on: bool = False
    """From the checkpoint that is there."""
    changes: Sequence[Change] = ()
    """Options that are steered, and at which step."""
    is_estimated: bool = False
    """Whether the time that it will take is told before it begins."""
    stop_after: int | None = None
    """Step after which the transfer stops and the picture is kept; None: at its end."""

    @property
    def files(self) -> SourceFiles:
        """The files that go in."""
        return SourceFiles(self.content, self.styles, self.masks, self.detail_map, self.initial)


class Painter:
    """Paints with these options, one picture after the other;
    the network is loaded once."""

    def __init__(self, options: StyleTransferOptions, machine: Machine) -> None:
        self.options = options
        self._machine = machine

    def paint(self, painting: Painting) -> int:
        """Paint, save, say where the picture is; the exit code is 130 after Ctrl-C.

        The picture so far is saved, whatever ends the transfer, and the last checkpoint stays.
        """
        from nst.engine.inputs import Inputs
        from nst.engine.pictures.styles import load_styles

        # Before torch is loaded, so that a mistake is answered at once.
        content = images.load(painting.content, "content")
        loaded = load_styles(list(painting.styles), painting.masks, content, self.options)
        _check_outputs(painting, self.options)
        self._tell_estimate(painting, content)
        inputs = Inputs(
            content,
            [style.picture for style in loaded],
            masks=[style.mask for style in loaded],
            detail_map=self._load_detail(painting, content).map,
            initial=self._load_initial(painting, content),
        )
        files = painting.files.seen_from(painting.output)  # as they are now
        checkpoints = self._checkpoints(painting)
        latest: Progress | None = None
        film = self._timelapse(content) if painting.timelapse else nullcontext()
        shown = nullcontext(self.bar) if self.options.is_draft else self.bar  # it takes no step
        with stop_on_ctrl_c() as ctrl_c, film as timelapse:
            self._get_ready(inputs, shown)

            def on_progress(progress: Progress) -> None:
                nonlocal latest
                latest = replace(progress, snapshot=progress.snapshot.without_checkpoint())
                ctrl_c.has_picture = True
                self.bar.show_progress(progress)
                self._save_frame(painting, progress)
                if timelapse:
                    timelapse.add(progress.step, progress.snapshot.picture)
                if checkpoints:
                    checkpoints.keep(progress, now=ctrl_c.pressed)
                if ctrl_c.pressed:
                    raise TransferCanceled

            try:
                with shown:
                    result = self.transfer.run(
                        inputs,
                        on_progress,
                        resume_from=painting.checkpoints if painting.goes_on else None,
                        controls=Controls(
                            self.options, painting.changes, stop_after=painting.stop_after
                        ),
                    )
            except (NSTError, KeyboardInterrupt):
                ctrl_c.is_saving = True
                if latest:
                    saved = _save(latest.snapshot.output(), painting, recipe=None)
                    tell(f"The picture after step {latest.step} is in {saved}")
                    if checkpoints:
                        checkpoints.leave(saved)
                raise
            ctrl_c.is_saving = True
            recipe = result.recipe(files).text() if painting.with_recipe else None
            paths = [
                _save(result.output, painting, recipe),
                *_save_timelapse(timelapse, painting, result.image),
            ]
        keep_speed(result, self._machine.device)
        tell(self._summary(result))
        was_interrupted = ctrl_c.pressed and result.stopped_after is not None
        if checkpoints and was_interrupted:
            checkpoints.leave(paths[0])
        elif checkpoints:
            checkpoints.remove()
        click.echo("\n".join(map(str, paths)))
        return CANCELED_EXIT_CODE if was_interrupted else 0

    @cached_property
    def bar(self) -> ProgressBar:
        return ProgressBar()

    @cached_property
    def transfer(self) -> "NeuralStyleTransfer":
        from nst.engine.transfer import NeuralStyleTransfer

        return NeuralStyleTransfer(
            self.options,
            device=self._machine.device,
            precision=self._machine.precision,
            max_memory_bytes=self._machine.max_memory,
            weights=weights_store(self._machine.weights, self.bar.show_download, tell_stand_in),
        )

    def _load_detail(self, painting: Painting, content: Image.Image) -> "Detail":
        from nst.engine.pictures.detail import load_detail

        detail = load_detail(painting.detail_map, content, self.options)
        if detail.notice:
            tell(f"{painting.content}: {detail.notice}; nothing is protected")
        return detail

    def _load_initial(self, painting: Painting, content: Image.Image) -> Image.Image | None:
        """Return the picture to start from; a learned style paints one."""
        if painting.initial is None:
            return None
        if not is_learned([painting.initial]):
            return images.load(painting.initial, "initial")
        from nst.learning.transfer import first_draft

        draft = first_draft(
            painting.initial,
            content,
            self.options,
            device=self._machine.device,
            precision=self._machine.precision,
        )
        return images.load(draft, "initial")

    def _tell_estimate(self, painting: Painting, content: Image.Image) -> None:
        if not painting.is_estimated or painting.goes_on or painting.stop_after:
            return
        seconds = estimate(self.options, content.size, device=self._machine.device)
        if seconds is not None:
            from nst.speed import in_words

            width, height = image_sizes.fit(content.size, self.options.size)
            tell(f"{width}×{height} pixels: {in_words(self.options, seconds)}")

    def tell_film_estimate(self, film: "Video", passes: int) -> None:
        """Say how long a film will take, if this machine has measured anything like it."""
        paintings = film.frames * passes
        if not paintings:
            return
        seconds = estimate(self.options, film.size, paintings, self._machine.device)
        if seconds is not None:
            from nst.speed import in_words

            width, height = image_sizes.fit(film.size, self.options.size)
            words = in_words(self.options, seconds)
            tell(f"{width}×{height} pixels, {film.frames} frames: {words}")

    def keep_frame_speed(
        self, options: StyleTransferOptions, size: tuple[int, int], seconds: float
    ) -> None:
        """Keep how long a frame took that continues another one, for the next estimates."""
        keep_frame_speed(options, size, seconds, self._machine.device)

    def _get_ready(self, inputs: "Inputs", shown: AbstractContextManager[object]) -> None:
        """Load the network, and say what there is to say before the painting begins."""
        with shown:
            plan = self.transfer.plan(inputs)
        if plan and (plan.tiles > 1 or plan.peak_bytes > TOLD_FROM_BYTES):
            tell(_in_words(plan))

    def _summary(self, result: "Result") -> str:
        place = self.bar.place
        if place is None:
            return _summary(result)
        seconds = result.prepare_seconds + result.optimize_seconds
        left = f", about {duration(place.rest(seconds))} left" if place.after else ""
        return f"{place}{left}: {_summary(result)}"

    def _checkpoints(self, painting: Painting) -> Checkpoints | None:
        if painting.checkpoints is None or self.options.is_draft:  # it has no steps
            return None
        command = Command.of(
            painting.checkpoints,
            content=painting.content,
            styles=painting.styles,
            masks=painting.masks,
            detail_map=painting.detail_map,
            initial=painting.initial,
            output=painting.output,
            options=self.options,
            machine=self._machine,
            with_recipe=painting.with_recipe,
            changes=painting.changes,
            stop_after=painting.stop_after,
            partial=painting.output if painting.replaces_partial else None,
        )
        return Checkpoints(painting.checkpoints, command, painting.checkpoint_every_seconds)

    def _save_frame(self, painting: Painting, progress: Progress) -> None:
        every = self.options.save_every
        if every and progress.step % every == 0:
            digits = len(str(progress.total_iterations))
            name = f"{progress.step:0{digits}d}{painting.output.suffix}"
            image_writer.save(
                progress.snapshot.picture(), painting.frames / name, overwrite=painting.overwrite
            )

    def _timelapse(self, content: Image.Image) -> video.Timelapse:
        size = image_sizes.fit(content.size, self.options.size)
        return video.Timelapse(images.resize(transparency.flatten(content), size))


def _check_outputs(painting: Painting, options: StyleTransferOptions) -> None:
    """Raise InvalidOption or VideoUnavailable if a result could not be written."""
    files.check_output(painting.output)
    image_writer.check_bit_depth(painting.output.suffix, options.bit_depth)
    if options.save_every and not options.is_draft:
        files.check_directory(painting.frames, "output")
    if painting.checkpoints and painting.checkpoint_every_seconds and not options.is_draft:
        files.check_directory(painting.checkpoints, "output")
    if painting.timelapse:
        video.check_output(painting.timelapse, "timelapse")
        if options.is_draft:
            raise InvalidOption("total_iterations", 0, "at least 1 for a time-lapse")


def _save_timelapse(
    timelapse: video.Timelapse | None, painting: Painting, image: Image.Image
) -> Iterator[Path]:
    """Save the time-lapse, if one was asked for."""
    if timelapse and painting.timelapse:
        yield timelapse.save(painting.timelapse, image, overwrite=painting.overwrite)


def _save(image: "Image.Image | Samples", painting: Painting, recipe: str | None) -> Path:
    overwrite = painting.overwrite or painting.replaces_partial
    try:
        return image_writer.save(image, painting.output, recipe=recipe, overwrite=overwrite)
    except StorageError as error:
        # The place was checked before, so the disk is full or gone: do not lose the work.
        refuge = Path(tempfile.mkdtemp(prefix="nst-")) / painting.output.name
        say(f"{error}; saving to {refuge.parent} instead")
        return image_writer.save(image, refuge, recipe=recipe)


def _in_words(plan: MemoryPlan) -> str:
    width, height = plan.size
    tiles = f" in {plan.tiles} tiles of about {plan.tile_side} pixels" if plan.tiles > 1 else ""
    history = f", optimizer history {plan.history_size}" if plan.history_size else ""
    memory = f"about {plan.peak_bytes / 1e9:.1f} GB of memory"
    return f"{width}×{height} pixels{tiles}{history}: {memory}"


def _summary(result: "Result") -> str:
    width, height = result.image.size
    if result.is_draft:
        return f"{width}×{height} pixels, a draft in {result.prepare_seconds:.1f} s"
    seconds = result.prepare_seconds + result.optimize_seconds
    return (
        f"{width}×{height} pixels, {result.steps} steps in {duration(seconds)} with {result.model} "
        f"on {result.device} in {result.precision}; {REASONS[result.stop_reason]}"
        + (f" after step {result.stopped_after}" if result.stopped_after else "")
        + _distances(result.distances)
    )


def _distances(distances: Distances | None) -> str:
    if distances is None:
        return ""
    return (
        f"\nDistance from the photo {distances.content:.2f}, from the style "
        f"{distances.style:.2f} (worst tenth {distances.worst_tenth:.2f}), "
        f"measured by {distances.judge}; 0 is equal"
    )


@dataclass(slots=True)
class CtrlC:
    pressed: bool = False
    has_picture: bool = False
    is_saving: bool = False


@contextmanager
def stop_on_ctrl_c() -> Iterator[CtrlC]:
    """The first Ctrl-C asks to stop after the step; the second, or one before there
    is a picture to keep, interrupts at once; saving is not interrupted."""
    state = CtrlC()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if state.is_saving:
            return
        if state.pressed or not state.has_picture:
            signal.default_int_handler(number, frame)
        state.pressed = True
        tell("\nStopping after this step; Ctrl-C again stops at once.")

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield state
    finally:
        signal.signal(signal.SIGINT, before)
