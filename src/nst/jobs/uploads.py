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
"""Media types of accepted images, by format.
The content of a file determines its format, not its name."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file from a client: an image, a learned style, or a film as the content."""

    data: bytes
    name: str
    """File name at the client; never a storage path."""

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
    """Sender of a request for a new job, and the identity of the request."""

    owner: str
    client: str = ""
    """Name of the client whose bytes and work are counted."""
    counted_as: str = ""
    """Name of the client in stored data."""
    idempotency_key: str | None = None
    """Key that stays the same if the client repeats the request."""
    trace: Mapping[str, str] = field(default_factory=dict)
    reuses_results: bool = True
    """Whether an earlier result of an equal order of this owner may be the result.
    False if the owner may be several people."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """Request for a new job: its uploads and its options."""

    content: Upload
    """Content image or film."""
    styles: Sequence[Upload]
    options: StyleTransferOptions
    masks: Sequence[Upload | None] = ()
    """Mask of each style; a style without a mask (None) applies everywhere."""
    detail_map: Upload | None = None
    initial: Upload | None = None
    """Initial image; None if the options define where the transfer starts."""
    preset: str | None = None
    given: Sequence[str] = ()
    """Names of the options that the client sent in addition to the preset."""
    changes: Sequence[Change] = ()
    """Planned changes of options, from a repeated recipe, with the step of each."""
    stop_after: int | None = None
    """Step after which the job stops, from a repeated recipe."""
    passes: int | None = None
    """Number of times a film is painted; None means once."""

    @property
    def style_files(self) -> Sequence[bytes]:
        """Contents of the style files."""
        return [style.data for style in self.styles]

    @property
    def is_one_pass(self) -> bool:
        """Whether a network paints the result in one pass, without an optimizer."""
        return self.options.is_draft or learned_inputs.are_learned(self.style_files)


def clean_name(name: str, role: str) -> str:
    """Return a file name that is safe to display and to offer for a download."""
    base = re.split(r"[/\\]", name)[-1]
    kept = re.sub(r"[^\w. -]+", "_", base).strip(". ")[-80:]
    return kept or role
