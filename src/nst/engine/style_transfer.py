"""The method, top to bottom: pixels are optimised until a network sees the content of one picture
and the style of another.

[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nst import images
from nst.engine.device import resolve_device, resolve_precision
from nst.engine.encoder import MEAN_RGB, Encoder
from nst.engine.memory import kept_memory
from nst.engine.objective import CONTENT_LAYER, STYLE_LAYERS, Objective
from nst.engine.optimize import LBFGS, Adam, Optimizer
from nst.engine.preview import paint_draft, run_draft
from nst.engine.weights import Weights, WeightsStore
from nst.errors import OutOfMemory, TransferCanceled, WeightsUnavailable
from nst.images import ImageSource
from nst.options import StyleTransferOptions
from nst.progress import Progress, Result, StopReason

NOISE_SIGMA = 90.0
"""Of the random starting picture, in grey levels."""

MAX_STYLE_AREA = 4.0
"""Pixels of the style picture per pixel of the result, at most: a panorama as style must not need
more memory than the result."""

_MEAN = torch.tensor(MEAN_RGB).view(1, 3, 1, 1)

OnProgress = Callable[[Progress], None]

logger = logging.getLogger(__name__)


class NeuralStyleTransfer:
    """Paints the content of one picture in the style of another.

    One object may run many transfers, one after the other; it loads its weights once.
    """

    def __init__(
        self,
        options: StyleTransferOptions | None = None,
        *,
        device: str = "auto",
        precision: str = "auto",
        weights: WeightsStore | None = None,
    ) -> None:
        """`device`: auto, cuda, mps or cpu. `precision` of the convolutions: fp32, bf16, or auto:
        bf16 where it is fast, and fp32 for what bf16 cannot improve any more. Raises
        InvalidOption."""
        self.options = options or StyleTransferOptions()
        self.device = resolve_device(device)
        self.precision = precision
        self.dtype = resolve_precision(precision, self.device)
        self._store = weights or WeightsStore()

    def run(
        self, content: ImageSource, style: ImageSource, on_progress: OnProgress | None = None
    ) -> Result:
        """The whole transfer.

        `on_progress` is called after every step; it may raise TransferCanceled to stop there and
        get the picture so far. A draft alone takes no step. Raises InvalidImage,
        WeightsUnavailable, DraftUnavailable, OutOfMemory, Diverged.
        """
        if self.options.is_draft:
            return run_draft(self.options, content, style)
        started = time.perf_counter()
        task = self._prepare(content, style)
        prepared = time.perf_counter()
        history = []
        for progress in self._optimize(task):
            history.append(progress.losses)
            stop_reason = progress.stop_reason
            try:
                if on_progress:
                    on_progress(progress)
            except TransferCanceled:
                stop_reason = stop_reason or StopReason.CANCELED
                break
        assert stop_reason is not None  # there is a last step, and the last step has a reason
        return Result(
            image=progress.render(),
            losses=progress.losses,
            history=tuple(history),
            stop_reason=stop_reason,
            evaluations=progress.evaluations,
            prepare_seconds=prepared - started,
            optimize_seconds=time.perf_counter() - prepared,
            device=str(self.device),
            precision="bf16" if self.dtype == torch.bfloat16 else "fp32",
            model=self.weights.model,
            weights_sha256=self.weights.sha256,
        )

    def steps(self, content: ImageSource, style: ImageSource) -> Iterator[Progress]:
        """The transfer step by step, for as long as the caller asks; a draft alone is one
        Progress of step 0. Raises as `run` does."""
        if self.options.is_draft:
            return iter([_as_progress(run_draft(self.options, content, style))])
        return self._optimize(self._prepare(content, style))

    @cached_property
    def weights(self) -> Weights:
        """Those of the model asked for, or the bundled ones where nobody asked for a model."""
        try:
            return self._store.load(self.options.model)
        except WeightsUnavailable as error:
            if self.options.names_model:
                raise
            model = self.options.model
            logger.warning(
                "going on with vgg16, because the weights of %s are not here and could not be "
                "fetched (`nst weights fetch %s` says why)",
                model,
                model,
            )
            try:
                return self._store.load("vgg16")
            except WeightsUnavailable:
                raise error from None

    def _prepare(self, content: ImageSource, style: ImageSource) -> "_Task":
        picture = images.load(content, "content")
        style_picture = images.load(style, "style")
        size = images.fit(picture.size, self.options.size)
        images.check_sides(size, "content")
        style_size = _style_size(style_picture.size, size)
        images.check_sides(style_size, "style")
        model = self.weights.model
        layers = (CONTENT_LAYER[model], *STYLE_LAYERS[model])
        content_tensor = self._tensor(picture, size)
        style_tensor = self._tensor(style_picture, style_size)

        def objective_in(dtype: torch.dtype, evaluations: int = 0) -> Objective:
            encoder = Encoder(model, self.weights.tensors, layers, dtype).to(self.device)
            return Objective(
                encoder, content_tensor, style_tensor, self.options, evaluations=evaluations
            )

        with _out_of_memory(size, self.device):
            objective = objective_in(self.dtype)
        start = self._initial_image(picture, content_tensor, style_picture, size)
        return _Task(picture, size, start, objective, partial(objective_in, torch.float32))

    def _initial_image(
        self,
        picture: Image.Image,
        content: Tensor,
        style_picture: Image.Image,
        size: tuple[int, int],
    ) -> Tensor:
        match self.options.init_method:
            case "content":
                return content
            case "style":
                return self._tensor(style_picture, size)
            case "random":
                # Drawn on the CPU, so that a seed means the same picture on every device.
                random = torch.Generator().manual_seed(self.options.seed)
                noise = torch.randn(content.shape, generator=random) * NOISE_SIGMA
                return noise.to(self.device)
            case "draft":
                return self._tensor(paint_draft(picture, style_picture, size), size)

    def _optimize(self, task: "_Task") -> Iterator[Progress]:
        with kept_memory():
            yield from self._iterate(task)

    def _iterate(self, task: "_Task") -> Iterator[Progress]:
        options, objective = self.options, task.objective
        lowest: list[float] = []
        started = time.perf_counter()
        with _out_of_memory(task.size, self.device):
            optimizer = self._optimizer(objective, task.start.flatten())
        for step in range(1, options.total_iterations + 1):
            with _out_of_memory(task.size, self.device):
                has_moved = optimizer.step()
                lowest.append(min([optimizer.accepted.loss, *lowest[-1:]]))
                is_done = not has_moved or self._has_converged(lowest)
                if is_done and self.precision == "auto" and objective.dtype != torch.float32:
                    # All that is left to gain is what bfloat16 rounds away.
                    objective = task.objective_in_float32(objective.evaluations)
                    optimizer.go_on_with(objective)
                    lowest = [optimizer.accepted.loss]
                    is_done = False
            stop_reason = None
            if is_done:
                stop_reason = StopReason.CONVERGED
            elif step == options.total_iterations:
                stop_reason = StopReason.TOTAL_ITERATIONS
            elapsed_seconds = time.perf_counter() - started
            yield Progress(
                step=step,
                total_iterations=options.total_iterations,
                evaluations=objective.evaluations,
                losses=optimizer.accepted.losses,
                elapsed_seconds=elapsed_seconds,
                remaining_seconds=elapsed_seconds / step * (options.total_iterations - step),
                stop_reason=stop_reason,
                render=partial(_render, optimizer.x.view_as(task.start), task.picture),
            )
            if stop_reason:
                return

    def _optimizer(self, objective: Objective, x: Tensor) -> Optimizer:
        if self.options.optimizer == "lbfgs":
            return LBFGS(objective, x)
        return Adam(objective, x, learning_rate=self.options.learning_rate)

    def _has_converged(self, lowest: Sequence[float]) -> bool:
        """`lowest`: the lowest loss up to each step, so that Adam's noise does not count."""
        window = self.options.convergence_window
        if len(lowest) <= window:
            return False
        return lowest[-1] > lowest[-1 - window] * (1 - self.options.convergence_tolerance)

    def _tensor(self, picture: Image.Image, size: tuple[int, int]) -> Tensor:
        """(1, 3, H, W), RGB 0…255 minus MEAN_RGB."""
        resized = images.resize(images.flatten(picture), size)
        pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1).unsqueeze(0)
        return (pixels.float() - _MEAN).contiguous().to(self.device)


