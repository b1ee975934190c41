"""All measures of one run, one after the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import torch

from benchmarks.engine import machine
from benchmarks.engine.arithmetic import Product, measure_products, products
from benchmarks.engine.convergence import measure_convergence
from benchmarks.engine.evaluation import measure_evaluation
from benchmarks.engine.memory import measure_memory
from benchmarks.engine.schema import (
    Convergence,
    Dtype,
    EvaluationTime,
    MatrixProduct,
    Method,
    Model,
    PeakMemory,
    Results,
)
from benchmarks.engine.subjects import CONTENT, STYLE, Subject, store_for
from nst import __version__
from nst.engine.device import has_fast_bfloat16
from nst.errors import WeightsUnavailable

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    heights: tuple[int, ...]
    """Of the pictures whose evaluations are timed."""
    warm_up: int
    repeats: int
    curve_height: int
    evaluations: int
    """That both loops have to bring the loss down."""
    memory_height: int
    memory_evaluations: int
    memory_repeats: int
    matrix_side: int
    is_quick: bool = False


DEFAULT = Plan(
    heights=(100, 200, 300),
    warm_up=2,
    repeats=7,
    curve_height=128,
    evaluations=150,
    memory_height=300,
    memory_evaluations=4,
    memory_repeats=3,
    matrix_side=2048,
)
QUICK = Plan(
    heights=(48, 96),
    warm_up=1,
    repeats=3,
    curve_height=48,
    evaluations=60,
    memory_height=96,
    memory_evaluations=2,
    memory_repeats=1,
    matrix_side=512,
    is_quick=True,
)


@dataclass(slots=True)
class Suite:
    """Measures by `plan` on `device` and says what it is doing."""

    plan: Plan
    device: torch.device
    weights_dir: Path | None
    say: Say
    skipped: list[str] = field(default_factory=list)

    def run(self) -> Results:
        plan = self.plan
        weights = self._available_weights()
        candidates = products(plan.matrix_side, self.device)
        self.say("matrix products")
        matrix_products = measure_products(
            candidates, warm_up=plan.warm_up, repeats=plan.repeats, device=self.device
        )
        precision: Dtype = "bfloat16" if has_fast_bfloat16(self.device.type) else "float32"
        yardstick = fastest(candidates, matrix_products, precision)
        return Results(
            nst_version=__version__,
            measured_on=datetime.now(UTC).date(),
            machine=machine.describe(self.device),
            method=Method(
                quick=plan.is_quick,
                content=CONTENT.name,
                style=STYLE.name,
                warm_up=plan.warm_up,
                repeats=plan.repeats,
                our_precision=precision,
                weights_sha256=weights,
            ),
            matrix_products=tuple(matrix_products),
            evaluation_times=tuple(self._evaluation_times(weights, yardstick)),
            convergence=tuple(self._convergence(weights)),
            peak_memory=tuple(self._peak_memory(weights)),
            skipped=tuple(self.skipped),  # last: by now it is complete
        )

    def _available_weights(self) -> dict[Model, str]:
        """The models that can be measured, and the SHA-256 of their files."""
        available: dict[Model, str] = {}
        for model in get_args(Model):
            try:
                available[model] = store_for(model, self.weights_dir).load(model).sha256
            except WeightsUnavailable:
                self._skip(f"{model}: no weights here; set NST_WEIGHTS_DIR to measure it")
        return available

    def _evaluation_times(
        self, models: dict[Model, str], yardstick: Product
    ) -> Iterator[EvaluationTime]:
        for model in models:
            for height in self.plan.heights:
                self.say(f"{model}: time per evaluation at height {height}")
                yield measure_evaluation(
                    self._subject(model, height),
                    yardstick,
                    warm_up=self.plan.warm_up,
                    repeats=self.plan.repeats,
                )

    def _convergence(self, models: dict[Model, str]) -> Iterator[Convergence]:
        for model in models:
            self.say(f"{model}: {self.plan.evaluations} evaluations of both loops")
            subject = self._subject(model, self.plan.curve_height, self.plan.evaluations)
            yield measure_convergence(subject)

    def _peak_memory(self, models: dict[Model, str]) -> Iterator[PeakMemory]:
        if self.device.type == "mps":
            self._skip("peak memory: Apple GPUs do not tell it")
            return
        for model in models:
            self.say(f"{model}: peak memory")
            subject = self._subject(model, self.plan.memory_height, self.plan.memory_evaluations)
            yield measure_memory(subject, self.weights_dir, repeats=self.plan.memory_repeats)

    def _subject(self, model: Model, height: int, evaluations: int = 1) -> Subject:
        store = store_for(model, self.weights_dir)
        return Subject(model, height, store, self.device, evaluations)

    def _skip(self, reason: str) -> None:
        self.skipped.append(reason)
        self.say(f"skipped {reason}")


def fastest(candidates: list[Product], measured: list[MatrixProduct], dtype: Dtype) -> Product:
    pairs = zip(candidates, measured, strict=True)
    of_dtype = [pair for pair in pairs if pair[0].dtype == dtype]
    return max(of_dtype, key=lambda pair: pair[1].best_flops_per_second)[0]
