"""All errors that nst raises on purpose.

They are in one file because readers look for the whole tree: each class next to its base.

NSTError                          code, message, facts as attributes
├─ InvalidOption                  field, value, allowed: error of the user
├─ InvalidImage                   role, reason: error of the user
│  ├─ UnsupportedImage            role, reason: not an image, or an unsupported format
│  └─ ImageTooLarge               role, reason: more bytes or pixels than allowed
├─ InvalidCheckpoint              name, reason: error of the user
├─ InvalidStyleFile               name, reason: error of the user
├─ JobNotFound                    job_id: no such job, or it belongs to somebody else
├─ StyleNotFound                  style_id: no such style, or it belongs to somebody else
├─ PictureNotFound                reason: no such image (yet)
├─ JobConflict                    job_id, reason: the job's state does not allow this
├─ TooManyStyles                  reason: a learned style must be deleted first
├─ TooManyShares                  job_id, most: a share link must be revoked first
├─ NotAllowed                     reason
├─ TooManyRequests                reason, retry_after_seconds
│  ├─ QueueFull                   the same, for all clients together
│  └─ ServerBusy                  the same, for all clients together, and only for seconds
├─ UnreadableJob                  job_id, reason: another version of nst wrote it
├─ LeaseLost                      job_id, attempt: control flow, another worker has the job
├─ TransferError                  the engine could not finish
│  ├─ OutOfMemory                 size, device
│  ├─ Diverged                    step
│  ├─ WeightsUnavailable          model, tried
│  ├─ DraftUnavailable            path, reason
│  └─ NetworkUnavailable          path, reason
├─ TransferCanceled               control flow: stop after this step, keep the image
└─ DependencyError                something outside failed
   ├─ StorageError                path, reason, action
   │  └─ StorageFull              path, reason, action
   ├─ DiskFull                    path, reason: error of this machine, not of a job
   ├─ RepositoryError             reason
   ├─ QueueError                  reason
   ├─ FeedError                   reason
   └─ VideoUnavailable            library: not installed
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

ImageRole = Literal["content", "style", "mask", "detail map", "initial", "photo"]
StorageAction = Literal["read", "write", "delete"]


class NSTError(Exception):
    """Base class of all errors of nst; `code` is stable, the message is for people."""

    code: ClassVar[str] = "error"

    def __reduce__(self) -> tuple[Any, ...]:
        # Unpickling calls an exception's class with its message, but these classes take facts.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[NSTError], args: tuple[Any, ...], facts: dict[str, Any]) -> NSTError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(facts)
    return error


class InvalidOption(NSTError):
    """An option has a value that is not allowed."""

    code = "invalid_option"

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field}: {value!r} is invalid; expected {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


class InvalidImage(NSTError):
    """An image cannot be used; the reason says why and what to do."""

    code = "invalid_image"

    def __init__(self, role: ImageRole, reason: str) -> None:
        super().__init__(f"{role} image: {reason}")
        self.role = role
        self.reason = reason


class UnsupportedImage(InvalidImage):
    """The file is not an image, or its format is not supported."""

    code = "unsupported_image"


class ImageTooLarge(InvalidImage):
    """The image has more bytes or pixels than allowed."""

    code = "too_large"


class InvalidCheckpoint(NSTError):
    """A checkpoint cannot be resumed; the reason says why and what to do."""

    code = "invalid_checkpoint"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"checkpoint: {name} {reason}")
        self.name = name
        self.reason = reason


class InvalidStyleFile(NSTError):
    """The file of a learned style cannot be used; the reason says why and what to do."""

    code = "invalid_style_file"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"learned style: {name} {reason}")
        self.name = name
        self.reason = reason


class JobNotFound(NSTError):
    """The job does not exist, or it belongs to somebody else."""

    code = "job_not_found"

    def __init__(self, job_id: str | None) -> None:
        """Name the missing job; `job_id` is None if a share link leads to no job."""
        missing = "job behind this link" if job_id is None else f"job {job_id}"
        super().__init__(f"there is no {missing}; it may have been deleted or have expired")
        self.job_id = job_id


class StyleNotFound(NSTError):
    """The learned style does not exist, or it belongs to somebody else."""

    code = "style_not_found"

    def __init__(self, style_id: str) -> None:
        super().__init__(f"there is no learned style {style_id}; it may have been deleted")
        self.style_id = style_id


class PictureNotFound(NSTError):
    """The job does not have this image, or not yet."""

    code = "not_found"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class JobConflict(NSTError):
    """The state of the job does not allow this action."""

    code = "job_conflict"

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(reason)
        self.job_id = job_id
        self.reason = reason


class TooManyStyles(NSTError):
    """A client keeps as many learned styles as it may; waiting does not help."""

    code = "too_many_styles"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyShares(NSTError):
    """A job has as many valid share links as it may."""

    code = "too_many_shares"

    def __init__(self, job_id: str, most: int) -> None:
        super().__init__(f"job {job_id} has {most} valid share links; revoke one first")
        self.job_id = job_id
        self.most = most


class NotAllowed(NSTError):
    """The client is not allowed to do this."""

    code = "not_allowed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyRequests(NSTError):
    """A client has reached its limit for now."""

    code = "too_many_requests"

    def __init__(self, reason: str, retry_after_seconds: int) -> None:
        super().__init__(f"{reason}; try again in {retry_after_seconds} s")
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class QueueFull(TooManyRequests):
    """The queue that all clients share is full."""

    code = "queue_full"


class ServerBusy(TooManyRequests):
    """The server is at its limit of such requests; this request waited in vain."""

    code = "server_busy"


class UnreadableJob(NSTError):
    """The database holds a job that this version of nst cannot read.
    For example, a newer version stored an option that this version does not know."""

    code = "unreadable_job"

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(f"job {job_id} cannot be read by this version of nst: {reason}")
        self.job_id = job_id
        self.reason = reason


class LeaseLost(NSTError):
    """Control flow: this worker has lost the job; its further reports are ignored."""

    code = "lease_lost"

    def __init__(self, job_id: str, attempt: int) -> None:
        super().__init__(f"attempt {attempt} of job {job_id} has been taken away")
        self.job_id = job_id
        self.attempt = attempt


class TransferError(NSTError):
    """The engine could not finish a transfer."""

    code = "transfer_failed"


class OutOfMemory(TransferError):
    """The image does not fit into the memory of the device, even in small tiles."""

    code = "out_of_memory"

    def __init__(self, size: tuple[int, int], device: str) -> None:
        width, height = size
        super().__init__(
            f"{width}×{height} pixels need more memory than {device} has, even in small tiles; "
            f"try a smaller size, for example {max(width, height) * 2 // 3}, or say "
            "with --max-memory how much there is"
        )
        self.size = size
        self.device = device


class Diverged(TransferError):
    """The loss is no longer a finite number, and smaller steps did not help."""

    code = "diverged"

    def __init__(self, step: int) -> None:
        super().__init__(
            f"the loss is not a finite number at step {step} and smaller steps did not help; "
            "try smaller weights or a smaller learning rate"
        )
        self.step = step


class WeightsUnavailable(TransferError):
    """No usable weights of the model were found in the places where they may be."""

    code = "weights_unavailable"

    def __init__(self, model: str, tried: Sequence[str]) -> None:
        places = "; ".join(tried)
        super().__init__(
            f"no usable weights for {model}; tried: {places}. Fetch them with "
            f"`nst weights fetch {model}`, name a file with --weights, put one into "
            "NST_WEIGHTS_DIR, or use the bundled --model vgg16"
        )
        self.model = model
        self.tried = tuple(tried)


class DraftUnavailable(TransferError):
    """The bundled network that paints drafts cannot be used."""

    code = "draft_unavailable"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"no draft can be painted: {path}: {reason}; install nst again, or start from "
            "another picture, for example with --init-method content"
        )
        self.path = path
        self.reason = reason


class NetworkUnavailable(TransferError):
    """The bundled network that finds faces or people cannot be used."""

    code = "network_unavailable"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"the network that finds faces and people cannot be loaded: {path}: {reason}; "
            "install nst again"
        )
        self.path = path
        self.reason = reason


class TransferCanceled(NSTError):
    """Raised by a progress callback to stop after this step and keep the image."""

    code = "canceled"

    def __init__(self) -> None:
        super().__init__("canceled")


class DependencyError(NSTError):
    """Something outside nst failed."""

    code = "dependency_failed"


class StorageError(DependencyError):
    """A file could not be read, written or deleted."""

    code = "storage_failed"

    def __init__(self, path: Path, reason: str, action: StorageAction = "write") -> None:
        super().__init__(f"cannot {action} {path}: {reason}")
        self.path = path
        self.reason = reason
        self.action = action


class StorageFull(StorageError):
    """No space is left for a file."""

    code = "storage_full"


class DiskFull(DependencyError):
    """The disk on which this machine works is full."""

    code = "disk_full"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"no space to work in {path}: {reason}")
        self.path = path
        self.reason = reason


class RepositoryError(DependencyError):
    """The database of jobs could not be read or written."""

    code = "repository_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the database does not answer: {reason}")
        self.reason = reason


class QueueError(DependencyError):
    """The task queue could not be read or written."""

    code = "queue_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the task queue does not answer: {reason}")
        self.reason = reason


class FeedError(DependencyError):
    """Live progress could not be delivered."""

    code = "feed_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the feed of live progress does not answer: {reason}")
        self.reason = reason


class VideoUnavailable(DependencyError):
    """A library for videos is not installed."""

    code = "video_unavailable"

    def __init__(self, library: str = "PyAV") -> None:
        super().__init__(f"videos need {library}; get it with `pip install 'nst[video]'`")
        self.library = library
