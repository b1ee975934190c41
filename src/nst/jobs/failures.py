"""Errors with which a worker ends a job that it could not finish."""

from nst.errors import DependencyError, StorageFull
from nst.jobs.job import JobError

CRASHED = JobError(
    code="engine_crashed",
    message="the engine crashed or stopped responding in every attempt; try a smaller size",
)
FULL = JobError(
    code=StorageFull.code,
    message="the server has no space left for the pictures; try again later",
)
TOO_LONG = JobError(
    code="time_limit",
    message="the job took longer than this server allows; the picture so far is kept",
)
UNSERVED = JobError(
    code=DependencyError.code,
    message="the server could not read or keep the pictures of this job; try again later",
)
GONE = JobError(
    code="pictures_gone",
    message="the uploaded pictures no longer exist; send them again",
)
