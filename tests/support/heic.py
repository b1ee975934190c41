"""HEIC files for tests: one image, encoded by PyAV's HEVC encoder.

The file has only the boxes that the image needs. Boxes: ISO/IEC 14496-12, 23008-12; configuration
of the decoder: 14496-15, 8.3.3.
"""

import re
import struct
from typing import Any

import av
from PIL import Image

VPS, SPS, PPS = 32, 33, 34


def heic(image: Image.Image, major: bytes = b"heic") -> bytes:
    """Return a HEIC file of an RGB image whose sides are even."""
    units = _units(image)
    headers = {kind: unit for kind, unit in units if kind in (VPS, SPS, PPS)}
    slices = [unit for kind, unit in units if kind < VPS]
    data = b"".join(struct.pack(">I", len(unit)) + unit for unit in slices)
    brands = _box(b"ftyp", major, bytes(4), b"mif1heic")
    properties = _box(
        b"ipco",
        _box(b"hvcC", _configuration(headers)),
        _full(b"ispe", struct.pack(">II", *image.size)),
    )

    def meta(offset: int) -> bytes:
        return _full(
            b"meta",
            _full(b"hdlr", bytes(4), b"pict", bytes(13)),
            _full(b"pitm", struct.pack(">H", 1)),
            _full(b"iloc", struct.pack(">HHHHHII", 0x4400, 1, 1, 0, 1, offset, len(data))),
            _full(b"iinf", struct.pack(">H", 1), _infe()),
            _box(b"iprp", properties, _full(b"ipma", struct.pack(">IHBBB", 1, 1, 2, 0x81, 2))),
        )

    offset = len(brands) + len(meta(0)) + 8
    return brands + meta(offset) + _box(b"mdat", data)


def _units(image: Image.Image) -> list[tuple[int, bytes]]:
    """Return the units of the encoded stream, each with its kind."""
    encoder = av.CodecContext.create("libx265", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = image.size
    encoder.pix_fmt = "yuv420p"
    encoder.options = {"x265-params": "keyint=1:log-level=none:qp=4"}
    frames: Any = av.VideoFrame
    packets = [*encoder.encode(frames.from_image(image)), *encoder.encode(None)]
    stream = b"".join(bytes(packet) for packet in packets)
    parts = [part for part in re.split(rb"\x00?\x00\x00\x01", stream) if part]
    return [(part[0] >> 1 & 63, part) for part in parts]


def _configuration(headers: dict[int, bytes]) -> bytes:
    profile = headers[SPS].replace(b"\0\0\3", b"\0\0")[3:15]
    fixed = bytes([0xF0, 0, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0, 0x0F, len(headers)])
    arrays = b"".join(
        struct.pack(">BHH", 0x80 | kind, 1, len(unit)) + unit for kind, unit in headers.items()
    )
    return b"\1" + profile + fixed + arrays


def _infe() -> bytes:
    return _box(b"infe", struct.pack(">IHH4sB", 2 << 24, 1, 0, b"hvc1", 0))


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, *parts: bytes) -> bytes:
    return _box(kind, bytes(4), *parts)
