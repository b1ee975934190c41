"""The method: optimises pixels to match the content and the style of two images.

The match is measured by a network. From coarse to fine, every scale has targets and then steps of
an optimizer; the last scale's average is the image, whose colours and transparency are restored at
the end.

[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
"""

import time
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Self

from PIL import Image

from nst.controls import Controls
from nst.engine import distance
from nst.engine.beginning import Beginning
from nst.engine.checkpoint import CheckpointSource
from nst.engine.device import precision_of, resolve_device, resolve_precision
from nst.engine.inputs import Inputs, Pictures
from nst.engine.losses.matching import StyleSampler
from nst.engine.memory.available import used_bytes
from nst.engine.memory.kept import give_back, memory_for
from nst.engine.network.weights import Weights, WeightsStore
from nst.engine.preparation import Preparation
from nst.engine.scale_task import ScaleTask, Step
from nst.engine.scales import Clock
from nst.engine.snapshot import progress_after
from nst.engine.steering import loss_weights, steered
from nst.errors import TransferCanceled
from nst.options import StyleTransferOptions
from nst.progress import Distances, MemoryPlan, OnProgress, Progress, Provenance, StopReason
from nst.result import Result


class IterativeTransfer:
    """A transfer that takes steps; for its arguments see `NeuralStyleTransfer`."""

    def __init__(
        self,
        options: StyleTransferOptions,
        *,
        device: str = "auto",
        precision: str = "auto",
        max_memory_bytes: int | None = None,
        weights: WeightsStore | None = None,
    ) -> None:
        self.options = options
        self.device = resolve_device(device)
        self.precision = precision
        self.dtype = resolve_precision(precision, self.device)
        self.max_memory_bytes = max_memory_bytes
        self._store = weights or WeightsStore()
        self._sampler = StyleSampler()

    def with_options(self, options: StyleTransferOptions) -> Self:
        """Return a transfer with other options.

        Weights of the same model and samples of styles are shared.
        """
        other = copy(self)
        other.options = options
        if options.model != self.options.model:
            other.__dict__.pop("weights", None)
        return other

    def run(
        self,
        inputs: Inputs,
        on_progress: OnProgress | None = None,
        *,
        resume_from: CheckpointSource | None = None,
        controls: Controls | None = None,
    ) -> Result:
        started = time.perf_counter()
        beginning = self._prepare(inputs, resume_from)
        ready = time.perf_counter()
        history, stop_reason = [], None
        for progress in self._optimize(beginning, controls):
            if progress.step > beginning.steps_before:
                history.append(progress.losses)
            # The vectors for a checkpoint are not kept during the next step.
            last = replace(progress, snapshot=progress.snapshot.without_checkpoint())
            if _is_stopped(progress, on_progress, controls):
                stop_reason = StopReason.CANCELED
                break
            del progress
        image, losses = last.snapshot.picture(), last.snapshot.losses()
        optimized = time.perf_counter()
        reason = last.stop_reason or stop_reason
        assert reason is not None  # there is always a last step, and it has a reason
        return Result(
            image=image,
            samples=last.snapshot.samples(),
            options=self.options,
            losses=losses,
            history=tuple(history),
            stop_reason=reason,
            evaluations=last.evaluations,
            prepare_seconds=ready - started,
            optimize_seconds=optimized - ready,
            device=str(self.device),
            precision=precision_of(self.dtype),
            model=self.weights.model,
            weights_sha256=self.weights.sha256,
            memory_plan=last.memory_plan,
            changes=last.changes,
            stopped_after=last.step if reason is StopReason.CANCELED else None,
            distances=self._distances(image, beginning.preparation.pictures),
            notice=last.notice,
        )

    def steps(
        self,
        inputs: Inputs,
        *,
        resume_from: CheckpointSource | None = None,
        controls: Controls | None = None,
    ) -> Iterator[Progress]:
        return self._optimize(self._prepare(inputs, resume_from), controls)

    def plan(self, inputs: Inputs) -> MemoryPlan:
        preparation = self._preparation(inputs)
        return preparation.plan(preparation.pictures.size)

    def provenance(self) -> Provenance:
        precision, weights = precision_of(self.dtype), self.weights
        return Provenance(str(self.device), precision, weights.model, weights.sha256)

    @cached_property
    def weights(self) -> Weights:
        """Weights of the model; the bundled ones may stand in if no model was named."""
        load = self._store.load if self.options.names_model else self._store.load_or_bundled
        return load(self.options.model)

    def _preparation(self, inputs: Inputs) -> Preparation:
        give_back(self.device)  # freed memory that is kept would count as used
        return Preparation(
            Pictures.load(inputs, self.options),
            self.options,
            self.weights,
            self.device,
            self.dtype,
            hands_over=self.precision == "auto",
            max_memory_bytes=self.max_memory_bytes,
            process_bytes=used_bytes(self.device),
            sampler=self._sampler,
        )

    def _prepare(self, inputs: Inputs, resume_from: CheckpointSource | None = None) -> Beginning:
        return Beginning.of(self._preparation(inputs), resume_from)

    # ── scales: from coarse to fine ──

    def _optimize(
        self, beginning: Beginning, controls: Controls | None = None
    ) -> Iterator[Progress]:
        pyramid, preparation, task = beginning.pyramid, beginning.preparation, beginning.task
        clock, log, evaluations, coarser = beginning.clock(), beginning.log(), 0, task.start
        for scale in pyramid[pyramid.index(task.scale) :]:
            if scale is not task.scale:
                task.release()
                task = preparation.task(scale, task.options, coarser=coarser)
            with memory_for(task.plan):
                if task.checkpoint and _is_planned_end(clock.steps, controls):
                    step = task.restored_step(is_last=scale is pyramid[-1])
                    yield progress_after(step, task, preparation, clock, evaluations, log.changes)
                    return
                for step in self._steps(task, controls, clock, is_last=scale is pyramid[-1]):
                    clock.tick(scale)
                    log.note(clock.steps, task.options)
                    coarser = step.image
                    yield progress_after(step, task, preparation, clock, evaluations, log.changes)
            clock.leave(scale)
            evaluations += task.objective.evaluations

    # ── steps ──

    def _steps(
        self, task: ScaleTask, controls: Controls | None, clock: Clock, *, is_last: bool
    ) -> Iterator[Step]:
        """Yield the steps of one scale, or those that a checkpoint has left of it.

        The last step of the last scale has a reason to stop. `clock` has counted the steps before
        each of them.
        """
        steps_before = task.checkpoint.scale_steps if task.checkpoint else 0
        average, convergence = task.average(is_last=is_last), task.convergence()
        optimizer = task.optimizer()
        for number in range(steps_before + 1, task.scale.steps + 1):
            options = steered(task.options, controls, clock.steps + 1)
            if loss_weights(options) != loss_weights(task.options):
                optimizer = task.steer(options, optimizer)
                average.restart()
                convergence.restart()
            task.options = options
            task.search_if_due(number, optimizer)
            has_moved = task.step(optimizer)
            convergence.add(optimizer.accepted.loss)
            is_done = not has_moved or convergence.is_reached
            if is_done and is_last and task.can_go_on_in_float32:
                # Only what bfloat16 rounds away can still reduce the loss.
                task.go_on_in_float32(optimizer)
                convergence.restart()
                convergence.add(optimizer.accepted.loss)
                is_done = False
            stop_reason = None
            if is_done and is_last:
                stop_reason = StopReason.CONVERGED
            elif number == task.scale.steps and is_last:
                stop_reason = StopReason.TOTAL_ITERATIONS
            yield Step(
                average.of(optimizer.x).view_as(task.start),
                optimizer,
                average,
                convergence,
                scale_steps=task.scale.steps if is_done else number,
                stop_reason=stop_reason,
            )
            if is_done:
                break
        optimizer.shorten_memory(0)  # frees its vectors before the next scale is prepared

    # ── distances, measured by another network ──

    def _distances(self, image: Image.Image, pictures: Pictures) -> Distances | None:
        judge = self._store.load_local(distance.JUDGE[self.weights.model])
        return distance.measure_if_possible(image, pictures, judge) if judge else None


def _is_stopped(
    progress: Progress, on_progress: OnProgress | None, controls: Controls | None
) -> bool:
    """Call `on_progress` and return whether this step is to be the last one."""
    try:
        answer = on_progress(progress) if on_progress else None
    except TransferCanceled:
        return True
    return answer is False or _is_planned_end(progress.step, controls)


def _is_planned_end(step: int, controls: Controls | None) -> bool:
    """Return whether the controls stop the transfer after this step or an earlier one."""
    stop_after = controls.stop_after if controls else None
    return stop_after is not None and step >= stop_after
