"""/api/v1/archive: the results of several jobs in one ZIP."""

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from nst.api import pictures
from nst.api.service import sends, service
from nst.errors import InvalidOption, JobNotFound
from nst.jobs.job import Job

routes = APIBlueprint("archive", __name__, tag="archive", url_prefix="/api/v1")

MAX_JOBS = 100
"""Maximum number of jobs in one archive."""


class ArchiveQuery(BaseModel):
    """Query that names the jobs of an archive."""

    jobs: str = Field(description=f"Ids of 1 to {MAX_JOBS} jobs, with commas between.")


@routes.get("/archive")
@routes.input(ArchiveQuery, location="query", arg_name="query")
@routes.doc(responses=sends("application/zip", "The results.", 404, 422))
def archive(query: ArchiveQuery) -> Response:
    """Return the results of several jobs in one ZIP.

    A text file in the ZIP lists the jobs without a result, also those that are deleted.
    """
    ids = list(dict.fromkeys(query.jobs.split(",")))
    if len(ids) > MAX_JOBS:
        raise InvalidOption("jobs", f"{len(ids)} ids", f"at most {MAX_JOBS}")
    me = service().me()
    found = {job_id: _find(me, job_id) for job_id in ids}
    jobs = [job for job in found.values() if job]
    if not jobs:
        raise JobNotFound(ids[0])
    return pictures.archive_of_results(jobs, [job_id for job_id in ids if not found[job_id]])


def _find(owner: str, job_id: str) -> Job | None:
    try:
        return service().jobs.get(owner, job_id)
    except JobNotFound:
        return None
