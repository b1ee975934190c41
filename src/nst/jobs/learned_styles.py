"""Learned styles that clients keep on the server.

A job has its own copy of the style's file, as of every input. A style can therefore be deleted at
any time: jobs that use it continue, can be retried, and produce the same results.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from nst import learned_file, learned_graph
from nst.errors import DependencyError, InvalidOption, StyleNotFound, TooManyStyles
from nst.jobs import learned_inputs
from nst.jobs.job import ID, Job, new_id
from nst.jobs.ports import ImageStorage
from nst.jobs.quota import Quota
from nst.learned_file import SUFFIX
from nst.settings.groups import Limits

MAX_NAME_CHARACTERS = 80

DIRECTORY = "learned-"
"""Prefix of a style's directory in the storage; the id of the style follows."""

STYLE_DIRECTORY = re.compile(f"{DIRECTORY}([0-9a-f]{{32}})")
FILE = "style.nst"

logger = logging.getLogger(__name__)


class StoredStyle(BaseModel):
    """A learned style in the repository.
    Times are seconds since 1970, by the repository's clock."""

    model_config = ConfigDict(frozen=True)

    id: str
    owner: str
    client: str
    """Client whose limits apply to the style, in addition to those of the owner.
    It is a keyed hash of the API key or address."""
    name: str
    """Display name, which the owner can change."""
    styles: tuple[str, ...]
    """Names of the styles in the file, in their order."""
    licence: str
    size_bytes: int
    sha256: str
    created_at: float = 0.0
    used_at: float = 0.0
    """Time of the upload, or of the last use by a job."""

    @property
    def directory(self) -> str:
        """Directory of its files in the storage."""
        return f"{DIRECTORY}{self.id}/"

    @property
    def key(self) -> str:
        """Key of its file in the storage."""
        return f"{self.directory}{FILE}"


class LearnedStyleRepository(Protocol):
    """Learned styles and their owners.

    Every method is one transaction, is safe to call from any thread or process, and raises
    RepositoryError if the database does not answer.
    """

    def add(self, style: StoredStyle) -> StoredStyle:
        """Store a new style; return it with timestamps of the database's clock."""

    def put(self, style: StoredStyle) -> StoredStyle:
        """Store a style, or replace the one with its id, which keeps its name and the
        time of its creation."""

    def get(self, style_id: str) -> StoredStyle:
        """Return a style. Raises StyleNotFound."""

    def list(self, owner: str) -> Sequence[StoredStyle]:
        """Return the owner's styles, newest first."""

    def count(self, owner: str) -> int:
        """Return the number of the owner's styles."""

    def count_of_client(self, client: str) -> int:
        """Return the number of styles from this client, of any owner."""

    def rename(self, style_id: str, name: str) -> StoredStyle:
        """Give a style another name. Raises StyleNotFound."""

    def use(self, style_id: str) -> None:
        """Note that a style is used now; do nothing if there is no such style."""

    def delete(self, style_id: str) -> None:
        """Delete a style; do nothing if there is no such style."""

    def delete_unused(self, seconds: float) -> StoredStyle | None:
        """Delete one style that has not been used for `seconds`; return it or None."""

    def existing(self, style_ids: Sequence[str]) -> set[str]:
        """Return the ids that exist."""


