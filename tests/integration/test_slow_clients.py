"""Clients that read nothing or send nothing more: the server still serves others."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from PIL import Image

from support.nst_serve import STYLE, Server, descendants, serve
from support.pictures import encoded
from support.waiting import PATIENCE_SECONDS, wait_until

STREAMS = 8
THREADS = STREAMS + 64
"""Number of threads of the server; more connections than these hang."""

PROGRAM = f"""#!{sys.executable}
from nst.cli import main, web_server
web_server.SILENCE_SECONDS = {{silence}}
main.main()
"""


@contextmanager
def server(directory: Path, *, silence: int = 100_000, **settings: str) -> Iterator[Server]:
    """Run a server with few threads.
    `silence`: seconds after which the server closes a silent connection."""
    program = directory / "nst"
    program.write_text(PROGRAM.format(silence=silence))
    program.chmod(0o755)
    with serve(
        directory, "--workers", "0", program=program, NST_MAX_STREAMS=str(STREAMS), **settings
    ) as it:
        yield it


def large_picture(it: Server) -> tuple[str, str]:
    """Return the path of an image larger than a connection's buffers, and its cookie."""
    noise = Image.frombytes("RGB", (2000, 2000), os.urandom(12_000_000))
    files = {"content_image": encoded(noise, "PNG"), "style_image": STYLE.read_bytes()}
    job = it.client.post("/api/v1/jobs", files=files, data={"preset": "fast"}).json()
    return job["links"]["content"], f"nst_session={it.client.cookies['nst_session']}"


def connect(it: Server, address: str, text: str) -> socket.socket:
    """Open a connection from this address, send this text, and never read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.bind((address, 0))
    connection.settimeout(PATIENCE_SECONDS)
    connection.connect(("127.0.0.1", it.client.base_url.port or 0))
    connection.sendall(text.encode())
    return connection


def hanging(
    it: Server, stack: ExitStack, address: str, count: int, text: str
) -> list[socket.socket]:
    return [stack.enter_context(connect(it, address, text)) for _ in range(count)]


def get(path: str, cookie: str = "") -> str:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n"


def wait_for_the_end(connection: socket.socket) -> None:
    """Read until the server closes the connection."""
    with suppress(ConnectionResetError):
        while connection.recv(4096):
            pass


@contextmanager
def surviving(it: Server) -> Iterator[None]:
    """Assert that the body ends no process of the server and that others are still served."""
    assert it.client.get("/healthz").status_code == 200
    before = set(descendants(it.process.pid))
    assert before
    yield
    assert it.client.get("/healthz").status_code == 200
    assert it.client.get("/api/v1/jobs").status_code == 200
    it.submit()
    assert before <= set(descendants(it.process.pid)), it.log.read_text()


def test_readers_that_never_read_leave_threads_to_others(tmp_path: Path) -> None:
    with server(tmp_path) as it, ExitStack() as stack:
        path, cookie = large_picture(it)
        with surviving(it):
            hanging(it, stack, "127.0.0.2", 2 * THREADS, get(path, cookie))


def test_requests_that_never_end_leave_threads_to_others(tmp_path: Path) -> None:
    with server(tmp_path) as it, ExitStack() as stack, surviving(it):
        hanging(it, stack, "127.0.0.2", 2 * THREADS, "GET / HTTP/1.1\r\nHost:")


def test_clients_that_never_close_leave_the_process_to_others(tmp_path: Path) -> None:
    """The server waits some time for each client to close, and must not wait in its main thread."""
    with server(tmp_path) as it, ExitStack() as stack, surviving(it):
        text = "GET /healthz HTTP/1.0\r\n\r\n"
        for connection in hanging(it, stack, "127.0.0.2", 2 * THREADS, text):
            wait_for_the_end(connection)


def test_behind_a_proxy_the_clients_it_names_are_counted(tmp_path: Path) -> None:
    with server(tmp_path, NST_TRUSTED_PROXIES="1") as it, ExitStack() as stack:
        path, cookie = large_picture(it)
        greedy = get(path, cookie).replace("Host", "X-Forwarded-For: 10.0.0.1\r\nHost")
        hanging(it, stack, "127.0.0.1", 60, greedy)
        headers = {"X-Forwarded-For": "10.0.0.1"}
        wait_until(lambda: it.client.get("/api/v1/jobs", headers=headers).status_code == 429)
        headers = {"X-Forwarded-For": "10.0.0.2"}
        assert it.client.get("/api/v1/jobs", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "{reads nothing}",
        "POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
        "GET / HT",
    ],
)
def test_who_is_silent_for_long_is_given_up(tmp_path: Path, text: str) -> None:
    """The connections come from many addresses, so that only their silence ends them."""
    with server(tmp_path, silence=4) as it, ExitStack() as stack:
        path, cookie = large_picture(it)
        said = get(path, cookie) if text == "{reads nothing}" else text
        with surviving(it):
            for number in range(2, 8):
                hanging(it, stack, f"127.0.0.{number}", THREADS // 4, said)
        assert "Traceback" not in it.log.read_text()
