"""The page below a path of a host, and where the browser keeps nothing."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from browsing import complaints, nst_serve
from servers import running

NO_STORAGE = """
for (const kind of ['localStorage', 'sessionStorage'])
  Object.defineProperty(window, kind, {get() {
    throw new DOMException('blocked', 'SecurityError');
  }});
Object.defineProperty(Navigator.prototype, 'cookieEnabled', {get: () => false});
"""


def test_the_page_below_a_path_and_without_storage(browser: Browser, tmp_path: Path) -> None:
    with running(nst_serve(tmp_path, NST_BASE_PATH="/nst")) as server:
        context = browser.new_context(base_url=f"http://{server.address}")
        context.add_init_script(NO_STORAGE)
        page = context.new_page()
        found = complaints(page)
        page.goto("/nst/")
        page.get_by_role("link", name="My pictures").first.click()
        page.wait_for_url("**/nst/jobs")
        page.reload()
        expect(page.get_by_text("Your browser blocks cookies")).to_be_visible()
        assert not found
        context.close()
