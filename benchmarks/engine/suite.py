"""Suite of all sections, which are measured one after another."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from benchmarks.engine import machine
from benchmarks.engine.arithmetic import Product, measure_products, products
from benchmarks.engine.convergence import measure_curves
from benchmarks.engine.evaluation import measure_evaluation
from benchmarks.engine.memory import measure_large_picture, measure_memory
from benchmarks.engine.painting import measure_presets, measure_whole_picture
from benchmarks.engine.plan import LARGE_BYTES, Plan
from benchmarks.engine.quality import measure_quality
from benchmarks.engine.scaling import measure_scaling
from benchmarks.engine.schema import (
    Dtype,
    MatrixProduct,
    Measured,
    Method,
    Model,
    Results,
    Section,
)
from benchmarks.engine.subjects import CONTENT, STYLE, Pair, Subject, store_for
from benchmarks.engine.waiting import measure_draft, measure_startups
from nst import __version__
from nst.engine.device import has_fast_bfloat16
from nst.errors import WeightsUnavailable

Say = Callable[[str], None]
Rows = tuple[str, Sequence[Measured]]
"""Field of `Results`, and rows for it."""


@dataclass
class Suite:
    """Suite that measures by `plan` on `device` and reports its progress to `say`."""

    plan: Plan
    device: torch.device
    weights_dir: Path | None
    models: Collection[Model]
    pairs: Collection[Pair]
    """Pairs of images for the curves."""
    say: Say

    def header(self) -> Results:
        """Return results without any measurement."""
        plan = self.plan
        return Results(
            nst_version=__version__,
            machine=machine.describe(self.device),
            method=Method(
                quick=plan.is_quick,
                content=CONTENT.name,
                style=STYLE.name,
                warm_up=plan.warm_up,
                repeats=plan.repeats,
                our_precision=self._precision,
                weights_sha256=self.available,
            ),
            skipped=tuple(self._skipped()),
        )

    def measure(self, section: Section) -> Iterator[Rows]:
        """Yield the rows one by one, so that an interrupted run keeps its measurements."""
        sections: dict[Section, Callable[[], Iterator[Rows]]] = {
            "evaluation": self._evaluation,
            "presets": self._presets,
            "curves": self._curves,
            "quality": self._quality,
            "memory": self._memory,
            "scaling": self._scaling,
            "draft": self._draft,
            "startup": self._startup,
            "large": self._large,
            "whole": self._whole,
        }
        return sections[section]()

    @cached_property
    def available(self) -> dict[Model, str]:
        """Models that can be measured, with the SHA-256 of their files."""
        available: dict[Model, str] = {}
        for model in self.models:
            with suppress(WeightsUnavailable):
                available[model] = store_for(model, self.weights_dir).load(model).sha256
        return available

    def _skipped(self) -> Iterator[str]:
        for model in self.models:
            if model not in self.available:
                yield f"{model}: no weights here; set NST_WEIGHTS_DIR to measure it"
        if self.device.type == "mps":
            yield "memory, large and whole: Apple GPUs do not tell their memory"

    @property
    def _precision(self) -> Dtype:
        return "bfloat16" if has_fast_bfloat16(self.device.type) else "float32"

    def _evaluation(self) -> Iterator[Rows]:
        plan = self.plan
        candidates = products(plan.matrix_side, self.device)
        self.say("matrix products")
        measured = measure_products(
            candidates, warm_up=plan.warm_up, repeats=plan.repeats, device=self.device
        )
        yield "matrix_products", measured
        yardstick = fastest(candidates, measured, self._precision)
        for model in self.available:
            self.say(f"{model}: time per evaluation at heights {plan.heights}")
            yield (
                "evaluation_times",
                [
                    measure_evaluation(
                        self._subject(model, height),
                        yardstick,
                        warm_up=plan.warm_up,
                        repeats=plan.repeats,
                    )
                    for height in plan.heights
                ],
            )

    def _presets(self) -> Iterator[Rows]:
        plan = self.plan
        for model in self.available:
            self.say(f"{model}: {plan.preset_rounds} pictures by each preset")
            subject = self._subject(model, plan.preset_height)
            yield (
                "presets",
                measure_presets(
                    subject,
                    steps=plan.preset_steps,
                    rounds=plan.preset_rounds,
                    warm_up=plan.warm_up,
                    repeats=plan.repeats,
                ),
            )

    def _curves(self) -> Iterator[Rows]:
        for model in self.available:
            for pair in self.pairs:
                self.say(f"{model}, pair {pair.number}: {self.plan.evaluations} evaluations each")
                subject = self._subject_of(pair, model, self.plan.curve_height)
                yield "curves", [measure_curves(subject, pair.number)]

    def _quality(self) -> Iterator[Rows]:
        for model in self.available:
            for pair in self.pairs:
                self.say(f"{model}, pair {pair.number}: a finished picture each")
                subject = self._subject_of(pair, model, self.plan.quality_height)
                if quality := measure_quality(subject, pair.number):
                    yield "quality", [quality]
                else:
                    self.say("skipped: there is no other network to judge it")

    def _memory(self) -> Iterator[Rows]:
        if self.device.type == "mps":
            return
        for model in self.available:
            self.say(f"{model}: peak memory")
            width, height = self.plan.memory_size
            subject = self._subject(model, height, width, self.plan.memory_evaluations)
            repeats = self.plan.memory_repeats
            yield "peak_memory", [measure_memory(subject, self.weights_dir, repeats=repeats)]

    def _scaling(self) -> Iterator[Rows]:
        for model in self.available:
            self.say(f"{model}: time per evaluation from side to side {self.plan.scaling_sides}")
            subjects = (self._subject(model, side, side) for side in self.plan.scaling_sides)
            yield "scaling", [measure_scaling(subjects, repeats=self.plan.repeats)]

    def _draft(self) -> Iterator[Rows]:
        self.say("draft")
        yield "drafts", [measure_draft(self.plan.draft_size, repeats=self.plan.process_repeats)]

    def _startup(self) -> Iterator[Rows]:
        self.say("start of the program")
        yield "startups", measure_startups(self.plan.process_repeats)

    def _large(self) -> Iterator[Rows]:
        if self.device.type == "mps":
            return
        for model in self.available:
            width, height = self.plan.large_size
            self.say(f"{model}: {width}×{height} within {LARGE_BYTES / 1e9:.0f} GB")
            evaluations = self.plan.large_evaluations
            subject = self._subject(model, height, width, evaluations, LARGE_BYTES)
            yield "large_pictures", [measure_large_picture(subject, self.weights_dir)]

    def _whole(self) -> Iterator[Rows]:
        if self.device.type == "mps":
            return
        for model in self.available:
            for width, height in self.plan.whole_sizes:
                self.say(f"{model}: {width}×{height}, finished, within {LARGE_BYTES / 1e9:.0f} GB")
                subject = self._subject(model, height, width, max_memory_bytes=LARGE_BYTES)
                yield "whole_pictures", [measure_whole_picture(subject, self.plan.preset_steps)]

    def _subject_of(self, pair: Pair, model: Model, height: int) -> Subject:
        return Subject(
            model,
            height,
            store_for(model, self.weights_dir),
            self.device,
            self.plan.evaluations,
            content=pair.content,
            style=pair.style,
        )

    def _subject(
        self,
        model: Model,
        height: int,
        width: int | None = None,
        evaluations: int = 1,
        max_memory_bytes: int | None = None,
    ) -> Subject:
        return Subject(
            model,
            height,
            store_for(model, self.weights_dir),
            self.device,
            evaluations,
            width_pixels=width,
            max_memory_bytes=max_memory_bytes,
        )


def fastest(candidates: list[Product], measured: list[MatrixProduct], dtype: Dtype) -> Product:
    pairs = zip(candidates, measured, strict=True)
    of_dtype = [pair for pair in pairs if pair[0].dtype == dtype]
    return max(of_dtype, key=lambda pair: pair[1].best_flops_per_second)[0]
