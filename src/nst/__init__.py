"""Neural style transfer: a photo and a painting in, the photo painted out.

>>> from nst import Inputs, NeuralStyleTransfer, StyleTransferOptions
>>> options = StyleTransferOptions.from_preset("fast")
>>> inputs = Inputs("photo.jpg", "painting.jpg")
>>> result = NeuralStyleTransfer(options).run(inputs)  # doctest: +SKIP
>>> result.image.save("painted.png")  # doctest: +SKIP

Importing nst loads neither torch nor Pillow; the public names are loaded when first used.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nst.controls import Controls
    from nst.engine.inputs import Inputs
    from nst.engine.network.weights import WeightsStore
    from nst.engine.transfer import NeuralStyleTransfer
    from nst.errors import NSTError, TransferCanceled
    from nst.learning.lesson import learn
    from nst.learning.options import LearningOptions
    from nst.learning.painting import LearnedStyle
    from nst.options import StyleTransferOptions
    from nst.progress import Losses, Progress, Result, StopReason

__version__ = "0.1.0"

_HOMES = {
    "Controls": "nst.controls",
    "Inputs": "nst.engine.inputs",
    "LearnedStyle": "nst.learning.painting",
    "LearningOptions": "nst.learning.options",
    "Losses": "nst.progress",
    "NSTError": "nst.errors",
    "NeuralStyleTransfer": "nst.engine.transfer",
    "Progress": "nst.progress",
    "Result": "nst.progress",
    "StopReason": "nst.progress",
    "StyleTransferOptions": "nst.options",
    "TransferCanceled": "nst.errors",
    "WeightsStore": "nst.engine.network.weights",
    "learn": "nst.learning.lesson",
}

__all__ = [
    "Controls",
    "Inputs",
    "LearnedStyle",
    "LearningOptions",
    "Losses",
    "NSTError",
    "NeuralStyleTransfer",
    "Progress",
    "Result",
    "StopReason",
    "StyleTransferOptions",
    "TransferCanceled",
    "WeightsStore",
    "__version__",
    "learn",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'nst' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
