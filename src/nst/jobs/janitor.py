"""The janitor: removes expired jobs, and files that belong to no job.

Files are deleted only if no job can need them: the storage must belong to this database, and a
storage with many unknown jobs is probably the wrong one.
A row is deleted before its files, by a statement that spares a job that was queued again and a
style that was used meanwhile. Files that are left belong to no row, and a later run deletes them.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from nst.jobs.job import ID
from nst.jobs.learned_styles import DIRECTORY, STYLE_DIRECTORY, LearnedStyleRepository
from nst.jobs.ports import ImageStorage, JobRepository

DEPLOYMENT_KEY = "deployment-id"
"""Key of the file that names the database to which the storage belongs."""

ORPHAN_SECONDS = 3600.0
"""Age in seconds at which a directory without a job is removed; a younger one may
belong to a job that is being submitted."""

MANY_ORPHANS = 20
"""Number of orphaned directories that may always be removed.
A larger number is removed only if it is at most half of all directories."""

BATCH = 20
"""Maximum number of jobs, styles or orphaned directories that one call removes.
Its worker takes no job meanwhile, and on S3 a thousand deletions take minutes."""

logger = logging.getLogger(__name__)


def clean(repository: JobRepository, storage: ImageStorage, retention_seconds: float) -> int:
    """Remove jobs whose retention has expired, and old files that belong to no job.
    Return the number of removed jobs and directories; from BATCH on, more may be left. Raises
    DependencyError."""
    _check_outage(repository, storage)
    before, removed = repository.now() - retention_seconds, 0
    for job_id in islice(iter(lambda: repository.delete_completed(before), None), BATCH):
        with _guarded(job_id, repository, storage):
            storage.delete(f"{job_id}/")
            removed += 1
    if removed == BATCH:  # the next call is near, and a list of all directories takes long
        return removed
    # Directories with other names belong to other programs.
    directories = [name for name in storage.directories() if ID.fullmatch(name)]
    known = repository.existing(directories)
    return removed + _remove_orphans(repository, storage, directories, known)


def clean_styles(
    repository: JobRepository,
    styles: LearnedStyleRepository,
    storage: ImageStorage,
    retention_seconds: float,
) -> int:
    """Remove learned styles whose retention has expired, and old files of no style.
    Return the number of removed styles and directories; from BATCH on, more may be left. Raises
    DependencyError."""
    _check_outage(repository, storage)
    removed = 0
    for style in islice(iter(lambda: styles.delete_unused(retention_seconds), None), BATCH):
        with _guarded(style.directory, repository, storage):
            storage.delete(style.directory)
            removed += 1
    directories = [name for name in storage.directories() if STYLE_DIRECTORY.fullmatch(name)]
    known = styles.existing([name.removeprefix(DIRECTORY) for name in directories])
    kept = {f"{DIRECTORY}{style_id}" for style_id in known}
    return removed + _remove_orphans(repository, storage, directories, kept)


def _remove_orphans(
    repository: JobRepository, storage: ImageStorage, directories: Sequence[str], known: set[str]
) -> int:
    doubt = _doubt_about_owner(repository, storage, directories, known)
    orphans = [] if doubt else [
        name for name in directories if name not in known and _is_old(name, repository, storage)
    ]  # fmt: skip
    if doubt := doubt or _doubt_about_number(orphans, directories):
        logger.error("files without a job or a style are not removed: %s", doubt)
        return 0
    removed = 0
    for name in orphans[:BATCH]:
        with _guarded(name, repository, storage):
            storage.delete(f"{name}/")
            removed += 1
    return removed


def _doubt_about_number(orphans: Sequence[str], directories: Sequence[str]) -> str | None:
    if len(orphans) <= max(MANY_ORPHANS, len(directories) / 2):
        return None
    return (
        f"{len(orphans)} of {len(directories)} directories, such as {orphans[0]}, belong to "
        "nothing in this database; check that it is the right one, and remove them by hand"
    )


def _doubt_about_owner(
    repository: JobRepository,
    storage: ImageStorage,
    directories: Sequence[str],
    known: set[str],
) -> str | None:
    """Return why the storage may belong to another database; None if it belongs to this one. A
    storage without an owner is assigned to this database, unless it has only unknown
    directories."""
    ours = repository.deployment_id()
    try:
        theirs = storage.get(DEPLOYMENT_KEY).decode(errors="replace")
    except FileNotFoundError:
        if directories and not known:
            return f"none of its {len(directories)} directories belongs to this database"
        storage.put(DEPLOYMENT_KEY, ours.encode())
        return None
    if theirs == ours:
        return None
    return (
        f"the storage belongs to the database {theirs:.40}, this one is {ours}; check "
        f"NST_DATABASE_URL and NST_STORAGE_URL, or remove the file {DEPLOYMENT_KEY}"
    )


def _is_old(directory: str, repository: JobRepository, storage: ImageStorage) -> bool:
    with _guarded(directory, repository, storage):
        return storage.changed_at(f"{directory}/") < time.time() - ORPHAN_SECONDS
    return False


@contextmanager
def _guarded(name: str, repository: JobRepository, storage: ImageStorage) -> Iterator[None]:
    """Log a failure to remove one job, style or directory, and continue with the others.
    Raises DependencyError during an outage, in which each call would wait."""
    try:
        yield
    except Exception as error:  # a fault of nst must not fill the storage either
        logger.warning("%s is not removed yet: %s", name, error)
        _check_outage(repository, storage)


def _check_outage(repository: JobRepository, storage: ImageStorage) -> None:
    """Raise DependencyError during an outage, in which each deleted row would leave its files."""
    repository.now()
    storage.stat(DEPLOYMENT_KEY)