@dataclass(frozen=True, slots=True)
class _Task:
    picture: Image.Image
    """The content picture as it was loaded."""
    size: tuple[int, int]
    start: Tensor
    """(1, 3, H, W)"""
    objective: Objective
    objective_in_float32: Callable[[int], Objective]
    """The same in float32, from this number of evaluations on."""


def _style_size(size: tuple[int, int], content_size: tuple[int, int]) -> tuple[int, int]:
    """The style picture at the height of the result, as in the classic programs, its aspect ratio
    kept; lower where it would have more than four times the pixels of the result."""
    width, height = size
    scale = min(
        content_size[1] / height,
        math.sqrt(MAX_STYLE_AREA * content_size[0] * content_size[1] / (width * height)),
    )
    return round(width * scale), round(height * scale)


def _as_progress(draft: Result) -> Progress:
    return Progress(
        step=0,
        total_iterations=0,
        evaluations=0,
        losses=draft.losses,
        elapsed_seconds=draft.prepare_seconds,
        remaining_seconds=0.0,
        stop_reason=draft.stop_reason,
        render=lambda: draft.image,
    )


def _render(image: Tensor, picture: Image.Image) -> Image.Image:
    pixels = (image[0].cpu() + _MEAN[0]).round().clamp(0, 255).byte().permute(1, 2, 0)
    return images.with_alpha_of(Image.fromarray(pixels.numpy()), picture)


@contextmanager
def _out_of_memory(size: tuple[int, int], device: torch.device) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        is_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
        # The CPU allocator has no class of its own.
        if is_memory or "not enough memory" in str(error) or "DefaultCPUAllocator" in str(error):
            raise OutOfMemory(size, str(device)) from error
        raise
