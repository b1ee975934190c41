"""The page keeps its promises at every width."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from support.browser import (
    choose_samples,
    complaints,
    expect_size,
    hold,
    is_too_wide,
    paste,
    set_options,
    start_long,
    start_short,
    status,
    step_of,
    stop,
    violations,
    visitor,
    wait_for_area,
    wait_for_step,
    wait_until_finished,
    wait_until_loaded,
    wait_until_stored,
)
from support.servers import Server
from support.waiting import wait_until

SIZES: list[ViewportSize] = [
    {"width": 390, "height": 800},
    {"width": 768, "height": 1024},
    {"width": 1280, "height": 800},
    {"width": 1920, "height": 1080},
]


def width_of(picture: Locator) -> float:
    wait_until_loaded(picture)
    box = picture.bounding_box()
    assert box
    return box["width"]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_a_click_chooses_and_plus_adds(
    browser: Browser, server: Server, size: ViewportSize
) -> None:
    with visitor(browser, server.address, viewport=size) as context:
        page = context.new_page()
        choose_samples(page)
        page.get_by_role("button", name="Use Mosaic").click()
        expect(page.get_by_role("img", name=re.compile("^Style: "))).to_have_count(1)
        expect(page.get_by_role("img", name="Style: Mosaic")).to_be_visible()
        page.get_by_role("button", name="Add Cubist to the styles").click()
        expect(page.get_by_role("img", name=re.compile("^Style: "))).to_have_count(2)
        expect(page.get_by_role("slider", name="Part of Cubist")).to_be_visible()
        assert not is_too_wide(page)


def test_a_reload_keeps_the_studio(page: Page, photo: Path) -> None:
    page.goto("/studio")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(photo)
    page.get_by_role("button", name="Use Impasto").click()
    page.get_by_role("button", name="Add Mosaic to the styles").click()
    page.get_by_role("slider", name="Part of Mosaic").fill("25")
    page.get_by_role("button", name="in the style of Impasto").click()
    wait_for_area(page)
    page.get_by_role("button", name="Invert").click()
    page.get_by_role("button", name="Use this area").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("radio", name=re.compile("^Quick")).click()
    expect(page.get_by_role("radio", name=re.compile("^Quick"))).to_be_checked()
    page.get_by_role("slider", name="Strength").fill("0.8")
    wait_until_stored(page, "studio => studio.changes.strength === 0.8")
    page.reload()
    expect(page.get_by_text("600 × 400 · JPEG · 105 kB")).to_be_visible()
    wait_until_loaded(page.get_by_role("img", name="Your photo: coffee.jpg"))
    wait_until_loaded(page.get_by_role("img", name="in part of the picture"))
    expect(page.get_by_role("slider", name="Part of Mosaic")).to_have_value("25")
    expect(page.get_by_role("radio", name=re.compile("^Quick"))).to_be_checked()
    expect(page.get_by_role("slider", name="Strength")).to_have_value("0.8")
    expect(page.get_by_role("button", name="Start painting")).to_be_enabled()
    set_options(page, Size=64, Steps_at_most=4)
    page.get_by_role("button", name="Start painting").click()
    page.wait_for_url("**/jobs/*")
    wait_until_finished(page)


def test_what_is_pasted_while_the_studio_opens_is_not_lost(page: Page, photo: Path) -> None:
    page.goto("/studio")
    page.get_by_role("button", name="Use Cat").click()
    page.get_by_role("slider", name="Strength").fill("0.8")
    wait_until_stored(page, "studio => studio.changes.strength === 0.8")
    held = hold(page, "**/api/v1/contents")
    with page.expect_request("**/api/v1/contents"):
        page.reload(wait_until="commit")
    expect(page.get_by_text("One moment …")).to_be_visible()
    paste(page, "coffee.jpg", photo.read_bytes(), "image/jpeg")
    held.release()
    expect(page.get_by_role("img", name="Your photo: Cat")).to_be_visible()
    expect(page.get_by_role("img", name="Style: coffee.jpg")).to_be_visible()


def test_the_draft_stays_until_the_painting_shows_more(page: Page) -> None:
    choose_samples(page)
    set_options(page, Size=256, Steps_at_most=1_000_000, Convergence_tolerance=0, Scales=4)
    page.get_by_role("button", name="Start painting").click()
    page.wait_for_url("**/jobs/*")
    wait_for_step(page, 12)  # at 32 pixels, the first of four scales
    expect(page.get_by_role("img", name="First draft of cat in impasto")).to_be_visible()
    expect(page.get_by_text("Draft – the painting replaces it soon")).to_be_visible()


def test_a_finished_picture(browser: Browser, server: Server) -> None:
    with visitor(browser, server.address, viewport=SIZES[2]) as context:
        page = context.new_page()
        start_short(page)
        wait_until_finished(page)
        address = page.url
        picture = page.get_by_role("img", name="Finished painting")
        on_page = width_of(picture)
        page.get_by_role("button", name="Look closer").click()
        closer = page.get_by_role("dialog").get_by_role("img")
        wait_until(lambda: width_of(closer) > on_page)
        page.keyboard.press("Escape")

        page.get_by_role("radio", name="Frames").click()
        scrub = page.get_by_role("slider", name="Go through the painting")
        expect(scrub).to_have_value("0")
        expect(scrub).to_be_in_viewport()

        page.get_by_role("button", name="Paint again").click()
        page.wait_for_url(lambda url: url != address)
        wait_until_finished(page)
        expect(page.get_by_text("Painted before", exact=True)).to_be_hidden()
        job = page.request.get(f"api/v1/jobs/{page.url.rsplit('/', 1)[1]}").json()
        assert job["options"]["seed"] > 0


def test_the_curve_of_a_job_is_kept(page: Page) -> None:
    """All steps of a short job may arrive in one event, which is no curve."""
    address = start_long(page)
    wait_for_step(page, 1)
    wait_for_step(page, step_of(page) + 1)
    stop(page)
    expect(status(page, "Stopped")).to_be_visible()
    page.reload()
    curve = re.compile("^Progress over time up to step")
    expect(page.get_by_role("img", name=curve)).to_be_visible()
    expect(page.get_by_text("Distance (logarithmic)")).to_be_visible()
    other = page.context.new_page()
    other.goto(address)
    expect(other.get_by_role("img", name=curve)).to_be_visible()


def test_a_small_photo_is_mentioned(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "tiny.png"
    Image.new("RGB", (20, 20), "teal").save(file)
    page.goto("/studio")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(file)
    expect(page.get_by_text("This photo has only 20 × 20 pixels")).to_be_visible()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_a_draft_follows_every_change(browser: Browser, server: Server, size: ViewportSize) -> None:
    with visitor(browser, server.address, live_draft=True, viewport=size) as context:
        page = context.new_page()
        found = complaints(page)
        page.goto("/studio")
        page.get_by_role("button", name="Use Cat").click()
        page.get_by_role("button", name="Use Impasto").click()
        draft = page.get_by_role("img", name="Draft of your photo in the chosen style")
        expect_size(draft, 400, 266)
        first = draft.get_attribute("src")
        page.get_by_role("button", name="Use Mosaic").click()
        expect(draft).not_to_have_attribute("src", first or "")
        wait_until_loaded(draft)
        strength = page.get_by_role("slider", name="Strength")
        strength.fill("0.25")
        expect(draft).to_have_css("opacity", "0.6")
        strength.fill("0.5")
        expect(draft).to_have_css("opacity", "1")
        assert violations(page) == []
        assert not is_too_wide(page)
        page.get_by_role("checkbox", name="Live draft").uncheck()
        expect(draft).to_be_hidden()
        expect(page.get_by_role("img", name="Your photo: Cat")).to_be_visible()
        # The page deletes each draft after it has shown it.
        wait_until(lambda: not page.request.get("api/v1/jobs").json()["jobs"])
        assert found == []


def test_four_strengths_side_by_side(browser: Browser, server: Server) -> None:
    with visitor(browser, server.address, viewport=SIZES[0]) as context:
        page = context.new_page()
        found = complaints(page)
        choose_samples(page)
        set_options(page, Size=64, Steps_at_most=4)
        page.get_by_role("button", name="four strengths").click()
        page.wait_for_url("**/variations/*")
        cards = page.get_by_role("list", name="Variations").get_by_role("listitem")
        expect(cards).to_have_count(4)
        expect(page.get_by_text("Finished", exact=True)).to_have_count(4)
        for strength in (20, 40, 60, 80):
            painting = page.get_by_role("img", name=f"Painting with Strength {strength} %")
            wait_until_loaded(painting)
        for size in SIZES:
            page.set_viewport_size(size)
            assert not is_too_wide(page)
            assert violations(page) == []
        page.get_by_role("link", name="Open the painting with Strength 60 %").click()
        page.wait_for_url("**/jobs/*")
        expect(status(page, "Finished")).to_be_visible()
        assert found == []
