"""Archives: the files of one job, or the results of several."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nst.errors import PictureNotFound
from nst.files import numbered
from nst.jobs.job import FRAMES, Job
from nst.jobs.pictures import file_name
from nst.jobs.ports import ImageStorage
from nst.jobs.stored_file import StoredFile


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file in an archive."""

    name: str
    size_bytes: int
    key: str


@dataclass(frozen=True, slots=True)
class Archives:
    """Archives of a service's jobs. No method checks the owner of a job."""

    storage: ImageStorage

    def of_job(self, job: Job) -> Sequence[ArchiveFile]:
        """Return the frames and the result of a job.
        Raises PictureNotFound if the job has neither."""
        frames = self.storage.list(f"{job.id}/{FRAMES}")
        files = [_archived(file, FRAMES + Path(file.key).name) for file in frames]
        if result := self._result(job):
            files.append(_archived(result, file_name(job)))
        if not files:
            raise PictureNotFound("nothing has been painted yet")
        return files

    def of_results(self, jobs: Sequence[Job]) -> tuple[Sequence[ArchiveFile], Sequence[str]]:
        """Return the results of these jobs under unique names,
        and a line of text for each job without a result."""
        files, missing, taken = list[ArchiveFile](), list[str](), set[str]()
        for job in jobs:
            if result := self._result(job):
                names = (path.name for path in numbered(Path(file_name(job))))
                name = next(each for each in names if each not in taken)
                taken.add(name)
                files.append(_archived(result, name))
            else:
                missing.append(f"{job.order.title}: {job.status}")
        return files, missing

    def read(self, file: ArchiveFile) -> Iterator[bytes]:
        """Yield the content of a file in pieces.
        The file is opened at the first piece, because an archive may have hundreds of files."""
        yield from self.storage.stream(file.key)

    def _result(self, job: Job) -> StoredFile | None:
        return self.storage.stat(job.result.key) if job.result else None


def archive_name(job: Job) -> str:
    """Return the file name of a job's archive."""
    return f"{Path(file_name(job)).stem}.zip"


def _archived(file: StoredFile, name: str) -> ArchiveFile:
    return ArchiveFile(name, file.size_bytes, file.key)
