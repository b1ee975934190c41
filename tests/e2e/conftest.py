"""Fixtures of the browser tests: a real `nst serve` and a real Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from support.assets import REPOSITORY
from support.browser import PHONE, complaints, launch, nst_serve, visitor
from support.servers import Server, running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session", autouse=True)
def page_is_built() -> None:
    built = REPOSITORY / "src" / "nst" / "api" / "page" / "index.html"
    assert built.is_file(), "the page is not built; `make page` does so"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run one server for each file of tests.
    All visitors have one address, and the server counts streams and jobs by address."""
    with running(nst_serve(tmp_path_factory.mktemp("serve"))) as server:
        yield server


@pytest.fixture
def context(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    with visitor(browser, server.address) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Yield a tab, and assert that its console has stayed silent."""
    page = context.new_page()
    found = complaints(page)
    yield page
    assert found == []


@pytest.fixture
def phone(browser: Browser, server: Server) -> Iterator[Page]:
    with visitor(
        browser, server.address, viewport=PHONE, is_mobile=True, has_touch=True
    ) as context:
        page = context.new_page()
        found = complaints(page)
        yield page
        assert found == []


@pytest.fixture
def photo() -> Path:
    return REPOSITORY / "data" / "content" / "coffee.jpg"
