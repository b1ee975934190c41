"""The real nginx before the real API, as the image of the page runs them."""

import os
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

import servers
from patience import PATIENCE_SECONDS, wait_until
from served import CONTENT, STYLE, TINY, descendants
from served import Server as Service
from served import serve as serve_api
from servers import Server

pytestmark = pytest.mark.skipif(
    not servers.has_nginx(), reason="no nginx; tools/system-packages tests installs it"
)

INDEX = '<!doctype html><base href="/" /><title>the page</title>'
LIMIT = 1_000_000
"""Of a request, in bytes."""


class Page:
    """nginx and the API behind it."""

    def __init__(self, nginx: Server, api: Service) -> None:
        self.nginx, self.api = nginx, api
        self.client = httpx.Client(base_url=f"http://{nginx.address}", timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a page as small as a page can be."""
    directory = tmp_path_factory.mktemp("built") / "page"
    (directory / "assets").mkdir(parents=True)
    (directory / "index.html").write_text(INDEX)
    (directory / "assets" / "main.js").write_text("1")
    return directory


@pytest.fixture(scope="module")
def page(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    settings = {
        "NST_TRUSTED_PROXIES": "1",
        "NST_BASE_PATH": "/nst",
        "NST_MAX_UPLOAD_BYTES": str(LIMIT),
    }
    facts = {
        "MAX_UPLOAD_BYTES": str(LIMIT),
        "BASE_PATH": "/nst",
        "PICTURES_ORIGIN": "https://pictures.example",
    }
    directory = tmp_path_factory.mktemp("api")
    with (
        serve_api(directory, "--workers", "0", **settings) as api,
        servers.nginx(api.address, built, **facts) as nginx,
    ):
        made = Page(nginx, api)
        yield made
        made.client.close()


def submit(page: Page, size_bytes: int = 0, prefix: str = "") -> httpx.Response:
    files = {"content_image": CONTENT.read_bytes(), "style_image": STYLE.read_bytes()}
    if size_bytes:
        files["content_image"] = os.urandom(size_bytes)
    return page.client.post(f"{prefix}/api/v1/jobs", files=files, data=TINY)


@pytest.mark.parametrize("prefix", ["", "/nst"])
def test_the_page_and_the_api_below_their_path(page: Page, prefix: str) -> None:
    for path in ("/", "/jobs/1", "/index.html/x"):
        response = page.client.get(prefix + path)
        assert response.status_code == 200
        assert '<base href="/nst/"' in response.text
        policy = response.headers["Content-Security-Policy"]
        assert "img-src 'self' blob: data: https://pictures.example;" in policy
        assert response.headers["Cache-Control"] == "no-cache, max-age=0"
    assert page.client.get(f"{prefix}/assets/main.js").text == "1"
    job = submit(page, prefix=prefix)
    assert job.status_code == 202, job.text
    assert job.json()["links"]["self"].startswith("/nst/api/")


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/nst/metrics", "/nst/readyz"])
def test_how_the_service_is_is_not_for_visitors(page: Page, path: str) -> None:
    response = page.client.get(path)
    assert response.status_code == 404
    assert "nst_jobs" not in response.text


def test_a_body_that_is_too_large_is_refused_before_it_is_read(page: Page) -> None:
    with socket.create_connection(("127.0.0.1", page.nginx.port), PATIENCE_SECONDS) as connection:
        connection.sendall(
            b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\n"
        )
        answer = connection.recv(4096)
    assert b" 413 " in answer.split(b"\r\n")[0]
    assert b'"code":"too_large"' in answer
    assert b"application/problem+json" in answer
    assert page.client.post("/api/v1/jobs/1/cancel", content=b"x" * 2_000_000).status_code == 413
    # The API's own limit is the same.
    assert submit(page, LIMIT + 200_000).status_code == 413
    assert submit(page, 100_000).status_code == 415


def test_slow_bodies_of_one_address_leave_room_for_others(page: Page) -> None:
    begun = f"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: {LIMIT}\r\n\r\n".encode()
    with ExitStack() as stack:

        def upload() -> socket.socket:
            address = ("127.0.0.1", page.nginx.port)
            connection = stack.enter_context(
                socket.create_connection(address, PATIENCE_SECONDS, ("127.0.0.2", 0))
            )
            connection.sendall(begun + os.urandom(100_000))
            return connection

        held = [upload() for _ in range(7)]
        (answered, *_), _, _ = select.select(held, [], [], PATIENCE_SECONDS)
        refused = answered.recv(4096)
        assert b" 429 " in refused.split(b"\r\n")[0]
        assert b"Retry-After: 10" in refused
        assert submit(page).status_code == 202
        assert page.client.get("/healthz").status_code == 200


def test_many_requests_of_one_address_leave_room_for_others(page: Page) -> None:
    begun = b"POST /api/v1/jobs/1/cancel HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(600):
            address = ("127.0.0.1", page.nginx.port)
            connection = stack.enter_context(
                socket.create_connection(address, PATIENCE_SECONDS, ("127.0.0.3", 0))
            )
            connection.sendall(begun)
        assert page.client.get("/healthz").status_code == 200
        assert submit(page).status_code == 202


def test_nginx_that_is_stopped_leaves_no_worker_behind(built: Path) -> None:
    with servers.nginx("127.0.0.1:9", built) as nginx:
        workers = wait_until(lambda: descendants(nginx.pid))
    # `kill` waits for the master only, which has waited for its workers.
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
