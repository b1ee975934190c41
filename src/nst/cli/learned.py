"""Painting with learned styles, for a person at a terminal."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nst import image_writer
from nst.cli.notices import tell
from nst.cli.painter import Painter
from nst.cli.painting import Painting
from nst.errors import InvalidOption
from nst.learning_options import is_learned, is_style_file
from nst.options import StyleTransferOptions

if TYPE_CHECKING:
    from nst.learning.transfer import LearnedTransfer
    from nst.result import Result
    from nst.video import Video


class LearnedPainter(Painter):
    """Painter that uses the .nst file given as the style of each painting.
    Each file is loaded once."""

    def paint(self, painting: Painting) -> int:
        """Paint an image, save it, print its path, and return the exit code."""
        painting.check_output()
        image_writer.check_bit_depth(painting.output.suffix, self.options.bit_depth)
        from nst.engine.inputs import Inputs

        hashed = painting.files.hashed()
        result = self.transfer.run(Inputs(painting.content, list(painting.styles)))
        recipe = result.recipe(hashed.seen_from(painting.output)).text()
        path = image_writer.save(
            result.output,
            painting.output,
            recipe=recipe if painting.with_recipe else None,
            overwrite=painting.overwrite,
        )
        tell(self._summary_of(result, painting.styles[0]))
        click.echo(path)
        return 0

    @cached_property
    def transfer(self) -> "LearnedTransfer":
        from nst.learning.transfer import LearnedTransfer

        return LearnedTransfer(
            self.options, device=self._machine.device, precision=self._machine.precision
        )

    def tell_film_estimate(self, film: "Video", later: StyleTransferOptions, passes: int) -> None:
        """Print nothing: the speed of learned styles is not kept."""

    def keep_frame_speed(
        self, options: StyleTransferOptions, size: tuple[int, int], seconds: float
    ) -> None:
        """Keep nothing: the speed of learned styles is not kept."""

    def tell_unsteady(self, file: Path) -> None:
        """Print a notice if a film may flicker. Raises InvalidStyleFile."""
        if not self.transfer.style(file).is_steady:
            tell(
                f"nst: {file} was learned without --steady: each frame is painted alone, and the "
                "film may flicker"
            )

    def _summary_of(self, result: "Result", file: Path) -> str:
        width, height = result.image.size
        names = ", ".join(self.transfer.style(file).facts.styles)
        seconds = f"{result.prepare_seconds:.1f} s"
        place = f"{self.bar.place}: " if self.bar.place else ""
        return f"{place}{width}×{height} pixels in {seconds}, learned: {names}"


def are_learned(styles: Sequence[Path]) -> bool:
    """Return whether all styles of a batch are learned.

    Raises InvalidOption if only some are.
    """
    if not is_learned(styles):
        return False
    if not all(map(is_style_file, styles)):
        found = ", ".join(style.name for style in styles)
        raise InvalidOption("styles", found, "either images or .nst files, not both")
    return True
