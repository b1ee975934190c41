"""Content of a results file. `Results.model_validate_json` is the validator.

A ratio without further explanation is naive / ours: above 1 ours is better, below 1 it is worse.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt

import nst

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
    """Record in which unknown fields, infinities and NaN are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def today() -> date:
    return datetime.now(UTC).date()


class Measured(Record):
    """One row of a section. Sections may be measured on different days."""

    measured_on: date
    nst_version: str = ""
    """Version that measured the row; empty: that of the file, in which the row is old."""

    @property
    def subject(self) -> tuple[str, int]:
        """Model and number of the pair of images, if the row has them.
        New rows replace all older rows of the same subject."""
        return getattr(self, "model", ""), getattr(self, "pair", 0)


R = TypeVar("R", bound=Measured)


def of_this_version(row: R) -> R:
    return row.model_copy(update={"nst_version": nst.__version__})


def versions_of(file_version: str, rows: Iterable[Measured]) -> str:
    """Return the versions of nst that measured these rows, as a text.
    `file_version`: that of the run that began the file."""
    found = sorted({row.nst_version or file_version for row in rows} or {file_version})
    return found[0] if len(found) == 1 else f"{' and '.join(found)} (rows of several versions)"


class Spread(Record):
    """Repeated measurements of one quantity."""

    median: PositiveFloat
    iqr: NonNegativeFloat
    """Third minus first quartile; 0 for a single value."""
    n: PositiveInt
    values: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]
    """Values in the order of measurement."""


class Machine(Record):
    cpu: str
    cores: PositiveInt
    memory_bytes: PositiveInt
    system: str
    python: str
    torch: str
    threads: PositiveInt
    """Number of threads that one operation of torch may use."""
    device: str
    """Device: cpu, cuda or mps."""
    device_name: str


class Method(Record):
    quick: bool
    """Whether this was a smoke run, whose numbers are not meaningful."""
    content: str
    style: str
    """Style image of all sections except the curves."""
    warm_up: PositiveInt
    """Number of rounds before those that count."""
    repeats: PositiveInt
    """Number of rounds that count."""
    our_precision: Dtype
    """Data type of our convolutions; those of the naive loop are float32."""
    weights_sha256: dict[Model, str]


class MatrixProduct(Measured):
    """Product of two square matrices."""

    dtype: Dtype
    kernel: Kernel
    side: PositiveInt
    seconds: Spread
    best_flops_per_second: PositiveFloat
    """Operations per second of the fastest repeat."""


class EvaluationTime(Measured):
    """Time of one evaluation of the loss and its gradient."""

    model: Model
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    convolution_flops: PositiveInt
    """Operations of all convolutions, forward and backward to their inputs."""
    naive_seconds: Spread
    our_seconds: Spread
    our_encoder_seconds: Spread
    """Time of our encoder alone, forward and backward, without any loss."""
    ratio: Spread
    """Ratio naive / ours, round by round."""
    evaluation_share: Spread
    """Speed of the convolutions as a share of the fastest matrix product.
    The convolutions are assumed to take all the time of an evaluation. The matrix product has our
    precision and belongs to the same round."""
    encoder_share: Spread
    """Same share, computed from the time of the encoder."""
    busy_cores: PositiveFloat
    """CPU time / time.
    A value well below `Machine.threads` means that other programs used the machine."""


class _PaintedByPreset(Measured):
    """Row for one model, preset and height."""

    model: Model
    preset: str
    width_pixels: PositiveInt
    height_pixels: PositiveInt

    @property
    def subject(self) -> tuple[str, int]:
        return f"{self.model} {self.preset}", self.height_pixels


class PresetTime(_PaintedByPreset):
    """Time of a preset from the input images to the finished image."""

    seconds: Spread
    """Seconds of a painting, including preparation."""
    ratio: Spread
    """Ratio this preset / preset gram, round by round; below 1 this preset is faster."""
    network_share: Spread
    """Time of the network's passes / time of the whole evaluation.
    Both are measured at the size of the result."""


class CurvePoint(Record):
    evaluations: PositiveInt
    seconds: PositiveFloat
    loss: PositiveFloat


class Milestone(Record):
    """Losses of both loops after the same number of evaluations."""

    evaluations: PositiveInt
    naive_loss: PositiveFloat
    our_loss: PositiveFloat
    ratio: PositiveFloat


class Target(Record):
    """Evaluations and seconds of both loops at the same loss.
    Null: the loss was not reached within the evaluations of the run."""

    loss: PositiveFloat
    share_of_start: PositiveFloat
    naive: CurvePoint | None
    ours: CurvePoint | None
    evaluations_ratio: PositiveFloat | None
    seconds_ratio: PositiveFloat | None


