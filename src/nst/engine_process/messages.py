"""Messages between a worker and the process of its engine, in both directions.

The two share a directory and exchange these short messages. All of them must be picklable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

from nst.jobs.job import Job, JobError, JobProgress, JobResult, JobStatus

# ── to the engine ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Work:
    """A job for the engine."""

    directory: Path
    """Directory with the input images and perhaps a checkpoint, or the painted frames
    of a film; results are written there."""
    job: Job
    checkpoint_seconds: float


@dataclass(frozen=True, slots=True)
class Steer:
    """Request to change weights while the job runs."""

    steering: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Cancel:
    """Request to stop after this step and keep the image."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Request to stop after this step and keep a checkpoint."""


Request: TypeAlias = Work | Steer | Cancel | Stop
"""Messages to the engine's process."""

# ── from the engine ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Painted:
    """Report after a step. `files` are names in the directory."""

    progress: JobProgress
    files: Sequence[str] = ()
    """Names of new previews and frames."""
    has_checkpoint: bool = False
    """Whether there is a new checkpoint; for a film, the frames in `files` are one."""
    memory_bytes: int = 0
    """Resident memory of the engine's process."""
    gpu_memory_bytes: int = 0
    """GPU memory that the engine has allocated; 0 without a GPU."""

    def joined_with(self, earlier: "Painted") -> "Painted":
        """Return this report with the files and the checkpoint of an earlier one."""
        return replace(
            self,
            files=[*dict.fromkeys([*earlier.files, *self.files])],
            has_checkpoint=earlier.has_checkpoint or self.has_checkpoint,
        )


@dataclass(frozen=True, slots=True)
class Finished:
    """Report that the result is written, also after a request to cancel.
    Its keys are names in the directory."""

    status: JobStatus
    result: JobResult


@dataclass(frozen=True, slots=True)
class Stopped:
    """Report that the engine stopped on request, with or without a checkpoint."""

    has_checkpoint: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """Report of an error that another attempt cannot fix."""

    error: JobError
    result: JobResult | None = None
    """Film of the frames painted before the error; keys are names in the directory."""


@dataclass(frozen=True, slots=True)
class Crashed:
    """Report that the process died or failed unexpectedly, with a text for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class OutOfSpace:
    """Report that the disk of the directory is full."""

    reason: str


News: TypeAlias = Painted | Finished | Stopped | Failed | Crashed | OutOfSpace
"""Messages of the engine's process. Only Painted is followed by another one."""

# ── both ──────────────────────────────────────────────────────────────────────────────────────


class Engine(Protocol):
    """The process that runs the engine, one job at a time."""

    def start(self, work: Work) -> None: ...

    def news(self, timeout_seconds: float) -> News | None:
        """Return the next message of the engine; None after the timeout."""

    def steer(self, steering: Mapping[str, float]) -> None: ...

    def cancel(self) -> None:
        """Stop after this step and keep the image."""

    def stop(self) -> None:
        """Stop after this step and keep a checkpoint."""

    def kill(self) -> None:
        """Stop at once and discard the current work; do nothing if the engine is idle."""
