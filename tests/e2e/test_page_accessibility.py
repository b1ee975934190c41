"""Every page in light and dark, checked by axe."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from support.browser import (
    choose_samples,
    start_long,
    start_short,
    status,
    violations,
    visitor,
    wait_for_step,
    wait_until_finished,
    wait_until_loaded,
)
from support.servers import Server


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, server: Server, scheme: str) -> None:
    with visitor(browser, server.address, color_scheme=scheme) as context:
        page = context.new_page()

        def check(where: str) -> None:
            assert violations(page) == [], where

        for address in (
            "/",
            "/about",
            "/jobs",
            "/studio",
            "/nothing",
            "/jobs/nothing",
            "/shared/x",
        ):
            page.goto(address)
            page.get_by_role("heading", level=1).wait_for(state="attached")
            if not address.startswith("/jobs/"):  # its shared worker never counts as loaded
                page.wait_for_load_state("networkidle")
            check(address)
        _check_studio(page, check)
        _check_job(page, check)


def _check_studio(page: Page, check: Any) -> None:
    choose_samples(page)
    page.get_by_role("button", name="Add Mosaic").click()
    for fold in ("My looks", "The same as a command"):
        page.get_by_role("button", name=fold).click()
    check("studio, filled")
    for opener in ("All settings", "in the style of Impasto", "Keyboard shortcuts"):
        page.get_by_role("button", name=opener).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        check(opener)
        page.keyboard.press("Escape")


def _check_job(page: Page, check: Any) -> None:
    start_long(page)
    wait_for_step(page, 2)
    check("job, painting")
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    check("stop?")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(status(page, "Stopped")).to_be_visible()
    check("job, stopped")
    start_short(page)
    wait_until_finished(page)
    check("job, finished")
    for view in ("Compare", "Frames"):
        page.get_by_role("radio", name=view).click()
        expect(page.get_by_role("radio", name=view)).to_be_checked()
        check(view)
    for opener in ("Look closer", "Share", "As a command"):
        page.get_by_role("button", name=opener).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        check(opener)
        page.keyboard.press("Escape")
    page.get_by_role("button", name="More downloads").click()
    expect(page.get_by_role("menu")).to_be_visible()
    check("More downloads")
    page.keyboard.press("Escape")
    page.goto("/jobs")
    page.get_by_role("list", name="My pictures").wait_for()
    check("history")


def test_the_focus_stays_near_what_disappears(page: Page) -> None:
    choose_samples(page)
    page.get_by_role("button", name="Add Mosaic").click()
    page.get_by_role("button", name="Remove Impasto").press("Enter")
    mosaic = page.get_by_role("listitem").filter(has=page.get_by_role("img", name="Style: Mosaic"))
    expect(mosaic.locator(":focus")).to_be_attached()
    page.get_by_role("button", name="Remove Mosaic").press("Enter")
    expect(page.get_by_role("heading", name="Style", exact=True)).to_be_focused()
    page.get_by_role("button", name="Remove Cat").press("Enter")
    expect(page.get_by_role("heading", name="Photo", exact=True)).to_be_focused()

    for _ in range(2):
        start_short(page)
        wait_until_finished(page)
    page.goto("/jobs")
    cards = page.get_by_role("list", name="My pictures").get_by_role("listitem")
    expect(cards).to_have_count(2)
    for card in cards.all():  # a thumbnail that is asked for after the deletion is missing
        wait_until_loaded(card.get_by_role("img").first)
    _delete_by_keyboard(cards.first)
    expect(cards).to_have_count(1)
    expect(cards.locator(":focus")).to_be_attached()
    _delete_by_keyboard(cards)
    expect(cards).to_have_count(0)
    expect(page.locator("main")).to_be_focused()


def _delete_by_keyboard(card: Locator) -> None:
    card.get_by_role("button", name="Delete").press("Enter")
    dialog = card.page.get_by_role("alertdialog")
    dialog.get_by_role("button", name="Delete").press("Enter")
    expect(dialog).to_be_hidden()


def test_forced_colours_show_what_is_chosen_and_the_progress(
    browser: Browser, server: Server
) -> None:
    with visitor(browser, server.address, forced_colors="active") as context:
        page = context.new_page()
        page.goto("studio")
        chosen = page.get_by_role("radio", name=re.compile("^Best"))
        other = page.get_by_role("radio", name="Draft")
        assert _style(chosen, "borderColor") != _style(other, "borderColor")
        start_long(page)
        bar = page.get_by_role("progressbar", name="Progress")
        done = _style(bar.locator("div"), "backgroundColor")
        assert done not in (_style(bar, "backgroundColor"), "rgba(0, 0, 0, 0)")


def _style(element: Locator, name: str) -> str:
    return str(element.evaluate("(element, name) => getComputedStyle(element)[name]", name))
