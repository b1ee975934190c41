"""Several photos in several styles at once."""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from support.browser import (
    complaints,
    is_too_wide,
    nst_serve,
    violations,
    visitor,
    wait_until_stored,
)
from support.servers import Server, running

PHOTOS = Path(__file__).resolve().parents[2] / "data" / "content"


def choose_two_photos_and_two_styles(page: Page, preset: str = "Draft") -> None:
    page.goto("/studio")
    page.get_by_role("radio", name=re.compile(f"^{preset}")).click()
    photos = [PHOTOS / name for name in ("coffee.jpg", "cat.jpg")]
    page.locator("input[type=file][aria-label^='Drop a photo']").set_input_files(photos)
    expect(page.get_by_role("img", name="cat.jpg")).to_be_visible()
    page.get_by_role("button", name="Use Mosaic").click()
    page.get_by_role("button", name="Add Impasto to the styles").click()


def test_each_photo_is_painted_in_each_style(page: Page) -> None:
    choose_two_photos_and_two_styles(page)
    expect(page.get_by_role("button", name="Start 2 paintings")).to_be_enabled()
    expect(page.get_by_role("slider", name="Part of Mosaic")).to_be_visible()
    page.get_by_role("checkbox", name="One painting for each style").check()
    expect(page.get_by_role("slider", name="Part of Mosaic")).to_be_hidden()
    page.get_by_role("button", name="Start 4 paintings").click()
    page.wait_for_url("**/set/*")
    expect(page.get_by_text("4 of 4 finished")).to_be_visible()
    assert violations(page) == []
    page.reload()
    titles = [
        f"{photo} in {style}" for photo in ("coffee", "cat") for style in ("mosaic", "impasto")
    ]
    for title in titles:
        expect(page.get_by_role("link", name=f"Open the painting with {title}")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download 4 paintings (ZIP)").click()
    data = Path(download.value.path()).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        assert names == [f"{title.replace(' ', '-')}.png" for title in titles]
        pictures = [Image.open(io.BytesIO(archive.read(name))) for name in names]
    assert len({picture.tobytes() for picture in pictures}) == 4


def test_a_set_without_a_deleted_painting(context: BrowserContext) -> None:
    page = context.new_page()
    found = complaints(page)
    choose_two_photos_and_two_styles(page)
    page.get_by_role("button", name="Start 2 paintings").click()
    page.wait_for_url("**/set/*")
    expect(page.get_by_text("2 of 2 finished")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    job_id = page.url.rpartition("/")[2].split(",")[0]
    assert page.request.delete(f"api/v1/jobs/{job_id}").status == 204
    page.reload()
    expect(page.get_by_text("1 of 1 finished")).to_be_visible()
    expect(page.get_by_role("link", name="Download 1 painting (ZIP)")).to_be_visible()
    assert [message for message in found if "404" not in message] == []


def test_photos_are_taken_away_and_kept(page: Page) -> None:
    choose_two_photos_and_two_styles(page)
    page.get_by_role("button", name="Remove coffee.jpg").click()
    expect(page.get_by_role("img", name="Your photo: cat.jpg")).to_be_visible()
    expect(page.get_by_role("button", name="Start painting")).to_be_enabled()
    page.locator("input[aria-label='Add more photos']").set_input_files([PHOTOS / "coffee.jpg"])
    expect(page.get_by_role("button", name="Start 2 paintings")).to_be_enabled()
    page.get_by_role("checkbox", name="One painting for each style").check()
    wait_until_stored(
        page,
        "({content, more, styles, eachAlone}) => "
        "content && more.length === 1 && styles.length === 2 && eachAlone",
    )
    page.reload()
    expect(page.get_by_role("button", name="Start 4 paintings")).to_be_enabled()
    assert not is_too_wide(page)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a service that takes three unfinished jobs of a client."""
    folder = tmp_path_factory.mktemp("narrow")
    with running(nst_serve(folder, NST_MAX_JOBS_PER_CLIENT="3")) as server:
        yield server


def test_a_set_that_is_too_large_for_the_queue_says_how_much_was_taken(
    browser: Browser, narrow: Server
) -> None:
    with visitor(browser, narrow.address) as context:
        page = context.new_page()
        found = complaints(page)
        choose_two_photos_and_two_styles(page, preset="Best")
        page.get_by_role("checkbox", name="One painting for each style").check()
        expect(page.get_by_text("Start takes the first 3 of these 4;")).to_be_visible()
        page.get_by_role("button", name="Start 4 paintings").click()
        expect(page.get_by_text("3 of 4 paintings have been started.")).to_be_visible()
        expect(page.get_by_text("0 of 3 finished")).to_be_visible()
        assert [message for message in found if "429" not in message] == []
        page.get_by_role("link", name="Studio").first.click()
        expect(page.get_by_text("3 of yours are not finished. Wait until some are")).to_be_visible()
        assert violations(page) == []
