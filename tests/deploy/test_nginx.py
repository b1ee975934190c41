"""The real nginx before the real API, as the image of the page runs nginx."""

import os
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from PIL import Image

from nst.api.page import LIVE, SECURITY_HEADERS, WITH_WASM
from support import servers
from support.nst_serve import CONTENT, STYLE, TINY, descendants
from support.nst_serve import Server as Service
from support.nst_serve import serve as serve_api
from support.pictures import encoded, picture
from support.servers import Server
from support.upload_routes import upload_routes
from support.waiting import PATIENCE_SECONDS, wait_until

pytestmark = pytest.mark.skipif(
    not servers.has_nginx(), reason="no nginx; tools/system-packages tests installs it"
)

INDEX = '<!doctype html><head><base href="/" /><title>the page</title></head>'
PICTURES = "https://pictures.example"
LIMIT = 2_000_000
"""Largest size of a request, in bytes.
It is larger than the limit of requests that upload nothing."""
JOBS_PER_ADDRESS = 15
"""Number of unfinished jobs that an address may have; the visitor has fewer."""


class Page:
    """nginx and the API behind it."""

    def __init__(self, nginx: Server, api: Service) -> None:
        self.nginx, self.api = nginx, api
        self.client = httpx.Client(base_url=f"http://{nginx.address}", timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the smallest possible page, and return its directory."""
    directory = tmp_path_factory.mktemp("built") / "page"
    (directory / "assets").mkdir(parents=True)
    (directory / "index.html").write_text(INDEX)
    (directory / "assets" / "main.js").write_text("1")
    return directory


@pytest.fixture(scope="module")
def program(built: Path) -> Path:
    """Write an `nst` that serves the smallest page, as both images have the same page."""
    program = built.parent / "nst"
    lines = (
        f"#!{sys.executable}",
        "from pathlib import Path",
        "from nst.api import page",
        "from nst.cli.main import main",
        f"page.PAGE = Path({str(built)!r})",
        "main()",
    )
    program.write_text("\n".join(lines))
    program.chmod(0o755)
    return program


@pytest.fixture(scope="module")
def page(built: Path, program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    settings = {
        "NST_TRUSTED_PROXIES": "1",
        "NST_BASE_PATH": "/nst",
        "NST_MAX_UPLOAD_BYTES": str(LIMIT),
        "NST_MAX_JOBS_PER_ADDRESS": str(JOBS_PER_ADDRESS),
    }
    facts = {
        "MAX_UPLOAD_BYTES": str(LIMIT),
        "BASE_PATH": "/nst",
        "PICTURES_ORIGIN": PICTURES,
    }
    directory = tmp_path_factory.mktemp("api")
    with (
        serve_api(directory, "--workers", "0", program=program, **settings) as api,
        servers.nginx(api.address, built, **facts) as nginx,
    ):
        made = Page(nginx, api)
        yield made
        made.client.close()


def submit(
    page: Page, size_bytes: int = 0, prefix: str = "", client: httpx.Client | None = None
) -> httpx.Response:
    """Submit a job as the page's visitor, or as another `client` with a new cookie."""
    if client:
        client.cookies.clear()
    files = {"content_image": CONTENT.read_bytes(), "style_image": STYLE.read_bytes()}
    if size_bytes:
        files["content_image"] = os.urandom(size_bytes)
    return (client or page.client).post(f"{prefix}/api/v1/jobs", files=files, data=TINY)


@pytest.mark.parametrize("prefix", ["", "/nst"])
def test_the_page_and_the_api_below_their_path(page: Page, prefix: str) -> None:
    for path in ("/", "/jobs/1", "/index.html/x"):
        response = page.client.get(prefix + path)
        assert response.status_code == 200
        assert '<base href="/nst/"' in response.text
        policy = response.headers["Content-Security-Policy"]
        assert f"img-src 'self' blob: data: {PICTURES};" in policy
        assert response.headers["Cache-Control"] == "no-cache, max-age=0"
    assert page.client.get(f"{prefix}/assets/main.js").text == "1"
    job = submit(page, prefix=prefix)
    assert job.status_code == 202, job.text
    assert job.json()["links"]["self"].startswith("/nst/api/")


@pytest.mark.parametrize("path", ["/index.html", "/nst/index.html"])
def test_the_file_of_the_page_leads_to_the_page(page: Page, path: str) -> None:
    for client in (page.client, page.api.client):
        response = client.get(path)
        assert (response.status_code, response.headers["Location"]) == (302, "/nst/")
        for name in SECURITY_HEADERS:
            assert len(response.headers.get_list(name)) == 1, name


@pytest.mark.parametrize("prefix", ["", "/nst"])
def test_a_shared_link_has_a_preview_for_messengers(page: Page, prefix: str) -> None:
    def text(path: str) -> str:
        response = page.client.get(prefix + path, headers={"Host": "nst.example"})
        assert response.headers["Cache-Control"] == "no-cache, max-age=0"
        assert '<base href="/nst/"' in response.text
        return response.text

    image = "http://nst.example/nst/api/v1/shared/a-b_c/result?thumb=1"
    for path in ("/shared/a-b_c", "/shared/a-b_c/", "/shared/a-b_c?x=1"):
        assert f'<meta property="og:image" content="{image}" />' in text(path)
    for path in ("/", "/studio", "/shared", '/shared/a"b', "/shared/a/b"):
        assert "og:" not in text(path), path


def test_a_shared_link_opens_the_page_without_the_api(built: Path) -> None:
    with servers.nginx("127.0.0.1:9", built) as nginx:
        response = httpx.get(f"http://{nginx.address}/shared/secret-4")
        httpx.get(f"http://{nginx.address}/api/v1/after-the-secret")
        wait_until(lambda: "after-the-secret" in nginx.output)
        assert "secret-4" not in nginx.output
    assert (response.status_code, response.text) == (200, INDEX)
    assert response.headers["Content-Security-Policy"]


def test_no_token_of_a_shared_link_is_logged(page: Page) -> None:
    for path in (
        "/nst/api/v1/shared/secret-1",
        "/api/v1/shared/secret-2/result",
        "/shared/secret-3",
    ):
        page.client.get(path)
    page.client.get("/api/v1/after-the-secrets")
    wait_until(lambda: "after-the-secrets" in page.nginx.output)
    log = page.nginx.output
    assert 'GET /api/v1/shared/-"' in log
    assert "/api/v1/shared/-/result" in log
    assert "secret-" not in log


@pytest.mark.parametrize("path", ["/", "/studio", "/jobs/1", "/shared/x", LIVE, f"{LIVE}/"])
def test_a_page_has_the_headers_of_the_api(page: Page, path: str) -> None:
    asked = page.api.client.get(path).headers
    for prefix in ("", "/nst"):
        headers = page.client.get(f"{prefix}{path}?x=1").headers
        for name in SECURITY_HEADERS:
            assert len(headers.get_list(name)) == 1, name
            assert headers[name].replace(f" {PICTURES}", "") == asked[name], name
        assert (WITH_WASM in headers["Content-Security-Policy"]) is path.startswith(LIVE)


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
    # The API itself has the same limit.
    assert submit(page, LIMIT + 200_000).status_code == 413
    assert submit(page, 100_000).status_code == 415


@pytest.mark.parametrize("path", upload_routes())
def test_a_large_upload_reaches_the_api(page: Page, path: str) -> None:
    image = CONTENT.read_bytes() + bytes(LIMIT - 200_000)
    response = page.client.post(path, files={"not_a_field": image})
    assert response.status_code == 422, response.text
    assert response.json()["request_id"]  # nginx itself knows none


def begin(page: Page, stack: ExitStack, address: str, text: bytes) -> socket.socket:
    """Open a connection from this address, send this text, and read nothing."""
    connection = stack.enter_context(socket.socket())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(PATIENCE_SECONDS)
    connection.bind((address, 0))
    connection.connect(("127.0.0.1", page.nginx.port))
    connection.sendall(text)
    return connection


SLOW_BODY = b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % LIMIT
SLOW_CANCEL = b"POST /api/v1/jobs/1/cancel HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
SLOW_HEADERS = b"GET /api/v1/jobs HTTP/1.1\r\nHost:"


def check_that_others_are_served(page: Page) -> None:
    check_that_others_can_read(page)
    assert submit(page).status_code == 202


def check_that_others_can_read(page: Page) -> None:
    """Check nginx, the API behind it, and the readiness that only operators see."""
    assert page.client.get("/healthz").status_code == 200
    assert page.client.get("/").status_code == 200
    assert page.client.get("/api/v1/jobs").status_code == 200
    assert page.api.client.get("/readyz").status_code == 200


def slow_read(page: Page) -> bytes:
    """Return a request for an image that is larger than all buffers on the way."""
    noise = Image.frombytes("RGB", (500, 500), os.urandom(3 * 500 * 500))
    files = {"content_image": encoded(noise, "PNG"), "style_image": encoded(picture(), "PNG")}
    response = page.client.post("/api/v1/jobs", files=files, data=TINY)
    assert response.status_code == 202, response.text
    cookie = page.client.cookies["nst_session"]
    path = response.json()["links"]["content"]
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: nst_session={cookie}\r\n\r\n".encode()


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"GET", b"DELETE"])
def test_slow_bodies_of_one_address_leave_room_for_others(page: Page, method: bytes) -> None:
    """The proxy stores the body of every method, also where the API takes none."""
    with ExitStack() as stack:
        text = SLOW_BODY.replace(b"POST", method) + os.urandom(100_000)
        held = [begin(page, stack, "127.0.0.2", text) for _ in range(7)]
        refused = first_answer(held)
        assert b" 429 " in refused.split(b"\r\n")[0]
        assert b"Retry-After: 10" in refused
        check_that_others_are_served(page)


