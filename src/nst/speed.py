"""Estimate of the duration of a transfer, from measurements on this machine.

One small JSON file in the cache directory holds, for each device and each kind of transfer, the
seconds of preparation and the seconds per unit of work (`nst.engine.scales.work`). Frames of films
are separate kinds, because they are prepared in another way.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from nst import files
from nst.errors import StorageError
from nst.options import StyleTransferOptions
from nst.progress import StopReason
from nst.result import Result

FILE_NAME = "speed.json"

WEIGHT_OF_NEWEST = 0.5
"""Weight of the newest measurement in the moving average."""

MANY_STEPS = 1000
"""Number of steps within which a loss converges, if the options allow it to stop."""

RELATIVE_COST: Mapping[str, float] = {"vgg16": 1.0, "vgg19": 1.27}
"""Relative time of an evaluation by model, from the numbers of multiplications.
It serves as an estimate for a model that has not been measured here. Kinds of style loss differ by
less."""

DAY_SECONDS = 24 * 3600

_DRAFT = "draft"

_FRAME = "frame"
"""First word of the kinds of frames that continue another one."""


class Speed(BaseModel):
    """Speed of one kind of transfer on one device."""

    model_config = ConfigDict(frozen=True)

    prepare_seconds: float = 0.0
    seconds_per_work: float = 0.0

    def averaged(self, newest: Self) -> Self:
        """Return the moving average after a new measurement."""
        share = WEIGHT_OF_NEWEST
        now, before = newest.model_dump(), self.model_dump()
        return type(self)(**{key: share * now[key] + (1 - share) * before[key] for key in now})

    def seconds(self, work: float) -> float:
        return self.prepare_seconds + self.seconds_per_work * work


Measured = dict[str, dict[str, Speed]]
"""Speeds by device and kind."""

_MEASURED: TypeAdapter[Measured] = TypeAdapter(Measured)


@dataclass(frozen=True, slots=True)
class Speeds:
    """File of measured speeds.
    A missing or damaged file counts as empty, and a file that cannot be written stays unchanged:
    an estimate is not worth an error."""

    directory: Path
    device: str = field(default="auto")
    """Requested device, as NeuralStyleTransfer takes it.
    `auto` always means the same device."""

    def estimate(self, options: StyleTransferOptions, work: float) -> float | None:
        """Return the estimated seconds of a transfer with this amount of work.
        None if nothing similar was measured here."""
        known = self._read().get(self.device, {})
        for kind in (_kind(options), _frame_kind(options)):
            if kind in known:
                return known[kind].seconds(work)
        if options.is_draft:
            return None
        others = {other: speed for other, speed in known.items() if not other.endswith(_DRAFT)}
        if not others:
            return None
        other = max(others, key=lambda other: other.rsplit(" ", 1)[-1] == options.model)
        factor = RELATIVE_COST[options.model] / RELATIVE_COST[other.rsplit(" ", 1)[-1]]
        return others[other].seconds(factor * work)

    def estimate_frame(self, options: StyleTransferOptions, work: float) -> float | None:
        """Return the estimated seconds of a later frame of a film.
        Before any frame was measured here, these are the seconds of an image with the frame's
        steps. None if nothing similar was measured."""
        speed = self._read().get(self.device, {}).get(_frame_kind(options))
        return speed.seconds(work) if speed else self.estimate(options, work)

    def record(self, result: Result, work: float) -> None:
        """Record the duration of a transfer, if it took all its steps here.
        `work`: work of all steps."""
        if result.stop_reason is not StopReason.TOTAL_ITERATIONS or not _is_whole(result):
            return
        per_work = result.optimize_seconds / work if work else 0.0
        newest = Speed(prepare_seconds=result.prepare_seconds, seconds_per_work=per_work)
        self._record(_kind(result.options), newest)

    def record_frame(self, options: StyleTransferOptions, seconds: float, work: float) -> None:
        """Record the duration of a later frame of a film. `work`: work of its steps."""
        newest = Speed(seconds_per_work=seconds / work) if work else Speed(prepare_seconds=seconds)
        self._record(_frame_kind(options), newest)

    def _record(self, kind: str, newest: Speed) -> None:
        measured = self._read()
        known = measured.setdefault(self.device, {})
        known[kind] = known[kind].averaged(newest) if kind in known else newest
        self._write(measured)

    @property
    def _file(self) -> Path:
        return self.directory / FILE_NAME

    def _read(self) -> Measured:
        try:
            return _MEASURED.validate_json(self._file.read_bytes())
        except (OSError, ValidationError):
            return {}

    def _write(self, measured: Measured) -> None:
        data = _MEASURED.dump_json(measured, indent=1)
        with suppress(StorageError):
            files.write_file(self._file, lambda file: file.write_bytes(data), overwrite=True)


def _is_whole(result: Result) -> bool:
    """Return whether all steps were taken in this run.
    A resumed transfer has taken steps before, a canceled or converged one leaves steps out."""
    return result.steps == result.options.total_iterations


def _kind(options: StyleTransferOptions) -> str:
    return _DRAFT if options.is_draft else f"{options.style_loss} {options.model}"


def _frame_kind(options: StyleTransferOptions) -> str:
    return f"{_FRAME} {_kind(options)}"


def in_words(options: StyleTransferOptions, seconds: float) -> str:
    """Return an estimate in words: "about 40 s", or "at most 9 min".
    "At most" is used if the loss will converge long before the last step."""
    text = about(seconds)
    ends_early = options.convergence_tolerance > 0 and options.total_iterations > MANY_STEPS
    return text.replace("about", "at most") if ends_early else text


def about(seconds: float) -> str:
    """Return a rounded time in words: "about 40 s", "about 9 min"."""
    if seconds < 10:
        return f"about {max(1, round(seconds))} s"
    if seconds < 90:
        return f"about {round(seconds / 5) * 5} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    if seconds < 48 * 3600:
        return f"about {round(seconds / 1800) / 2:g} h"
    return f"about {round(seconds / DAY_SECONDS)} days"
