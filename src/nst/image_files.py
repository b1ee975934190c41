"""Image files before decoding: their formats, and metadata that breaks decoders.

A decoder that fails on a damaged text or profile loses an image whose pixels are intact. Decoders
therefore get only the parts of a file that concern pixels, orientation, colours or the recipe.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from typing import Any

from PIL import Image
from PIL.ExifTags import Base as ExifTag

DECODERS = {
    "JPEG": "JPEG",
    "PNG": "PNG",
    "WEBP": "WEBP",
    "TIFF": "TIFF",
    "AVIF": "AVIF",
    "GIF": "GIF",
    "BMP": "BMP",
    "HEIC": "HEIF",
}
"""Formats that can be read, with Pillow's names of their decoders."""

DEEP_TIFF = "TIFF of deep pixels"
"""Format of images that `nst.deep_pixels` has read; not one of Pillow's formats."""

READABLE = tuple(name for name in DECODERS if name != "HEIC" or find_spec("pi_heif"))
"""Formats that this installation reads. HEIC needs the extra `heic`."""

HEIC_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
"""Extensions of HEIC photos, which Pillow alone does not know."""

BRANDS = {
    **dict.fromkeys(("avif", "avis"), "AVIF"),
    **dict.fromkeys(("heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"), "HEIC"),
}
"""Formats by the brands of an ISO media file (ISO/IEC 23008-12, AVIF 1.1).
The brands mif1 and msf1 name only the container, so the compatible brands are searched as well."""

MAX_PIXELS = 150_000_000
"""Maximum number of pixels, about that of the largest camera backs.
It guards against decompression bombs; such an image has 450 MB when decoded."""

MAX_PROFILE_BYTES = 16 * 1024**2
"""Maximum size of an unpacked colour profile in PNG; larger ones are ignored."""

RECIPE_KEY = "nst-recipe"
"""Keyword of the text chunk that holds the recipe of an image."""

_STARTS = (b"\xff\xd8", b"\x89PNG", b"II", b"MM", b"GIF8", b"BM")
_MEDIA_STARTS = (b"ftypmif1", b"ftypmsf1")
"""Beginnings of ISO media files that are always images, after the length field."""
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = (b"tRNS", b"acTL", b"fcTL", b"fdAT")
_JPEG_KEPT = {0xE0: b"JFIF", 0xE1: b"Exif\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""Markers and beginnings of the application segments that are kept."""
_ICC_HEADER_BYTES = 14
"""Size of name, number and count at the beginning of a profile's segment in JPEG.
ICC.1, annex B, defines them."""
_WEBP_METADATA = (b"EXIF", b"ICCP")
_WEBP_PIXELS = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF")


@cache
def readable_suffixes() -> frozenset[str]:
    """Return the extensions of the files that this installation reads, in lower case."""
    by_suffix = Image.registered_extensions().items()
    known = frozenset(suffix for suffix, name in by_suffix if name in READABLE)
    return known | (HEIC_SUFFIXES if "HEIC" in READABLE else frozenset())


def is_image(start: bytes) -> bool:
    """Return whether a file that begins with these bytes may be an image.
    `start`: about 1000 bytes."""
    is_webp = start.startswith(b"RIFF") and start[8:12] == b"WEBP"
    is_media_image = start[4:12] in _MEDIA_STARTS or format_of(start) is not None
    return is_webp or is_media_image or start.startswith(_STARTS)


def format_of(data: bytes) -> str | None:
    """Return the format of an ISO media file by its brands: AVIF, HEIC, or None."""
    if data[4:8] != b"ftyp":
        return None
    length = min(int.from_bytes(data[:4], "big"), 1024)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, length, 4))]
    return next(filter(None, (BRANDS.get(brand.decode("latin-1")) for brand in brands)), None)


def without_metadata(data: bytes) -> bytes:
    """Return the file without metadata that is not needed.
    A file with a damaged structure, or of another format, is returned unchanged."""
    for start, clean in (
        (_PNG, _clean_png),
        (b"\xff\xd8\xff", _clean_jpeg),
        (b"RIFF", _clean_webp),
    ):
        if data.startswith(start):
            with suppress(struct.error, IndexError):
                return clean(data)
    return data


