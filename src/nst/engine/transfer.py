"""`NeuralStyleTransfer`: paints an image by steps or as a draft.

Torch is imported only if an image is painted by steps.
"""

import os
from collections.abc import Iterator
from copy import copy
from typing import TYPE_CHECKING, Protocol, Self

from nst.controls import Controls
from nst.engine.inputs import Inputs
from nst.engine.network.weights import WeightsStore
from nst.errors import InvalidOption
from nst.options import StyleTransferOptions
from nst.progress import MemoryPlan, OnProgress, Progress, Provenance
from nst.result import Result

if TYPE_CHECKING:
    from nst.engine.checkpoint import CheckpointSource


OPTIONS_WANTED = "StyleTransferOptions, for example StyleTransferOptions.from_preset('fast')"


class Transfer(Protocol):
    """A way to paint an image."""

    def run(
        self,
        inputs: Inputs,
        on_progress: OnProgress | None = None,
        *,
        resume_from: "CheckpointSource | None" = None,
        controls: Controls | None = None,
    ) -> Result: ...

    def steps(
        self,
        inputs: Inputs,
        *,
        resume_from: "CheckpointSource | None" = None,
        controls: Controls | None = None,
    ) -> Iterator[Progress]: ...

    def plan(self, inputs: Inputs) -> MemoryPlan | None: ...

    def provenance(self) -> Provenance: ...


class NeuralStyleTransfer:
    """Transfer that paints the content of one image in the style of another.

    One object can run many transfers, one after the other; it loads its weights once.
    """

    def __init__(
        self,
        options: StyleTransferOptions | None = None,
        *,
        device: str = "auto",
        precision: str = "auto",
        max_memory_bytes: int | None = None,
        weights: WeightsStore | None = None,
    ) -> None:
        """Create a transfer.

        `options`: by default those of `nst stylize`. `device`: auto, cuda, mps or cpu. `precision`
        of the convolutions: fp32, bf16, fp16, or auto: bf16 where it is fast, and fp32 for what
        bf16 cannot improve any more. `max_memory_bytes`: memory that this process, or on a GPU its
        tensors, may hold; None: the free memory. A draft needs none of these. Raises InvalidOption.
        """
        _check("options", options, StyleTransferOptions, OPTIONS_WANTED)
        _check("max_memory_bytes", max_memory_bytes, int, "a whole number of bytes, or None")
        _check("weights", weights, WeightsStore, "a nst.WeightsStore, or None")
        self.options = options or StyleTransferOptions.from_preset()
        self._device = device
        self._precision = precision
        self._max_memory_bytes = max_memory_bytes
        self._weights = weights
        self._transfer = self._transfer_with(self.options)

    def run(
        self,
        inputs: Inputs,
        on_progress: OnProgress | None = None,
        *,
        resume_from: "CheckpointSource | None" = None,
        controls: Controls | None = None,
    ) -> Result:
        """Paint the whole image, or the rest of it after a checkpoint.

        `on_progress` is called after every step; to stop there and get the image so far, it returns
        False or raises TransferCanceled. `controls` may change options between two steps. A draft
        takes no steps.

        Raises InvalidImage, InvalidOption (too little memory is allowed), InvalidCheckpoint,
        WeightsUnavailable, DraftUnavailable, OutOfMemory, Diverged.
        """
        _check_arguments(inputs, resume_from, controls)
        if on_progress is not None and not callable(on_progress):
            raise InvalidOption("on_progress", on_progress, "a function of one nst.Progress")
        return self._transfer.run(inputs, on_progress, resume_from=resume_from, controls=controls)

    def steps(
        self,
        inputs: Inputs,
        *,
        resume_from: "CheckpointSource | None" = None,
        controls: Controls | None = None,
    ) -> Iterator[Progress]:
        """Paint step by step, for as long as the caller asks.

        A draft is one Progress of step 0. Raises as `run` does.
        """
        _check_arguments(inputs, resume_from, controls)
        return self._transfer.steps(inputs, resume_from=resume_from, controls=controls)

    def plan(self, inputs: Inputs) -> MemoryPlan | None:
        """Return how the last scale would divide its memory if it began now.

        Return None for a draft. Raises as `run` does.
        """
        _check_arguments(inputs)
        return self._transfer.plan(inputs)

    def provenance(self) -> Provenance:
        """Return the device, the precision and the weights, which are loaded for that.

        Raises WeightsUnavailable.
        """
        return self._transfer.provenance()

    def with_options(self, options: StyleTransferOptions) -> Self:
        """Return a transfer with other options on the same machine.

        Loaded weights are shared.
        """
        other = copy(self)
        other.options = options
        other._transfer = self._transfer_with(options)
        return other

    def __repr__(self) -> str:
        return f"<NeuralStyleTransfer on {self._device}: {self.options!r}>"

    def _transfer_with(self, options: StyleTransferOptions) -> Transfer:
        if options.is_draft:
            from nst.engine.draft import DraftTransfer

            return DraftTransfer(options)
        from nst.engine.style_transfer import IterativeTransfer

        before = getattr(self, "_transfer", None)
        if isinstance(before, IterativeTransfer):
            return before.with_options(options)
        return IterativeTransfer(
            options,
            device=self._device,
            precision=self._precision,
            max_memory_bytes=self._max_memory_bytes,
            weights=self._weights,
        )


def _check_arguments(inputs: object, resume_from: object = None, controls: object = None) -> None:
    """Raise InvalidOption if an argument has the wrong type."""
    if not isinstance(inputs, Inputs):
        raise InvalidOption("inputs", inputs, "nst.Inputs(content, style)")
    wanted = "the path or the bytes of a checkpoint, or None"
    _check("resume_from", resume_from, (str, os.PathLike, bytes), wanted)
    _check("controls", controls, Controls, "nst.Controls(options), or None")


def _check(name: str, value: object, kind: type | tuple[type, ...], wanted: str) -> None:
    """Raise InvalidOption if the value is neither None nor of this kind."""
    if value is not None and not isinstance(value, kind):
        raise InvalidOption(name, value, wanted)
