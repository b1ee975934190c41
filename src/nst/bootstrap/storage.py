"""Files of a service: images in a folder or in S3, and the secret of its cookies."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from nst.jobs.ports import ImageStorage
    from nst.settings.environment import Settings


def open_storage(settings: "Settings") -> "ImageStorage":
    """Return the storage of images."""
    from nst.adapters.storage import in_folder, in_s3

    if not settings.storage.storage_url:
        return in_folder(_folder(settings))
    return in_s3(settings.storage.storage_url, settings.s3)


def pictures_origin(settings: "Settings") -> str | None:
    """Return the origin of the storage's links; None if it has no links."""
    s3 = settings.s3
    if not settings.storage.storage_url:
        return None
    if s3.public_endpoint:
        address = urlsplit(s3.public_endpoint)
        return f"{address.scheme}://{address.netloc}"
    if s3.endpoint:
        return None
    bucket = urlsplit(settings.storage.storage_url).netloc
    return f"https://{bucket}.s3.{s3.region}.amazonaws.com"


def check_storage(settings: "Settings") -> str:
    """Write and delete a file; return the location of the storage.
    Raises StorageError."""
    storage, probe = open_storage(settings), f"probe-{secrets.token_hex(8)}"
    storage.put(f"{probe}/file", b"nst")
    storage.delete(f"{probe}/")
    return settings.storage.storage_url or str(_folder(settings))


def secret_key(settings: "Settings") -> str:
    """Return the secret of the settings, or one that is generated once and kept."""
    from filelock import FileLock

    from nst.files import write_file

    if settings.web.secret_key:
        return settings.web.secret_key.get_secret_value()
    directory = settings.storage.data_dir
    make_private(directory)
    file = directory / "secret-key"
    with FileLock(directory / "secret-key.lock"):  # another process may be starting too
        if not file.exists():
            write_file(file, _write_new_key)
    return file.read_text()


def make_private(directory: Path) -> None:
    """Create a directory that only this user can read. Raises StorageError."""
    from nst.errors import StorageError

    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(directory, error.strerror or str(error)) from error


def _write_new_key(file: Path) -> None:
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(32))


def _folder(settings: "Settings") -> Path:
    return settings.storage.data_dir / "pictures"
