"""A stream of JPEG images over HTTP, which browsers, OBS and video players show.

It is served to this machine only: no other machine can connect, and no page of another site may
show it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from nst.errors import InvalidOption

HOST = "127.0.0.1"
DEFAULT_PORT = 80
"""Port of HTTP, which browsers leave out of the host name."""
BOUNDARY = "frame"
WAIT_SECONDS = 1.0
"""Seconds without a new frame after which the newest one is sent again."""

PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>nst live</title>
<style>body{margin:0;background:#111;color:#ddd;font:1rem sans-serif;text-align:center}
img{max-width:100%;height:calc(100vh - 3rem);object-fit:contain}</style>
<img src="/stream" alt="The camera or film, painted"><p id="rate" role="status"></p>
<script>setInterval(async () => { document.getElementById('rate').textContent =
`${await (await fetch('/rate')).text()} frames per second`; }, 1000);</script></html>"""


class LiveStream:
    """Stream of the newest frame to everybody who watches."""

    def __init__(self, port: int, rate: Callable[[], float]) -> None:
        """Bind the port. `rate`: returns the frames per second.

        Raises InvalidOption if the port is in use.
        """
        self.rate = rate
        self._frame = b""
        self._has_changed = threading.Condition()
        stream = self

        class Handler(_Handler):
            watched = stream

        try:
            self._server = ThreadingHTTPServer((HOST, port), Handler)
        except OSError as error:
            allowed = f"a port that is free ({error.strerror}); 0 finds one"
            raise InvalidOption("port", port, allowed) from error
        self._server.daemon_threads = True

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}/"

    @property
    def port(self) -> int:
        return self._server.server_port

    @contextmanager
    def served(self) -> Iterator[None]:
        """Answer requests for as long as the context is open."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()

    def show(self, jpeg: bytes) -> None:
        """Send a new frame."""
        with self._has_changed:
            self._frame = jpeg
            self._has_changed.notify_all()

    def frames(self) -> Iterator[bytes]:
        """Yield the newest frame, and then every new one.

        Without a new frame for WAIT_SECONDS, the newest one is repeated.
        """
        while True:
            if self._frame:
                yield self._frame
            with self._has_changed:
                self._has_changed.wait(WAIT_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    watched: LiveStream

    def do_GET(self) -> None:
        # A site whose host name resolves to this machine must not read the camera.
        if self.headers.get("Host") not in self._names:
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        match self.path:
            case "/":
                self._send("text/html; charset=utf-8", PAGE)
            case "/rate":
                self._send("text/plain", f"{self.watched.rate():.1f}".encode())
            case "/stream":
                self._stream()
            case _:
                self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    @property
    def _names(self) -> list[str]:
        port, hosts = self.watched.port, (HOST, "localhost")
        names = [f"{host}:{port}" for host in hosts]
        return [*names, *hosts] if port == DEFAULT_PORT else names

    def _send(self, kind: str, data: bytes) -> None:
        self._begin(kind)
        self.wfile.write(data)

    def _begin(self, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()

    def _stream(self) -> None:
        self._begin(f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        try:
            for jpeg in self.watched.frames():
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                self.wfile.write(head.encode() + b"\r\n\r\n" + jpeg + b"\r\n")
        except OSError:  # the client has disconnected
            self.close_connection = True
