"""Takes screenshots of the web page in all its states: docs/screenshots/*.png.

This starts `nst serve` and Chromium and paints a few images. If names are given as arguments, only
these screenshots are written. Check each one by eye.
"""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from support.browser import (
    choose_samples,
    launch,
    nst_serve,
    set_options,
    start,
    status,
    stop,
    visitor,
    wait_for_step,
    wait_until_finished,
)
from support.servers import Server, running

FOLDER = Path("docs/screenshots")
PHOTOS = Path("data/content")
WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
DARK: dict[str, Any] = {"color_scheme": "dark"}
COLOURS = 256
PATIENCE_SECONDS = 900


@dataclass
class Camera:
    """Camera that writes screenshots of a tab."""

    wanted: frozenset[str]

    def shoot(self, page: Page, name: str, *, whole: bool = False) -> None:
        if self.wanted and name not in self.wanted:
            return
        if whole:  # load the images that load only on scrolling
            page.evaluate("for (const image of document.images) image.loading = 'eager'")
        page.wait_for_timeout(2000 if whole else 700)
        picture = Image.open(io.BytesIO(page.screenshot(full_page=whole)))
        picture.convert("RGB").quantize(COLOURS).save(FOLDER / f"{name}.png", optimize=True)
        print(name, file=sys.stderr)


@contextmanager
def tab(browser: Browser, server: Server, state: Any = None, **preferences: Any) -> Iterator[Page]:
    with visitor(browser, server.address, storage_state=state, **preferences) as context:
        yield context.new_page()


def quiet_pages(browser: Browser, server: Server, camera: Camera) -> None:
    """Take screenshots of the pages that show no job."""
    for suffix, preferences in (
        ("", WIDE),
        ("-dark", {**WIDE, **DARK}),
        ("-phone", PHONE),
        ("-phone-dark", {**PHONE, **DARK}),
    ):
        with tab(browser, server, **preferences) as page:
            page.goto("/")
            camera.shoot(page, f"home{suffix}")
            page.goto("/studio")
            page.get_by_role("button", name="Use Cat").wait_for()
            camera.shoot(page, f"studio-empty{suffix}")
            choose_samples(page)
            page.get_by_role("button", name="Add Mosaic").click()
            page.get_by_role("slider", name="Part of Mosaic").fill("20")
            camera.shoot(page, f"studio{suffix}")
    with tab(browser, server, **WIDE) as page:
        for address, name in (
            ("/about", "about"),
            ("/jobs", "history-empty"),
            ("/jobs/gone", "job-gone"),
            ("/shared/gone", "shared-gone"),
            ("/nothing", "missing"),
        ):
            page.goto(address)
            page.get_by_role("heading", level=1).wait_for()
            camera.shoot(page, name, whole=name == "about")
        page.keyboard.press("?")
        camera.shoot(page, "shortcuts")


def studio_details(browser: Browser, server: Server, camera: Camera, folder: Path) -> None:
    with tab(browser, server, **WIDE) as page:
        choose_samples(page)
        page.get_by_role("button", name="All settings").click()
        camera.shoot(page, "studio-settings")
        page.get_by_label("Size", exact=True).fill("5")
        page.keyboard.press("Tab")
        camera.shoot(page, "studio-settings-wrong")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="in the style of Impasto").click()
        area = page.get_by_role("application").bounding_box()
        assert area
        page.mouse.move(area["x"] + 0.3 * area["width"], area["y"] + 0.35 * area["height"])
        page.mouse.down()
        for x, y in ((0.55, 0.3), (0.75, 0.5), (0.6, 0.75)):
            page.mouse.move(area["x"] + x * area["width"], area["y"] + y * area["height"], steps=6)
        page.mouse.up()
        camera.shoot(page, "studio-mask")
        page.get_by_role("button", name="Use this area").click()
        for fold in ("My looks", "The same as a command"):
            page.get_by_role("button", name=fold).click()
        camera.shoot(page, "studio-commands", whole=True)
        wrong = folder / "drawing.svg"
        wrong.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose a style").click()
        chooser.value.set_files(wrong)
        camera.shoot(page, "studio-wrong-file")
        page.get_by_role("button", name="Dismiss this message").click()
        page.context.set_offline(True)
        page.get_by_role("button", name="Start painting").click()
        page.get_by_role("alert").wait_for()
        camera.shoot(page, "studio-offline")
        page.context.set_offline(False)


def life_of_a_job(context: BrowserContext, server: Server, camera: Camera) -> str:
    """Take screenshots of a job in all its states; return its address."""
    page = context.new_page()
    choose_samples(page)
    set_options(page, Size=384, Steps_at_most=90)
    painted = start(page)
    page.get_by_role("img", name="First draft").wait_for(timeout=60_000)
    camera.shoot(page, "job-draft")
    painting = page.get_by_role("img", name="as it is after step")
    painting.wait_for(timeout=1000 * PATIENCE_SECONDS)
    page.get_by_role("slider", name="Use the style").fill("0.5")
    camera.shoot(page, "job-painting")
    page.keyboard.press("Escape")
    camera.shoot(page, "job-stop")
    page.keyboard.press("Escape")

    # A result is reused only if it was painted with the network that the order names.
    waiting = context.new_page()
    choose_samples(waiting, "Rocket", "Woodcut waves")
    set_options(waiting, Size=256, Steps_at_most=60, Network="vgg16")
    start(waiting)
    camera.shoot(waiting, "job-waiting")

    server.kill()
    page.get_by_text("The connection is lost.").wait_for()
    camera.shoot(page, "job-reconnecting")
    server.start()
    wait_until_finished(page, PATIENCE_SECONDS)
    finished_job(page, camera)
    wait_until_finished(waiting, PATIENCE_SECONDS)
    choose_samples(waiting, "Rocket", "Woodcut waves")
    set_options(waiting, Size=256, Steps_at_most=60, Network="vgg16")
    start(waiting)
    waiting.get_by_text("Painted before", exact=True).wait_for()
    camera.shoot(waiting, "job-cached")
    return painted


