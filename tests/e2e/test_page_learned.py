"""Learned styles in Chromium: uploaded, learned, chosen, used, renamed, deleted."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from support.browser import (
    choose_samples,
    complaints,
    drop,
    is_too_wide,
    start,
    violations,
    visitor,
    wait_until_finished,
)
from support.pictures import SAMPLES
from support.servers import Server
from unit.learning import tiny

STYLE, CONTENT = SAMPLES / "style" / "mosaic.jpg", SAMPLES / "content" / "cat.jpg"


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.saved(tmp_path_factory.mktemp("styles") / "waves.nst", ("calm", "storm"))


def upload(page: Page, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a learned style").click()
    chooser.value.set_files(file)


def use(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"Use {name}", exact=True)


def test_a_learned_style_is_uploaded_painted_with_renamed_and_deleted(
    page: Page, style: Path
) -> None:
    choose_samples(page)
    upload(page, style)
    expect(use(page, "waves")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("paints the photo in one pass")).to_be_visible()
    expect(use(page, "Impasto")).to_have_attribute("aria-pressed", "false")
    assert violations(page) == []

    start(page)
    wait_until_finished(page)
    expect(page.get_by_text("waves.nst", exact=True)).to_be_visible()

    page.goto("studio")
    expect(use(page, "waves")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Rename waves").click()
    page.get_by_label("Name", exact=True).fill("The sea")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(use(page, "The sea")).to_be_visible()

    page.get_by_role("button", name="Delete The sea").click()
    dialog = page.get_by_role("alertdialog", name="Delete The sea?")
    assert violations(page) == []
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(use(page, "The sea")).to_be_hidden()
    expect(page.get_by_text("paints the photo in one pass")).to_be_hidden()


def test_a_sample_replaces_a_learned_style(page: Page, style: Path) -> None:
    page.goto("studio")
    drop(page.locator("body"), "waves.nst", style.read_bytes(), "application/octet-stream")
    expect(use(page, "waves")).to_have_attribute("aria-pressed", "true")
    use(page, "Mosaic").click()
    expect(use(page, "waves")).to_have_attribute("aria-pressed", "false")
    use(page, "waves").click()
    expect(use(page, "Mosaic")).to_have_attribute("aria-pressed", "false")


def test_a_style_is_learned_stopped_and_painted_with(page: Page) -> None:
    choose_samples(page)
    page.get_by_role("button", name="Learn a style").click()
    dialog = page.get_by_role("dialog", name="Learn a style")
    expect(dialog.get_by_role("button", name="Start learning")).to_be_disabled()
    dialog.get_by_label("Pictures whose style is learned").set_input_files(STYLE)
    dialog.get_by_label("Photos to learn from").set_input_files([CONTENT, STYLE])
    dialog.get_by_label("Minutes").fill("60")  # the test stops it earlier
    assert violations(page) == []
    dialog.get_by_role("button", name="Start learning").click()

    expect(page.get_by_role("heading", name="learned style mosaic")).to_be_visible()
    expect(page.get_by_text("Learning", exact=True)).to_be_visible()
    expect(page.get_by_alt_text("Three photos, and how they are painted")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Step \d+"))).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Stop and keep the style").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("this is the style so far")).to_be_visible()
    expect(page.get_by_role("button", name="Keep learning")).to_be_visible()
    expect(page.get_by_role("button", name="Share")).to_be_hidden()
    assert violations(page) == []

    page.get_by_role("link", name="Paint with it").click()
    expect(use(page, "mosaic")).to_have_attribute("aria-pressed", "true")
    start(page)
    wait_until_finished(page)
    expect(page.get_by_text("mosaic.nst", exact=True)).to_be_visible()


def test_what_cannot_be_learned_is_explained(browser: Browser, server: Server, style: Path) -> None:
    with visitor(browser, server.address) as context:
        page = context.new_page()
        page.goto("studio")
        found = complaints(page)
        page.get_by_role("button", name="Learn a style").click()
        dialog = page.get_by_role("dialog", name="Learn a style")
        dialog.get_by_label("Or a sample").select_option("mosaic")
        dialog.get_by_label("Photos to learn from").set_input_files(style)
        dialog.get_by_role("button", name="Start learning").click()
        expect(dialog.get_by_role("alert")).to_contain_text("waves.nst")
        assert violations(page) == []
        assert all("415" in complaint for complaint in found)


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_a_damaged_file_is_explained(
    browser: Browser, server: Server, style: Path, tmp_path: Path, width: int
) -> None:
    damaged = tmp_path / "damaged.nst"
    damaged.write_bytes(style.read_bytes()[:-10])
    with visitor(browser, server.address, viewport={"width": width, "height": 800}) as context:
        page = context.new_page()
        page.goto("studio")
        found = complaints(page)
        upload(page, damaged)
        alert = page.get_by_role("alert").filter(has_text="damaged.nst")
        expect(alert).to_contain_text("cut short or no learned style")
        assert violations(page) == []
        assert not is_too_wide(page)
        assert all("422" in complaint for complaint in found)
