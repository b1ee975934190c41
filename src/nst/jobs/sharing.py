"""Share links, which show the result of a job to anybody who has them."""

import hashlib

from nst.errors import JobConflict, JobNotFound
from nst.jobs.job import Job, Share, new_id
from nst.jobs.ports import JobRepository
from nst.jobs.quota import DAY_SECONDS

MAX_SHARES = 50
"""Maximum number of valid links per job. All of them are in one list."""


def share(
    job: Job, token: str, days: float, repository: JobRepository, retention_seconds: float
) -> Share:
    """Store a share link to the result, for everybody who knows the token.
    It is valid for `days`, but not longer than the job is kept. Raises JobConflict if there is
    no result, or if it is a learned style; TooManyShares if the job has MAX_SHARES links."""
    if job.result is None:
        raise JobConflict(job.id, "there is no picture yet that could be shared")
    if job.order.learning:
        raise JobConflict(job.id, "a learned style is no picture; share its file")
    now = repository.now()
    until = now + days * DAY_SECONDS
    made = Share(
        id=new_id(),
        job_id=job.id,
        token_sha256=_token_hash(token),
        created_at=now,
        expires_at=min(until, job.expires_at(retention_seconds) or until),
    )
    repository.add_share(made, MAX_SHARES)
    return made


def shared(token: str, repository: JobRepository) -> Job:
    """Return the job of a share link. Raises JobNotFound."""
    found = repository.find_share(_token_hash(token))
    if found is None:
        raise JobNotFound(None)
    return repository.get(found.job_id)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
