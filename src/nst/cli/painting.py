"""Painting: the input files and output files of one transfer."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from nst import files, image_writer, video
from nst.cli.notices import say
from nst.errors import InvalidOption, StorageError
from nst.options import StyleTransferOptions
from nst.progress import Change, Progress, Samples
from nst.recipe import SourceFiles


@dataclass(frozen=True, slots=True)
class Painting:
    """Inputs and outputs of one transfer."""

    content: Path
    styles: Sequence[Path]
    output: Path
    frames: Path
    """Directory of the intermediate images."""
    masks: Sequence[Path | None] = ()
    """Masks of the areas of the styles, in their order; None: everywhere."""
    detail_map: Path | None = None
    """File of the map that is white where more of the content image stays."""
    initial: Path | None = None
    """File of the initial image, or a learned style that paints it.
    None: init_method says where the transfer starts."""
    timelapse: Path | None = None
    """File of the time-lapse; None: no time-lapse is saved."""
    overwrite: bool = False
    unfinished: Path | None = None
    """File of the image so far if the transfer ends early; None: the output."""
    replaces_partial: bool = False
    """Whether the result replaces the image so far, which an earlier run has saved."""
    weights_sha256: str | None = None
    """SHA-256 of the weights that painted the repeated image; None: any weights."""
    with_recipe: bool = True
    checkpoints: Path | None = None
    """Directory of the checkpoint; None: no checkpoint is kept."""
    checkpoint_every_seconds: float = 0
    """Checkpoint interval in seconds; 0: never."""
    goes_on: bool = False
    """Whether the transfer continues from the checkpoint in the directory."""
    changes: Sequence[Change] = ()
    """Changes of options, and the step of each."""
    is_estimated: bool = False
    """Whether the estimated duration is printed before the transfer begins."""
    stop_after: int | None = None
    """Step after which the transfer stops and the image is kept; None: its end."""

    @property
    def files(self) -> SourceFiles:
        """Input files of the transfer."""
        return SourceFiles(self.content, self.styles, self.masks, self.detail_map, self.initial)

    def check_outputs(self, options: StyleTransferOptions) -> None:
        """Raise InvalidOption or VideoUnavailable if a result could not be written."""
        if self.timelapse and self.timelapse.resolve() == self.output.resolve():
            raise InvalidOption("timelapse", str(self.timelapse), "another file than the output")
        self.check_output()
        image_writer.check_bit_depth(self.output.suffix, options.bit_depth)
        if options.save_every and not options.is_draft:
            files.check_directory(self.frames, "output")
        if self.checkpoints and self.checkpoint_every_seconds and not options.is_draft:
            files.check_directory(self.checkpoints, "output")
        if self.timelapse:
            video.check_output(self.timelapse, "timelapse")
            if options.is_draft:
                raise InvalidOption("total_iterations", 0, "at least 1 for a time-lapse")

    def check_output(self) -> None:
        """Raise InvalidOption if no result could be written, or it is an input."""
        files.check_output(self.output)
        if self.overwrite:
            others = (*self.masks, self.detail_map, self.initial)
            inputs = (self.content, *self.styles, *filter(None, others))
            files.check_keeps_inputs(self.output, inputs)

    def save(self, image: "Image.Image | Samples", recipe: str | None) -> Path:
        """Save the result and return its path."""
        overwrite = self.overwrite or self.replaces_partial
        return _save(image, self.output, recipe, overwrite=overwrite)

    def save_unfinished(self, image: "Image.Image | Samples", recipe: str | None = None) -> Path:
        """Save the image so far of a transfer that ended early, and return its path."""
        if self.unfinished is None:
            return self.save(image, recipe)
        return _save(image, self.unfinished, recipe, overwrite=False)

    def save_frame(self, progress: Progress) -> None:
        """Save the intermediate image after a step."""
        digits = len(str(progress.total_iterations))
        name = f"{progress.step:0{digits}d}{self.output.suffix}"
        image_writer.save(progress.snapshot.picture(), self.frames / name, overwrite=self.overwrite)

    def save_timelapse(
        self, timelapse: video.Timelapse | None, image: Image.Image
    ) -> Iterator[Path]:
        """Save the time-lapse, if one was requested, and yield its path."""
        if timelapse and self.timelapse:
            yield timelapse.save(self.timelapse, image, overwrite=self.overwrite)


def save_or_rescue(save: Callable[[Path], Path], path: Path) -> Path:
    """Save a result, in a temporary directory if the path cannot be written any more.

    `save`: function that saves the result at a path and returns its final path. Raises StorageError
    if the temporary directory cannot be written either.
    """
    try:
        return save(path)
    except StorageError as error:
        # The path was checked before, so the disk is full or gone: do not lose the work.
        refuge = Path(tempfile.mkdtemp(prefix="nst-")) / path.name
        say(f"{error}; saving to {refuge.parent} instead")
        return save(refuge)


def _save(
    image: "Image.Image | Samples", path: Path, recipe: str | None, *, overwrite: bool
) -> Path:
    save = partial(image_writer.save, image, recipe=recipe, overwrite=overwrite)
    return save_or_rescue(save, path)