def test_uploads_of_many_addresses_that_take_every_place_leave_reading(page: Page) -> None:
    with ExitStack() as stack:
        text = SLOW_BODY + os.urandom(100_000)
        held = [begin(page, stack, f"127.0.0.{40 + number // 5}", text) for number in range(15)]
        assert b" 429 " in first_answer(held).split(b"\r\n")[0]
        check_that_others_can_read(page)
        assert page.client.get("/api/v1/learned-styles").status_code == 200
    wait_until(lambda: preview(page).status_code == 200)


def first_answer(held: list[socket.socket]) -> bytes:
    """Return the first answer that arrives on one of these connections."""
    (answered, *_), _, _ = select.select(held, [], [], PATIENCE_SECONDS)
    answer: bytes = answered.recv(4096)
    return answer


def preview(page: Page) -> httpx.Response:
    """Upload an image that the API answers without a job."""
    return page.client.post("/api/v1/upright", files={"image": CONTENT.read_bytes()})


def test_many_requests_of_one_address_leave_room_for_others(page: Page) -> None:
    with ExitStack() as stack:
        for _ in range(600):
            begin(page, stack, "127.0.0.3", SLOW_CANCEL)
        check_that_others_are_served(page)


def test_readers_that_never_read_leave_room_for_others(page: Page) -> None:
    text = slow_read(page)
    with ExitStack() as stack:
        for _ in range(600):
            begin(page, stack, "127.0.0.4", text)
        check_that_others_are_served(page)


