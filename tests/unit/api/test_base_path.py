"""The page, the API, its links and its cookies below a path of a host."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nst.api import page
from support.service_in_process import Browser, House, browser, finishes, form

INDEX = '<!doctype html><base href="/" /><title>the page</title>'


@pytest.fixture(autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text(INDEX)
    monkeypatch.setattr(page, "PAGE", tmp_path / "page")


def addresses(value: Any) -> Iterator[str]:
    """Yield all addresses of this server in an answer."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from addresses(part)
    elif isinstance(value, str) and value.startswith("/"):
        yield value


@pytest.mark.parametrize(("base_path", "here"), [("", ""), ("/nst", ""), ("/nst", "/nst")])
def test_the_file_of_the_page_leads_to_the_page(house: House, base_path: str, here: str) -> None:
    response = browser(house.app(base_path=base_path)).get(f"{here}/index.html")
    assert (response.status_code, response.headers["Location"]) == (302, f"{base_path}/")


@pytest.mark.parametrize("here", ["", "/nst"])
def test_page_and_api_below_a_path(house: House, here: str) -> None:
    """`here`: prefix of the requests, which the proxy removes or keeps."""
    client = browser(house.app(base_path="/nst"), use_cookies=False)
    for path in ("/", "/jobs/1"):
        assert '<base href="/nst/"' in client.get(here + path).text
    response = client.post(f"{here}/api/v1/jobs", data=form())
    house.work(finishes())
    assert response.headers["Location"] == f"/nst/api/v1/jobs/{response.json['id']}"
    cookie = response.headers["Set-Cookie"]
    assert "Path=/nst" in cookie
    headers = {"Cookie": cookie.partition(";")[0]}

    def get(path: str) -> Any:
        return client.get(here + path, headers=headers)

    job = f"{here}/api/v1/jobs/{response.json['id']}"
    shared = client.post(f"{job}/shares", json={}, headers=headers).json["url"]
    paths = ("/api/v1/jobs", "/api/v1/styles", "/api/v1/contents")
    found = [address for path in paths for address in addresses(get(path).json)]
    found += addresses(get(f"/api/v1{shared.removeprefix('/nst')}").json)
    assert len(found) > 20
    for address in (shared, *found):
        assert address.startswith("/nst/")
        if not address.endswith("/events"):
            assert get(address.removeprefix("/nst")).status_code == 200, address
    specification = get("/api/openapi.json").json
    assert specification["servers"][0]["url"].endswith("/nst/")


def test_a_trusted_proxy_names_the_path(house: House) -> None:
    client = house.client(trusted_proxies=1)
    headers = {"X-Forwarded-Prefix": "/nst"}
    assert '<base href="/nst/"' in client.get("/", headers=headers).text
    job = client.post("/api/v1/jobs", data=form(), headers=headers).json
    assert job["links"]["page"] == f"/nst/jobs/{job['id']}"


@pytest.mark.parametrize(
    "prefix",
    [
        *("//evil.example", "/a//b", "/a b", "nst", '/"><script>'),
        *("/a/../..", "/..", "/.", "/a/./b", "/../a"),
    ],
)
def test_what_a_client_names_leads_nowhere_else(house: House, prefix: str) -> None:
    client = house.client(trusted_proxies=1)
    assert client.get("/", headers={"X-Forwarded-Prefix": prefix}).text == INDEX


@pytest.mark.parametrize("prefix", ["/.well-known", "/a..b/c.", "/~me/nst-2_test"])
def test_points_in_a_name_are_no_steps(house: House, prefix: str) -> None:
    client = house.client(trusted_proxies=1)
    text = client.get("/", headers={"X-Forwarded-Prefix": prefix}).text
    assert f'<base href="{prefix}/"' in text


def test_nobody_names_the_path_where_no_proxy_is_trusted(house: House) -> None:
    client: Browser = house.client()
    assert client.get("/", headers={"X-Forwarded-Prefix": "/nst"}).text == INDEX
