"""Learned styles that clients keep on the server.

A job has its own copy of the file, like of every picture. So a style can be deleted at any time:
jobs that use it go on, can be tried again, and end as they would have.
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
from nst.errors import DependencyError, InvalidOption, StyleNotFound, TooManyRequests
from nst.jobs.job import Job, new_id
from nst.jobs.ports import ImageStorage
from nst.jobs.quota import DAY_SECONDS, Quota
from nst.learned_file import SUFFIX
from nst.settings.groups import Limits

MAX_NAME_CHARACTERS = 80

DIRECTORY = "learned-"
"""Prefix of the directory of a style in the storage, before its id."""

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
    """Client whose limits it counts to, beside the owner's: a keyed hash."""
    name: str
    """For people; its owner may change it."""
    styles: tuple[str, ...]
    """Names of the styles in the file, in their order."""
    licence: str
    size_bytes: int
    sha256: str
    created_at: float = 0.0
    used_at: float = 0.0
    """When it was uploaded, or when a job last used it."""

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

    def unused(self, seconds: float, limit: int) -> Sequence[StoredStyle]:
        """Return styles that have not been used for so many seconds."""

    def existing(self, style_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that exist."""


@dataclass(frozen=True, slots=True)
class LearnedStyles:
    """The learned styles of a service.
    Every method checks whose they are: somebody else's do not exist."""

    repository: LearnedStyleRepository
    storage: ImageStorage
    quota: Quota
    limits: Limits

    def add(
        self, owner: str, data: bytes, name: str, *, client: str = "", counted_as: str = ""
    ) -> StoredStyle:
        """Check a file and keep it. `name`: of the file or for people. `client` is whose
        bytes are counted; `counted_as` names the client in what is stored.
        Raises InvalidOption, InvalidStyleFile, TooManyRequests."""
        if len(data) > self.limits.max_learned_style_bytes:
            allowed = f"a file of at most {self.limits.max_learned_style_bytes / 1e6:g} MB"
            raise InvalidOption("file", f"{len(data) / 1e6:.1f} MB", allowed)
        named = checked_name(name.removesuffix(SUFFIX))
        facts = learned_file.read(data, f"{named}{SUFFIX}").facts
        self.check_room(owner, counted_as)
        self.quota.take_bytes(client or owner, len(data), self.limits.max_bytes_per_day)
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
        # The file first: one without a row is swept away, a row without a file would fail jobs.
        self.storage.put(style.key, data)
        logger.info("learned style kept", extra={"style": style.id})
        return self.repository.add(style)

    def list(self, owner: str) -> Sequence[StoredStyle]:
        """Newest first."""
        return self.repository.list(owner)

    def get(self, owner: str, style_id: str) -> StoredStyle:
        """Raises StyleNotFound."""
        style = self.repository.get(style_id)
        if style.owner != owner:
            raise StyleNotFound(style_id)
        return style

    def rename(self, owner: str, style_id: str, name: str) -> StoredStyle:
        """Raises StyleNotFound, InvalidOption."""
        self.get(owner, style_id)
        return self.repository.rename(style_id, checked_name(name))

    def delete(self, owner: str, style_id: str) -> None:
        """Forget a style and its file. Jobs that use it have a copy.
        Raises StyleNotFound."""
        style = self.get(owner, style_id)
        self.repository.delete(style_id)
        with suppress(DependencyError):  # it is swept away later
            self.storage.delete(style.directory)
        logger.info("learned style deleted", extra={"style": style_id})

    def data(self, owner: str, style_id: str) -> tuple[bytes, str]:
        """Return the file, and its name with extension. Raises StyleNotFound."""
        style = self.get(owner, style_id)
        try:
            return self.storage.get(style.key), f"{style.name}{SUFFIX}"
        except FileNotFoundError as error:  # it is being deleted
            raise StyleNotFound(style_id) from error

    def use(self, owner: str, style_id: str) -> tuple[bytes, str]:
        """Return what `data` returns, for a job: the style counts as used. Raises
        StyleNotFound."""
        found = self.data(owner, style_id)
        self.repository.use(style_id)
        return found

    def graph(self, owner: str, style_id: str) -> tuple[bytes, str]:
        """Return the style as an ONNX graph, and the name of its file. Raises
        StyleNotFound."""
        data, name = self.data(owner, style_id)
        return learned_graph.graph(learned_file.read(data, name)), f"{name[: -len(SUFFIX)]}.onnx"

    def check_room(self, owner: str, client: str) -> None:
        """Raise TooManyRequests if the owner or the client
        keeps as many styles as allowed."""
        limits = self.limits
        if self.repository.count(owner) >= limits.max_learned_styles_per_client:
            reason = (
                f"you keep {limits.max_learned_styles_per_client} learned styles; delete one first"
            )
            raise TooManyRequests(reason, DAY_SECONDS)
        most = limits.max_learned_styles_per_address
        if client and self.repository.count_of_client(client) >= most:
            reason = f"{most} learned styles from your network address are kept; delete one first"
            raise TooManyRequests(reason, DAY_SECONDS)


def checked_name(name: str) -> str:
    """Return a name that is safe to show and in a file name.
    Raises InvalidOption."""
    base = re.split(r"[/\\]", name)[-1]
    kept = re.sub(r"[^\w. -]+", "_", base).strip(". ")
    if not 1 <= len(kept) <= MAX_NAME_CHARACTERS:
        raise InvalidOption("name", name, f"a name of 1 to {MAX_NAME_CHARACTERS} characters")
    return kept


def keep_learned(
    job: Job, data: bytes, repository: LearnedStyleRepository, storage: ImageStorage
) -> StoredStyle:
    """Make the file that a job has learned a style of its owner, with the id of the
    job: an attempt that repeats the job, or goes on, replaces it."""
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
    """Return the name of a learned style whose file has styles with these names."""
    return checked_name(" and ".join(names)[:MAX_NAME_CHARACTERS])
