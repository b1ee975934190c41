"""Files that people choose, good and bad."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from browsing import (
    REPOSITORY,
    choose_samples,
    set_options,
    start,
    wait_until_finished,
    wait_until_loaded,
)


def _png_of_a_size(width: int, height: int) -> bytes:
    """Black, one bit a pixel: small as a file, large as a picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 + (width + 7) // 8) * height, 9)
    parts = (b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def _half_a_png() -> bytes:
    return _png_of_a_size(64, 64)[:40]


WRONG: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "an empty file": ("empty.jpg", lambda: b"", "empty.jpg is empty"),
    "a text": ("diary.jpg", lambda: b"Dear diary, today " * 20, "is a text, not a picture"),
    "a web page": ("cat.png", lambda: b"<!doctype html><html></html>", "is a text, not a picture"),
    "a drawing": ("logo.svg", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "vector"),
    "a document": ("paper.pdf", lambda: b"%PDF-1.7\n", "is a PDF document"),
    "an archive": ("photos.zip", lambda: b"PK\x03\x04" + bytes(60), "Take the picture out of it"),
    "a film": ("holiday.mp4", lambda: b"\0\0\0\x20ftypisom" + bytes(60), "is a film"),
    "an iPhone photo": ("IMG_1.HEIC", lambda: b"\0\0\0\x20ftypheic" + bytes(60), "Most Compatible"),
    "a broken picture": ("cat.png", _half_a_png, "may be damaged"),
    "bytes": ("cat.jpg", lambda: bytes(range(128, 256)) * 4, "is not a picture that can be read"),
    "too many pixels": ("wall.png", lambda: _png_of_a_size(9000, 9000), "megapixels are the most"),
    "too many bytes": (
        "huge.jpg",
        lambda: b"\xff\xd8\xff\xe0" + bytes(64_000_001),
        "64 MB are the most",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_file_is_refused_before_the_upload(page: Page, tmp_path: Path, kind: str) -> None:
    name, content, sentence = WRONG[kind]
    file = tmp_path / name
    file.write_bytes(content())
    posts: list[str] = []
    page.on(
        "request", lambda request: posts.append(request.url) if request.method == "POST" else None
    )
    page.goto("/studio")
    for role in (0, 1):
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose a file").nth(role).click()
        chooser.value.set_files(file)
        expect(page.get_by_role("status").get_by_text(sentence)).to_be_visible()
    expect(page.get_by_role("button", name="Start painting")).to_be_disabled()
    assert not posts


def test_a_photo_of_30_megapixels(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "holiday.jpg"
    shade = np.linspace(0, 255, 6720, dtype="uint8")
    Image.fromarray(np.broadcast_to(shade[None, :, None], (4480, 6720, 3)).copy()).save(file)
    page.goto("/studio")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").first.click()
    chooser.value.set_files(file)
    expect(page.get_by_text("6720 × 4480 · JPEG")).to_be_visible()
    page.get_by_role("button", name="Use Impasto").click()
    set_options(page, Size=64, Steps_at_most=4)
    start(page)
    wait_until_finished(page)


def test_a_format_that_browsers_do_not_show(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "scan.tiff"
    Image.open(REPOSITORY / "data" / "content" / "cat.jpg").save(file)
    choose_samples(page)
    page.get_by_role("button", name="Remove Cat").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").first.click()
    chooser.value.set_files(file)
    expect(page.get_by_text("browsers do not show this format")).to_be_visible()
    set_options(page, Size=64, Steps_at_most=4)
    start(page)
    wait_until_finished(page)
    page.keyboard.press("c")
    photo = page.get_by_role("img", name="The photo of")
    wait_until_loaded(photo)