def test_an_address_without_cookies_fills_no_queue(page: Page) -> None:
    transport = httpx.HTTPTransport(local_address="127.0.0.5")
    with httpx.Client(
        transport=transport, base_url=page.client.base_url, timeout=PATIENCE_SECONDS
    ) as greedy:
        answers = [submit(page, client=greedy) for _ in range(JOBS_PER_ADDRESS + 1)]
    assert {answer.status_code for answer in answers[:-1]} == {202}
    assert len({answer.headers["Set-Cookie"] for answer in answers[:-1]}) == JOBS_PER_ADDRESS
    assert answers[-1].status_code == 429
    check_that_others_are_served(page)


def test_all_of_it_at_once_leaves_room_for_others(page: Page) -> None:
    texts = [slow_read(page), SLOW_CANCEL, SLOW_HEADERS]
    with ExitStack() as stack:
        for number, text in enumerate(150 * texts):
            begin(page, stack, f"127.0.0.{10 + number % 30}", text)
        for address in ("127.0.0.6", "127.0.0.7"):
            for _ in range(6):
                begin(page, stack, address, SLOW_BODY + os.urandom(100_000))
        check_that_others_are_served(page)


def test_nginx_that_is_stopped_leaves_no_worker_behind(built: Path) -> None:
    with servers.nginx("127.0.0.1:9", built) as nginx:
        workers = wait_until(lambda: descendants(nginx.pid))
    # `kill` waits only for the master process, which has waited for its workers.
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
