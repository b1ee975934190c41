"""The page with a bad network or a server in trouble."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Locator, Page, expect

from support.browser import (
    choose_samples,
    hold,
    nst_serve,
    set_options,
    start,
    start_long,
    start_short,
    status,
    step_of,
    stop,
    visitor,
    wait_for_step,
    wait_until_finished,
)
from support.servers import Server, running

SLOW_3G = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 200_000,
    "uploadThroughput": 95_000,
}
"""Conditions of a slow network; throughputs in bytes a second."""

FIRST_VIEW = ("Document", "Script", "Stylesheet", "Font")
"""Kinds of files without which the first view cannot be shown."""
MINUTES_FOR_AN_UPLOAD = {"uploadThroughput": 10_000}
FAST = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}


@pytest.fixture
def tab(context: BrowserContext) -> Page:
    """Open a tab whose console may complain: browsers report failed requests there."""
    return context.new_page()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    with running(nst_serve(tmp_path)) as server:
        yield server


def test_an_order_that_cannot_be_painted_is_named_before_the_upload(tab: Page) -> None:
    choose_samples(tab)
    set_options(tab, Steps_at_most=0)
    refusal = tab.get_by_role("alert")
    expect(refusal).to_contain_text("expected at least 1; 0 is for init_method draft")
    set_options(tab, Steps_at_most=8)
    expect(refusal).to_be_hidden()


def test_the_server_stops_and_comes_back_during_a_job(browser: Browser, own_server: Server) -> None:
    with visitor(browser, own_server.address) as context:
        page = context.new_page()
        address = start_long(page)
        wait_for_step(page, 3)
        picture = page.get_by_role("img", name="as it is after step")
        expect(picture).to_be_visible()
        own_server.kill()
        lost = page.get_by_text("The connection is lost.")
        expect(lost).to_be_visible()
        expect(picture).to_be_visible()
        own_server.start()
        expect(lost).to_be_hidden()
        assert page.url == address
        wait_for_step(page, 4)
        stop(page)
        expect(status(page, "Stopped")).to_be_visible()


def test_a_cut_network_during_a_job(context: BrowserContext, tab: Page) -> None:
    start_long(tab)
    wait_for_step(tab, 2)
    context.set_offline(True)
    expect(tab.get_by_text("You are offline.")).to_be_visible()
    tab.wait_for_timeout(4000)
    context.set_offline(False)
    expect(tab.get_by_text("You are offline.")).to_be_hidden()
    wait_for_step(tab, step_of(tab) + 3)
    stop(tab)
    expect(status(tab, "Stopped")).to_be_visible()


def test_starting_without_a_network_can_be_tried_again(context: BrowserContext, tab: Page) -> None:
    choose_samples(tab)
    set_options(tab, Size=64, Steps_at_most=5)
    context.set_offline(True)
    tab.get_by_role("button", name="Start painting").click()
    expect(tab.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    context.set_offline(False)
    tab.get_by_role("button", name="Try again").click()
    tab.wait_for_url("**/jobs/*")
    wait_until_finished(tab)
    tab.goto("/jobs")
    cards = tab.get_by_role("list", name="My pictures").get_by_role("listitem")
    expect(cards).to_have_count(1)


def test_the_studio_says_when_the_server_is_not_there(context: BrowserContext, tab: Page) -> None:
    tab.goto("/")
    tab.get_by_role("link", name="Paint a photo").wait_for()
    context.set_offline(True)
    tab.get_by_role("link", name="Paint a photo").click()
    expect(tab.get_by_role("heading", name="The server cannot be reached.")).to_be_visible()
    context.set_offline(False)
    tab.get_by_role("button", name="Load the page again").click()
    expect(tab.get_by_role("button", name="Use Cat")).to_be_visible()


def test_a_page_that_cannot_be_fetched_replaces_no_page_opened_since(tab: Page) -> None:
    tab.goto("/jobs")
    tab.evaluate("addEventListener('vite:preloadError', () => (window.hasFailed = true))")
    held = hold(tab, "**/assets/About*.js")
    with tab.expect_request("**/assets/About*.js"):
        tab.get_by_role("link", name="How it works").first.click()
    tab.get_by_role("link", name="Studio").first.click()
    cat = tab.get_by_role("button", name="Use Cat")
    cat.wait_for()
    held.fail()
    tab.wait_for_function("() => window.hasFailed")
    expect(tab.get_by_role("heading", name="The server cannot be reached.")).to_be_hidden()
    expect(cat).to_be_visible()


def test_the_first_page_on_a_slow_line(context: BrowserContext, tab: Page) -> None:
    network = context.new_cdp_session(tab)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", SLOW_3G)
    kinds: dict[str, str] = {}
    received: list[int] = []

    def finished(file: dict[str, Any]) -> None:
        if kinds.get(file["requestId"]) in FIRST_VIEW:  # what a busy machine loads later is not
            received.append(file["encodedDataLength"])

    network.on("Network.responseReceived", lambda it: kinds.update({it["requestId"]: it["type"]}))
    network.on("Network.loadingFinished", finished)
    tab.goto("/", wait_until="commit")
    expect(tab.get_by_role("link", name="Paint a photo")).to_be_visible()
    # This is the time to transfer the first view; the clock of a busy machine does not tell it.
    assert 0 < sum(received) / SLOW_3G["downloadThroughput"] < 3


def begin_slow_upload(tab: Page, folder: Path) -> CDPSession:
    """Start an upload that takes minutes; return the session that sets the speed of the network."""
    photo = folder / "noise.png"
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (700, 1000, 3), dtype="uint8")
    Image.fromarray(noise).save(photo)
    tab.goto("/studio")
    with tab.expect_file_chooser() as chooser:
        tab.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(photo)
    tab.get_by_role("button", name="Use Impasto").click()
    set_options(tab, Size=64, Steps_at_most=5)
    network = tab.context.new_cdp_session(tab)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", SLOW_3G | MINUTES_FOR_AN_UPLOAD)
    tab.get_by_role("button", name="Start painting").click()
    expect(upload_progress(tab)).to_be_visible()
    return network


def upload_progress(tab: Page) -> Locator:
    return tab.get_by_role("status").filter(has_text="Sending the pictures")


def test_an_upload_tells_how_far_it_is_and_can_be_stopped(tab: Page, tmp_path: Path) -> None:
    begin_slow_upload(tab, tmp_path)
    tab.wait_for_function("() => / ([1-9]\\d*) %/.test(document.querySelector('main').innerText)")
    tab.get_by_role("button", name="Stop", exact=True).click()
    expect(tab.get_by_role("button", name="Start painting")).to_be_enabled()
    assert tab.url.endswith("/studio")


def test_an_upload_goes_on_while_other_pages_are_open(tab: Page, tmp_path: Path) -> None:
    network = begin_slow_upload(tab, tmp_path)
    tab.set_viewport_size({"width": 800, "height": 1000})
    expect(upload_progress(tab)).to_be_visible()
    tab.get_by_role("button", name="Deutsch").click()
    expect(tab.get_by_role("progressbar", name="Fortschritt des Hochladens")).to_be_visible()
    tab.get_by_role("button", name="English").click()
    tab.get_by_role("link", name="My pictures").first.click()
    expect(tab.get_by_role("heading", name="My pictures")).to_be_visible()
    network.send("Network.emulateNetworkConditions", SLOW_3G | FAST)
    expect(tab.get_by_text("The pictures have been sent.")).to_be_visible()
    assert tab.url.endswith("/jobs")
    tab.get_by_role("link", name="Open their page").click()
    tab.wait_for_url("**/jobs/*")
    wait_until_finished(tab)


def test_a_job_that_expired(context: BrowserContext, tab: Page) -> None:
    address = start_short(tab)
    wait_until_finished(tab)
    assert context.request.delete(f"/api/v1/jobs/{address.rsplit('/', 1)[1]}").ok
    tab.reload()
    expect(tab.get_by_role("heading", name="This picture is not here any more")).to_be_visible()


def test_too_many_at_once(browser: Browser, tmp_path: Path) -> None:
    server = nst_serve(tmp_path, NST_MAX_JOBS_PER_CLIENT="1")
    with running(server), visitor(browser, server.address) as context:
        page = context.new_page()
        start_long(page)
        choose_samples(page)
        page.get_by_role("button", name="Start painting").click()
        note = page.get_by_role("alert")
        expect(note).to_contain_text("more than this server takes from one person")
        expect(note).to_contain_text("Wait until some of your pictures are finished")


def test_an_option_that_only_the_server_can_judge(context: BrowserContext, tab: Page) -> None:
    choose_samples(tab)
    set_options(tab, Content_weight=0, Style_weight=0)
    tab.get_by_role("button", name="Start painting").click()
    note = tab.get_by_role("alert")
    expect(note).to_contain_text("style_weight: 0 is invalid")
    expect(tab.get_by_role("button", name="Start painting")).to_be_enabled()


def test_a_failed_job_says_what_to_do(browser: Browser, tmp_path: Path) -> None:
    server = nst_serve(tmp_path)
    with running(server), visitor(browser, server.address) as context:
        page = context.new_page()
        choose_samples(page)
        # The weights are missing: nothing is downloaded, and nothing stands in for a named network.
        page.get_by_role("radio", name="Draft").click()  # it names vgg16
        set_options(page, Size=64, Network="vgg19", Steps_at_most=4)
        start(page)
        expect(status(page, "Failed")).to_be_visible()
        note = page.get_by_role("alert")
        expect(note).to_contain_text("not on the server")
        expect(note).to_contain_text("choose the model vgg16")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
