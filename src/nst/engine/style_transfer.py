"""The method, top to bottom: pixels are optimised until a network sees the content of one picture
and the style of another.

[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nst import images
from nst.engine.device import resolve_device, resolve_precision
from nst.engine.encoder import MEAN_RGB, Encoder
from nst.engine.memory import available_bytes, give_back, kept_memory, used_bytes
from nst.engine.memory_plan import Demand, plan_memory, smaller
from nst.engine.objective import CONTENT_LAYER, STYLE_LAYERS, Objective
from nst.engine.optimize import LBFGS, Adam, Evaluation, Optimizer
from nst.engine.preview import paint_draft, run_draft
from nst.engine.weights import Weights, WeightsStore
from nst.errors import InvalidOption, OutOfMemory, TransferCanceled, WeightsUnavailable
from nst.images import ImageSource
from nst.options import StyleTransferOptions
from nst.progress import MemoryPlan, Progress, Result, StopReason

NOISE_SIGMA = 90.0
"""Of the random starting picture, in grey levels."""

MAX_STYLE_AREA = 4.0
"""Pixels of the style picture per pixel of the result, at most: a panorama as style must not need
more memory than the result."""

USABLE_SHARE = 0.9
"""Of the memory that is free when a transfer begins."""

_MEAN = torch.tensor(MEAN_RGB).view(1, 3, 1, 1)

OnProgress = Callable[[Progress], None]
T = TypeVar("T")

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
        max_memory_bytes: int | None = None,
        weights: WeightsStore | None = None,
    ) -> None:
        """`device`: auto, cuda, mps or cpu. `precision` of the convolutions: fp32, bf16, or auto:
        bf16 where it is fast, and fp32 for what bf16 cannot improve any more.
        `max_memory_bytes`: what this process may hold, or on a GPU its tensors; None: what is
        free. Raises InvalidOption."""
        self.options = options or StyleTransferOptions()
        self.device = resolve_device(device)
        self.precision = precision
        self.dtype = resolve_precision(precision, self.device)
        self.max_memory_bytes = max_memory_bytes
        self._store = weights or WeightsStore()

    def run(
        self, content: ImageSource, style: ImageSource, on_progress: OnProgress | None = None
    ) -> Result:
        """The whole transfer.

        `on_progress` is called after every step; it may raise TransferCanceled to stop there and
        get the picture so far. A draft alone takes no step. Raises InvalidImage, InvalidOption
        (too little memory is allowed), WeightsUnavailable, DraftUnavailable, OutOfMemory, Diverged.
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
            memory_plan=task.plan,
        )

    def steps(self, content: ImageSource, style: ImageSource) -> Iterator[Progress]:
        """The transfer step by step, for as long as the caller asks; a draft alone is one
        Progress of step 0. Raises as `run` does."""
        if self.options.is_draft:
            return iter([_as_progress(run_draft(self.options, content, style))])
        return self._optimize(self._prepare(content, style))

    def plan(self, content: ImageSource, style: ImageSource) -> MemoryPlan:
        """How the transfer would divide its memory if it began now. Raises as `run` does."""
        sizes = self._sizes(images.load(content, "content"), images.load(style, "style"))
        return self._plan(self._demand(*sizes, self.dtype))

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
        size, style_size = self._sizes(picture, style_picture)
        demand = self._demand(size, style_size, self.dtype)
        plan = plan_in_float32 = self._plan(demand)
        if self.precision == "auto":
            plan_in_float32 = self._plan(_in_float32(demand))
        model = self.weights.model
        layers = (CONTENT_LAYER[model], *STYLE_LAYERS[model])
        content_tensor = self._tensor(picture, size)
        style_tensor = self._tensor(style_picture, style_size)
        start = self._initial_image(picture, content_tensor, style_picture, size)

        def objective_in(dtype: torch.dtype, plan: MemoryPlan, evaluations: int) -> Objective:
            encoder = Encoder(model, self.weights.tensors, layers, dtype).to(self.device)
            return Objective(
                encoder,
                content_tensor,
                style_tensor,
                self.options,
                tile_side=plan.tile_side,
                evaluations=evaluations,
            )

        task = _Task(picture, start, demand, plan, plan_in_float32, objective_in)
        self._within_memory(task, partial(task.compute_in, self.dtype))
        return task

    def _sizes(
        self, picture: Image.Image, style_picture: Image.Image
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """Of the result and of the style picture beside it."""
        size = images.fit(picture.size, self.options.size)
        images.check_sides(size, "content")
        style_size = _style_size(style_picture.size, size)
        images.check_sides(style_size, "style")
        return size, style_size

    def _demand(
        self, size: tuple[int, int], style_size: tuple[int, int], dtype: torch.dtype
    ) -> Demand:
        return Demand(
            size=size,
            style_size=style_size,
            model=self.weights.model,  # loaded now, so that the process holds them
            number_bytes=dtype.itemsize,
            optimizer=self.options.optimizer,
            process_bytes=used_bytes(self.device),
        )

    def _plan(self, demand: Demand) -> MemoryPlan:
        """Raises InvalidOption if no plan stays below what is allowed, OutOfMemory if none stays
        below what is free."""
        limit = self.max_memory_bytes
        if limit is None and (available := available_bytes(self.device)) is not None:
            limit = demand.process_bytes + round(USABLE_SHARE * available)
        plan = plan_memory(demand, limit)
        if limit is None or plan.peak_bytes <= limit:
            return plan
        if self.max_memory_bytes is None:
            raise OutOfMemory(demand.size, str(self.device))
        needed = f"at least {math.ceil(plan.peak_bytes / 1e8) / 10:.1f} GB"
        width, height = demand.size
        raise InvalidOption(
            "max_memory",
            f"{self.max_memory_bytes / 1e9:g} GB",
            f"{needed}, which {width}×{height} pixels need even in small tiles, or a smaller size",
        )

    def _within_memory(self, task: "_Task", attempt: Callable[[], T]) -> T:
        """What the attempt returns. Where memory runs out, it is made again with smaller tiles and
        a shorter history, until these are as small as they can be: then it is OutOfMemory."""
        while True:
            try:
                return attempt()
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                plan = smaller(task.demand, task.plan)
                if plan is None:
                    raise OutOfMemory(task.plan.size, str(self.device)) from error
            # Only now is the failed attempt forgotten, and what it held is free.
            logger.warning(
                "memory ran out; going on with tiles of about %d pixels and a history of %d steps",
                plan.tile_side,
                plan.history_size,
            )
            task.follow(plan)
            give_back(self.device)

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
        options = self.options
        lowest: list[float] = []
        started = time.perf_counter()
        optimizer = self._within_memory(task, partial(self._optimizer, task))
        for step in range(1, options.total_iterations + 1):
            has_moved = self._within_memory(task, partial(self._step, task, optimizer))
            lowest.append(min([optimizer.accepted.loss, *lowest[-1:]]))
            is_done = not has_moved or self._has_converged(lowest)
            if is_done and self.precision == "auto" and task.objective.dtype != torch.float32:
                # All that is left to gain is what bfloat16 rounds away.
                self._go_on_in_float32(task, optimizer)
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
                evaluations=task.objective.evaluations,
                losses=optimizer.accepted.losses,
                elapsed_seconds=elapsed_seconds,
                remaining_seconds=elapsed_seconds / step * (options.total_iterations - step),
                stop_reason=stop_reason,
                render=partial(_render, optimizer.x.view_as(task.start), task.picture),
            )
            if stop_reason:
                return

    def _optimizer(self, task: "_Task") -> Optimizer:
        x = task.start.flatten()
        if self.options.optimizer == "lbfgs":
            return LBFGS(task.evaluate, x, history_size=task.plan.history_size)
        return Adam(task.evaluate, x, learning_rate=self.options.learning_rate)

    def _step(self, task: "_Task", optimizer: Optimizer) -> bool:
        optimizer.shorten_memory(task.plan.history_size)
        return optimizer.step()

    def _go_on_in_float32(self, task: "_Task", optimizer: Optimizer) -> None:
        task.demand, task.plan = _in_float32(task.demand), task.plan_in_float32
        optimizer.shorten_memory(task.plan.history_size)
        self._within_memory(task, partial(task.compute_in, torch.float32))
        self._within_memory(task, partial(optimizer.go_on_with, task.evaluate))

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


