"""The page for people whose browser keeps no cookies."""

from pathlib import Path

from playwright.sync_api import Browser, Page, Route, expect

from support.browser import (
    choose_sample,
    complaints,
    hold,
    set_options,
    start_short,
    visitor,
    visitor_with_preferences,
    wait_until_finished,
)
from support.servers import Server

NONE_AT_ALL = {"default_content_setting_values": {"cookies": 2}}
"""Preferences of a browser without cookies.
Chromium then keeps no storage for pages either: access to it raises an error."""
NONE_OF_THIRD_PARTIES = {"block_third_party_cookies": True, "cookie_controls_mode": 1}

SENTENCE = "Your browser blocks cookies for this site. Allow them, then load the page again"
NO_STORAGE = """
for (const kind of ['localStorage', 'sessionStorage'])
  Object.defineProperty(window, kind, {get() {
    throw new DOMException('blocked', 'SecurityError');
  }});
"""
HAS_STORAGE = """() => {
  try { return localStorage !== null; } catch { return false; }
}"""


def test_the_page_without_cookies_says_what_is_needed(
    browser: Browser, server: Server, tmp_path: Path, photo: Path
) -> None:
    with visitor_with_preferences(browser, server.address, tmp_path, NONE_AT_ALL) as context:
        page = context.new_page()
        found = complaints(page)
        for address in ("/", "/jobs", "/about", "/studio"):
            page.goto(address)
            expect(page.get_by_text(SENTENCE)).to_be_visible()
            expect(page.get_by_role("heading", level=1)).not_to_be_empty()
        assert not page.evaluate(HAS_STORAGE)

        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose a photo").click()
        chooser.value.set_files(photo)
        page.get_by_role("button", name="Use Impasto").click()
        set_options(page, Size=64, Steps_at_most=5)
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.method))
        page.get_by_role("button", name="Start painting").click()
        note = page.get_by_role("alert")
        expect(note).to_contain_text("so nothing was sent")
        expect(note).to_contain_text("Allow cookies for this site")
        assert "POST" not in sent
        assert page.url.endswith("/studio")
        expect(page.get_by_role("img", name="Your photo: coffee")).to_be_visible()
        assert found == []


def test_third_party_cookies_are_not_needed(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    wish = NONE_OF_THIRD_PARTIES
    with visitor_with_preferences(browser, server.address, tmp_path, wish) as context:
        page = context.new_page()
        start_short(page)
        wait_until_finished(page)
        page.reload()
        wait_until_finished(page)
        expect(page.get_by_text("blocks cookies")).to_be_hidden()


def test_jobs_of_a_first_visit_sent_at_once_are_all_found_again(
    browser: Browser, server: Server
) -> None:
    """The live draft and the painting are sent before the browser has a cookie."""
    with visitor(browser, server.address, live_draft=True) as context:
        page = context.new_page()
        held = hold(page, "**/api/v1/jobs")
        page.route("**/api/v1/jobs/*", keep_drafts)
        # An answer of the server would bring a cookie.
        page.route(
            "**/api/v1/learned-styles", lambda route: route.fulfill(json={"learned_styles": []})
        )
        page.goto("/studio")
        set_options(page, Size=64, Steps_at_most=5)
        with page.expect_request("**/api/v1/jobs") as draft:
            choose_sample(page, "Cat")
            choose_sample(page, "Impasto")
        with page.expect_request("**/api/v1/jobs") as painting:
            page.get_by_role("button", name="Start painting").click()
        assert context.cookies() == []
        held.release()
        page.wait_for_url("**/jobs/*")
        for request in (draft.value, painting.value):
            answer = request.response()
            assert answer
            assert context.request.get(f"api/v1/jobs/{answer.json()['id']}").ok
        wait_until_finished(page)


def keep_drafts(route: Route) -> None:
    """Answer a request to delete a draft as if the draft were deleted.
    The page deletes a draft once it has been seen."""
    if route.request.method == "DELETE":
        route.fulfill(status=204)
    else:
        route.continue_()


def test_storage_is_not_needed(page: Page) -> None:
    page.add_init_script(NO_STORAGE)
    start_short(page)
    wait_until_finished(page)
    page.reload()
    wait_until_finished(page)
    expect(page.get_by_text("blocks cookies")).to_be_hidden()
