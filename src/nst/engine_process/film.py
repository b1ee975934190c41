"""A film in the engine's process: painted frame by frame; every frame is kept.

A frame is painted from the 8-bit images of its neighbour and of the previous pass. Frames are kept
as PNG, numbered in the order in which all passes paint them. Therefore an interrupted job produces
the same film.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from nst import image_sizes, image_writer, images
from nst.engine.draft import run_draft
from nst.engine.film import FilmTransfer, PaintedFrame, pass_order
from nst.engine.inputs import Inputs
from nst.engine.transfer import NeuralStyleTransfer
from nst.engine_process.job_requests import EarlyEnd
from nst.engine_process.previews import save_preview
from nst.errors import InvalidOption
from nst.film_options import later_options
from nst.image_reader import ImageSource
from nst.jobs.job import CONTENT, FILM, FIRST_FRAME, FRAMES, PREVIEW, JobProgress, JobResult
from nst.jobs.order import Film, Order
from nst.progress import Progress, StopReason
from nst.video import CONTAINERS, FilmResult, Video
from nst.video.clock import FilmClock

SOURCES = "sources"
"""Directory of the film's unpainted frames, resized, which later passes read."""

KIND = CONTAINERS[".mp4"]

Say: TypeAlias = Callable[[JobProgress, Sequence[str], bool], None]
"""Function that reports progress, the names of new files in the directory,
and whether these files are a checkpoint."""


