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
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from nst import images
from nst.controls import Controls, in_force
from nst.engine import distance, levels
from nst.engine.average import Average
from nst.engine.checkpoint import Checkpoint, CheckpointSource, Origin, fingerprint, name_of
from nst.engine.colour import prepare_style, with_colours_of
from nst.engine.device import DTYPES, precision_of, resolve_device, resolve_precision
from nst.engine.encoder import Encoder
from nst.engine.memory import available_bytes, kept_memory, used_bytes
from nst.engine.memory_plan import Demand, plan_memory, predict
from nst.engine.objective import CONTENT_LAYER, Objective, style_layers
from nst.engine.optimize import Optimizer
from nst.engine.pictures import style_inputs, style_size, to_levels, to_tensor
from nst.engine.preview import paint_drafts, run_draft
from nst.engine.pyramid import Clock, Scale, scales
from nst.engine.style_term import StyleInput, covered
from nst.engine.styles import Masks, Style, Styles, load_styles, mixed
from nst.engine.task import Task, in_float32, is_out_of_memory
from nst.engine.weights import Weights, WeightsStore
from nst.errors import (
    InvalidCheckpoint,
    InvalidOption,
    OutOfMemory,
    TransferCanceled,
    WeightsUnavailable,
)
from nst.images import ImageSource
from nst.options import StyleTransferOptions
from nst.progress import Distances, Losses, MemoryPlan, Progress, Result, StopReason

NOISE_SIGMA = 90.0
"""Of the random starting picture, in grey levels."""

