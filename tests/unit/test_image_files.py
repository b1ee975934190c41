"""Unneeded metadata never makes an image fail; `inspect` judges as `load` does."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from nst import image_files, image_reader, image_writer
from nst.errors import InvalidImage, UnsupportedImage
from nst.image_files import format_of, without_metadata
from nst.images import inspect, load, read_recipe, small
from support.pictures import encoded, picture
from unit.test_images_colour import ADOBE_RGB

HUGE = zlib.compress(bytes(70_000_000))
ORIENTATION = 0x0112


def same(first: Image.Image, second: Image.Image) -> bool:
    return np.array_equal(np.asarray(first), np.asarray(second))


def with_chunks(png: bytes, *chunks: tuple[bytes, bytes], before: bytes = b"IDAT") -> bytes:
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    ]
    at = png.index(before) - 4
    return png[:at] + b"".join(parts) + png[at:]


def with_segments(jpeg: bytes, *segments: tuple[int, bytes]) -> bytes:
    parts = [struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body for kind, body in segments]
    return jpeg[:2] + b"".join(parts) + jpeg[2:]


def with_riff(webp: bytes, kind: bytes, body: bytes, length: int | None = None) -> bytes:
    chunk = kind + struct.pack("<I", len(body) if length is None else length) + body
    whole = webp + chunk
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


def exif(kind: int, value: bytes) -> bytes:
    """Return EXIF with an orientation of any type of TIFF 6.0."""
    count = len(value) // {3: 2, 4: 4}.get(kind, 1)
    entry = struct.pack("<HHI", ORIENTATION, kind, count) + value.ljust(4, b"\0")
    return b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4)


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


PNG, JPEG = encoded(picture(), "PNG"), encoded(picture(), "JPEG")
WEBP = encoded(picture(), "WEBP", lossless=True)
WEBP_X = encoded(picture(), "WEBP", lossless=True, icc_profile=profile(), xmp=b"<x/>")

BURDENED = {
    "iCCP of 70 MB": (PNG, with_chunks(PNG, (b"iCCP", b"x\0\0" + HUGE))),
    "iCCP of 2 MB": (PNG, with_chunks(PNG, (b"iCCP", b"x\0\0" + zlib.compress(bytes(2_000_000))))),
    "iCCP that is no zlib": (PNG, with_chunks(PNG, (b"iCCP", b"x\0\0rubbish"))),
    "zTXt of 70 MB": (PNG, with_chunks(PNG, (b"zTXt", b"x\0\0" + HUGE))),
    "iTXt of 70 MB": (PNG, with_chunks(PNG, (b"iTXt", b"x\0\1\0\0\0" + HUGE))),
    "iTXt of 70 MB behind": (
        PNG,
        with_chunks(PNG, (b"iTXt", b"x\0\1\0\0\0" + HUGE), before=b"IEND"),
    ),
    "text without an end": (PNG, with_chunks(PNG, (b"iTXt", b"x"), (b"zTXt", b"x"))),
    "short chunks": (
        PNG,
        with_chunks(PNG, (b"gAMA", b""), (b"cHRM", b"1"), (b"sRGB", b""), (b"pHYs", b"12")),
    ),
    "text with a wrong checksum": (
        PNG,
        with_chunks(PNG, (b"tEXt", b"Title\0cat")).replace(b"Title\0cat", b"Title\0cow"),
    ),
    "text that is cut short": (PNG, PNG[: PNG.index(b"IEND") - 4] + b"\0\0\1\0tEXtTitle"),
    "damaged eXIf": (PNG, with_chunks(PNG, (b"eXIf", b"II*\0\xff\xff\xff\xff"))),
    "damaged EXIF": (JPEG, with_segments(JPEG, (0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff"))),
    "empty EXIF": (JPEG, with_segments(JPEG, (0xE1, b"Exif\0\0"))),
    "damaged index of images": (JPEG, with_segments(JPEG, (0xE2, b"MPF\0II*\0\xff\xff\xff\xff"))),
    "damaged profile": (JPEG, with_segments(JPEG, (0xE2, b"ICC_PROFILE\0\1\1rubbish"))),
    "profile without numbers": (JPEG, with_segments(JPEG, (0xE2, b"ICC_PROFILE\0"))),
    "Photoshop": (JPEG, with_segments(JPEG, (0xED, b"Photoshop 3.0\0" + b"8BIM\3\xed"))),
    "XMP of WebP": (WEBP, with_riff(WEBP_X, b"XMP ", b"<rubbish")),
    "EXIF of WebP without an end": (WEBP, with_riff(WEBP_X, b"EXIF", b"II", 5000)),
}


@pytest.mark.parametrize("name", BURDENED)
def test_metadata_never_costs_a_picture(name: str) -> None:
    plain, burdened = BURDENED[name]
    assert same(load(burdened, "content"), load(plain, "content"))
    assert inspect(burdened, "content") == inspect(plain, "content")
    assert small(burdened, 32) == small(plain, 32)


def test_large_profile_is_used() -> None:
    """The profile is padded to more than Pillow unpacks."""
    small_one, large_one = (
        load(with_chunks(PNG, (b"iCCP", b"x\0\0" + zlib.compress(body))), "content")
        for body in (ADOBE_RGB, ADOBE_RGB + bytes(2_000_000))
    )
    assert same(small_one, large_one)
    assert not same(small_one, load(PNG, "content"))


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
def test_plain_files_stay_as_they_are(format_name: str) -> None:
    file = encoded(picture(), format_name)
    assert without_metadata(file) == file


def test_damaged_exif_holds_no_recipe() -> None:
    assert read_recipe(BURDENED["damaged EXIF"][1]) is None
    assert read_recipe(BURDENED["iTXt of 70 MB"][1]) is None


def test_recipe_is_kept() -> None:
    for format_name in ("PNG", "JPEG", "WEBP", "TIFF"):
        assert read_recipe(image_writer.encode(picture(), format_name, recipe="{}")) == "{}"


# ── orientation ───────────────────────────────────────────────────────────────────────────────

TURNED = {
    "short": exif(3, b"\6\0"),
    "long": exif(4, b"\6\0\0\0"),
    "byte": exif(1, b"\6"),
    "text": exif(2, b"6\0"),
    "undefined": exif(7, b"\6"),
}
NOT_TURNED = {
    "9": exif(3, b"\x09\0"),
    "0": exif(3, b"\0\0"),
    "a word": exif(2, b"up\0"),
    "nothing": exif(2, b""),
    "a fraction by zero": exif(5, b"\x08\0\0\0"),
}


def turned(image: Image.Image) -> Image.Image:
    """Return the image of a file with orientation 6, whose first row is the right side."""
    return image.transpose(Image.Transpose.ROTATE_270)


@pytest.mark.parametrize("name", [*TURNED, *NOT_TURNED])
def test_orientation_of_any_type_is_the_same_for_all(name: str) -> None:
    data = with_segments(JPEG, (0xE1, {**TURNED, **NOT_TURNED}[name]))
    plain = load(JPEG, "content")
    upright = turned(plain) if name in TURNED else plain
    assert same(load(data, "content"), upright)
    assert inspect(data, "content").size == upright.size
    with Image.open(io.BytesIO(small(data, 64))) as thumbnail:
        difference = np.abs(np.asarray(thumbnail, dtype=float) - np.asarray(upright))
    assert difference.mean() < 3  # compressed once more; another orientation differs by > 20


@pytest.mark.parametrize("kind", [(3, b"\6\0"), (2, b"6\0")], ids=["short", "text"])
def test_orientation_of_a_tiff(kind: tuple[int, bytes]) -> None:
    number, value = kind
    file = bytearray(encoded(picture(), "TIFF", tiffinfo={ORIENTATION: 6}))
    at = file.index(struct.pack("<HHI", ORIENTATION, 3, 1))
    file[at : at + 12] = struct.pack("<HHI", ORIENTATION, number, len(value) // number or 1) + (
        value.ljust(4, b"\0")
    )
    assert same(load(bytes(file), "content"), turned(picture()))
    assert inspect(bytes(file), "content").size == (48, 64)


def test_orientation_in_xmp_alone_does_not_count() -> None:
    """Browsers do not use it either."""
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation='6'/>".replace(b"'", b'"')
    data = with_segments(JPEG, (0xE1, xmp))
    assert load(data, "content").size == inspect(data, "content").size == (64, 48)


# ── one verdict ───────────────────────────────────────────────────────────────────────────────


def empty(format_name: str) -> bytes:
    return encoded(Image.new("RGBA", (40, 40), (200, 0, 0, 0)), format_name)


def many_scans() -> bytes:
    return JPEG[:-2] + b"\xff\xda\0\2" * 200 + JPEG[-2:]


REFUSED = {
    "text": b"Dear diary",
    "short PNG": PNG[:300],
    "short JPEG": JPEG[:700],
    "short WebP": WEBP[:-100],
    "empty PNG": empty("PNG"),
    "empty WebP": empty("WEBP"),
    "scans": many_scans(),
    "narrow": encoded(Image.new("RGB", (15, 400)), "PNG"),
    "NaN": encoded(Image.new("F", (20, 20), float("nan")), "TIFF"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_one_refuses_all_refuse_with_the_same_sentence(name: str, tmp_path: Path) -> None:
    data, reasons = REFUSED[name], []
    (tmp_path / "x").write_bytes(data)
    for judge in (
        lambda: load(data, "content"),
        lambda: inspect(data, "content"),
        lambda: small(data, 20),
        lambda: load(tmp_path / "x", "content"),
    ):
        with pytest.raises(InvalidImage) as caught:
            judge()
        reasons.append(caught.value.reason.replace(str(tmp_path / "x"), "the data"))
    assert len(set(reasons)) == 1, reasons


def test_a_pattern_of_single_pixels_is_not_plain() -> None:
    """Only the draft of the JPEG, an eighth of its sides, is plain."""
    rows, columns = np.indices((64, 64))
    pattern = Image.fromarray(((rows + columns) % 2 * 255).astype("u1"))
    assert not inspect(encoded(pattern, "JPEG", quality=95), "style").is_plain
    assert inspect(encoded(Image.new("L", (64, 64), 9), "JPEG"), "style").is_plain


# ── brands ────────────────────────────────────────────────────────────────────────────────────


def container(major: bytes, *compatible: bytes) -> bytes:
    brands = b"".join(compatible)
    return struct.pack(">I", 16 + len(brands)) + b"ftyp" + major + bytes(4) + brands + bytes(64)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (container(b"avif"), "AVIF"),
        (container(b"mif1", b"miaf", b"avif"), "AVIF"),
        (container(b"heic", b"mif1", b"heic"), "HEIC"),
        (container(b"mif1", b"heic"), "HEIC"),
        (container(b"msf1", b"hevc"), "HEIC"),
        (container(b"isom", b"avc1"), None),
        (PNG, None),
        (b"", None),
    ],
)
def test_brands_say_the_format(file: bytes, expected: str | None) -> None:
    assert format_of(file) == expected


def test_heic_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    without = tuple(name for name in image_files.READABLE if name != "HEIC")
    monkeypatch.setattr(image_reader, "READABLE", without)
    for judge in (load, inspect):
        with pytest.raises(UnsupportedImage, match=r"HEIC photo; install .*nst\[heic\].*as JPEG"):
            judge(container(b"mif1", b"heic"), "content")


@pytest.mark.parametrize("start", [b"RIFF\0\0\0\0AVI LIST", b"\0\0\0\x18ftypisom\0\0\0\0mp42isom"])
def test_what_is_no_image_is_not_read_as_a_whole(tmp_path: Path, start: bytes) -> None:
    """A film may be larger than the memory."""
    with (tmp_path / "film").open("wb") as file:
        file.write(start)
        file.truncate(10**12)
    with pytest.raises(UnsupportedImage, match="is not a picture that can be read"):
        load(tmp_path / "film", "content")
