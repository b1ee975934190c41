"""Rotating and cropping a photo before it is painted, in Chromium."""

import re
from pathlib import Path

import pytest
from PIL import Image
from PIL.ExifTags import Base as ExifTag
from playwright.sync_api import Browser, Page, ViewportSize, expect

from support.browser import complaints, expect_size, is_too_wide, violations, visitor
from support.servers import Server

SIZES: list[ViewportSize] = [
    {"width": 390, "height": 800},
    {"width": 768, "height": 1024},
    {"width": 1280, "height": 800},
    {"width": 1920, "height": 1080},
]


def choose(page: Page, photo: Path) -> None:
    page.goto("/studio")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(photo)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_a_photo_is_turned_and_cropped_with_keys(
    browser: Browser, server: Server, photo: Path, size: ViewportSize
) -> None:
    with visitor(browser, server.address, viewport=size) as context:
        page = context.new_page()
        found = complaints(page)
        choose(page, photo)
        page.get_by_role("button", name="Crop and turn the photo").click()
        dialog = page.get_by_role("dialog", name="Crop and turn")
        dialog.get_by_role("button", name="Turn right").click()
        corner = dialog.get_by_role("button", name="Upper left corner")
        for _ in range(25):
            corner.press("ArrowDown")
        assert violations(page) == []
        assert not is_too_wide(page)
        dialog.get_by_role("button", name="Use this part").click()
        expect(dialog).to_be_hidden()
        expect_size(page.get_by_role("img", name="Your photo: coffee.jpg"), 400, 300)
        expect(page.get_by_text(re.compile("^400 × 300 · JPEG"))).to_be_visible()
        assert found == []


def test_a_corner_follows_the_pointer(page: Page, photo: Path) -> None:
    choose(page, photo)
    page.get_by_role("button", name="Crop and turn the photo").click()
    dialog = page.get_by_role("dialog", name="Crop and turn")
    handle = dialog.get_by_role("button", name="Lower right corner")
    handle.hover()  # waits until the dialog no longer moves
    drawn, corner = dialog.locator("canvas").bounding_box(), handle.bounding_box()
    assert drawn
    assert corner
    x, y = corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2
    page.mouse.down()
    page.mouse.move(x - drawn["width"] / 2, y, steps=3)
    page.mouse.up()
    dialog.get_by_role("button", name="Use this part").click()
    expect_size(page.get_by_role("img", name="Your photo: coffee.jpg"), 300, 400)


@pytest.mark.parametrize("name", ["turned.png", "turned.webp", "turned.tiff"])
def test_a_photo_is_upright_whatever_says_how_it_is_turned(
    page: Page, tmp_path: Path, name: str
) -> None:
    """The server turns a photo that Chromium shows sideways or not at all."""
    exif = Image.Exif()
    exif[ExifTag.Orientation] = 6
    Image.new("RGB", (96, 64), "teal").save(tmp_path / name, exif=exif)
    choose(page, tmp_path / name)
    expect_size(page.get_by_role("img", name=f"Your photo: {name}"), 64, 96)
    expect(page.get_by_text(re.compile("^64 × 96 · "))).to_be_visible()


def test_a_photo_that_the_server_turns_keeps_its_pixels(page: Page, tmp_path: Path) -> None:
    """The page shows 2048 pixels of the photo, and cuts all of them."""
    exif = Image.Exif()
    exif[ExifTag.Orientation] = 6
    Image.new("RGB", (3000, 2250), "teal").save(tmp_path / "turned.png", exif=exif)
    choose(page, tmp_path / "turned.png")
    page.get_by_role("button", name="Crop and turn the photo").click()
    dialog = page.get_by_role("dialog", name="Crop and turn")
    corner = dialog.get_by_role("button", name="Upper left corner")
    for _ in range(25):
        corner.press("ArrowDown")
    dialog.get_by_role("button", name="Use this part").click()
    expect(dialog).to_be_hidden()
    expect_size(page.get_by_role("img", name="Your photo: turned.jpg"), 2250, 1500)
