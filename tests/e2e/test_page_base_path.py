"""The page below a path of a host: all of its requests go below that path."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from support.browser import (
    complaints,
    expect_size,
    nst_serve,
    open_picture,
    saved,
    set_options,
    start,
    start_long,
    status,
    step_of,
    stop,
    visitor,
    wait_for_step,
    wait_for_streams,
    wait_until_finished,
    wait_until_loaded,
)
from support.servers import Server, running

PATH = "/nst/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server below a path, in place of the one at the top of its host."""
    folder = tmp_path_factory.mktemp("below")
    with running(nst_serve(folder, NST_BASE_PATH=PATH.rstrip("/"))) as server:
        yield server


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    with visitor(browser, server.address, PATH) as context:
        page = context.new_page()
        found = complaints(page)
        yield page
        assert found == []


def test_a_job_from_start_to_download(page: Page, browser: Browser, server: Server) -> None:
    page.goto("")
    page.get_by_role("link", name="Paint a photo").click()
    page.get_by_role("button", name="Use Cat").click()
    page.get_by_role("button", name="Use Impasto").click()
    set_options(page, Size=96, Steps_at_most=12, Keep_a_frame_every=3)
    address = start(page)
    assert address.startswith(f"http://{server.address}{PATH}jobs/")
    wait_until_finished(page)
    picture = page.get_by_role("img", name="Finished painting: cat in impasto")
    expect_size(picture, 96, 64)
    page.goto(address)
    expect_size(picture, 96, 64)
    assert {cookie.get("path") for cookie in page.context.cookies()} == {PATH.rstrip("/")}

    download = saved(page, page.get_by_role("link", name="Download", exact=True))
    assert open_picture(download).size == (96, 64)
    page.get_by_role("radio", name="Frames").click()
    page.get_by_role("slider", name="Go through the painting").fill("0")
    frame = page.get_by_role("img", name=re.compile("The painting after step [0-9]+"))
    expect_size(frame, 96, 64)
    page.get_by_role("link", name="My pictures").first.click()
    page.wait_for_url(f"**{PATH}jobs")
    card = page.get_by_role("list", name="My pictures").get_by_role("listitem")
    card.get_by_role("link").first.click()
    page.wait_for_url(address)
    check_that_others_see_it(page, browser, server)


def check_that_others_see_it(page: Page, browser: Browser, server: Server) -> None:
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_role("textbox", name=re.compile("^Link")).input_value()
    with visitor(browser, server.address, PATH) as friend:
        theirs = friend.new_page()
        theirs.goto(link)
        expect_size(theirs.get_by_role("img", name="The painting"), 96, 64)
    page.keyboard.press("Escape")


def test_progress_in_two_tabs(page: Page, server: Server) -> None:
    address = start_long(page)
    second = page.context.new_page()
    second.goto(address)
    for tab in (page, second):
        wait_for_step(tab, 1)
        wait_until_loaded(tab.get_by_role("img", name="as it is after step"))
        wait_for_step(tab, step_of(tab) + 1)
    wait_for_streams(server, 1)
    stop(second)
    for tab in (page, second):
        expect(status(tab, "Stopped")).to_be_visible()


def test_links_to_the_home_page(page: Page) -> None:
    home = page.get_by_role("heading", level=1, name="Your photo, painted")
    page.goto("about")
    page.get_by_role("banner").get_by_role("link").first.click()
    page.wait_for_url(f"**{PATH}")
    expect(home).to_be_visible()
    page.goto("nowhere")
    page.get_by_role("link", name="Go to the home page").click()
    page.wait_for_url(f"**{PATH}")
    expect(home).to_be_visible()


def test_every_page_can_be_loaded_and_reloaded(page: Page) -> None:
    page.goto("")
    page.get_by_role("link", name="My pictures").first.click()
    page.wait_for_url(f"**{PATH}jobs")
    page.reload()
    expect(page.get_by_role("heading", name="The wall is still bare")).to_be_visible()
    for address in ("studio", "about", "../nst"):
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).not_to_be_empty()
