"""File server on a free local port that can misbehave as internet servers do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """Files and faults of the server, and the requests that it has received."""

    files: dict[str, bytes] = field(default_factory=dict)
    knows_ranges: bool = True
    breaks_off_after_bytes: int | None = None
    """Number of bytes after which every body ends, although more was announced."""
    web_page: bool = False
    """Whether every answer is a web page, as with captive portals and expired links."""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Range header of every request."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[FileServer]:
    state = FileServer(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append((self.path, self.headers["Range"]))
            _answer(self, state)

        def log_message(self, *_: object) -> None:
            """Discard the message, to keep the output of the tests quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(request: BaseHTTPRequestHandler, state: FileServer) -> None:
    if state.web_page:
        _send(request, 200, b"<html>Please log in</html>", {"Content-Type": "text/html"})
        return
    body = state.files.get(request.path.lstrip("/"))
    if body is None:
        _send(request, 404, b"no such file", {})
        return
    first = 0
    if state.knows_ranges and (asked := request.headers["Range"]):
        first = int(asked.removeprefix("bytes=").rstrip("-"))
        if first >= len(body):
            _send(request, 416, b"", {"Content-Range": f"bytes */{len(body)}"})
            return
    headers = {"Content-Length": str(len(body) - first)}
    if first:
        headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
    _send(request, 206 if first else 200, body[first:][: state.breaks_off_after_bytes], headers)


def _send(
    request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]
) -> None:
    request.send_response(status)
    for name, value in ({"Content-Length": str(len(body))} | headers).items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)
