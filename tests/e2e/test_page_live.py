"""Live painting by Chromium itself, whose fake camera shows a test image."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from support.browser import (
    CHROMIUM,
    PATIENCE_MS,
    SWITCHES,
    complaints,
    hold,
    is_too_wide,
    violations,
    visitor,
)
from support.servers import Server
from support.waiting import wait_until
from unit.learning import tiny

CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
COLOURS = """canvas => new Set(new Uint32Array(
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"""


COUNT_FRAMES = """() => {
  const put = CanvasRenderingContext2D.prototype.putImageData;
  window.painted = 0;
  CanvasRenderingContext2D.prototype.putImageData = function (...image) {
    window.painted += 1;
    return put.apply(this, image);
  };
}"""


@pytest.fixture(scope="module")
def with_camera(browser: Browser) -> Iterator[Browser]:
    launched = browser.browser_type.launch(
        executable_path=CHROMIUM, args=[*SWITCHES, *CAMERA], timeout=PATIENCE_MS
    )
    yield launched
    launched.close()


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.saved(tmp_path_factory.mktemp("styles") / "waves.nst", ("calm", "storm"))


def keep(page: Page, style: Path) -> None:
    """Upload a learned style for the visitor of this page.
    The page's cookie must have arrived; without it, the upload would belong to another visitor."""
    wait_until(page.context.cookies)
    file: FilePayload = {
        "name": style.name,
        "mimeType": "application/x-nst",
        "buffer": style.read_bytes(),
    }
    assert page.request.post("api/v1/learned-styles", multipart={"file": file}).status == 201


def test_the_camera_is_painted_in_the_browser(
    with_camera: Browser, server: Server, style: Path
) -> None:
    with visitor(with_camera, server.address) as context:
        page = context.new_page()
        found = complaints(page)
        page.goto("studio")
        keep(page, style)
        page.reload()
        page.get_by_role("link", name="Paint your camera live").click()
        page.get_by_role("button", name="Start the camera").click()
        rate = page.get_by_role("status").filter(has_text=re.compile(r"^[\d.]+ frames per second"))
        expect(rate).to_be_visible()
        canvas = page.locator("canvas")
        assert (canvas.get_attribute("width"), canvas.get_attribute("height")) == ("320", "240")
        assert canvas.evaluate(COLOURS) > 100
        # Painting frames sends nothing to the server.
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url))
        page.evaluate(COUNT_FRAMES)
        page.wait_for_function("() => window.painted >= 10")
        assert sent == []
        assert violations(page) == []
        assert not is_too_wide(page)
        page.get_by_role("button", name="Stop the camera").click()
        expect(canvas).to_be_hidden()
        assert found == []


def test_without_a_camera_or_a_style(page: Page, style: Path) -> None:
    page.goto("live")
    expect(page.get_by_text("You have no learned style yet")).to_be_visible()
    keep(page, style)
    page.reload()
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no camera")


HELD_CAMERA = """() => {
  navigator.mediaDevices.getUserMedia = () => new Promise((resolve) => {
    window.allow = () => {
      window.stream = document.createElement('canvas').captureStream();
      resolve(window.stream);
    };
  });
}"""
"""Replaces the camera by a canvas, which the visitor allows by `allow()`."""
IS_OFF = "() => window.stream.getTracks().every((track) => track.readyState === 'ended')"


def open_with_held_camera(page: Page, style: Path) -> None:
    page.goto("live")
    keep(page, style)
    page.reload()
    page.evaluate(HELD_CAMERA)


def start_camera(page: Page) -> None:
    """Start the camera and wait until the page asks the visitor for it."""
    page.get_by_role("button", name="Start the camera").click()
    page.wait_for_function("() => window.allow")


def test_a_camera_that_is_allowed_after_the_page_was_left_is_closed(
    page: Page, style: Path
) -> None:
    open_with_held_camera(page, style)
    start_camera(page)
    page.get_by_role("link", name="Studio").first.click()
    page.wait_for_url("**/studio")
    page.evaluate("() => window.allow()")
    page.wait_for_function(IS_OFF)


def test_the_camera_can_be_started_again_if_it_was_stopped_while_the_style_was_fetched(
    page: Page, style: Path
) -> None:
    open_with_held_camera(page, style)
    held = hold(page, "**/onnx")
    start_camera(page)
    with page.expect_request("**/onnx"):
        page.evaluate("() => window.allow()")
    page.get_by_role("button", name="Stop the camera").click()
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled()
    page.wait_for_function(IS_OFF)
    held.release()
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled()


def test_webassembly_is_allowed_there_alone(page: Page) -> None:
    for path, allowed in (("live", True), ("studio", False), ("api/v1/options", False)):
        response = page.request.get(path)
        assert ("wasm-unsafe-eval" in response.headers["content-security-policy"]) is allowed
