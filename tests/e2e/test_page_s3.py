"""The page with results in S3, behind signed links to another origin."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from support import servers
from support.assets import REPOSITORY
from support.browser import (
    complaints,
    nst_serve,
    open_picture,
    set_options,
    start,
    visitor,
    wait_until_finished,
    wait_until_loaded,
)
from support.servers import Server, running

NAME = "Café-crème-in-impasto.png"
BUILT = REPOSITORY / "src" / "nst" / "api" / "page"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    kind = servers.versitygw if servers.has_versitygw() else servers.moto
    with kind(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module", params=["nst serve", "nginx"])
def server(
    request: pytest.FixtureRequest, s3: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Run a server with S3, in place of the one that keeps everything in a folder."""
    if request.param == "nginx" and not servers.has_nginx():
        pytest.skip("no nginx; tools/system-packages tests installs it")
    settings = {
        "NST_STORAGE_URL": f"s3://{servers.BUCKET}/{request.param.replace(' ', '-')}",
        "NST_S3_ENDPOINT": f"http://{s3.address}",
        "NST_S3_PUBLIC_ENDPOINT": f"http://{s3.address}",
        "NST_S3_ACCESS_KEY_ID": servers.KEYS["access_key_id"],
        "NST_S3_SECRET_ACCESS_KEY": servers.KEYS["secret_access_key"],
        "NST_TRUSTED_PROXIES": "1" if request.param == "nginx" else "0",
    }
    with running(nst_serve(tmp_path_factory.mktemp("serve"), **settings)) as api:
        if request.param == "nginx":
            origin = f"http://{s3.address}"
            with servers.nginx(api.address, BUILT, PICTURES_ORIGIN=origin) as nginx:
                yield nginx
        else:
            yield api


@pytest.fixture
def page(browser: Browser, server: Server, s3: Server) -> Iterator[Page]:
    with visitor(browser, server.address, pictures=s3.address) as context:
        page = context.new_page()
        found = complaints(page)
        yield page
        assert found == []


def check_every_picture(page: Page) -> None:
    pictures = page.get_by_role("main").locator("img")
    pictures.first.wait_for()
    for picture in pictures.all():
        wait_until_loaded(picture)


def check_download(page: Page, link: Locator, name: str) -> None:
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == name
    assert open_picture(Path(download.value.path()).read_bytes()).size == (96, 64)


def test_every_picture_of_a_finished_job_is_seen(
    page: Page, s3: Server, photo: Path, tmp_path: Path
) -> None:
    asked_of_s3: list[str] = []
    page.on(
        "request",
        lambda request: asked_of_s3.append(request.url) if s3.address in request.url else None,
    )
    page.goto("studio")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(shutil.copy(photo, tmp_path / "Café crème.jpg"))
    page.get_by_role("button", name="Use Impasto").click()
    set_options(page, Size=96, Steps_at_most=12, Keep_a_frame_every=3)
    address = start(page)
    wait_until_finished(page)
    for view in ("Picture", "Compare", "Frames"):
        page.get_by_role("radio", name=view).click()
        check_every_picture(page)
    page.get_by_role("button", name="Look closer").click()
    wait_until_loaded(page.get_by_role("dialog").get_by_role("img").first)
    page.keyboard.press("Escape")
    assert asked_of_s3

    download = page.get_by_role("link", name="Download", exact=True)
    check_download(page, download, NAME)
    page.goto("jobs")
    check_every_picture(page)
    page.goto(address)
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Make a link").click()
    page.goto(page.get_by_role("textbox", name="Link").input_value())
    expect(page.get_by_role("heading", name="A painting")).to_be_visible()
    check_every_picture(page)
    check_download(page, page.get_by_role("link", name="Download"), "painting.png")
