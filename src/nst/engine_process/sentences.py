"""Sentences about errors of the engine, for users of a service."""

from collections.abc import Mapping

from nst.errors import (
    DependencyError,
    DraftUnavailable,
    InvalidStyleFile,
    NetworkUnavailable,
    NSTError,
    OutOfMemory,
    VideoUnavailable,
    WeightsUnavailable,
)
from nst.jobs.job import JobError


def as_job_error(error: NSTError) -> JobError:
    """Return the error with which a job fails."""
    return JobError(code=error.code, message=sentence(error))


_MISSING: Mapping[type[NSTError], str] = {
    DraftUnavailable: "this server cannot paint drafts; start from another picture",
    NetworkUnavailable: "this server cannot find faces or people; ask its operator to install nst "
    "again",
    VideoUnavailable: "this server cannot paint films; send a picture",
}
"""Sentences about parts that the machine of a worker lacks."""


def sentence(error: NSTError) -> str:
    """Return a sentence about an error for users without access to the server."""
    match error:
        case OutOfMemory(size=(width, height)):
            return f"{width}×{height} pixels need more memory than there is; try a smaller size"
        case WeightsUnavailable(model=model):
            return f"this server has no weights for {model}; choose the model vgg16"
        case DraftUnavailable() | NetworkUnavailable() | VideoUnavailable():
            return _MISSING[type(error)]
        case InvalidStyleFile(reason=reason):
            return f"the file of the learned style {reason}"
        case DependencyError():
            return "this server could not keep what was painted; try again later"
        case _:
            return str(error)
