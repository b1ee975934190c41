"""The page in many tabs of a browser, which has six connections to a server."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from support.browser import (
    complaints,
    start_long,
    status,
    step_of,
    stop,
    wait_for_step,
    wait_for_streams,
)
from support.servers import Server

VISIBILITY = """isHidden => {
  Object.defineProperty(document, 'hidden', {configurable: true, get: () => isHidden});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def test_eight_tabs_of_one_job(context: BrowserContext, server: Server) -> None:
    tabs = [context.new_page() for _ in range(8)]
    found = [complaints(tab) for tab in tabs]
    address = start_long(tabs[0])
    for tab in tabs[1:]:
        tab.goto(address)
    for tab in tabs:
        wait_for_step(tab, 1)
    for tab in tabs:
        wait_for_step(tab, step_of(tab) + 1)
    wait_for_streams(server, 1)
    stop(tabs[-1])
    for tab in tabs:
        expect(status(tab, "Stopped")).to_be_visible()
    wait_for_streams(server, 0)
    assert found == [[]] * 8


def test_a_tab_that_nobody_sees_holds_no_stream(page: Page, server: Server) -> None:
    start_long(page)
    wait_for_step(page, 1)
    page.evaluate(VISIBILITY, True)
    wait_for_streams(server, 0)
    page.evaluate(VISIBILITY, False)
    wait_for_step(page, step_of(page) + 1)
    wait_for_streams(server, 1)


def test_a_hidden_tab_learns_of_the_end(page: Page, context: BrowserContext) -> None:
    address = start_long(page)
    wait_for_step(page, 1)
    page.evaluate(VISIBILITY, True)
    job = f"/api/v1/jobs/{address.rsplit('/', 1)[1]}"
    assert context.request.post(f"{job}/cancel").ok
    expect(page).to_have_title(re.compile("^Stopped"))


def test_the_stream_of_a_closed_tab_ends(context: BrowserContext, server: Server) -> None:
    """The worker that all tabs share ends the stream of a job that no tab follows."""
    first, second = context.new_page(), context.new_page()
    start_long(first)
    start_long(second)
    wait_for_streams(server, 2)
    first.goto("/about")
    wait_for_streams(server, 1)


def test_looks_and_favourites_of_two_tabs(context: BrowserContext) -> None:
    tabs = [context.new_page() for _ in range(2)]
    found = [complaints(tab) for tab in tabs]
    for tab in tabs:
        tab.goto("/studio")
        tab.get_by_role("button", name="My looks").click()
    for tab, look, style in zip(tabs, ("Bold", "Soft"), ("Mosaic", "Cubist"), strict=True):
        tab.get_by_role("textbox", name="Name of the look").fill(look)
        tab.get_by_role("button", name="Keep", exact=True).click()
        tab.get_by_role("button", name=f"Favourite: {style}").click()
    for tab in tabs:
        for look in ("Bold", "Soft"):
            expect(tab.get_by_role("button", name=f"Use the look {look}")).to_be_visible()
        for style in ("Mosaic", "Cubist"):
            favourite = tab.get_by_role("button", name=f"Favourite: {style}")
            expect(favourite).to_have_attribute("aria-pressed", "true")
    assert found == [[]] * 2


@pytest.mark.parametrize("answer", ["undefined", "class { constructor() { throw Error('no'); } }"])
def test_a_browser_without_shared_workers(page: Page, answer: str) -> None:
    page.add_init_script(f"window.SharedWorker = {answer}")
    start_long(page)
    wait_for_step(page, 2)


def test_a_shared_worker_that_cannot_be_loaded(page: Page) -> None:
    page.add_init_script("""window.SharedWorker = class extends SharedWorker {
      constructor() { super('/assets/missing.js'); }
    }""")
    start_long(page)
    wait_for_step(page, 2)
