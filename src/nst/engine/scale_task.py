"""One scale of a transfer: its loss, optimizer, precision and memory."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from nst.engine.checkpoint import Checkpoint
from nst.engine.device import precision_of
from nst.engine.losses.objective import LossWeights, Objective
from nst.engine.memory.attempts import Attempts
from nst.engine.memory.kept import give_back, switch_to, trim
from nst.engine.memory.plan import Demand
from nst.engine.optimizer.adam import Adam
from nst.engine.optimizer.average import Average
from nst.engine.optimizer.convergence import Convergence
from nst.engine.optimizer.lbfgs import LBFGS
from nst.engine.optimizer.optimizer import Evaluation, Optimizer, OptimizerState
from nst.engine.optimizer.scaling import Scaling, evened, unscaled
from nst.engine.scales import Scale
from nst.engine.steering import faces_kept, fade, loss_weights
from nst.engine.targets import Scene
from nst.options import StyleTransferOptions
from nst.progress import Losses, MemoryPlan, StopReason

T = TypeVar("T")


@dataclass(slots=True)
class ScaleTask:
    """One scale while it is painted.
    If memory runs out, it retries with smaller tiles and a shorter history."""

    scene: Scene
    """Images of the scale, on which the targets depend."""
    start: Tensor
    """Image from which a new optimizer starts, (1, 3, H, W)."""
    attempts: Attempts
    plan_in_float32: MemoryPlan | None
    """Memory plan after the switch from bfloat16 to float32.
    None: the number type stays."""
    objective_in: Callable[[Scene, StyleTransferOptions, torch.dtype, MemoryPlan, int], Objective]
    """Function that creates the objective.
    Its arguments are the scene, the options in force, the number type, the plan, and the number
    of evaluations before."""
    options: StyleTransferOptions
    """Options in force; they change when the transfer is steered."""
    checkpoint: Checkpoint | None = None
    """Checkpoint from which this scale continues, until `optimizer` has used it.
    `start` is the checkpoint's image."""
    _objective: Objective | None = None

    @property
    def scale(self) -> Scale:
        return self.scene.scale

    @property
    def objective(self) -> Objective:
        assert self._objective is not None  # compute_in has made it
        return self._objective

    @property
    def dtype(self) -> torch.dtype:
        return self.objective.dtype

    @property
    def can_go_on_in_float32(self) -> bool:
        return self.plan_in_float32 is not None and self.dtype != torch.float32

    @property
    def plan(self) -> MemoryPlan:
        """Memory plan in use."""
        return self.attempts.plan

    def compute_in(self, dtype: torch.dtype) -> None:
        """Create the objective in this number type, in place of an earlier objective.

        Raises OutOfMemory.
        """
        self._within_memory(partial(self._replace_objective, dtype))

    # ── initial state, new or from the checkpoint ──

    def average(self, *, is_last: bool) -> Average:
        """Return the average of iterates; only the last scale has one."""
        decay = self.options.average if is_last else 0.0
        if self.checkpoint is None:
            return Average(decay)
        return Average.from_state(decay, self.checkpoint.vectors, self.checkpoint.numbers)

    def convergence(self) -> Convergence:
        window, tolerance = self.options.convergence_window, self.options.convergence_tolerance
        lowest = self.checkpoint.lowest if self.checkpoint else ()
        return Convergence(window, tolerance, lowest)

    def optimizer(self) -> Optimizer:
        """Return a new optimizer, or the one restored from the checkpoint.

        Raises OutOfMemory, Diverged.
        """
        checkpoint, self.checkpoint = self.checkpoint, None  # or its vectors would never be freed
        if checkpoint is None:
            return self._within_memory(self._make_optimizer)
        optimizer = self._restored_optimizer(checkpoint.optimizer)
        if checkpoint.precision != precision_of(self.dtype):
            self._within_memory(partial(optimizer.go_on_with, self.evaluate))
        return optimizer

    def restored_step(self, *, is_last: bool) -> "Step":
        """Return the step after which the checkpoint was made.

        Raises OutOfMemory, Diverged.
        """
        assert self.checkpoint is not None
        scale_steps, average = self.checkpoint.scale_steps, self.average(is_last=is_last)
        convergence, optimizer = self.convergence(), self.optimizer()
        image = (optimizer.x if average.mean is None else average.mean).view_as(self.start)
        return Step(image, optimizer, average, convergence, scale_steps, stop_reason=None)

    # ── steps, changes and the end ──

    def evaluate(self, x: Tensor) -> Evaluation:
        """Return the losses of pixels (3·H·W,) by the options in force, and the gradient."""
        evaluation = self.objective(x, loss_weights(self.options))
        if self.plan.tiles > 1:
            trim()  # or the process would grow with each evaluation
        return evaluation

    def step(self, optimizer: Optimizer) -> bool:
        """Take one step of the optimizer. Raises OutOfMemory, Diverged."""
        return self._within_memory(partial(self._step, optimizer))

    def steer(self, options: StyleTransferOptions, optimizer: Optimizer) -> Optimizer:
        """Change the options and return a new optimizer that starts at the last iterate.

        Another loss needs a new optimizer. Raises OutOfMemory, Diverged.
        """
        sees_faces = self.scene.search > 0 and self.scene.faces is not None
        before, after = (
            (fade(each), faces_kept(each) if sees_faces else 0) for each in (self.options, options)
        )
        has_other_targets = self.options.is_matched and before != after
        self.options = options
        self.start = optimizer.x.view_as(self.start)
        optimizer.shorten_memory(0)  # frees its vectors, even if the optimizer is still referenced
        if has_other_targets:
            self.compute_in(self.dtype)
        return self.optimizer()

    def search_if_due(self, step: int, optimizer: Optimizer) -> None:
        """Search for the matches of the optimizer's iterate if it is time.

        `step`: number of the step in this scale, from 1. Raises OutOfMemory, Diverged.
        """
        search = self.scale.search(step)
        if search == self.scene.search:
            return
        self.scene = replace(self.scene, began=optimizer.x.view_as(self.start), search=search)
        self.compute_in(self.dtype)
        self._within_memory(partial(optimizer.go_on_with, self.evaluate))

    def go_on_in_float32(self, optimizer: Optimizer) -> None:
        """Continue in float32 from the optimizer's iterate. Raises OutOfMemory, Diverged."""
        assert self.plan_in_float32 is not None  # see can_go_on_in_float32
        demand = in_float32(self.attempts.demand)
        self.attempts = replace(self.attempts, demand=demand, plan=self.plan_in_float32)
        switch_to(self.plan)
        optimizer.shorten_memory(self.plan.history_size)
        self.compute_in(torch.float32)
        self._within_memory(partial(optimizer.go_on_with, self.evaluate))

    def losses_of(self, image: Tensor, weights: LossWeights) -> Losses:
        """Return the losses of an image (1, 3, H, W), at the cost of an evaluation.

        Raises OutOfMemory.
        """
        return self._within_memory(lambda: self.objective(image.flatten(), weights)).losses

    def release(self) -> None:
        """Free the objective, and return freed memory, so that the next scale has it."""
        self._objective = None
        give_back(self.attempts.device)

    def _replace_objective(self, dtype: torch.dtype) -> None:
        evaluations = self.checkpoint.evaluations if self.checkpoint else 0
        if self._objective:
            evaluations = self._objective.evaluations
        self._objective = None  # memory has no room for two
        self._objective = self.objective_in(self.scene, self.options, dtype, self.plan, evaluations)

    def _make_optimizer(self) -> Optimizer:
        x = self.start.flatten()
        if self.options.optimizer == "lbfgs":
            return LBFGS(
                self.evaluate, x, history_size=self.plan.history_size, scaling=self._scaling()
            )
        return Adam(self.evaluate, x, learning_rate=self.options.learning_rate)

    def _restored_optimizer(self, state: OptimizerState) -> Optimizer:
        if self.options.optimizer == "lbfgs":
            return LBFGS.from_state(
                self.evaluate,
                state,
                history_size=self.plan.history_size,
                scaling=self._scaling(),
            )
        return Adam.from_state(self.evaluate, state)

    def _scaling(self) -> Scaling:
        """Return the scaling of L-BFGS.

        Total variation has a kink at every plain place, where a scaled step would increase the
        loss.
        """
        is_evened = self.options.is_matched and not self.options.tv_weight
        return evened(self.start.shape) if is_evened else unscaled

    def _step(self, optimizer: Optimizer) -> bool:
        optimizer.shorten_memory(self.plan.history_size)
        return optimizer.step()

    def _within_memory(self, attempt: Callable[[], T]) -> T:
        return self.attempts.make(attempt, self._follow)

    def _follow(self, plan: MemoryPlan) -> None:
        switch_to(plan)
        if self._objective:
            self._objective.compute_in_tiles(plan.tile_side)


@dataclass(frozen=True, slots=True)
class Step:
    """State of a scale after a step."""

    image: Tensor
    """Image to show, (1, 3, H, W)."""
    optimizer: Optimizer
    average: Average
    convergence: Convergence
    scale_steps: int
    """Number of steps taken in this scale, or all of its steps if it needs no more."""
    stop_reason: StopReason | None


def in_float32(demand: Demand) -> Demand:
    return replace(demand, number_bytes=torch.float32.itemsize)