def profile_of(data: bytes) -> bytes | None:
    """Return the unpacked colour profile of a PNG; None if it has no usable one."""
    if not data.startswith(_PNG):
        return None
    chunks = takewhile(lambda chunk: chunk.kind != b"IDAT", _png_chunks(data))
    packed = next((chunk for chunk in chunks if chunk.kind == b"iCCP" and chunk.is_whole), None)
    with suppress(zlib.error):
        unpacking = zlib.decompressobj()
        stream = packed.body.partition(b"\0")[2][1:] if packed else b""
        profile = unpacking.decompress(stream, MAX_PROFILE_BYTES)
        return profile if unpacking.eof else None
    return None


def png_depth(data: bytes) -> int:
    """Return the bits per sample of a PNG, 0 for files of another format."""
    return data[24] if data.startswith(_PNG) and len(data) > 24 else 0


def take_orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of an image, 1 to 8, and remove all EXIF from it.

    Numbers written as text or bytes are accepted; anything else counts as 1. XMP is ignored, as
    browsers ignore it.
    """
    for key in ("xmp", "XML:com.adobe.xmp", "Raw profile type exif"):
        image.info.pop(key, None)
    orientation = 1
    with suppress(Exception):  # broken EXIF must not cost intact pixels
        orientation = _as_orientation(image.getexif().get(ExifTag.Orientation))
    image.info.pop("exif", None)
    image.getexif().clear()
    return orientation


def _as_orientation(value: Any) -> int:
    if isinstance(value, tuple):
        value = value[0]
    if isinstance(value, bytes):
        value = value[0] if value[0] <= 8 else value.decode("ascii")
    number = int(value.strip("\0 ") if isinstance(value, str) else value)
    return number if 1 <= number <= 8 else 1


# ── parts of files ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Chunk of a PNG file."""

    kind: bytes
    all: memoryview
    """The chunk with its length and its checksum."""

    @property
    def body(self) -> bytes:
        return bytes(self.all[8:-4])

    @property
    def is_whole(self) -> bool:
        """Whether the checksum is correct."""
        return zlib.crc32(self.all[4:-4]) == int.from_bytes(self.all[-4:], "big")


def _png_chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield the chunks up to the last one; a truncated chunk only if it is critical."""
    view, at = memoryview(data), len(_PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end <= len(data) or kind[:1].isupper():
            yield _Chunk(kind, view[at:end])
        if kind == b"IEND":
            return
        at = end


def _clean_png(data: bytes) -> bytes:
    """Return the PNG without chunks that are not needed.
    EXIF is placed right after the header; after the pixels, a decoder would have to search it."""
    header: list[memoryview] = []
    others: list[memoryview] = []
    for chunk in _png_chunks(data):
        if chunk.kind in (b"IHDR", b"eXIf"):
            header += [chunk.all] if chunk.kind == b"IHDR" or chunk.is_whole else []
        elif chunk.kind[:1].isupper() or chunk.kind in _PNG_KEPT or _is_recipe(chunk):
            others.append(chunk.all)
    return b"".join([_PNG, *header, *others])


def _is_recipe(chunk: _Chunk) -> bool:
    keyword = f"{RECIPE_KEY}\0".encode()
    return chunk.kind == b"tEXt" and chunk.all[8 : 8 + len(keyword)] == keyword and chunk.is_whole


def _clean_jpeg(data: bytes) -> bytes:
    """Return the JPEG without segments that are not needed.
    Without the index of further images (MPF), the file holds one image, the first one."""
    view, at = memoryview(data), 2
    kept = [view[:2]]
    while data[at] == 0xFF and (marker := data[at + 1]) != 0xDA:
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        is_application = 0xE0 <= marker <= 0xEF or marker == 0xFE
        start = _JPEG_KEPT.get(marker)
        is_numbered = marker != 0xE2 or end >= at + 4 + _ICC_HEADER_BYTES
        if not is_application or (start and data.startswith(start, at + 4) and is_numbered):
            kept.append(view[at:end])
        at = end
    return b"".join([*kept, view[at:]])


def _clean_webp(data: bytes) -> bytes:
    view, at = memoryview(data), 12
    kept: list[memoryview] = []
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        if kind in _WEBP_PIXELS or (kind in _WEBP_METADATA and end <= len(data)):
            kept.append(view[at:end])
        at = end
    body = b"".join([b"WEBP", *kept])
    return b"RIFF" + struct.pack("<I", len(body)) + body
