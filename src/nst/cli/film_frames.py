"""Frames of `nst video`, painted one after the other in one or several passes."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from nst import image_sizes, image_writer, images
from nst.cli.ctrl_c import CtrlC
from nst.cli.film_checkpoint import FilmCheckpoint
from nst.cli.painter import Painter
from nst.cli.progress_bar import duration
from nst.image_reader import ImageSource
from nst.options import StyleTransferOptions
from nst.progress import Progress
from nst.video import Container, Video
from nst.video.clock import FilmClock

if TYPE_CHECKING:
    from nst.engine.film import FilmTransfer, PaintedFrame

_DAMAGED = "The film is damaged: {} of its packets could not be read; what they hold is left out."


@dataclass(frozen=True, slots=True)
class Previews:
    """Every n-th painted frame, kept as an image file."""

    directory: Path
    every: int
    """Number of frames from one preview to the next; 0: no previews."""

    def keep(self, number: int, image: Image.Image) -> None:
        """Save every n-th frame. Raises StorageError.

        `number`: number of the frame, counted from 1.
        """
        if self.every and number % self.every == 0:
            image_writer.save(image, self.directory / f"{number:06}.png", overwrite=True)


class Frames:
    """Painter of the frames of a film, one after the other."""

    def __init__(
        self,
        film: Video,
        style: ImageSource,
        later: StyleTransferOptions,
        painter: Painter,
        checkpoint: FilmCheckpoint,
        previews: Previews,
        *,
        passes: int,
        ctrl_c: CtrlC,
    ) -> None:
        """Prepare the painting of a film.

        `later`: options of all frames except the first of each shot, which has the painter's.
        """
        self.failure: BaseException | None = None
        """Error that ended the film early."""
        self._unprotected = 0
        """Number of frames in which nothing was found to protect."""
        self._damaged = 0
        """Number of packets of the source that could not be read."""
        self._size = self._written_size = image_sizes.fit(film.size, painter.options.size)
        self._clock = FilmClock(film.frames * passes)
        self._checkpoint = checkpoint
        self._film = film
        self._style = style
        self._later = later
        self._painter = painter
        self._ctrl_c = ctrl_c
        self._previews = previews
        self._passes = passes
        self._done = 0
        """Number of finished frames of this pass."""
        self._before: PaintedFrame | None = None

    def write(self, target: Path, kind: Container) -> None:
        """Write the painted film.

        Raises the error that ends the painting before the first frame is finished.
        """
        if self._checkpoint.newest(0) is None:
            self._painter.tell_film_estimate(self._film, self._later, self._passes)
        with self._painter.bar:
            if self._passes > 1:
                self._paint_passes()
            paint = self._paint if self._passes == 1 else self._newest
            repainted = self._film.repaint(target, kind, self._size, paint)
        if seconds := self._clock.frame_seconds:
            self._painter.keep_frame_speed(self._later, self._size, seconds)
        self._written_size = repainted.size
        self._damaged = repainted.damaged
        self._done = repainted.frames
        self.failure = self.failure or repainted.failure

    def summary(self) -> str:
        """Return the size, the number of frames, the duration and any damage, in words."""
        width, height = self._written_size
        seconds = duration(self._clock.elapsed_seconds)
        summary = f"{width}×{height} pixels, {self._done} frames in {seconds}"
        if self._unprotected:
            summary += f"; nothing was found to protect in {self._unprotected} of them"
        if self._damaged:
            summary += f"\n{_DAMAGED.format(self._damaged)}"
        return summary

    def _paint(self, frame: Image.Image) -> Image.Image | None:
        """Paint the next frame in the first pass and return it; None after Ctrl-C."""
        return self._next(self._done, frame, 1)

    def _paint_passes(self) -> None:
        """Paint all passes into the checkpoint.

        An error that ends them early is kept in `failure` if a frame was painted before; otherwise
        it is raised.
        """
        try:
            if self._paint_first_pass():
                self._paint_later_passes(count=self._done)
        except (Exception, KeyboardInterrupt) as error:
            if self._checkpoint.newest(0) is None:
                self._checkpoint.remove()
                raise
            self.failure = error
        self._ctrl_c.is_saving = True
        self._done = 0

    def _newest(self, _: Image.Image) -> Image.Image | None:
        """Return the next frame as the latest pass has painted it; None where no pass has."""
        self._done += 1
        return self._checkpoint.newest(self._done - 1)

    def _paint_first_pass(self) -> bool:
        """Paint the first pass and return whether all frames are painted."""
        for frame in self._film.images():
            small = images.resize(frame, self._size)
            self._checkpoint.keep_source(self._done, small)
            if self._paint(small) is None:
                return False
        return True

    def _paint_later_passes(self, count: int) -> None:
        """Paint backward and forward in turn [Ruder16], until Ctrl-C."""
        from nst.engine.film import pass_order

        for number in range(2, self._passes + 1):
            self._done, self._before = 0, None
            for index in pass_order(number, count):
                if self._next(index, self._checkpoint.source(index), number) is None:
                    return

    def _next(self, index: int, frame: Image.Image, pass_: int) -> Image.Image | None:
        """Return a frame of this pass, painted now or in an earlier run.

        Returns None after Ctrl-C.
        """
        try:
            painted = self._checkpoint.frame(index, pass_)
            if painted is None:
                with self._clock.frame():
                    latest = self._checkpoint.frame(index, pass_ - 1) if pass_ > 1 else None
                    painted = self._painted(frame, latest)
                if painted is None:
                    self._ctrl_c.is_saving = True
                    return None
                self._checkpoint.keep(index, painted, pass_)
                self._previews.keep(index + 1, painted)
        except (Exception, KeyboardInterrupt):
            self._ctrl_c.is_saving = self._ctrl_c.has_picture
            raise
        self._remember(frame, painted)
        return painted

    def _remember(self, frame: Image.Image, painted: Image.Image) -> None:
        from nst.engine.film import PaintedFrame

        self._before = PaintedFrame(frame, painted)
        self._ctrl_c.has_picture = True
        self._done += 1
        self._clock.done += 1

    def _painted(self, frame: Image.Image, latest: Image.Image | None) -> Image.Image | None:
        """Paint a frame and return it; None after Ctrl-C.

        `latest`: the frame as painted in the previous pass.
        """
        steps = self._transfer.steps(frame, self._style, self._before, latest=latest)
        for progress in steps:
            if self._ctrl_c.pressed:
                return None
            self._show(progress)
        self._unprotected += progress.notice is not None
        return progress.snapshot.picture()

    def _show(self, progress: Progress) -> None:
        self._painter.bar.show_frame(self._clock.progress(progress.share), progress)

    @cached_property
    def _transfer(self) -> "FilmTransfer":
        from nst.engine.film import FilmTransfer

        return FilmTransfer(self._painter.transfer, self._later)
