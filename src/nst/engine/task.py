"""One scale of a transfer, ready to be painted within the memory there is."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from nst.engine.average import Average
from nst.engine.checkpoint import Checkpoint
from nst.engine.device import precision_of
from nst.engine.memory import give_back
from nst.engine.memory_plan import Demand, smaller
from nst.engine.objective import Objective
from nst.engine.optimize import LBFGS, Adam, Evaluation, Optimizer, OptimizerState
from nst.engine.pyramid import Scale
from nst.errors import OutOfMemory
from nst.options import StyleTransferOptions
from nst.progress import Losses, MemoryPlan

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Task:
    """What is painted, and how its memory is divided. Where memory runs out all the same, an
    attempt is made again with smaller tiles and a shorter history."""

    scale: Scale
    start: Tensor
    """(1, 3, H, W)"""
    demand: Demand
    plan: MemoryPlan
    """The one that is followed now."""
    plan_in_float32: MemoryPlan
    """The one to follow when bfloat16 has done its part."""
    objective_in: Callable[[torch.dtype, MemoryPlan, int], Objective]
    """With this type of numbers, under this plan, after this number of evaluations."""
    options: StyleTransferOptions
    """In force; what may be steered changes."""
    checkpoint: Checkpoint | None = None
    """From which this scale goes on, until `optimizer` has taken it; `start` is its picture."""
    _objective: Objective | None = None

    @property
    def objective(self) -> Objective:
        assert self._objective is not None  # compute_in has made it
        return self._objective

    @property
    def dtype(self) -> torch.dtype:
        return self.objective.dtype

    def compute_in(self, dtype: torch.dtype) -> None:
        """Make the objective, in place of the one before if there was one. Raises OutOfMemory."""
        self._within_memory(partial(self._replace_objective, dtype))

    def average(self, *, is_last: bool) -> Average:
        """Of the last scale's iterates, or as it was at the checkpoint."""
        decay = self.options.average if is_last else 0.0
        if self.checkpoint is None:
            return Average(decay)
        return Average.from_state(decay, self.checkpoint.vectors, self.checkpoint.numbers)

    def optimizer(self) -> Optimizer:
        """At the start, or as it was at the checkpoint. Raises OutOfMemory, Diverged."""
        checkpoint, self.checkpoint = self.checkpoint, None  # or its vectors would never be freed
        if checkpoint is None:
            return self._within_memory(self._make_optimizer)
        optimizer = self._restored_optimizer(checkpoint.optimizer)
        if checkpoint.precision != precision_of(self.dtype):
            self._within_memory(partial(optimizer.go_on_with, self._evaluate))
        return optimizer

    def steer(self, options: StyleTransferOptions, optimizer: Optimizer) -> Optimizer:
        """Another objective: its optimizer begins anew where the last one is. Raises OutOfMemory,
        Diverged."""
        self.options = options
        self.start = optimizer.x.view_as(self.start)
        optimizer.shorten_memory(0)  # whoever still holds it must not hold its vectors
        self.objective.go_by(options)
        return self.optimizer()

    def step(self, optimizer: Optimizer) -> bool:
        """As the optimizer's own. Raises OutOfMemory, Diverged."""
        return self._within_memory(partial(self._step, optimizer))

    def losses_of(self, image: Tensor) -> Losses:
        """(1, 3, H, W), at the cost of an evaluation. Raises OutOfMemory."""
        return self._within_memory(partial(self._evaluate, image.flatten())).losses

    def go_on_in_float32(self, optimizer: Optimizer) -> None:
        """From where the optimizer is. Raises OutOfMemory, Diverged."""
        self.demand, self.plan = in_float32(self.demand), self.plan_in_float32
        optimizer.shorten_memory(self.plan.history_size)
        self.compute_in(torch.float32)
        self._within_memory(partial(optimizer.go_on_with, self._evaluate))

    def _replace_objective(self, dtype: torch.dtype) -> None:
        evaluations = self.checkpoint.evaluations if self.checkpoint else 0
        if self._objective:
            evaluations = self._objective.evaluations
        self._objective = None  # there is no room for two
        self._objective = self.objective_in(dtype, self.plan, evaluations)
        self._objective.go_by(self.options)

    def _make_optimizer(self) -> Optimizer:
        x = self.start.flatten()
        if self.options.optimizer == "lbfgs":
            return LBFGS(self._evaluate, x, history_size=self.plan.history_size)
        return Adam(self._evaluate, x, learning_rate=self.options.learning_rate)

    def _restored_optimizer(self, state: OptimizerState) -> Optimizer:
        if self.options.optimizer == "lbfgs":
            return LBFGS.from_state(self._evaluate, state, history_size=self.plan.history_size)
        return Adam.from_state(self._evaluate, state)

    def _step(self, optimizer: Optimizer) -> bool:
        optimizer.shorten_memory(self.plan.history_size)
        return optimizer.step()

    def _evaluate(self, x: Tensor) -> Evaluation:
        return self.objective(x)

    def _within_memory(self, attempt: Callable[[], T]) -> T:
        """What the attempt returns, made again down to the smallest plan: then it is
        OutOfMemory."""
        while True:
            try:
                return attempt()
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                plan = smaller(self.demand, self.plan)
                if plan is None:
                    raise OutOfMemory(self.plan.size, str(self.start.device)) from error
            # Only now is the failed attempt forgotten, and what it held is free.
            logger.warning(
                "memory ran out; going on with tiles of about %d pixels and a history of %d steps",
                plan.tile_side,
                plan.history_size,
            )
            self._follow(plan)
            give_back(self.start.device)

    def _follow(self, plan: MemoryPlan) -> None:
        self.plan = plan
        if self._objective:
            self._objective.compute_in_tiles(plan.tile_side)


def in_float32(demand: Demand) -> Demand:
    return replace(demand, number_bytes=torch.float32.itemsize)


def is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # On the CPU it has no class of its own.
    phrases = ("not enough memory", "DefaultCPUAllocator", "bad_alloc")
    return any(phrase in str(error) for phrase in phrases)
