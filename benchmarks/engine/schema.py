"""What a results file holds. `Results.model_validate_json` is the validator.

A ratio is always naive / ours: above 1 ours is better, below 1 it is worse.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt

Model = Literal["vgg16", "vgg19"]
Variant = Literal["naive", "ours"]
Dtype = Literal["float32", "bfloat16"]
Kernel = Literal["mm", "oneDNN linear"]


class Record(BaseModel):
    """Unknown fields, infinities and NaN are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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
    warm_up: PositiveInt
    """Rounds before those that count."""
    repeats: PositiveInt
    """Rounds that count."""
    our_precision: Dtype
    """Of our convolutions; the naive loop's are float32."""
    weights_sha256: dict[Model, str]


class MatrixProduct(Record):
    """The product of two square matrices."""

    dtype: Dtype
    kernel: Kernel
    side: PositiveInt
    seconds: Spread
    best_flops_per_second: PositiveFloat
    """Of the fastest repeat."""


class EvaluationTime(Record):
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


class Convergence(Record):
    """Both loops from the same picture."""

    model: Model
    width_pixels: PositiveInt
    height_pixels: PositiveInt
    start_loss: PositiveFloat
    naive: tuple[CurvePoint, ...]
    """The lowest loss so far, after every evaluation."""
    ours: tuple[CurvePoint, ...]
    """The lowest loss so far, after every step."""
    milestones: tuple[Milestone, ...]
    targets: tuple[Target, ...]
    """Shares of the start loss; last the lowest loss of the naive loop."""
    busy_cores: PositiveFloat


class PeakMemory(Record):
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


class Results(Record):
    """One run of the suite."""

    schema_version: Literal[1] = 1
    suite: Literal["engine"] = "engine"
    nst_version: str
    measured_on: date
    machine: Machine
    method: Method
    skipped: tuple[str, ...]
    """What was left out and why."""
    matrix_products: tuple[MatrixProduct, ...]
    evaluation_times: tuple[EvaluationTime, ...]
    convergence: tuple[Convergence, ...]
    peak_memory: tuple[PeakMemory, ...]
