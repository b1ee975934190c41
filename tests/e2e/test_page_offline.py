"""The page while the server cannot be reached."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from support.browser import (
    choose_sample,
    nst_serve,
    visitor,
    wait_until_finished,
    wait_until_loaded,
    wait_until_stored,
)
from support.servers import running


@pytest.mark.parametrize("base", ["/", "/nst/"])
def test_the_page_opens_without_its_server(browser: Browser, tmp_path: Path, base: str) -> None:
    path = base.rstrip("/")
    with (
        running(nst_serve(tmp_path, NST_BASE_PATH=path)) as server,
        visitor(browser, server.address, base, service_workers="allow") as context,
    ):
        page = context.new_page()
        page.goto("")
        page.evaluate("navigator.serviceWorker.ready")
        page.wait_for_function("() => navigator.serviceWorker.controller")
        page.reload()  # from now on the service worker sees every request
        page.goto("studio")
        for title in ("Cat", "Impasto"):
            choose_sample(page, title)
        wait_until_loaded(page.get_by_role("img", name="Your photo: Cat"))
        wait_until_stored(page, "({content, styles}) => content && styles.length === 1")

        server.kill()
        page.reload()
        for name in ("Your photo: Cat", "Style: Impasto"):
            wait_until_loaded(page.get_by_role("img", name=name))
        page.get_by_role("radio", name="Draft").click()
        page.get_by_role("button", name="Start painting").click()
        expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
        page.goto("about")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.goto("")
        expect(page.get_by_role("link", name="Paint a photo").first).to_be_visible()

        server.start()
        page.goto("studio")
        page.get_by_role("radio", name="Draft").click()
        page.get_by_role("button", name="Start painting").click()
        page.wait_for_url("**/jobs/*")
        wait_until_finished(page)
        kept = page.evaluate(KEPT)
        assert kept
        assert not any("/jobs" in address for address in kept)


KEPT = """async () => {
  const cache = await caches.open('nst-offline');
  return (await cache.keys()).map(request => request.url);
}"""
