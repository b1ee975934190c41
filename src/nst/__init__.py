"""Neural style transfer: paints a photo in the style of a painting.

>>> import nst
>>> nst.stylize("photo.jpg", "painting.jpg").save("painted.png")  # doctest: +SKIP

Importing nst loads neither torch nor Pillow; public names are imported on first use.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nst.controls import Controls
    from nst.engine.film import FilmTransfer, PaintedFrame
    from nst.engine.inputs import Inputs
    from nst.engine.network.weights import WeightsStore
    from nst.engine.transfer import NeuralStyleTransfer
    from nst.errors import NSTError, TransferCanceled
    from nst.learning.painting import LearnedStyle
    from nst.learning.training_run import learn
    from nst.learning_options import LearningOptions
    from nst.library import stylize
    from nst.options import StyleTransferOptions
    from nst.progress import Change, Losses, Progress, StopReason
    from nst.result import Result

__version__ = "0.1.0"

_HOMES = {
    "Change": "nst.progress",
    "Controls": "nst.controls",
    "FilmTransfer": "nst.engine.film",
    "Inputs": "nst.engine.inputs",
    "LearnedStyle": "nst.learning.painting",
    "LearningOptions": "nst.learning_options",
    "Losses": "nst.progress",
    "NSTError": "nst.errors",
    "NeuralStyleTransfer": "nst.engine.transfer",
    "PaintedFrame": "nst.engine.film",
    "Progress": "nst.progress",
    "Result": "nst.result",
    "StopReason": "nst.progress",
    "StyleTransferOptions": "nst.options",
    "TransferCanceled": "nst.errors",
    "WeightsStore": "nst.engine.network.weights",
    "learn": "nst.learning.training_run",
    "stylize": "nst.library",
}

__all__ = [
    "Change",
    "Controls",
    "FilmTransfer",
    "Inputs",
    "LearnedStyle",
    "LearningOptions",
    "Losses",
    "NSTError",
    "NeuralStyleTransfer",
    "PaintedFrame",
    "Progress",
    "Result",
    "StopReason",
    "StyleTransferOptions",
    "TransferCanceled",
    "WeightsStore",
    "__version__",
    "learn",
    "stylize",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'nst' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