@dataclass(slots=True)
class _Task:
    picture: Image.Image
    """The content picture as it was loaded."""
    start: Tensor
    """(1, 3, H, W)"""
    demand: Demand
    plan: MemoryPlan
    """The one that is followed now."""
    plan_in_float32: MemoryPlan
    """The one to follow when bfloat16 has done its part."""
    objective_in: Callable[[torch.dtype, MemoryPlan, int], Objective]
    """With this type of numbers, under this plan, after this number of evaluations."""
    _objective: Objective | None = None

    @property
    def objective(self) -> Objective:
        assert self._objective is not None  # compute_in has made it
        return self._objective

    def evaluate(self, x: Tensor) -> Evaluation:
        return self.objective(x)

    def compute_in(self, dtype: torch.dtype) -> None:
        """Replace the objective. The old one goes first: there is no room for two."""
        evaluations = self._objective.evaluations if self._objective else 0
        self._objective = None
        self._objective = self.objective_in(dtype, self.plan, evaluations)

    def follow(self, plan: MemoryPlan) -> None:
        self.plan = plan
        if self._objective:
            self._objective.compute_in_tiles(plan.tile_side)


def _style_size(size: tuple[int, int], content_size: tuple[int, int]) -> tuple[int, int]:
    """The style picture at the height of the result, as in the classic programs, its aspect ratio
    kept; lower where it would have more than four times the pixels of the result."""
    width, height = size
    scale = min(
        content_size[1] / height,
        math.sqrt(MAX_STYLE_AREA * content_size[0] * content_size[1] / (width * height)),
    )
    return round(width * scale), round(height * scale)


def _in_float32(demand: Demand) -> Demand:
    return replace(demand, number_bytes=torch.float32.itemsize)


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


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # On the CPU it has no class of its own.
    phrases = ("not enough memory", "DefaultCPUAllocator", "bad_alloc")
    return any(phrase in str(error) for phrase in phrases)
