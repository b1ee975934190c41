"""Uploads of a client: the files and options that it sends for a new job."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nst.errors import ImageRole
from nst.image_files import READABLE
from nst.jobs import learned_inputs
from nst.jobs.order import Picture
from nst.options import StyleTransferOptions
from nst.progress import Change

MAX_STYLES = 8

CONTENT_TYPES = {name: f"image/{name.lower()}" for name in READABLE}
"""Media types of the pictures that may be sent, by what
is in them and not by their names."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture, or a film as the content, as a client sends it."""

    data: bytes
    name: str
    """File name at the client; never the place where it is stored."""

    def picture(
        self, role: ImageRole, key: str, content_type: str, size: tuple[int, int]
    ) -> Picture:
        """Return the upload as an input of a job."""
        return Picture(
            key=key,
            sha256=hashlib.sha256(self.data).hexdigest(),
            name=clean_name(self.name, role),
            content_type=content_type,
            size=size,
        )


@dataclass(frozen=True, slots=True)
class Sender:
    """Client that sends a request for a new job, and how the request is recognised."""

    owner: str
    client: str = ""
    """Name of the client whose bytes and work are counted."""
    counted_as: str = ""
    """Name of the client in what is stored."""
    idempotency_key: str | None = None
    """The same for a request that is sent again."""
    trace: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobRequest:
    """Request for a new job: its uploads and its options."""

    content: Upload
    """A picture or a film."""
    styles: Sequence[Upload]
    options: StyleTransferOptions
    masks: Sequence[Upload | None] = ()
    """For each style where it applies; None: everywhere."""
    detail_map: Upload | None = None
    initial: Upload | None = None
    """Image that is painted on."""
    preset: str | None = None
    given: Sequence[str] = ()
    """Names of the options that the client sent, beside the preset."""
    changes: Sequence[Change] = ()
    """Options that are steered, and at which step, from a recipe that is repeated."""
    stop_after: int | None = None
    """Step after which the job stops, from a recipe that is repeated."""
    passes: int | None = None
    """Number of times a film is painted; None: once."""

    @property
    def style_files(self) -> Sequence[bytes]:
        """Contents of the style files."""
        return [style.data for style in self.styles]

    @property
    def is_one_pass(self) -> bool:
        """Whether a network paints it in one pass, without an optimizer."""
        return self.options.is_draft or learned_inputs.are_learned(self.style_files)


def clean_name(name: str, role: str) -> str:
    """A file name that is safe to show and to offer for a download."""
    base = re.split(r"[/\\]", name)[-1]
    kept = re.sub(r"[^\w. -]+", "_", base).strip(". ")[-80:]
    return kept or role
