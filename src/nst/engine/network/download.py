"""Download of one file over HTTP, resumed after a break and checked.

The file is renamed into place when it is complete.

The code is our own, because the libraries for this check hashes (pooch, torch.hub) but do not
resume.
"""

from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from filelock import FileLock

from nst.files import sha256_of

OnDownload = Callable[[int, int | None], None]
"""Callback with the number of bytes received and, if known, of all bytes."""

TIMEOUT_SECONDS = 10.0
CHUNK_BYTES = 1 << 18


class DownloadFailed(OSError):
    """The file could not be downloaded from this address; the message says why."""


def download(url: str, target: Path, sha256: str, on_download: OnDownload | None = None) -> None:
    """Download `url` to `target`, unless `target` is complete. Raises DownloadFailed.

    Received bytes stay in `target`.part, from which the next call resumes, whatever the mirror.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with FileLock(target.with_name(target.name + ".lock")):
        if target.exists() and sha256_of(target) == sha256:
            return
        _fetch_all(url, part, on_download)
        if sha256_of(part) != sha256:
            part.unlink()
            raise DownloadFailed("the download has another SHA-256 than the file")
        part.replace(target)


def _fetch_all(url: str, part: Path, on_download: OnDownload | None) -> None:
    """Request the rest again as long as every attempt receives something."""
    while True:
        size_before = _size(part)
        try:
            return _fetch_rest(url, part, on_download)
        except (OSError, HTTPException) as error:
            if isinstance(error, DownloadFailed):
                raise
            if _size(part) == size_before:
                raise DownloadFailed(str(error)) from error


def _fetch_rest(url: str, part: Path, on_download: OnDownload | None) -> None:
    here = _size(part)
    try:
        request = Request(url, headers={"Range": f"bytes={here}-"} if here else {})
        response = urlopen(request, timeout=TIMEOUT_SECONDS)
    except ValueError as error:
        raise DownloadFailed("it is no URL such as https://example.org/weights") from error
    except HTTPError as error:
        if here and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # the part is already complete
        raise
    with response:
        if response.headers.get_content_type() == "text/html":
            raise DownloadFailed("it sent a web page, not the file")
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            here = 0  # a server without ranges sends the file from its beginning
        length = response.headers.get("Content-Length")
        total = here + int(length) if length else None
        with part.open("ab" if here else "wb") as file:
            while chunk := response.read(CHUNK_BYTES):
                file.write(chunk)
                here += len(chunk)
                if on_download:
                    on_download(here, total)
    if total is not None and here < total:
        raise ConnectionError(f"the connection broke after {here} of {total} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
