"""Targets of the engine, and whether the results meet them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmarks.engine.plan import LARGE_BYTES
from benchmarks.engine.schema import (
    Curves,
    EvaluationTime,
    PictureQuality,
    PresetTime,
    Results,
    WholePicture,
)

PRESET_SECONDS = {"quality": 1.0, "fast": 0.35}
"""Maximum time of each preset, relative to preset gram."""
WHOLE_MINUTES = {(1024, 768): 1.5, (2048, 1536): 6, (3840, 2160): 25}
"""Maximum minutes of a whole image by its size, on two cores."""
CPU_HEIGHT, GPU_HEIGHT = 400, 1024
"""Heights of the images for which evaluations have targets."""


@dataclass(frozen=True, slots=True)
class Verdict:
    what: str
    measured: float | None
    """Measured value; None: not measured."""
    least: float | None = None
    most: float | None = None
    unit: str = ""

    @property
    def target(self) -> str:
        if self.least is not None and self.most is not None:
            return f"{self.least:.3g}–{self.most:.3g}{self.unit}"
        return (
            f"≥ {self.least:.3g}{self.unit}"
            if self.most is None
            else f"≤ {self.most:.3g}{self.unit}"
        )

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None: not measured."""
        if self.measured is None:
            return None
        return (self.least is None or self.measured >= self.least) and (
            self.most is None or self.measured <= self.most
        )


def verdicts(results: Results) -> Iterator[Verdict]:
    """Yield a verdict on each target.
    Times and losses are ours / naive; the worst of several pairs of images counts."""
    yield from _evaluations(results)
    for preset in results.presets:
        yield from _preset(preset)
    for model, curves in groupby(results.curves, key=lambda row: row.model):
        yield from _curves(model, list(curves))
    yield from _quality(results.quality)
    for memory in results.peak_memory:
        size = f"{memory.width_pixels}×{memory.height_pixels}"
        yield Verdict(
            f"{memory.model} {size}: peak memory, ours / naive", 1 / memory.ratio, most=0.5
        )
    for large in results.large_pictures:
        size = f"{large.width_pixels}×{large.height_pixels}"
        yield Verdict(
            f"{large.model} {size}: peak memory",
            large.peak_bytes / 1e9,
            most=LARGE_BYTES / 1e9,
            unit=" GB",
        )
    for whole in results.whole_pictures:
        yield from _whole(whole)
    for draft in results.drafts:
        size = f"{draft.width_pixels}×{draft.height_pixels}"
        yield Verdict(f"draft {size}, warm", draft.warm_seconds.median, most=0.5, unit=" s")
    for startup in results.startups:
        yield Verdict(startup.command, startup.seconds.median, most=0.3, unit=" s")
    for scaling in results.scaling:
        what = f"{scaling.model}: time per evaluation, exponent of the pixels"
        yield Verdict(what, scaling.exponent, least=0.95, most=1.05)


def _evaluations(results: Results) -> Iterator[Verdict]:
    is_cpu = results.machine.device == "cpu"
    height = CPU_HEIGHT if is_cpu else GPU_HEIGHT
    for time in results.evaluation_times:
        if time.height_pixels == height:
            yield from _evaluation(time, most=0.42 if is_cpu else 0.25)


def _evaluation(time: EvaluationTime, most: float) -> Iterator[Verdict]:
    subject = f"{time.model} {time.width_pixels}×{time.height_pixels}"
    yield Verdict(f"{subject}: time per evaluation, ours / naive", 1 / time.ratio.median, most=most)
    what = f"{subject}: share of the matrix product"
    yield Verdict(f"{what}, encoder", time.encoder_share.median, least=0.9)
    yield Verdict(f"{what}, whole evaluation", time.evaluation_share.median, least=0.9)


def _preset(row: PresetTime) -> Iterator[Verdict]:
    subject = f"{row.model} {row.width_pixels}×{row.height_pixels}, preset {row.preset}"
    if row.preset in PRESET_SECONDS:
        most = PRESET_SECONDS[row.preset]
        yield Verdict(f"{subject}: seconds / preset gram's", row.ratio.median, most=most)
        what = f"{subject}: the network's share of an evaluation"
        yield Verdict(what, row.network_share.median, least=0.7)


def _whole(row: WholePicture) -> Iterator[Verdict]:
    subject = f"{row.model} {row.width_pixels}×{row.height_pixels}, preset {row.preset}"
    if most := WHOLE_MINUTES.get((row.width_pixels, row.height_pixels)):
        yield Verdict(subject, row.seconds / 60, most=most, unit=" min")
    what = f"{subject}: peak memory"
    yield Verdict(what, row.peak_bytes / 1e9, most=row.max_memory_bytes / 1e9, unit=" GB")


def _quality(pictures: Sequence[PictureQuality]) -> Iterator[Verdict]:
    """Yield the verdicts on the three quantities; the worst of several pairs counts."""
    if not pictures:
        yield Verdict("preset quality beside the naive loop's picture", None, most=1)
    for model, group in groupby(pictures, key=lambda row: row.model):
        rows = list(group)
        title = f"{model}: preset {rows[0].preset} beside {rows[0].naive_evaluations} evaluations"
        pairs = f"ours / naive, worst of {len(rows)} pairs"
        ratios = [
            ("time", 1 / 8, [row.ours.seconds / row.naive.seconds for row in rows]),
            ("style distance", 1, [_style_ratio(row) for row in rows]),
            ("content distance", 1, [_content_ratio(row) for row in rows]),
        ]
        for what, most, found in ratios:
            yield Verdict(f"{title}, {what}, {pairs}", max(found), most=most)


def _style_ratio(row: PictureQuality) -> float:
    return row.ours.style_distance / row.naive.style_distance


def _content_ratio(row: PictureQuality) -> float:
    return row.ours.content_distance / row.naive.content_distance


def _curves(model: str, curves: list[Curves]) -> Iterator[Verdict]:
    pairs = f"worst of {len(curves)} pairs"
    yield Verdict(
        f"{model}: time to the naive loop's last loss, ours / naive, {pairs}",
        max(seconds_ratio(of_pair) for of_pair in curves),
        most=1 / 3,
    )
    yield Verdict(
        f"{model}: loss at equal time, automatic / float32, {pairs}",
        max(of_pair.precisions.worst_at_equal_time for of_pair in curves),
        most=1,
    )
    yield Verdict(
        f"{model}: loss after equal evaluations, automatic / float32, {pairs}",
        max(of_pair.precisions.after_equal_evaluations for of_pair in curves),
        most=1.01,
    )


def seconds_ratio(curves: Curves) -> float:
    """Return the time to the naive loop's last loss, ours / naive.
    It is infinite if our loop did not reach that loss."""
    ratio = curves.targets[-1].seconds_ratio
    return 1 / ratio if ratio else float("inf")
