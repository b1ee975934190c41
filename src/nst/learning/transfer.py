"""Transfer with learned styles instead of the optimizer, like a draft."""

import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from nst.controls import Controls
from nst.engine.device import precision_of
from nst.engine.draft import DraftTransfer, check_begins
from nst.engine.inputs import Inputs
from nst.engine.pictures.styles import each_style
from nst.engine.transfer import NeuralStyleTransfer, Transfer
from nst.errors import InvalidOption
from nst.image_reader import ImageSource, name_of
from nst.learned_file import PRESET
from nst.learning.painting import LearnedStyle
from nst.learning_options import is_learned
from nst.options import StyleTransferOptions
from nst.progress import OnProgress, Provenance
from nst.result import Result


class LearnedTransfer(NeuralStyleTransfer):
    """Transfer whose inputs name a .nst file, the file of a learned style, as style.
    Each file is loaded once."""

    def style(self, file: Path) -> LearnedStyle:
        """Return the learned style in a file. Raises InvalidStyleFile."""
        assert isinstance(self._transfer, _Pass)
        return self._transfer.load(file)

    def _transfer_with(self, options: StyleTransferOptions) -> Transfer:
        before = getattr(self, "_transfer", None)
        if isinstance(before, _Pass):
            return _Pass(options, before.load)
        load = partial(LearnedStyle.load, device=self._device, precision=self._precision)
        return _Pass(options, _Files(load))


class _Files:
    """Loader of learned styles, which loads each file once."""

    def __init__(self, load: Callable[[Path], LearnedStyle]) -> None:
        self._load = cache(load)
        self.latest: LearnedStyle | None = None
        """The learned style that was used last."""

    def __call__(self, file: Path) -> LearnedStyle:
        self.latest = self._load(file)
        return self.latest


class _Pass(DraftTransfer):
    """One pass through a learned network."""

    def __init__(self, options: StyleTransferOptions, load: _Files) -> None:
        super().__init__(options)
        self.load = load

    def run(
        self,
        inputs: Inputs,
        on_progress: OnProgress | None = None,  # noqa: ARG002 – there is no step
        *,
        resume_from: object = None,
        controls: Controls | None = None,  # noqa: ARG002
    ) -> Result:
        """Paint the content image. Raises InvalidImage, InvalidOption, InvalidStyleFile."""
        check_begins(resume_from)
        _check(inputs)
        (file,) = map(_path, each_style(inputs.styles))
        return self.load(file).paint(inputs.content, self._options)

    def provenance(self) -> Provenance:
        style = self.load.latest
        if style is None:  # nothing was painted yet
            return super().provenance()
        precision = precision_of(style.dtype)
        sha256 = style.facts.tensors_sha256
        return Provenance(str(style.device), precision, self._options.model, sha256)


def first_draft(
    initial: ImageSource,
    content: ImageSource,
    options: StyleTransferOptions,
    *,
    device: str = "auto",
    precision: str = "auto",
) -> ImageSource:
    """Return the initial image of the optimizer.

    If `initial` is the file of a learned style, that style paints the content image, with equal
    shares of the file's styles; anything else is returned unchanged. Raises InvalidImage,
    InvalidStyleFile.
    """
    if not is_learned([initial]):
        return initial
    style = LearnedStyle.load(_path(initial), device=device, precision=precision)
    return style.paint(content, StyleTransferOptions.from_preset(PRESET, size=options.size)).image


def _check(inputs: Inputs) -> None:
    styles = each_style(inputs.styles)
    if len(styles) != 1 or not is_learned(styles):
        allowed = "one .nst file alone; nst learn puts several styles into one"
        raise InvalidOption("styles", " ".join(map(str, styles)), allowed)
    if any(mask is not None for mask in inputs.masks):
        raise InvalidOption("masks", len(inputs.masks), "none with a learned style")
    others = {"detail_map": inputs.detail_map, "initial": inputs.initial}
    for name, image in others.items():
        if image is not None:
            raise InvalidOption(name, name_of(image), "none with a learned style")


def _path(source: ImageSource) -> Path:
    assert isinstance(source, str | os.PathLike)
    return Path(source)
