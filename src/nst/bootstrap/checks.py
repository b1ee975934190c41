"""Checks of external systems, for `nst doctor`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nst.bootstrap.database import check_database
from nst.bootstrap.feed import check_feed
from nst.bootstrap.process import settings
from nst.bootstrap.queue import check_queue
from nst.bootstrap.storage import check_storage

if TYPE_CHECKING:
    from nst.bootstrap.queue import Role


@dataclass(frozen=True, slots=True)
class Check:
    """Result of the check of one external system."""

    part: str
    is_well: bool
    words: str


def check_services(roles: "Sequence[Role]") -> Iterator[Check]:
    """Check each external system of the settings, with the rights of these roles.
    Raises InvalidOption."""
    from nst.errors import DependencyError

    found = settings()
    checks: dict[str, Callable[[], str]] = {
        "database": lambda: check_database(found.storage),
        "queue": lambda: check_queue(found.kafka, roles),
        "live news": lambda: check_feed(found.storage),
        "storage": lambda: check_storage(found),
    }
    for part, check in checks.items():
        try:
            yield Check(part, is_well=True, words=check())
        except DependencyError as error:
            yield Check(part, is_well=False, words=str(error))
