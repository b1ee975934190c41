"""Targets of the engine, and whether the results meet them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmarks.engine.plan import LARGE_BYTES
from benchmarks.engine.schema import (
    Curves,
    EvaluationTime,
    Measured,
    PictureQuality,
    PresetTime,
    Results,
    WholePicture,
)
from nst.presets import DEFAULT_PRESET

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
    Times and losses are ours / naive; the worst of several pairs of images counts. A target without
    a measurement has a verdict that says so."""
    yield from _evaluations(results)
    yield from _presets(results.presets)
    curves = groupby(results.curves, key=lambda row: row.model)
    by_model = {model: list(rows) for model, rows in curves}
    for model in sorted({*by_model, *results.method.weights_sha256} or {"any model"}):
        yield from _curves(model, by_model.get(model, []))
    yield from _quality(results.quality)
    yield from _memory(results)
    yield from _wholes(results.whole_pictures)
    for draft in results.drafts:
        size = f"{draft.width_pixels}×{draft.height_pixels}"
        yield Verdict(f"draft {size}, warm", draft.warm_seconds.median, most=0.5, unit=" s")
    yield from _unmeasured(results.drafts, "draft, warm", most=0.5, unit=" s")
    for startup in results.startups:
        yield Verdict(startup.command, startup.seconds.median, most=0.3, unit=" s")
    yield from _unmeasured(results.startups, "start of a command", most=0.3, unit=" s")
    exponent = "time per evaluation, exponent of the pixels"
    for scaling in results.scaling:
        yield Verdict(f"{scaling.model}: {exponent}", scaling.exponent, least=0.95, most=1.05)
    yield from _unmeasured(results.scaling, exponent, least=0.95, most=1.05)


def _unmeasured(
    rows: Collection[Measured],
    what: str,
    *,
    least: float | None = None,
    most: float | None = None,
    unit: str = "",
) -> Iterator[Verdict]:
    """Yield a verdict without a value if there are no rows."""
    if not rows:
        yield Verdict(what, None, least=least, most=most, unit=unit)


def _evaluations(results: Results) -> Iterator[Verdict]:
    is_cpu = results.machine.device == "cpu"
    height, most = (CPU_HEIGHT, 0.42) if is_cpu else (GPU_HEIGHT, 0.25)
    times = [time for time in results.evaluation_times if time.height_pixels == height]
    for time in times:
        yield from _evaluation(time, most)
    what = f"time per evaluation at height {height}, ours / naive"
    yield from _unmeasured(times, what, most=most)


def _memory(results: Results) -> Iterator[Verdict]:
    for memory in results.peak_memory:
        size = f"{memory.width_pixels}×{memory.height_pixels}"
        what = f"{memory.model} {size}: peak memory, ours / naive"
        yield Verdict(what, 1 / memory.ratio, most=0.5)
    yield from _unmeasured(results.peak_memory, "peak memory, ours / naive", most=0.5)
    most = LARGE_BYTES / 1e9
    for large in results.large_pictures:
        what = f"{large.model} {large.width_pixels}×{large.height_pixels}: peak memory"
        yield Verdict(what, large.peak_bytes / 1e9, most=most, unit=" GB")
    what = "peak memory of a large picture"
    yield from _unmeasured(results.large_pictures, what, most=most, unit=" GB")


def _evaluation(time: EvaluationTime, most: float) -> Iterator[Verdict]:
    subject = f"{time.model} {time.width_pixels}×{time.height_pixels}"
    yield Verdict(f"{subject}: time per evaluation, ours / naive", 1 / time.ratio.median, most=most)
    what = f"{subject}: share of the matrix product"
    yield Verdict(f"{what}, encoder", time.encoder_share.median, least=0.9)
    yield Verdict(f"{what}, whole evaluation", time.evaluation_share.median, least=0.9)


def _presets(rows: Sequence[PresetTime]) -> Iterator[Verdict]:
    for row in rows:
        yield from _preset(row)
    for preset, most in PRESET_SECONDS.items():
        measured = [row for row in rows if row.preset == preset]
        what = f"preset {preset}: seconds / preset gram's"
        yield from _unmeasured(measured, what, most=most)


def _preset(row: PresetTime) -> Iterator[Verdict]:
    subject = f"{row.model} {row.width_pixels}×{row.height_pixels}, preset {row.preset}"
    if row.preset in PRESET_SECONDS:
        most = PRESET_SECONDS[row.preset]
        yield Verdict(f"{subject}: seconds / preset gram's", row.ratio.median, most=most)
        what = f"{subject}: the network's share of an evaluation"
        yield Verdict(what, row.network_share.median, least=0.7)


def _wholes(rows: Sequence[WholePicture]) -> Iterator[Verdict]:
    for row in rows:
        yield from _whole(row)
    for (width, height), most in WHOLE_MINUTES.items():
        measured = [row for row in rows if (row.width_pixels, row.height_pixels) == (width, height)]
        what = f"{width}×{height}, preset {DEFAULT_PRESET}"
        yield from _unmeasured(measured, what, most=most, unit=" min")


def _whole(row: WholePicture) -> Iterator[Verdict]:
    subject = f"{row.model} {row.width_pixels}×{row.height_pixels}, preset {row.preset}"
    if most := WHOLE_MINUTES.get((row.width_pixels, row.height_pixels)):
        yield Verdict(subject, row.seconds / 60, most=most, unit=" min")
    what = f"{subject}: peak memory"
    yield Verdict(what, row.peak_bytes / 1e9, most=row.max_memory_bytes / 1e9, unit=" GB")


def _quality(pictures: Sequence[PictureQuality]) -> Iterator[Verdict]:
    """Yield the verdicts on the three quantities; the worst of several pairs counts."""
    what = "a preset beside the naive loop's picture, distances, ours / naive"
    yield from _unmeasured(pictures, what, most=1)

    def key(row: PictureQuality) -> tuple[str, str]:
        return row.model, row.ours.measure

    # The distances of two measures cannot be compared, not even to find the worst pair.
    for (model, measure), group in groupby(sorted(pictures, key=key), key):
        rows = list(group)
        title = f"{model}: preset {rows[0].preset} beside {rows[0].naive_evaluations} evaluations"
        pairs = f"ours / naive, worst of {len(rows)} pairs"
        ratios = [
            ("time", 1 / 8, [row.ours.seconds / row.naive.seconds for row in rows]),
            (f"style distance ({measure})", 1, [_style_ratio(row) for row in rows]),
            (f"content distance ({measure})", 1, [_content_ratio(row) for row in rows]),
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
        max(map(seconds_ratio, curves), default=None),
        most=1 / 3,
    )
    yield Verdict(
        f"{model}: loss at equal time, automatic / float32, {pairs}",
        max((of_pair.precisions.worst_at_equal_time for of_pair in curves), default=None),
        most=1,
    )
    yield Verdict(
        f"{model}: loss after equal evaluations, automatic / float32, {pairs}",
        max((of_pair.precisions.after_equal_evaluations for of_pair in curves), default=None),
        most=1.01,
    )


def seconds_ratio(curves: Curves) -> float:
    """Return the time to the naive loop's last loss, ours / naive.
    It is infinite if our loop did not reach that loss."""
    ratio = curves.targets[-1].seconds_ratio
    return 1 / ratio if ratio else float("inf")