def finished_job(page: Page, camera: Camera) -> None:
    camera.shoot(page, "job-finished", whole=True)
    page.get_by_role("radio", name="Compare").click()
    camera.shoot(page, "job-compare")
    page.get_by_role("radio", name="Frames").click()
    page.get_by_role("slider", name="Go through").fill("3")
    camera.shoot(page, "job-frames")
    page.get_by_role("button", name="Look closer").click()
    page.get_by_role("dialog").get_by_role("button", name="Larger").click()
    camera.shoot(page, "job-zoom")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="As a command").click()
    camera.shoot(page, "job-commands")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_role("textbox", name="Link").input_value()
    camera.shoot(page, "job-share")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="More downloads").click()
    camera.shoot(page, "job-downloads")
    page.keyboard.press("Escape")
    page.goto(link)
    page.get_by_role("heading", level=1).wait_for()
    camera.shoot(page, "shared")


def side_by_side(page: Page, camera: Camera) -> None:
    choose_samples(page, "Cat", "Mosaic")
    set_options(page, Size=192, Steps_at_most=40)
    page.get_by_role("button", name="four strengths").click()
    page.wait_for_url("**/variations/*")
    finished = page.get_by_text("Finished", exact=True)
    expect(finished).to_have_count(4, timeout=1000 * PATIENCE_SECONDS)
    camera.shoot(page, "variations", whole=True)


def set_of_photos(page: Page, camera: Camera) -> None:
    """Take screenshots of a set: two photos, each in two styles."""
    choose_samples(page, "Cat", "Mosaic")
    more = [PHOTOS / "coffee.jpg"]
    page.get_by_label("Add more photos", exact=True).last.set_input_files(more)
    page.get_by_role("button", name="Add Impasto").click()
    page.get_by_role("checkbox", name="One painting for each style").check()
    set_options(page, Size=192, Steps_at_most=40)
    camera.shoot(page, "studio-set", whole=True)
    page.get_by_role("button", name="Start 4 paintings").click()
    page.wait_for_url("**/set/*")
    expect(page.get_by_text("1 of 4 finished")).to_be_visible(timeout=1000 * PATIENCE_SECONDS)
    camera.shoot(page, "set-painting")
    expect(page.get_by_text("4 of 4 finished")).to_be_visible(timeout=1000 * PATIENCE_SECONDS)
    camera.shoot(page, "set", whole=True)
    page.set_viewport_size(PHONE["viewport"])
    camera.shoot(page, "set-phone", whole=True)
    page.set_viewport_size(WIDE["viewport"])


def other_ends(page: Page, camera: Camera) -> None:
    choose_samples(page, "Coffee", "Watercolour")
    set_options(page, Size=320, Steps_at_most=500)
    start(page)
    wait_for_step(page, 25)
    stop(page)
    status(page, "Stopped").wait_for()
    camera.shoot(page, "job-stopped")
    choose_samples(page, "Astronaut", "Orphism")
    page.get_by_role("radio", name="Quick").click()
    set_options(page, Network="vgg19")
    start(page)
    status(page, "Failed").wait_for(timeout=60_000)
    camera.shoot(page, "job-failed")
    choose_samples(page, "Astronaut", "Stained glass")
    set_options(page, Size=256, Steps_at_most=60, Network="vgg16")
    start(page)
    page.goto("/jobs")
    page.get_by_role("list", name="My pictures").wait_for()
    camera.shoot(page, "history")


def in_other_lights(
    browser: Browser, server: Server, state: Any, camera: Camera, painted: str
) -> None:
    """Take screenshots of the job at the address `painted`, dark and on a phone."""
    for suffix, preferences in (("-dark", {**WIDE, **DARK}), ("-phone", PHONE)):
        with tab(browser, server, state, **preferences) as page:
            page.goto("/jobs?status=succeeded")
            page.get_by_role("list", name="My pictures").wait_for()
            camera.shoot(page, f"history{suffix}")
            page.goto(painted)
            status(page, "Finished").wait_for()
            camera.shoot(page, f"job-finished{suffix}", whole=True)


def take_all(wanted: frozenset[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    camera = Camera(wanted)
    with (
        TemporaryDirectory() as name,
        sync_playwright() as playwright,
        running(nst_serve(Path(name))) as server,
    ):
        browser = launch(playwright)
        quiet_pages(browser, server, camera)
        studio_details(browser, server, camera, Path(name))
        with visitor(browser, server.address, **WIDE) as context:
            painted = life_of_a_job(context, server, camera)
            other_ends(context.new_page(), camera)
            side_by_side(context.new_page(), camera)
            set_of_photos(context.new_page(), camera)
            in_other_lights(browser, server, context.storage_state(), camera, painted)
        browser.close()


if __name__ == "__main__":
    take_all(frozenset(sys.argv[1:]))
