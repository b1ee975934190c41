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
from itertools import pairwise

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from nst import images
from nst.engine import distance
from nst.engine.device import resolve_device, resolve_precision
from nst.engine.encoder import Encoder
from nst.engine.memory import kept_memory
from nst.engine.objective import CONTENT_LAYER, STYLE_LAYERS, Objective
from nst.engine.optimize import LBFGS, Adam, Optimizer
from nst.engine.pictures import style_size, to_picture, to_tensor
from nst.engine.preview import paint_draft, run_draft
from nst.engine.weights import Weights, WeightsStore
from nst.errors import OutOfMemory, TransferCanceled, WeightsUnavailable
from nst.images import ImageSource
from nst.options import StyleTransferOptions
from nst.progress import Distances, Losses, Progress, Result, StopReason

NOISE_SIGMA = 90.0
"""Of the random starting picture, in grey levels."""

MIN_SCALE_SIDE = 64
"""Shorter side of the coarsest picture, in pixels: a few features of the deepest layer."""

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
        image = progress.render()
        optimized = time.perf_counter()
        return Result(
            image=image,
            losses=progress.losses,
            history=tuple(history),
            stop_reason=stop_reason,
            evaluations=progress.evaluations,
            prepare_seconds=prepared - started,
            optimize_seconds=optimized - prepared,
            device=str(self.device),
            precision="bf16" if self.dtype == torch.bfloat16 else "fp32",
            model=self.weights.model,
            weights_sha256=self.weights.sha256,
            distances=self._distances(image, task.pictures),
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
        """The coarsest scale, ready to be painted."""
        picture = images.load(content, "content")
        style_picture = images.load(style, "style")
        size = images.fit(picture.size, self.options.size)
        images.check_sides(size, "content")
        images.check_sides(style_size(style_picture.size, size), "style")
        scales = _scales(size, self.options)
        return self._task(_Pictures(picture, style_picture, scales), scales[0])

    def _task(
        self, pictures: "_Pictures", scale: "_Scale", after: "_Iterate | None" = None
    ) -> "_Task":
        """`after`: the end of the scale before, if there was one."""
        model, size = self.weights.model, scale.size
        layers = (CONTENT_LAYER[model], *STYLE_LAYERS[model])
        content = to_tensor(pictures.content, size).to(self.device)
        style_picture = pictures.style
        style = to_tensor(style_picture, style_size(style_picture.size, size)).to(self.device)

        def objective_in(dtype: torch.dtype, evaluations: int = 0) -> Objective:
            encoder = Encoder(model, self.weights.tensors, layers, dtype).to(self.device)
            return Objective(encoder, content, style, self.options, evaluations=evaluations)

        with _out_of_memory(size, self.device):
            objective = objective_in(self.dtype)
        start = (
            self._finer(after.image, pictures, content)
            if after
            else (self._initial_image(pictures, content))
        )
        return _Task(pictures, scale, start, objective, partial(objective_in, torch.float32))

    def _initial_image(self, pictures: "_Pictures", content: Tensor) -> Tensor:
        height, width = content.shape[2:]
        match self.options.init_method:
            case "content":
                return content
            case "style":
                return to_tensor(pictures.style, (width, height)).to(self.device)
            case "random":
                # Drawn on the CPU, so that a seed means the same picture on every device.
                random = torch.Generator().manual_seed(self.options.seed)
                noise = torch.randn(content.shape, generator=random) * NOISE_SIGMA
                return noise.to(self.device)
            case "draft":
                draft = paint_draft(pictures.content, pictures.style, (width, height))
                return to_tensor(draft, draft.size).to(self.device)

    def _finer(self, image: Tensor, pictures: "_Pictures", content: Tensor) -> Tensor:
        """What a coarser scale has changed in its content, enlarged, changes this content: so the
        detail is there again that the coarser scale could not have."""
        height, width = image.shape[2:]
        change = image - to_tensor(pictures.content, (width, height)).to(self.device)
        size = content.shape[2:]
        return content + interpolate(change, size=size, mode="bicubic", align_corners=False)

    def _optimize(self, task: "_Task") -> Iterator[Progress]:
        """All scales, from the one that is prepared to the last."""
        pictures, clock = task.pictures, _Clock(task.pictures.scales)
        evaluations = 0
        now: _Iterate | None = None
        with kept_memory():
            for scale in pictures.scales:
                if scale is not task.scale:
                    task = self._task(pictures, scale, after=now)
                for now in self._iterate(task):
                    clock.tick(scale)
                    yield Progress(
                        step=clock.steps,
                        total_iterations=self.options.total_iterations,
                        size=scale.size,
                        evaluations=evaluations + now.evaluations,
                        losses=now.losses,
                        elapsed_seconds=clock.elapsed_seconds(),
                        remaining_seconds=clock.remaining_seconds(),
                        stop_reason=now.stop_reason if scale is pictures.scales[-1] else None,
                        render=partial(_render, now.image, pictures),
                    )
                clock.leave(scale)
                evaluations += now.evaluations if now else 0

    def _iterate(self, task: "_Task") -> Iterator["_Iterate"]:
        """One scale. Its last iterate has a reason to stop."""
        objective, steps = task.objective, task.scale.steps
        is_exact_in_the_end = self.precision == "auto" and task.scale is task.pictures.scales[-1]
        lowest: list[float] = []
        with _out_of_memory(task.scale.size, self.device):
            optimizer = self._optimizer(objective, task.start.flatten())
        for step in range(1, steps + 1):
            with _out_of_memory(task.scale.size, self.device):
                has_moved = optimizer.step()
                lowest.append(min([optimizer.accepted.loss, *lowest[-1:]]))
                is_done = not has_moved or self._has_converged(lowest)
                if is_done and is_exact_in_the_end and objective.dtype != torch.float32:
                    # All that is left to gain is what bfloat16 rounds away.
                    objective = task.objective_in_float32(objective.evaluations)
                    optimizer.go_on_with(objective)
                    lowest = [optimizer.accepted.loss]
                    is_done = False
            stop_reason = None
            if is_done:
                stop_reason = StopReason.CONVERGED
            elif step == steps:
                stop_reason = StopReason.TOTAL_ITERATIONS
            image = optimizer.x.view_as(task.start)
            yield _Iterate(image, optimizer.accepted.losses, objective.evaluations, stop_reason)
            if stop_reason:
                return

    def _distances(self, image: Image.Image, pictures: "_Pictures") -> Distances | None:
        judge = self._store.load_local(distance.JUDGE[self.weights.model])
        if judge is None:
            return None
        try:
            with _out_of_memory(image.size, torch.device("cpu")):
                return distance.measure(image, pictures.content, pictures.style, judge)
        except OutOfMemory:
            logger.warning("the distances could not be measured: there is too little memory")
            return None

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


@dataclass(frozen=True, slots=True)
class _Scale:
    """One size of the pyramid."""

    size: tuple[int, int]
    steps: int

    @property
    def pixels(self) -> int:
        return math.prod(self.size)


@dataclass(frozen=True, slots=True)
class _Pictures:
    """What goes in, as it was loaded, and the sizes in which it is painted."""

    content: Image.Image
    style: Image.Image
    scales: Sequence[_Scale]
    """From coarse to fine; the last one has the size of the result."""


@dataclass(frozen=True, slots=True)
class _Task:
    """One scale, ready to be painted."""

    pictures: _Pictures
    scale: _Scale
    start: Tensor
    """(1, 3, H, W)"""
    objective: Objective
    objective_in_float32: Callable[[int], Objective]
    """The same in float32, from this number of evaluations on."""


@dataclass(frozen=True, slots=True)
class _Iterate:
    """After a step of one scale."""

    image: Tensor
    """(1, 3, H, W)"""
    losses: Losses
    evaluations: int
    stop_reason: StopReason | None


class _Clock:
    """How long the steps took, and how long those to come will take: a step takes as long as its
    scale has pixels."""

    def __init__(self, scales: Sequence[_Scale]) -> None:
        self.steps = 0
        self._started = time.perf_counter()
        self._done = 0
        self._left = {scale: scale.steps * scale.pixels for scale in scales}

    def tick(self, scale: _Scale) -> None:
        self.steps += 1
        self._done += scale.pixels
        self._left[scale] -= scale.pixels

    def leave(self, scale: _Scale) -> None:
        """The steps that it has left will not be taken."""
        del self._left[scale]

    def elapsed_seconds(self) -> float:
        return time.perf_counter() - self._started

    def remaining_seconds(self) -> float:
        return self.elapsed_seconds() / self._done * sum(self._left.values())


def _scales(size: tuple[int, int], options: StyleTransferOptions) -> list[_Scale]:
    """Each half as long as the next; those in which a network sees nothing are left out."""
    sizes = [images.fit(size, math.ceil(max(size) / 2**n)) for n in range(options.scales)]
    sizes = [size, *(smaller for smaller in sizes[1:] if min(smaller) >= MIN_SCALE_SIDE)][::-1]
    ends = [options.total_iterations * n // len(sizes) for n in range(len(sizes) + 1)]
    scales = [
        _Scale(size, end - start) for size, (start, end) in zip(sizes, pairwise(ends), strict=True)
    ]
    return [scale for scale in scales if scale.steps]


def _as_progress(draft: Result) -> Progress:
    return Progress(
        step=0,
        total_iterations=0,
        size=draft.image.size,
        evaluations=0,
        losses=draft.losses,
        elapsed_seconds=draft.prepare_seconds,
        remaining_seconds=0.0,
        stop_reason=draft.stop_reason,
        render=lambda: draft.image,
    )


def _render(image: Tensor, pictures: _Pictures) -> Image.Image:
    """In the size of the result, also while a coarser scale is painted."""
    painted = images.resize(to_picture(image), pictures.scales[-1].size)
    return images.with_alpha_of(painted, pictures.content)


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
