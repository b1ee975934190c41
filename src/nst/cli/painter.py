"""Transfers for a person at a terminal: progress, intermediates, Ctrl-C, saving."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import click
from PIL import Image

from nst import image_sizes, images, transparency, video
from nst.bootstrap import keep_frame_speed, keep_speed, weights_store
from nst.cli.checkpoints import Checkpoints, Command
from nst.cli.ctrl_c import stop_on_ctrl_c
from nst.cli.errors import CANCELED_EXIT_CODE
from nst.cli.machine import MachineOptions
from nst.cli.notices import tell, tell_stand_in
from nst.cli.painting import Painting
from nst.cli.progress_bar import ProgressBar, duration
from nst.cli.summaries import estimate_in_words, memory_in_words, summary
from nst.controls import Controls
from nst.errors import TransferCanceled
from nst.learning_options import is_learned
from nst.options import StyleTransferOptions
from nst.progress import Progress

if TYPE_CHECKING:
    from nst.engine.inputs import Inputs
    from nst.engine.transfer import NeuralStyleTransfer
    from nst.result import Result
    from nst.video import Video

TOLD_FROM_BYTES = 2_000_000_000
"""Memory in bytes above which a plan is printed before the painting begins."""


class Painter:
    """Painter of one image after the other with the same options.
    The network is loaded once."""

    def __init__(self, options: StyleTransferOptions, machine: MachineOptions) -> None:
        self.options = options
        self._machine = machine

    def paint(self, painting: Painting) -> int:
        """Paint an image, save it, print its path, and return the exit code.

        The exit code is 130 after Ctrl-C. The image so far is saved, whatever ends the transfer,
        and the last checkpoint is kept.
        """
        content = images.load(painting.content, "content")
        inputs = self._inputs(painting, content)
        files = painting.files.seen_from(painting.output)  # hashed now, before they can change
        checkpoints = self._checkpoints(painting)
        latest: Progress | None = None
        film = self._timelapse(content) if painting.timelapse else nullcontext()
        shown = nullcontext(self.bar) if self.options.is_draft else self.bar  # drafts have no steps
        with stop_on_ctrl_c() as ctrl_c, film as timelapse:
            self._get_ready(inputs, shown)
            self._tell_other_weights(painting)

            def on_progress(progress: Progress) -> None:
                nonlocal latest
                self._tell_notice(painting, progress, is_first=latest is None)
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
            except (Exception, KeyboardInterrupt):
                ctrl_c.is_saving = True
                if latest:
                    saved = painting.save_unfinished(latest.snapshot.output())
                    tell(f"The picture after step {latest.step} is in {saved}")
                    if checkpoints:
                        checkpoints.leave(saved)
                raise
            ctrl_c.is_saving = True
            recipe = result.recipe(files).text() if painting.with_recipe else None
            was_interrupted = ctrl_c.pressed and result.stopped_after is not None
            save = painting.save_unfinished if was_interrupted else painting.save
            paths = [
                save(result.output, recipe),
                *painting.save_timelapse(timelapse, result.image),
            ]
        keep_speed(result, self._machine.device)
        tell(self._summary(result))
        if checkpoints and was_interrupted:
            checkpoints.leave(paths[0])
        elif checkpoints:
            checkpoints.remove()
        click.echo("\n".join(map(str, paths)))
        return CANCELED_EXIT_CODE if was_interrupted else 0

    def _inputs(self, painting: Painting, content: Image.Image) -> "Inputs":
        """Load the images before torch is loaded, so that a mistake is reported at once."""
        from nst.engine.inputs import Inputs
        from nst.engine.pictures.styles import load_styles

        loaded = load_styles(list(painting.styles), painting.masks, content, self.options)
        painting.check_outputs(self.options)
        self._tell_estimate(painting, content)
        return Inputs(
            content,
            [style.picture for style in loaded],
            masks=[style.mask for style in loaded],
            detail_map=self._load_detail_map(painting, content),
            initial=self._load_initial(painting, content),
        )

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

    def _tell_other_weights(self, painting: Painting) -> None:
        """Print a notice if the weights are not those of the image that is repeated."""
        before = painting.weights_sha256
        if before and before != self.transfer.provenance().weights_sha256:
            tell(
                f"nst: the recipe has another file of weights (SHA-256 {before[:8]}…), so the "
                "image may differ; --weights names the file"
            )

    def _tell_notice(self, painting: Painting, progress: Progress, *, is_first: bool) -> None:
        if progress.notice and is_first:
            tell(f"{painting.content}: {progress.notice}; nothing is protected")

    def _load_detail_map(self, painting: Painting, content: Image.Image) -> Image.Image | None:
        from nst.engine.pictures.detail import load_detail_map

        given = painting.detail_map
        return load_detail_map(given, content, self.options.size) if given else None

    def _load_initial(self, painting: Painting, content: Image.Image) -> Image.Image | None:
        """Return the initial image, if any; a learned style paints it."""
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
        words = estimate_in_words(self.options, content.size, self._machine.device)
        if words:
            tell(words)

    def tell_film_estimate(self, film: "Video", later: StyleTransferOptions, passes: int) -> None:
        """Print how long a film will take, if a similar one was measured here."""
        words = estimate_in_words(
            self.options,
            film.size,
            self._machine.device,
            frames=film.frames,
            passes=passes,
            later=later,
        )
        if words:
            tell(words)

    def keep_frame_speed(
        self, options: StyleTransferOptions, size: tuple[int, int], seconds: float
    ) -> None:
        """Keep the duration of a frame that continues another, for later estimates."""
        keep_frame_speed(options, size, seconds, self._machine.device)

    def _get_ready(self, inputs: "Inputs", shown: AbstractContextManager[object]) -> None:
        """Load the network; print the memory plan if it is large or has tiles."""
        with shown:
            plan = self.transfer.plan(inputs)
        if plan and (plan.tiles > 1 or plan.peak_bytes > TOLD_FROM_BYTES):
            tell(memory_in_words(plan))

    def _summary(self, result: "Result") -> str:
        place = self.bar.place
        if place is None:
            return summary(result)
        seconds = result.prepare_seconds + result.optimize_seconds
        left = f", about {duration(place.rest(seconds))} left" if place.after else ""
        return f"{place}{left}: {summary(result)}"

    def _checkpoints(self, painting: Painting) -> Checkpoints | None:
        if painting.checkpoints is None or self.options.is_draft:  # drafts have no steps
            return None
        command = Command.of(
            painting.checkpoints,
            content=painting.content,
            styles=painting.styles,
            masks=painting.masks,
            detail_map=painting.detail_map,
            initial=painting.initial,
            output=painting.output,
            overwrite=painting.overwrite,
            timelapse=painting.timelapse,
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
            painting.save_frame(progress)

    def _timelapse(self, content: Image.Image) -> video.Timelapse:
        size = image_sizes.fit(content.size, self.options.size)
        return video.Timelapse(images.resize(transparency.flatten(content), size))
