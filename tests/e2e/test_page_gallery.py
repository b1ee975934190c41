"""The gallery of styles: searched, marked, kept, moved."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from support.browser import drop, expect_size, is_too_wide, violations, wait_until_stored


def styles(page: Page) -> Locator:
    return page.get_by_role("img", name=re.compile("^Style: "))


def test_styles_are_searched_and_favourites_come_first(page: Page) -> None:
    page.goto("/studio")
    listed = page.get_by_role("list", name="Or take one of these styles").get_by_role("listitem")
    last = listed.last.get_by_role("button", name="Favourite: ")
    name = (last.get_attribute("aria-label") or "").removeprefix("Favourite: ")
    last.click()
    page.reload()
    expect(listed.first.get_by_role("button", name=f"Use {name}")).to_be_visible()
    favourite = page.get_by_role("button", name=f"Favourite: {name}")
    expect(favourite).to_have_attribute("aria-pressed", "true")
    page.get_by_role("searchbox", name="Search the styles").fill("mosa")
    expect(listed).to_have_count(1)
    page.get_by_role("searchbox").fill("no such style")
    expect(page.get_by_text("No style is called “no such style”.")).to_be_visible()


def test_uploaded_styles_are_kept_until_they_are_deleted(page: Page, photo: Path) -> None:
    page.goto("/studio")
    page.get_by_role("button", name="Use Mosaic").wait_for()
    drop(page.get_by_role("group", name="Drop a painting"), "coffee.jpg", photo.read_bytes())
    expect(page.get_by_role("img", name="Style: coffee.jpg")).to_be_visible()
    page.get_by_role("button", name="Use Mosaic").click()
    expect(styles(page)).to_have_count(1)
    wait_until_stored(
        page, "studio => studio.styles.some(({picture}) => picture.name === 'Mosaic')"
    )
    page.reload()
    page.get_by_role("button", name="Add coffee.jpg to the styles").click()
    expect_size(page.get_by_role("img", name="Style: coffee.jpg"), 600, 400)
    assert violations(page) == []
    assert not is_too_wide(page)
    page.get_by_role("button", name="Delete coffee.jpg from your styles").click()
    expect(page.get_by_text("Your styles")).to_be_hidden()
    expect(styles(page)).to_have_count(2)


def test_styles_are_moved_by_dragging_and_by_buttons(page: Page) -> None:
    page.goto("/studio")
    page.get_by_role("button", name="Use Mosaic").click()
    for name in ("Impasto", "Cubist"):
        page.get_by_role("button", name=f"Add {name} to the styles").click()

    def names() -> list[str]:
        found = (style.get_attribute("alt") or "" for style in styles(page).all())
        return [name.removeprefix("Style: ") for name in found]

    assert names() == ["Mosaic", "Impasto", "Cubist"]
    mosaic = page.get_by_role("img", name="Style: Mosaic")
    page.get_by_role("img", name="Style: Cubist").drag_to(mosaic)
    expect(styles(page).first).to_have_attribute("alt", "Style: Cubist")
    assert names() == ["Cubist", "Mosaic", "Impasto"]
    page.get_by_role("button", name="Move Cubist back").click()
    expect(styles(page).first).to_have_attribute("alt", "Style: Mosaic")
    expect(page.get_by_role("button", name="Move Mosaic forward")).to_be_disabled()