@dataclass(frozen=True, slots=True)
class LearnedStyles:
    """Learned styles of a service.
    For every method with an `owner`, the styles of other owners do not exist."""

    repository: LearnedStyleRepository
    storage: ImageStorage
    quota: Quota
    limits: Limits

    def add(
        self, owner: str, data: bytes, name: str, *, client: str = "", counted_as: str = ""
    ) -> StoredStyle:
        """Check the file of a learned style and store it.
        `name`: file name or display name. `client`: client whose uploaded bytes are
        counted. `counted_as`: name of the client in stored data. Raises InvalidOption,
        InvalidStyleFile, TooManyRequests, TooManyStyles."""
        learned_inputs.check_size(data, "file", self.limits)
        named = checked_name(name.removesuffix(SUFFIX))
        facts = learned_file.read(data, f"{named}{SUFFIX}").facts
        self.check_room(owner, counted_as, "file")
        style = StoredStyle(
            id=new_id(),
            owner=owner,
            client=counted_as,
            name=named,
            styles=facts.styles,
            licence=facts.licence,
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        with self.quota.returned_on_failure() as quota:
            quota.take_bytes(client or owner, len(data), self.limits.max_bytes_per_day)
            # The file first: the janitor removes a file without a row; a row without a file
            # fails jobs.
            self.storage.put(style.key, data)
            stored = self.repository.add(style)
        logger.info("learned style kept", extra={"style": style.id})
        return stored

    def list(self, owner: str) -> Sequence[StoredStyle]:
        """Return the styles of the owner, newest first."""
        return self.repository.list(owner)

    def get(self, owner: str, style_id: str) -> StoredStyle:
        """Return a style of the owner. Raises StyleNotFound."""
        if not ID.fullmatch(style_id):  # a database need not accept every text
            raise StyleNotFound(style_id)
        style = self.repository.get(style_id)
        if style.owner != owner:
            raise StyleNotFound(style_id)
        return style

    def rename(self, owner: str, style_id: str, name: str) -> StoredStyle:
        """Rename a style. Raises StyleNotFound, InvalidOption."""
        self.get(owner, style_id)
        return self.repository.rename(style_id, checked_name(name))

    def delete(self, owner: str, style_id: str) -> None:
        """Delete a style and its file. Jobs that use the style have a copy.
        Raises StyleNotFound."""
        style = self.get(owner, style_id)
        self.repository.delete(style_id)
        with suppress(DependencyError):  # the janitor deletes it later
            self.storage.delete(style.directory)
        logger.info("learned style deleted", extra={"style": style_id})

    def data(self, owner: str, style_id: str) -> tuple[bytes, str]:
        """Return the content of the file, and the file name. Raises StyleNotFound."""
        style = self.get(owner, style_id)
        try:
            return self.storage.get(style.key), f"{style.name}{SUFFIX}"
        except FileNotFoundError as error:  # the style is being deleted
            raise StyleNotFound(style_id) from error

    def use(self, owner: str, style_id: str) -> tuple[bytes, str]:
        """Return the same as `data`, and mark the style as used.
        Raises StyleNotFound."""
        found = self.data(owner, style_id)
        self.repository.use(style_id)
        return found

    def graph(self, owner: str, style_id: str) -> tuple[bytes, str]:
        """Return the style as an ONNX graph, and the file name of the graph.
        Raises StyleNotFound."""
        data, name = self.data(owner, style_id)
        return learned_graph.graph(learned_file.read(data, name)), f"{name[: -len(SUFFIX)]}.onnx"

    def check_room(self, owner: str, client: str, field: str) -> None:
        """Raise TooManyStyles if the owner or the client has the maximum of styles.
        Raise InvalidOption about this field of the form if the server keeps none."""
        most = self.limits.max_learned_styles_per_client
        if not most:
            raise InvalidOption(field, "", "none; this server keeps no learned styles")
        if self.repository.count(owner) >= most:
            raise TooManyStyles(f"you keep {most} learned styles; delete one first")
        most = self.limits.max_learned_styles_per_address
        if client and self.repository.count_of_client(client) >= most:
            reason = f"{most} learned styles from your network address are kept; delete one first"
            raise TooManyStyles(reason)


def checked_name(name: str) -> str:
    """Return a name that is safe to display and to use in a file name.
    Raises InvalidOption."""
    base = re.split(r"[/\\]", name)[-1]
    kept = re.sub(r"[^\w. -]+", "_", base).strip(". ")
    if not 1 <= len(kept) <= MAX_NAME_CHARACTERS:
        raise InvalidOption("name", name, f"a name of 1 to {MAX_NAME_CHARACTERS} characters")
    return kept


def keep_learned(
    job: Job, data: bytes, repository: LearnedStyleRepository, storage: ImageStorage
) -> StoredStyle:
    """Store the file that a job has learned as a style of the job's owner.
    The style has the id of the job, so that another attempt at the job replaces it."""
    assert job.order.learning is not None
    facts = learned_file.read(data, "the file").facts
    style = StoredStyle(
        id=job.id,
        owner=job.owner,
        client=job.client,
        name=style_name(job.order.learning.names),
        styles=facts.styles,
        licence=facts.licence,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    storage.put(style.key, data)
    return repository.put(style)


def style_name(names: Sequence[str]) -> str:
    """Return the name of a learned style that consists of styles with these names."""
    return checked_name(" and ".join(names)[:MAX_NAME_CHARACTERS])
