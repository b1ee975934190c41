"""Valid and invalid files that people choose."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from nst import image_sizes
from support.assets import REPOSITORY
from support.browser import (
    choose_samples,
    notice,
    set_options,
    start,
    wait_until_finished,
    wait_until_loaded,
)
from support.case_files import ON_PAGE, PICTURES, case
from support.heic import heic
from support.pictures import picture


def _png_of_a_size(width: int, height: int) -> bytes:
    """Return a black PNG of one bit a pixel: a small file of a large image."""

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
    for button in ("Choose a photo", "Choose a style"):
        with notice(page, sentence):
            with page.expect_file_chooser() as chooser:
                page.get_by_role("button", name=button).click()
            chooser.value.set_files(file)
    expect(page.get_by_role("button", name="Start painting")).to_be_disabled()
    assert not posts


def choose_content(page: Page, file: Path) -> None:
    """Choose this file as the photo, in place of the first sample."""
    choose_samples(page)
    page.get_by_role("button", name="Remove Cat").click()
    choose_photo(page, file)


def choose_photo(page: Page, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(file)


def test_a_heic_photo_is_refused_where_the_server_reads_none(page: Page, tmp_path: Path) -> None:
    def without_heic(route: Route) -> None:
        options = route.fetch().json()
        options["formats"].remove("image/heic")
        route.fulfill(json=options)

    page.route("**/api/v1/options", without_heic)
    (tmp_path / "IMG_1.HEIC").write_bytes(heic(picture()))
    choose_samples(page)
    page.get_by_role("button", name="Remove Cat").click()
    with notice(page, "Most Compatible"):
        choose_photo(page, tmp_path / "IMG_1.HEIC")


def test_a_heic_photo_is_painted_where_the_server_reads_it(page: Page, tmp_path: Path) -> None:
    (tmp_path / "IMG_1.HEIC").write_bytes(heic(picture()))
    choose_content(page, tmp_path / "IMG_1.HEIC")
    wait_until_loaded(page.get_by_role("img", name="Your photo: IMG_1.HEIC"))
    assert painted_size(page) == [64, 48]


@pytest.mark.parametrize("name", ON_PAGE)
def test_page_and_server_agree(page: Page, name: str) -> None:
    """The size that the browser shows is that of the result."""
    choose_content(page, case(name))
    width, height = PICTURES[name].size
    expect(page.get_by_text(f"{width} × {height} · {PICTURES[name].format}")).to_be_visible()
    assert painted_size(page) == [*image_sizes.fit((width, height), 64)]


def painted_size(page: Page) -> list[int]:
    """Paint the chosen image at 64 pixels, and return width and height of the result."""
    set_options(page, Size=64, Steps_at_most=4)
    job = start(page).rsplit("/", 1)[1]
    wait_until_finished(page)
    size: list[int] = page.request.get(f"/api/v1/jobs/{job}").json()["result"]["size"]
    return size


def test_a_photo_of_30_megapixels(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "holiday.jpg"
    shade = np.linspace(0, 255, 6720, dtype="uint8")
    Image.fromarray(np.broadcast_to(shade[None, :, None], (4480, 6720, 3)).copy()).save(file)
    page.goto("/studio")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(file)
    expect(page.get_by_text("6720 × 4480 · JPEG")).to_be_visible()
    page.get_by_role("button", name="Use Impasto").click()
    set_options(page, Size=64, Steps_at_most=4)
    start(page)
    wait_until_finished(page)


def test_a_format_that_only_the_server_shows(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "scan.tiff"
    Image.open(REPOSITORY / "data" / "content" / "cat.jpg").save(file)
    choose_content(page, file)
    wait_until_loaded(page.get_by_role("img", name="Your photo: scan.tiff"))
    set_options(page, Size=64, Steps_at_most=4)
    start(page)
    wait_until_finished(page)
    page.keyboard.press("c")
    photo = page.get_by_role("img", name="The photo of")
    wait_until_loaded(photo)