@dataclass(slots=True)
class FilmPainting:
    """Painting of one film."""

    directory: Path
    order: Order
    styles: Sequence[Path]
    transfer: NeuralStyleTransfer
    """Transfer that paints the first frame of a shot."""
    early_end: Callable[[], EarlyEnd]
    say: Say
    ends_early: bool = False
    """Whether the film ends before its last frame on request."""
    _before: PaintedFrame | None = None
    _steps: int = 0
    """Number of steps in this attempt; another attempt may have painted the first frames."""
    _evaluations: int = 0
    _painted_here: int = 0
    _latest: tuple[int, int] = field(init=False)
    """Number of steps of the newest frame that was painted here, and their maximum."""
    _notices: list[str] = field(default_factory=list)
    """A sentence for each frame without anything to protect."""
    _told: JobProgress | None = None
    """Progress of the newest report."""
    _preview: int | None = field(init=False)
    """Number of the frame in the preview, which an earlier attempt may have painted; 0 for the
    draft of the first frame."""
    _film: FilmTransfer = field(init=False)
    _clock: FilmClock = field(init=False)
    _styles: Sequence[ImageSource] = field(init=False)
    _size: tuple[int, int] = (0, 0)
    _count: int = 0
    """Number of frames that the first pass has painted."""
    _pass: int = 1
    """Number of the current pass."""
    _unfinished: Image.Image | None = None
    """First frame, if a request ended the film before that frame was finished."""

    def __post_init__(self) -> None:
        self._film = FilmTransfer(self.transfer, later_options(self.order.options))
        self._clock = FilmClock(self._asked.paintings)
        self._latest = 0, self.order.options.total_iterations
        kept = (self.directory / FRAMES).glob("*.png")
        self._preview = max((int(file.stem) for file in kept), default=None)
        learned = self.order.is_learned
        self._styles = [each if learned else images.load(each, "style") for each in self.styles]

    def paint(self) -> FilmResult:
        """Write the film, including the frames that earlier attempts painted.
        Raises the error that ends the painting before the first frame is finished."""
        try:
            film = Video.inspect(self.directory / CONTENT)
        except InvalidOption as error:  # name the file as the client knows it
            raise InvalidOption("content_image", self.order.content.name, error.allowed) from error
        self._size = image_sizes.fit(film.size, self.order.options.size)
        target = self.directory / FILM
        if self._asked.passes == 1:
            return film.repaint(target, KIND, self._size, self._next)
        failure = self._paint_passes(film)
        newest = self._newest()
        painted = film.repaint(target, KIND, self._size, lambda _: next(newest, None))
        return replace(painted, failure=failure or painted.failure)

    @property
    def frame_seconds(self) -> float | None:
        """Seconds for a frame that continues another one; None if unknown."""
        return self._clock.frame_seconds

    def result(self, film: FilmResult) -> JobResult:
        """Return the result of the job, given the film."""
        made = self.transfer.provenance()
        return JobResult(
            key=FILM,
            content_type="video/mp4",
            first_frame=FIRST_FRAME,
            frames=film.frames,
            size=film.size,
            steps=self._steps,
            evaluations=self._evaluations,
            stop_reason=StopReason.CANCELED if self.ends_early else StopReason.TOTAL_ITERATIONS,
            model=made.model,
            weights_sha256=made.weights_sha256,
            device=made.device,
            precision=made.precision,
            notice=self._notice(film),
        )

    def _notice(self, film: FilmResult) -> str | None:
        notices = []
        if self._notices and len(self._notices) == self._painted_here:
            notices.append(f"{self._notices[0]} in any frame, so nothing was protected")
        if film.damaged:
            notices.append(
                f"{film.damaged} packets of the film are damaged; what they hold is left out"
            )
        return "; ".join(notices) or None

    @property
    def _asked(self) -> Film:
        assert self.order.film is not None
        return self.order.film

    # ── passes ──

    def _paint_passes(self, film: Video) -> Exception | None:
        """Paint all passes into the directory, or until a request ends them. Return an error that
        occurs after the first frame; raise an earlier one."""
        try:
            self._paint_first_pass(film)
            for number in range(2, self._asked.passes + 1):
                if not self.ends_early:
                    self._paint_later_pass(number)
        except Exception as error:
            if not self._clock.done:
                raise
            return error
        return None

    def _paint_first_pass(self, film: Video) -> None:
        (self.directory / SOURCES).mkdir(exist_ok=True)
        for frame in film.images():
            small = images.resize(frame, self._size)
            image_writer.save(small, self._source(self._clock.done), overwrite=True)
            if self._next(small) is None:
                return
            self._count += 1

    def _paint_later_pass(self, pass_: int) -> None:
        self._before, self._pass = None, pass_
        for index in pass_order(pass_, self._count):
            with Image.open(self._source(index)) as frame:
                frame.load()
            if self._next(frame, self._painted_in(pass_ - 1, index)) is None:
                return

    def _newest(self) -> Iterator[Image.Image]:
        """Yield each frame as the latest pass painted it. A request to cancel keeps all of them; a
        request to stop ends this, because another attempt writes the film."""
        for index in range(self._count):
            if index and self.early_end() == "stop":
                self.ends_early = True
                return
            found = (self._painted_in(pass_, index) for pass_ in range(self._pass, 0, -1))
            painted = next((image for image in found if image), self._unfinished)
            if painted is None:
                return
            if index == 0:
                image_writer.save(painted, self.directory / FIRST_FRAME, overwrite=True)
            if self._told:  # the worker takes a silent engine for hung
                self.say(self._told, [], False)
            yield painted

    def _painted_in(self, pass_: int, index: int) -> Image.Image | None:
        """Return a frame, counted from 0, as this pass painted it; None if it did not."""
        place = pass_order(pass_, self._count).index(index)
        return images.load_kept(self.directory / frame_name((pass_ - 1) * self._count + place + 1))

    def _source(self, index: int) -> Path:
        return self.directory / SOURCES / f"{index:06d}.png"

    # ── frames ──

    def _next(self, frame: Image.Image, latest: Image.Image | None = None) -> Image.Image | None:
        """Return the next frame, painted by this attempt or an earlier one; None if the film ends
        here. `latest`: the frame as the previous pass painted it."""
        if self.early_end() and self._clock.done:
            self.ends_early = True
            return None
        name = frame_name(self._clock.done + 1)
        painted = images.load_kept(self.directory / name)
        if painted:
            self._say(*self._latest, 1.0, [])  # the worker takes a silent engine for hung
        else:
            painted = self._paint(frame, latest)
            if painted is None:
                return None
            if self.ends_early:
                self._unfinished = painted  # no attempt continues from it
            else:
                self._keep(painted, name)
        if self._clock.done == 0:
            image_writer.save(painted, self.directory / FIRST_FRAME, overwrite=True)
        self._before = PaintedFrame(frame, painted)
        self._clock.done += 1
        return painted

    def _paint(self, frame: Image.Image, latest: Image.Image | None) -> Image.Image | None:
        with self._clock.frame():
            if not (self._clock.done or self.order.options.is_draft):
                self._show_draft(frame)
            steps = self._film.steps(frame, self._styles, self._before, latest=latest)
            for progress in steps:
                if self.early_end():
                    return self._so_far(progress)
                self._tell(progress)
        self._add_up(progress)
        self._latest = progress.step, progress.total_iterations
        self._notices += [progress.notice] if progress.notice else []
        return progress.snapshot.picture()

    def _so_far(self, progress: Progress) -> Image.Image | None:
        """Return the unfinished first frame if the film would otherwise have no frame."""
        self.ends_early = True
        if self._clock.done or self.early_end() == "stop":
            return None
        self._add_up(progress)
        return progress.snapshot.picture()

    def _add_up(self, progress: Progress) -> None:
        self._steps += progress.step
        self._evaluations += progress.evaluations
        self._painted_here += 1

    # ── reports ──

    def _keep(self, painted: Image.Image, name: str) -> None:
        image_writer.save(painted, self.directory / name, overwrite=True)
        save_preview(painted, self.directory)
        self._preview = self._clock.done + 1
        self._say(*self._latest, 1.0, [PREVIEW, name], is_kept=True)

    def _show_draft(self, frame: Image.Image) -> None:
        draft = run_draft(self.order.options, Inputs(frame, self._styles)).image
        save_preview(draft, self.directory)
        self._preview = 0
        self._say(0, self.order.options.total_iterations, 0.0, [PREVIEW])

    def _tell(self, progress: Progress) -> None:
        self._say(progress.step, progress.total_iterations, progress.share, [])

    def _say(
        self, step: int, total: int, share: float, files: Sequence[str], *, is_kept: bool = False
    ) -> None:
        """Report progress. `share`: painted share of this frame, 0…1."""
        film = self._clock.progress(share)
        self._told = JobProgress(
            step=step,
            total_iterations=total,
            frame=film.frame,
            elapsed_seconds=film.elapsed_seconds,
            remaining_seconds=film.remaining_seconds,
            share=min(1.0, (self._clock.done + share) / max(1, self._asked.paintings)),
            size=self._size,
            preview_step=self._preview,
        )
        self.say(self._told, files, is_kept)


def frame_name(number: int) -> str:
    """Return the name of a painted frame, counted from 1."""
    return f"{FRAMES}{number:06d}.png"
