"""Checks of Lighthouse, and the way to a painting, at four widths."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from support.browser import complaints, is_too_wide, violations, visitor
from support.servers import Server

WIDTHS: list[ViewportSize] = [
    {"width": 390, "height": 844},
    {"width": 768, "height": 1024},
    {"width": 1280, "height": 860},
    {"width": 1920, "height": 1080},
]

MOST_SHIFT = 0.1
"""Largest layout shift that counts as good (web.dev/cls)."""

WATCH_SHIFTS = """
window.shift = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: 'layout-shift', buffered: true });
"""


@pytest.fixture(params=WIDTHS, ids=lambda size: str(size["width"]))
def sized(browser: Browser, server: Server, request: pytest.FixtureRequest) -> Iterator[Page]:
    with visitor(browser, server.address, viewport=request.param) as context:
        context.add_init_script(WATCH_SHIFTS)
        page = context.new_page()
        found = complaints(page)
        yield page
        assert found == []


def test_five_clicks_from_the_first_page_to_a_saved_painting(sized: Page) -> None:
    sized.goto("/")
    sized.get_by_role("heading", level=1).wait_for(state="attached")
    check(sized)
    sized.get_by_role("link", name="Paint a photo").first.click()
    sized.get_by_role("button", name="Use Cat").click()
    sized.get_by_role("button", name="Use Impasto").click()
    check(sized)
    # A sixth click, which chooses a draft, saves the test from waiting for a painting.
    sized.get_by_role("radio", name=re.compile("^Draft")).click()
    sized.get_by_role("button", name="Start painting").click()
    saving = sized.get_by_role("link", name="Download", exact=True)
    expect(saving).to_be_visible()
    sized.reload()  # the end of the painting has shifted the layout of the page before
    expect(saving).to_be_visible()
    check(sized)
    with sized.expect_download() as download:
        saving.click()
    painting = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert max(painting.size) == 512


def check(page: Page) -> None:
    """Assert that nothing is cut off, shifts, or is too small for a finger."""
    page.evaluate("Promise.all(document.getAnimations().map(each => each.finished))")
    assert not is_too_wide(page)
    assert page.evaluate("window.shift") < MOST_SHIFT
    assert violations(page, "target-size") == []


@pytest.mark.parametrize("address", ["/", "/studio", "/jobs", "/about", "/live"])
def test_pages_do_not_jump(sized: Page, address: str) -> None:
    sized.goto(address)
    sized.get_by_role("heading", level=1).wait_for(state="attached")
    sized.wait_for_load_state("networkidle")
    check(sized)


def test_the_page_can_be_installed(page: Page) -> None:
    page.goto("/")
    address = page.locator("link[rel=manifest]").get_attribute("href")
    manifest: dict[str, Any] = page.request.get(address or "").json()
    assert manifest["display"] == "standalone"
    assert {"name", "short_name", "start_url", "scope", "theme_color"} <= manifest.keys()
    sizes = {icon["sizes"]: icon for icon in manifest["icons"]}
    assert {"192x192", "512x512"} <= sizes.keys()
    assert any(icon.get("purpose") == "maskable" for icon in manifest["icons"])
    for icon in manifest["icons"]:
        picture = Image.open(io.BytesIO(page.request.get(f"/{icon['src']}").body()))
        assert "{}x{}".format(*picture.size) == icon["sizes"]
    assert page.request.get("/studio").ok
    assert page.locator("meta[name=viewport]").count() == 1
    assert page.locator("meta[name=description]").count() == 1