class Arm(Record):
    """One of three loops that took turns."""

    precision: str
    curve: tuple[CurvePoint, ...]
    """Lowest loss so far, thinned; the first and the last evaluation are included."""
    busy_cores: PositiveFloat
    """CPU time / time, during the loop's own turns."""
    idle_cores: NonNegativeFloat
    """CPU time / time during the other loops' turns, which slows them."""


class Precisions(Record):
    """Comparison of our automatic precision with our float32.
    Ratios are automatic / float32."""

    worst_at_equal_time: PositiveFloat
    """Highest ratio of the losses at equal time.
    Above 1, automatic precision was behind at that time."""
    worst_seconds: PositiveFloat
    """Seconds at which the ratio was highest."""
    after_equal_evaluations: PositiveFloat
    """Ratio of the losses at the end, after equal evaluations."""


class Curves(Measured):
    """Curves of the naive loop, ours, and ours in float32.
    All start from the same initial image."""

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
    """Targets at shares of the initial loss, then at the naive loop's lowest loss."""
    precisions: Precisions


Measure = Literal["squared", "transport"]
"""Definition of a row's two distances.
squared: `nst.progress.SquaredDistances`, those of nst 0.1. transport: `content` and `style` of
`nst.progress.Distances`. The two are not comparable."""


class Judged(Record):
    """Judged finished image; a distance of 0 means equal."""

    measure: Measure = "squared"
    seconds: PositiveFloat
    content_distance: NonNegativeFloat
    style_distance: NonNegativeFloat


class PictureQuality(Measured):
    """Quality of the same pair painted by the naive loop and by a preset."""

    model: Model
    pair: PositiveInt
    content: str
    style: str
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    preset: str
    judge: str
    """Network that judged both images and painted neither."""
    naive_evaluations: PositiveInt
    naive: Judged
    ours: Judged
    """Image of the preset.
    Its time is the mean of one run before and one run after that of the naive loop."""


class PeakMemory(Measured):
    """Peak memory of a separate process, above its memory after imports and weights."""

    model: Model
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    evaluations: PositiveInt
    naive_bytes: Spread
    our_bytes: Spread
    ratio: PositiveFloat
    naive_history_bytes: PositiveInt
    """Bytes of a full L-BFGS history; computed, because only long runs fill it."""
    our_history_bytes: PositiveInt


class SizeTime(Record):
    """Time of our evaluation of a square image."""

    side_pixels: PositiveInt
    seconds: Spread

    @property
    def pixels(self) -> int:
        return self.side_pixels**2


class Scaling(Measured):
    """Growth of the time of our evaluation with the size of the image."""

    model: Model
    sizes: Annotated[tuple[SizeTime, ...], Field(min_length=2)]
    exponent: float
    """Exponent of the power of the number of pixels that fits best."""
    segment_exponents: tuple[float, ...]
    """Exponents from every size to the next."""


class DraftTime(Measured):
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    warm_seconds: Spread
    """Seconds of one draft with the network already loaded."""
    cold_seconds: Spread
    """Seconds of the whole command, from its start to its exit."""


class StartupTime(Measured):
    command: str
    seconds: Spread
    """Seconds of a process, from its start to its exit."""


class LargePicture(Measured):
    """A few steps of a large image within a memory limit."""

    model: Model
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    max_memory_bytes: PositiveInt
    evaluations: PositiveInt
    seconds: PositiveFloat
    """Seconds of the whole process."""
    peak_bytes: PositiveInt
    """Peak memory of the process: resident on the CPU, allocated by torch on a GPU."""


class WholePicture(_PaintedByPreset):
    """Image that the default preset has finished within a memory limit."""

    max_memory_bytes: PositiveInt
    seconds: PositiveFloat
    """Seconds including preparation."""
    peak_bytes: PositiveInt
    """Peak memory, as in `LargePicture`."""


class Results(Record):
    """Results of one run or of several runs on one machine."""

    schema_version: Literal[2] = 2
    suite: Literal["engine"] = "engine"
    nst_version: str
    """Version of the run that began the file."""
    machine: Machine
    method: Method
    skipped: tuple[str, ...] = ()
    """Sections that the last run left out, with the reasons."""
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
        """Return the results with these rows in a field.
        They replace older rows of the same subjects."""
        subjects = {row.subject for row in rows}
        kept = [row for row in getattr(self, field) if row.subject not in subjects]
        new = map(of_this_version, rows)
        return self.model_copy(
            update={field: tuple(sorted([*kept, *new], key=lambda row: row.subject))}
        )

    @property
    def versions(self) -> str:
        """Versions of nst that measured the rows."""
        fields = (getattr(self, field) for field in type(self).model_fields)
        groups = (field for field in fields if isinstance(field, tuple))
        rows = (row for group in groups for row in group if isinstance(row, Measured))
        return versions_of(self.nst_version, rows)
