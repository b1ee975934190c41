"""`nst.stylize`: a transfer in one call, for programs and notebooks."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nst.controls import Controls
from nst.engine.inputs import Inputs
from nst.engine.network.weights import WeightsStore
from nst.engine.pictures.styles import Masks, Styles, each_style
from nst.engine.transfer import NeuralStyleTransfer
from nst.errors import ImageRole, InvalidOption
from nst.image_reader import ImageSource
from nst.learned_file import learned_preset
from nst.learning_options import is_learned
from nst.options import StyleTransferOptions
from nst.progress import OnProgress, Progress
from nst.recipe import SourceFiles
from nst.result import Result
from nst.samples import sample_file

if TYPE_CHECKING:
    from tqdm import tqdm

BAR_FORMAT = "{percentage:3.0f} %|{bar}| {desc}"


def stylize(
    content: ImageSource,
    *styles: Styles,
    preset: str | None = None,
    progress: OnProgress | bool | None = None,
    masks: Masks = (),
    detail_map: "ImageSource | None" = None,
    initial: "ImageSource | None" = None,
    controls: Controls | None = None,
    device: str = "auto",
    precision: str = "auto",
    max_memory_bytes: int | None = None,
    weights: WeightsStore | None = None,
    **options: Any,
) -> Result:
    """Paint the content image in one style or in a blend of several.

    The defaults are those of `nst stylize`. The only style may be a .nst file of `nst learn`, which
    paints in one pass; `initial` may be such a file, which then paints the initial image.

    `options`: fields of StyleTransferOptions, which override the preset. `progress`: True shows a
    bar, None shows one in a notebook only; a function is called with a `Progress` after each step,
    in addition to the bar, and stops the transfer by returning False. The other arguments are those
    of `Inputs` and `NeuralStyleTransfer`. Raises InvalidOption or InvalidImage, which name the
    argument, and all errors of `NeuralStyleTransfer.run`.
    """
    if not isinstance(progress, bool | None) and not callable(progress):
        wanted = "True, False, None or a function of one nst.Progress"
        raise InvalidOption("progress", progress, wanted)
    sources = [source for each in styles for source in each_style(each)]
    inputs = Inputs(content, sources, masks=masks, detail_map=detail_map, initial=initial)
    files = _files(inputs)
    kind: type[NeuralStyleTransfer] = NeuralStyleTransfer
    if is_learned([*sources, initial]):
        from nst.learning.transfer import LearnedTransfer, first_draft

        if is_learned(sources):
            kind, preset = LearnedTransfer, learned_preset(preset)
        elif initial is not None:
            asked = StyleTransferOptions.from_preset(preset, **options)
            draft = first_draft(initial, content, asked, device=device, precision=precision)
            inputs = replace(inputs, initial=draft)
    transfer = kind(
        StyleTransferOptions.from_preset(preset, **options),
        device=device,
        precision=precision,
        max_memory_bytes=max_memory_bytes,
        weights=weights,
    )
    on_progress = progress if callable(progress) else None
    has_bar = progress is True or (progress is not False and is_notebook())
    if not has_bar or transfer.options.is_draft:  # a draft takes no step
        result = transfer.run(inputs, on_progress, controls=controls)
    else:
        with _bar(on_progress) as shown:
            result = transfer.run(inputs, shown, controls=controls)
    return replace(result, files=files)


def is_notebook() -> bool:
    """Return whether this program runs in a Jupyter notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return "IPKernelApp" in getattr(shell, "config", ())


@contextmanager
def _bar(on_progress: OnProgress | None) -> Iterator[OnProgress]:
    """Show a bar; yield a function that updates it and calls `on_progress`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without ipywidgets tqdm warns, and shows text
        from tqdm.auto import tqdm
    with tqdm(total=1.0, bar_format=BAR_FORMAT) as bar:
        bar.set_description_str("preparing")

        def show(progress: Progress) -> object:
            _show(bar, progress)
            return on_progress(progress) if on_progress else None

        yield show


def _show(bar: "tqdm[Any]", progress: Progress) -> None:
    steps = f"step {progress.step} of {progress.total_iterations}"
    if progress.remaining_seconds is not None:
        steps += f", {progress.remaining_seconds:.0f} s left"
    bar.set_description_str(steps, refresh=False)
    bar.update(progress.share - bar.n)


def _files(inputs: Inputs) -> SourceFiles | None:
    """Return the files of the inputs, hashed now; None if one of them is not a file."""
    styles, masks = each_style(inputs.styles), inputs.masks
    optional = (*masks, inputs.detail_map, inputs.initial)
    given = (inputs.content, *styles, *(each for each in optional if each is not None))
    if not all(isinstance(source, str | os.PathLike) for source in given):
        return None

    def file(source: Any, role: ImageRole) -> Path:
        return sample_file(os.fspath(source), role) or Path(source)

    files = SourceFiles(
        file(inputs.content, "content"),
        [file(style, "style") for style in styles],
        [None if mask is None else file(mask, "mask") for mask in masks],
        None if inputs.detail_map is None else file(inputs.detail_map, "detail map"),
        None if inputs.initial is None else file(inputs.initial, "initial"),
    )
    return files.hashed()
