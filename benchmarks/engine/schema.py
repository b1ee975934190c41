"""What a results file holds. `Results.model_validate_json` is the validator.

A ratio without further words is naive / ours: above 1 ours is better, below 1 it is worse.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt

Model = Literal["vgg16", "vgg19"]
Variant = Literal["naive", "ours"]
Section = Literal[
    "evaluation",
    "presets",
    "curves",
    "quality",
    "memory",
    "scaling",
    "draft",
    "startup",
    "large",
    "whole",
]
Dtype = Literal["float32", "bfloat16"]
Kernel = Literal["mm", "oneDNN linear"]


class Record(BaseModel):
    """Unknown fields, infinities and NaN are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def today() -> date:
    return datetime.now(UTC).date()


class Measured(Record):
    """One row of a section. Sections may be measured on different days."""

    measured_on: date

    @property
    def subject(self) -> tuple[str, int]:
        """The model and the number of the pair of pictures, where there are such: new rows take
        the place of all older ones of the same subject."""
        return getattr(self, "model", ""), getattr(self, "pair", 0)


class Spread(Record):
    """Repeated measurements of one quantity."""

    median: PositiveFloat
    iqr: NonNegativeFloat
    """Third minus first quartile; 0 if there is one value only."""
    n: PositiveInt
    values: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]
    """In the order in which they were measured."""


class Machine(Record):
    cpu: str
    cores: PositiveInt
    memory_bytes: PositiveInt
    system: str
    python: str
    torch: str
    threads: PositiveInt
    """That one operation of torch may use."""
    device: str
    """cpu, cuda or mps."""
    device_name: str


class Method(Record):
    quick: bool
    """A smoke run, whose numbers say nothing."""
    content: str
    style: str
    """Of all sections but the curves."""
    warm_up: PositiveInt
    """Rounds before those that count."""
    repeats: PositiveInt
    """Rounds that count."""
    our_precision: Dtype
    """Of our convolutions; the naive loop's are float32."""
    weights_sha256: dict[Model, str]


class MatrixProduct(Measured):
    """The product of two square matrices."""

    dtype: Dtype
    kernel: Kernel
    side: PositiveInt
    seconds: Spread
    best_flops_per_second: PositiveFloat
    """Of the fastest repeat."""


class EvaluationTime(Measured):
    """The loss and its gradient, once."""

    model: Model
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    convolution_flops: PositiveInt
    """Of all convolutions, forward and backward with respect to their inputs."""
    naive_seconds: Spread
    our_seconds: Spread
    our_encoder_seconds: Spread
    """Our encoder alone, forward and backward, without any loss."""
    ratio: Spread
    """Round by round."""
    evaluation_share: Spread
    """Speed of the convolutions if they took all the time of an evaluation, as a share of the
    fastest matrix product of our precision in the same round."""
    encoder_share: Spread
    """As before, of the time of the encoder."""
    busy_cores: PositiveFloat
    """CPU time / time; well below `Machine.threads` others were using the machine."""


class _PaintedByPreset(Measured):
    """One row for each model, preset and height."""

    model: Model
    preset: str
    width_pixels: PositiveInt
    height_pixels: PositiveInt

    @property
    def subject(self) -> tuple[str, int]:
        return f"{self.model} {self.preset}", self.height_pixels


class PresetTime(_PaintedByPreset):
    """A preset, from the pictures to the finished picture, beside the others."""

    seconds: Spread
    """Of a painting, preparation included."""
    ratio: Spread
    """Round by round: this preset / preset gram. Below 1 this preset is faster."""
    network_share: Spread
    """Time of the network's passes / time of the whole evaluation, at the size of the result."""


class CurvePoint(Record):
    evaluations: PositiveInt
    seconds: PositiveFloat
    loss: PositiveFloat


class Milestone(Record):
    """Both after the same number of evaluations."""

    evaluations: PositiveInt
    naive_loss: PositiveFloat
    our_loss: PositiveFloat
    ratio: PositiveFloat


class Target(Record):
    """Both at the same loss; null is never within the evaluations of the run."""

    loss: PositiveFloat
    share_of_start: PositiveFloat
    naive: CurvePoint | None
    ours: CurvePoint | None
    evaluations_ratio: PositiveFloat | None
    seconds_ratio: PositiveFloat | None


class Arm(Record):
    """One loop of three that took turns."""

    precision: str
    curve: tuple[CurvePoint, ...]
    """The lowest loss so far, thinned; the first and the last evaluation are there."""
    busy_cores: PositiveFloat
    """CPU time / time, during its own turns."""
    idle_cores: NonNegativeFloat
    """CPU time / time while others had their turns: what it took away from them."""