USABLE_SHARE = 0.9
"""Of the memory that is free when a transfer begins."""

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
        max_memory_bytes: int | None = None,
        weights: WeightsStore | None = None,
    ) -> None:
        """`device`: auto, cuda, mps or cpu. `precision` of the convolutions: fp32, bf16, fp16,
        or auto: bf16 where it is fast, and fp32 for what bf16 cannot improve any more.
        `max_memory_bytes`: what this process may hold, or on a GPU its tensors; None: what is
        free. Raises InvalidOption."""
        self.options = options or StyleTransferOptions()
        self.device = resolve_device(device)
        self.precision = precision
        self.dtype = resolve_precision(precision, self.device)
        self.max_memory_bytes = max_memory_bytes
        self._store = weights or WeightsStore()

    def run(
        self,
        content: ImageSource,
        styles: Styles,
        on_progress: OnProgress | None = None,
        *,
        masks: Masks = (),
        initial: "ImageSource | None" = None,
        resume_from: CheckpointSource | None = None,
        controls: Controls | None = None,
    ) -> Result:
        """The whole transfer, or what is left of it after a checkpoint.

        `styles`: one picture or a list of them. `masks`, in their order: white where the style
        belongs, None for everywhere. `on_progress` is called after every step; it may raise
        TransferCanceled to stop there and get the picture so far. `initial` is the picture to start
        from, instead of what init_method says; it is resized to the result. `controls` may change
        options between two steps. A draft alone takes no step. Raises InvalidImage, InvalidOption
        (too little memory is allowed), InvalidCheckpoint, WeightsUnavailable, DraftUnavailable,
        OutOfMemory, Diverged.
        """
        if self.options.is_draft:
            _check_draft_starts_from_nothing(initial)
            return run_draft(self.options, content, styles, masks)
        started = time.perf_counter()
        prepared = self._prepare(content, styles, masks, initial, resume_from)
        ready = time.perf_counter()
        history = []
        for progress in self._optimize(prepared, controls):
            history.append(progress.losses)
            stop_reason = progress.stop_reason
            try:
                if on_progress:
                    on_progress(progress)
            except TransferCanceled:
                stop_reason = stop_reason or StopReason.CANCELED
                break
        assert stop_reason is not None  # there is a last step, and the last step has a reason
        image, losses = progress.render(), progress.measure()
        optimized = time.perf_counter()
        return Result(
            image=image,
            samples=progress.render_samples(),
            losses=losses,
            history=tuple(history),
            stop_reason=stop_reason,
            evaluations=progress.evaluations,
            prepare_seconds=ready - started,
            optimize_seconds=optimized - ready,
            device=str(self.device),
            precision=precision_of(self.dtype),
            model=self.weights.model,
            weights_sha256=self.weights.sha256,
            memory_plan=progress.memory_plan,
            distances=self._distances(image, prepared.pictures),
        )

    def steps(
        self,
        content: ImageSource,
        styles: Styles,
        *,
        masks: Masks = (),
        initial: "ImageSource | None" = None,
        resume_from: CheckpointSource | None = None,
        controls: Controls | None = None,
    ) -> Iterator[Progress]:
        """The transfer step by step, for as long as the caller asks; a draft alone is one
        Progress of step 0. Raises as `run` does."""
        if self.options.is_draft:
            _check_draft_starts_from_nothing(initial)
            return iter([_as_progress(run_draft(self.options, content, styles, masks))])
        prepared = self._prepare(content, styles, masks, initial, resume_from)
        return self._optimize(prepared, controls)

    def plan(self, content: ImageSource, styles: Styles, masks: Masks = ()) -> MemoryPlan:
        """How the last scale would divide its memory if it began now. Raises as `run` does."""
        pictures = self._pictures(content, styles, masks)
        return self._plan(self._demand(pictures, pictures.size, self.dtype))

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

    def _prepare(
        self,
        content: ImageSource,
        styles: Styles,
        masks: Masks = (),
        initial: "ImageSource | None" = None,
        resume_from: CheckpointSource | None = None,
    ) -> "_Prepared":
        pictures = self._pictures(content, styles, masks, initial)
        self._plan(self._demand(pictures, pictures.size, self.dtype))  # or it cannot be finished
        if resume_from is None:
            return _Prepared(pictures, self._task(pictures, pictures.scales[0], self.options))
        checkpoint = Checkpoint.load(resume_from, self._origin(pictures), self.device)
        options = self.options.model_copy(update=checkpoint.in_force)
        scale = pictures.scales[checkpoint.scale]
        if checkpoint.scale == len(pictures.scales) - 1 and checkpoint.scale_steps == scale.steps:
            raise InvalidCheckpoint(
                name_of(resume_from), "is of a finished transfer; start another"
            )
        return _Prepared(pictures, self._task(pictures, scale, options, checkpoint=checkpoint))

    def _origin(self, pictures: "_Pictures") -> Origin:
        return Origin(
            options=self.options.model_dump(mode="json", exclude={"bit_depth"}),
            pictures={role: fingerprint(picture) for role, picture in pictures.by_role()},
            weights=self.weights.sha256,
        )

    def _pictures(
        self,
        content: ImageSource,
        styles: Styles,
        masks: Masks = (),
        initial: "ImageSource | None" = None,
    ) -> "_Pictures":
        content = images.load(content, "content")
        loaded = load_styles(styles, masks, content, self.options)
        initial = None if initial is None else images.load(initial, "initial")
        size = images.fit(content.size, self.options.size)
        images.check_sides(size, "content")
        for style in loaded:
            images.check_sides(self._style_size(style, size), "style")
        if self.options.color != "style":
            loaded = [self._in_colours_of(content, style, size) for style in loaded]
        return _Pictures(content, loaded, initial, scales(size, self.options))

    def _in_colours_of(self, content: Image.Image, style: Style, size: tuple[int, int]) -> Style:
        picture = images.resize(images.flatten(style.picture), self._style_size(style, size))
        picture = prepare_style(picture, images.flatten(content), self.options.color)
        return replace(style, picture=picture)

    def _style_size(self, style: Style, size: tuple[int, int]) -> tuple[int, int]:
        """Beside a result of this size."""
        return style_size(style.picture.size, size, self.options.style_scale)

    def _task(
        self,
        pictures: "_Pictures",
        scale: Scale,
        options: StyleTransferOptions,
        *,
        coarser: Tensor | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Task:
        """`coarser`: what the scale before has painted, if there was one. `checkpoint`: of this
        scale."""
        dtype = self.dtype
        if checkpoint and self.precision == "auto":
            dtype = DTYPES[checkpoint.precision]
        demand = self._demand(pictures, scale.size, dtype)
        plan = plan_in_float32 = self._plan(demand, checkpoint)
        if self.precision == "auto":
            plan_in_float32 = self._plan(in_float32(demand))
        try:
            content = self._tensor(pictures.content, scale.size)
            scale_of_styles = self.options.style_scale
            styles = style_inputs(pictures.styles, scale.size, scale_of_styles, self.device)
            if checkpoint:
                start = checkpoint.optimizer.x.view_as(content)
            elif coarser is None:
                start = self._initial_image(pictures, content, styles)
            else:
                start = self._finer(coarser, pictures, content)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemory(scale.size, str(self.device)) from error
        objective_in = partial(self._objective, content, styles)
        task = Task(scale, start, demand, plan, plan_in_float32, objective_in, options, checkpoint)
        task.compute_in(dtype)
        return task

    def _objective(
        self,
        content: Tensor,
        styles: Sequence[StyleInput],
        dtype: torch.dtype,
        plan: MemoryPlan,
        evaluations: int,
    ) -> Objective:
        model, weights = self.weights.model, self.weights.tensors
        layers = (CONTENT_LAYER[model], *style_layers(model, self.options.style_layers))
        encoder = Encoder(model, weights, layers, dtype, self.options.padding).to(self.device)
        return Objective(
            encoder,
            content,
            styles,
            self.options,
            tile_side=plan.tile_side,
            evaluations=evaluations,
        )

    def _demand(self, pictures: "_Pictures", size: tuple[int, int], dtype: torch.dtype) -> Demand:
        return Demand(
            size=size,
            style_sizes=[self._style_size(style, size) for style in pictures.styles],
            model=self.weights.model,  # loaded now, so that the process holds them
            number_bytes=dtype.itemsize,
            optimizer=self.options.optimizer,
            has_average=self.options.average > 0,
            has_masks=pictures.has_masks,
            process_bytes=used_bytes(self.device),
        )

    def _plan(self, demand: Demand, checkpoint: Checkpoint | None = None) -> MemoryPlan:
        """That of the checkpoint if it still fits: another rounds differently. Raises InvalidOption
        if no plan stays below what is allowed, OutOfMemory if none stays below what is free."""
        limit = self.max_memory_bytes
        if limit is None and (available := available_bytes(self.device)) is not None:
            limit = demand.process_bytes + round(USABLE_SHARE * available)
        if checkpoint:
            plan = predict(demand, checkpoint.tile_side, checkpoint.history_size)
            if limit is None or plan.peak_bytes <= limit:
                return plan
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

    def _initial_image(
        self, pictures: "_Pictures", content: Tensor, styles: Sequence[StyleInput]
    ) -> Tensor:
        height, width = content.shape[2:]
        size = (width, height)
        if pictures.initial:
            return self._tensor(pictures.initial, size)
        match self.options.init_method:
            case "content":
                return content
            case "style":
                resized = [images.resize(images.flatten(s.picture), size) for s in pictures.styles]
                return self._tensor(mixed(pictures.content, resized, pictures.styles), size)
            case "random":
                # Drawn on the CPU, so that a seed means the same picture on every device.
                random = torch.Generator().manual_seed(self.options.seed)
                noise = torch.randn(content.shape, generator=random) * NOISE_SIGMA
                return content.lerp(noise.to(self.device), covered(styles))
            case "draft":
                return self._tensor(paint_drafts(pictures.content, pictures.styles, size), size)

    def _finer(self, coarser: Tensor, pictures: "_Pictures", content: Tensor) -> Tensor:
        """What a coarser scale has changed in its content, enlarged, changes this content: so the
        detail is there again that the coarser scale could not have."""
        height, width = coarser.shape[2:]
        change = coarser - self._tensor(pictures.content, (width, height))
        size = content.shape[2:]
        return content + interpolate(change, size=size, mode="bicubic", align_corners=False)

    def _optimize(
        self, prepared: "_Prepared", controls: Controls | None = None
    ) -> Iterator[Progress]:
        pictures, task = prepared.pictures, prepared.task
        clock, evaluations = Clock(pictures.scales), 0
        if task.checkpoint:
            clock.go_on(task.scale, task.checkpoint.scale_steps, task.checkpoint.steps)
        coarser = task.start
        with kept_memory():
            for scale in pictures.scales[pictures.scales.index(task.scale) :]:
                if scale is not task.scale:
                    task = self._task(pictures, scale, task.options, coarser=coarser)
                is_last = scale is pictures.scales[-1]
                for now in self._iterate(task, controls, is_last=is_last):
                    clock.tick(scale)
                    coarser = now.image
                    yield Progress(
                        step=clock.steps,
                        total_iterations=self.options.total_iterations,
                        size=scale.size,
                        evaluations=evaluations + task.objective.evaluations,
                        losses=now.losses,
                        elapsed_seconds=clock.elapsed_seconds(),
                        remaining_seconds=clock.remaining_seconds(),
                        stop_reason=now.stop_reason,
                        memory_plan=task.plan,
                        in_force=in_force(task.options),
                        render=partial(_render, now.image, pictures, task.options),
                        render_samples=partial(_render_samples, now.image, pictures, task.options),
                        measure=partial(_measure, now, task),
                        save_checkpoint=partial(
                            self._save_checkpoint,
                            pictures,
                            task,
                            now,
                            steps=clock.steps,
                            evaluations=evaluations + task.objective.evaluations,
                        ),
                    )
                clock.leave(scale)
                evaluations += task.objective.evaluations

    def _iterate(
        self, task: Task, controls: Controls | None, *, is_last: bool
    ) -> Iterator["_Iterate"]:
        """One scale, or what a checkpoint has left of it; the last one has a reason to stop."""
        lowest = list(task.checkpoint.lowest) if task.checkpoint else []
        steps_before = task.checkpoint.scale_steps if task.checkpoint else 0
        average = task.average(is_last=is_last)
        optimizer = task.optimizer()
        for step in range(steps_before + 1, task.scale.steps + 1):
            steered = task.options.model_copy(update=controls.changes) if controls else task.options
            if steered.loss_weights != task.options.loss_weights:
                optimizer, lowest = task.steer(steered, optimizer), []
                average.restart()
            task.options = steered
            has_moved = task.step(optimizer)
            lowest.append(min([optimizer.accepted.loss, *lowest[-1:]]))
            is_done = not has_moved or self._has_converged(lowest)
            if is_done and is_last and self.precision == "auto" and task.dtype != torch.float32:
                # All that is left to gain is what bfloat16 rounds away.
                task.go_on_in_float32(optimizer)
                lowest = [optimizer.accepted.loss]
                is_done = False
            stop_reason = None
            if is_done and is_last:
                stop_reason = StopReason.CONVERGED
            elif step == task.scale.steps and is_last:
                stop_reason = StopReason.TOTAL_ITERATIONS
            yield _Iterate(
                average.of(optimizer.x).view_as(task.start),
                optimizer.accepted.losses,
                stop_reason,
                scale_steps=task.scale.steps if is_done else step,
                lowest=lowest[-1 - self.options.convergence_window :],
                optimizer=optimizer,
                average=average,
            )
            if is_done:
                return

    def _save_checkpoint(
        self,
        pictures: "_Pictures",
        task: Task,
        now: "_Iterate",
        path: Path,
        *,
        steps: int,
        evaluations: int,
    ) -> None:
        assert now.optimizer.accepted.losses is now.losses, "there was another step since"
        state = now.optimizer.state()
        Checkpoint(
            origin=self._origin(pictures),
            scale=pictures.scales.index(task.scale),
            scale_steps=now.scale_steps,
            steps=steps,
            evaluations=evaluations,
            lowest=now.lowest,
            precision=precision_of(task.dtype),
            tile_side=task.plan.tile_side,
            history_size=task.plan.history_size,
            in_force=in_force(task.options),
            numbers={**state.numbers, **now.average.numbers},
            vectors={**state.vectors, **now.average.vectors},
        ).save(path)

    def _distances(self, image: Image.Image, pictures: "_Pictures") -> Distances | None:
        judge = self._store.load_local(distance.JUDGE[self.weights.model])
        if judge is None:
            return None
        try:
            return distance.measure(image, pictures.content, pictures.styles, judge)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            logger.warning("the distances could not be measured: there is too little memory")
            return None

    def _has_converged(self, lowest: Sequence[float]) -> bool:
        """`lowest`: the lowest loss up to each step, so that Adam's noise does not count."""
        window = self.options.convergence_window
        if len(lowest) <= window:
            return False
        return lowest[-1] > lowest[-1 - window] * (1 - self.options.convergence_tolerance)

    def _tensor(self, picture: Image.Image, size: tuple[int, int]) -> Tensor:
        return to_tensor(picture, size).to(self.device)


@dataclass(frozen=True, slots=True)
class _Pictures:
    """What goes in, and the sizes in which it is painted."""

    content: Image.Image
    styles: Sequence[Style]
    initial: Image.Image | None
    scales: Sequence[Scale]

    @property
    def has_masks(self) -> bool:
        return any(style.mask for style in self.styles)

    def by_role(self) -> Iterator[tuple[str, Image.Image]]:
        """All that the scales see, with names for people."""
        yield "content", self.content
        for number, style in enumerate(self.styles, start=1):
            yield "style" if len(self.styles) == 1 else f"style {number}", style.picture
            if style.mask:
                yield f"mask {number}", style.mask

    @property
    def size(self) -> tuple[int, int]:
        """Of the result."""
        return self.scales[-1].size


@dataclass(frozen=True, slots=True)
class _Prepared:
    pictures: _Pictures
    task: Task
    """The coarsest scale."""


@dataclass(frozen=True, slots=True)
class _Iterate:
    """After a step of one scale."""

    image: Tensor
    """(1, 3, H, W), the one to show."""
    losses: Losses
    """Of the optimizer's own."""
    stop_reason: StopReason | None
    scale_steps: int
    """Taken so far; all of them if this is the last one needed."""
    lowest: list[float]
    optimizer: Optimizer
    average: Average


def _check_draft_starts_from_nothing(initial: "ImageSource | None") -> None:
    if initial is not None:
        raise InvalidOption("total_iterations", 0, "at least 1 to start from a picture")


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
        memory_plan=None,
        in_force={},
        render=lambda: draft.image,
        render_samples=lambda: draft.samples,
        measure=lambda: draft.losses,
        save_checkpoint=None,
    )


def _render(image: Tensor, pictures: _Pictures, options: StyleTransferOptions) -> Image.Image:
    return levels.to_image(_finished(image, pictures, options))


def _render_samples(
    image: Tensor, pictures: _Pictures, options: StyleTransferOptions
) -> np.ndarray | None:
    return levels.to_samples(_finished(image, pictures, options)) if options.is_16_bit else None


def _finished(image: Tensor, pictures: _Pictures, options: StyleTransferOptions) -> np.ndarray:
    """In the size of the result, also while a coarser scale is painted."""
    painted = levels.resized(to_levels(image), pictures.size)
    if options.color == "luminance":
        painted = with_colours_of(painted, pictures.content, options.color_amount)
    return levels.with_alpha_of(painted, pictures.content)


def _measure(now: _Iterate, task: Task) -> Losses:
    """Of the picture shown: nobody has evaluated an average yet."""
    return now.losses if now.average.mean is None else task.losses_of(now.image)