class Precisions(Record):
    """Our automatic precision beside our float32; a ratio is automatic / float32."""

    worst_at_equal_time: PositiveFloat
    """Ratio of the losses when it is highest; above 1 the automatic one was behind then."""
    worst_seconds: PositiveFloat
    """When that was."""
    after_equal_evaluations: PositiveFloat
    """Ratio of the losses at the end."""


class Curves(Measured):
    """The naive loop, ours, and ours in float32, from the same picture."""

    model: Model
    pair: PositiveInt
    content: str
    style: str
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    start_loss: PositiveFloat
    naive: Arm
    ours: Arm
    ours_in_float32: Arm
    milestones: tuple[Milestone, ...]
    targets: tuple[Target, ...]
    """Shares of the start loss; last the lowest loss of the naive loop."""
    precisions: Precisions


Measure = Literal["squared", "transport"]
"""Definition of a row's two distances. squared: `nst.progress.SquaredDistances`, those of nst 0.1.
transport: `content` and `style` of `nst.progress.Distances`. The two cannot be compared."""


class Judged(Record):
    """A finished picture; 0 is equal in both distances."""

    measure: Measure = "squared"
    seconds: PositiveFloat
    content_distance: NonNegativeFloat
    style_distance: NonNegativeFloat


class PictureQuality(Measured):
    """The same pair painted by the naive loop and by a preset."""

    model: Model
    pair: PositiveInt
    content: str
    style: str
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    preset: str
    judge: str
    """The network that saw both pictures and made neither."""
    naive_evaluations: PositiveInt
    naive: Judged
    ours: Judged
    """The time is the mean of one run before and one after the naive loop's."""


class PeakMemory(Measured):
    """Of a process of its own, above what it holds after imports and weights."""

    model: Model
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    evaluations: PositiveInt
    naive_bytes: Spread
    our_bytes: Spread
    ratio: PositiveFloat
    naive_history_bytes: PositiveInt
    """Of a full L-BFGS memory; computed, because only long runs fill it."""
    our_history_bytes: PositiveInt


class SizeTime(Record):
    """Of our evaluation of a square picture."""

    side_pixels: PositiveInt
    seconds: Spread

    @property
    def pixels(self) -> int:
        return self.side_pixels**2


class Scaling(Measured):
    """How the time of our evaluation grows with the picture."""

    model: Model
    sizes: Annotated[tuple[SizeTime, ...], Field(min_length=2)]
    exponent: float
    """Of the power of the number of pixels that fits best."""
    segment_exponents: tuple[float, ...]
    """From every size to the next."""


class DraftTime(Measured):
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    warm_seconds: Spread
    """One draft, the network being loaded."""
    cold_seconds: Spread
    """The whole command, from its start to its exit."""


class StartupTime(Measured):
    command: str
    seconds: Spread
    """Of a process, from its start to its exit."""


class LargePicture(Measured):
    """A few steps within a bound for the memory."""

    model: Model
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    max_memory_bytes: PositiveInt
    evaluations: PositiveInt
    seconds: PositiveFloat
    """Of the whole process."""
    peak_bytes: PositiveInt
    """All that the process held: resident on the CPU, allocated by torch on a GPU."""


class WholePicture(_PaintedByPreset):
    """A picture that the default preset has finished within a bound for the memory."""

    max_memory_bytes: PositiveInt
    seconds: PositiveFloat
    """Preparation included."""
    peak_bytes: PositiveInt
    """As of `LargePicture`."""


class Results(Record):
    """What has been measured on one machine, by one run or by several."""

    schema_version: Literal[2] = 2
    suite: Literal["engine"] = "engine"
    nst_version: str
    machine: Machine
    method: Method
    skipped: tuple[str, ...] = ()
    """What the last run left out and why."""
    matrix_products: tuple[MatrixProduct, ...] = ()
    evaluation_times: tuple[EvaluationTime, ...] = ()
    presets: tuple[PresetTime, ...] = ()
    curves: tuple[Curves, ...] = ()
    quality: tuple[PictureQuality, ...] = ()
    peak_memory: tuple[PeakMemory, ...] = ()
    scaling: tuple[Scaling, ...] = ()
    drafts: tuple[DraftTime, ...] = ()
    startups: tuple[StartupTime, ...] = ()
    large_pictures: tuple[LargePicture, ...] = ()
    whole_pictures: tuple[WholePicture, ...] = ()

    def including(self, field: str, rows: Sequence[Measured]) -> Self:
        """With these rows in a field, in place of older ones about the same subjects."""
        subjects = {row.subject for row in rows}
        kept = [row for row in getattr(self, field) if row.subject not in subjects]
        return self.model_copy(
            update={field: tuple(sorted([*kept, *rows], key=lambda row: row.subject))}
        )
