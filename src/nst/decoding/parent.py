"""Decoder: starts decoding processes, sends them requests, kills those that hang."""

import json
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from nst.errors import (
    ImageRole,
    ImageTooLarge,
    InvalidImage,
    NSTError,
    ServerBusy,
    StorageError,
    StorageFull,
    UnsupportedImage,
)
from nst.image_files import MAX_PIXELS
from nst.images import PictureFacts
from nst.slots import Slots
from nst.video import FilmFacts, FilmLimits

PROCESSES = 2
"""Number of images that are decoded in parallel."""

WAIT_SECONDS = 10.0
"""Maximum wait for a free process, in seconds."""

CPU_SECONDS = 20
"""Limit of CPU time per image, in seconds. The largest photos need 3 s."""

FILM_CPU_SECONDS = 120
"""Limit of CPU time, in seconds, for making or inspecting one film."""

SILENCE_SECONDS = 300.0
"""Seconds without an answer after which a process is killed.
The CPU time that the process used does not matter."""

BASE_BYTES = 256 * 1024**2
"""Address space of an idle process, in bytes.
It holds Python, Pillow, the decoders and their threads."""

BYTES_PER_PIXEL = 16
"""Address space per pixel, in bytes.
Measured with 50 million pixels: lossless WebP takes 16 bytes, TIFF with floats 13, other formats 4
to 12."""

_PROBLEMS: dict[str, type[InvalidImage]] = {
    cls.code: cls for cls in (InvalidImage, UnsupportedImage, ImageTooLarge)
}
_STORAGE_ERRORS = {cls.code: cls for cls in (StorageError, StorageFull)}


class Decoder:
    """Pool of decoding processes, which start on demand."""

    def __init__(
        self,
        max_pixels: int = MAX_PIXELS,
        *,
        processes: int = PROCESSES,
        wait_seconds: float = WAIT_SECONDS,
        cpu_seconds: int = CPU_SECONDS,
    ) -> None:
        """Set the memory limit, which follows from `max_pixels`, the largest image."""
        self._memory_bytes = BASE_BYTES + BYTES_PER_PIXEL * max_pixels
        self._cpu_seconds = cpu_seconds
        # Each client may use one process at a time, so that no client occupies all of them.
        self._slots = Slots(
            processes, 1, wait_seconds=wait_seconds, reason="too many pictures are being decoded"
        )
        # Films take a long time, and no thumbnail should wait for one.
        self._film_slots = Slots(
            1, 1, wait_seconds=wait_seconds, reason="another film is being read or made"
        )
        self._large = TemporaryFile()  # noqa: SIM115 - locked by the processes while this decoder exists
        weakref.finalize(self, self._large.close)
        self._idle: list[_Process] = []
        self._lock = threading.Lock()

    def inspect(
        self,
        data: bytes,
        role: ImageRole,
        *,
        max_pixels: int = MAX_PIXELS,
        client: str = "",
    ) -> PictureFacts:
        """Inspect an image; see `images.inspect`.

        Raises InvalidImage, TooManyRequests, ServerBusy.
        """
        (kind, (width, height), is_plain), _ = self._ask(
            client, role, "inspect", data, role, max_pixels
        )
        return PictureFacts(str(kind), (int(width), int(height)), bool(is_plain))

    def small(self, data: bytes, side_pixels: int, *, client: str = "") -> bytes:
        """Return a thumbnail; see `images.small`.

        Raises InvalidImage, TooManyRequests, ServerBusy.
        """
        return self._ask(client, "content", "small", data, side_pixels)[1]

    def recipe(self, data: bytes, *, client: str = "") -> str | None:
        """Return the recipe in an image; see `images.read_recipe`.

        Raises InvalidImage, TooManyRequests, ServerBusy.
        """
        text, _ = self._ask(client, "initial", "recipe", data)
        return None if text is None else str(text)

    def convert(self, data: bytes, format_name: str, *, client: str = "") -> bytes:
        """Convert an image; see `images.converted`.

        Raises InvalidImage, TooManyRequests, ServerBusy.
        """
        return self._ask(client, "content", "convert", data, format_name)[1]

    def beside(self, before: bytes, after: bytes, *, client: str = "") -> bytes:
        """Return two images side by side; see `images.beside`.
        Raises InvalidImage, TooManyRequests, ServerBusy."""
        return self._ask(client, "content", "beside", before, after)[1]

    def film(
        self, content: Path, frames: Sequence[Path], result: Path, film: Path, *, client: str = ""
    ) -> None:
        """Write a film that starts with the content image and ends with the result.
        Raises InvalidImage, StorageError, TooManyRequests, ServerBusy."""
        names = [str(frame) for frame in frames]
        arguments = (str(content), names, str(result), str(film))
        with self._film_slots.one(client):
            self._run("content", "film", arguments, FILM_CPU_SECONDS)

    def inspect_film(
        self, data: bytes, limits: FilmLimits, *, client: str = ""
    ) -> tuple[FilmFacts, bytes]:
        """Return the facts about a film, and its first frame as a JPEG.

        The whole film is decoded; see `nst.video.measure`.
        Raises InvalidImage, TooManyRequests, ServerBusy.
        """
        with self._film_slots.one(client), TemporaryDirectory(prefix="nst-") as directory:
            file = Path(directory, "film")
            file.write_bytes(data)
            arguments = (str(file), astuple(limits))
            (kind, (width, height), frames, seconds), first = self._run(
                "content", "inspect_film", arguments, FILM_CPU_SECONDS
            )
        return FilmFacts(str(kind), (int(width), int(height)), int(frames), float(seconds)), first

    def close(self) -> None:
        """End the idle processes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()
        self._large.close()

    def _ask(self, client: str, role: ImageRole, task: str, *arguments: Any) -> tuple[Any, bytes]:
        with self._slots.one(client):
            return self._run(role, task, arguments, self._cpu_seconds)

    def _run(
        self, role: ImageRole, task: str, arguments: Any, cpu_seconds: int
    ) -> tuple[Any, bytes]:
        with self._process() as process:
            header, payload = process.ask((task, arguments, cpu_seconds), role)
        if code := header.get("error"):
            raise _error(code, header, role)
        return header.get("value"), payload

    @contextmanager
    def _process(self) -> "Iterator[_Process]":
        with self._lock:
            process = self._idle.pop() if self._idle else None
        process = process if process and process.is_alive else self._start()
        try:
            yield process
        except BaseException:
            process.end()
            raise
        with self._lock:
            self._idle.append(process)

    def _start(self) -> "_Process":
        return _Process(self._memory_bytes, self._large.fileno())


def _error(code: str, facts: dict[str, Any], role: ImageRole) -> NSTError:
    """Return the error that a process has answered."""
    reason = str(facts.get("reason"))
    if storage_error := _STORAGE_ERRORS.get(code):
        return storage_error(Path(str(facts.get("path"))), reason)
    return _PROBLEMS.get(code, InvalidImage)(role, reason)


class _Process:
    """Connection to a decoding process."""

    def __init__(self, memory_bytes: int, large: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            numbers = map(str, (theirs.fileno(), large, memory_bytes))
            self._process = subprocess.Popen(  # noqa: S603 - runs this program
                [sys.executable, "-P", "-m", "nst.decoding.child", *numbers],
                pass_fds=[theirs.fileno(), large],
                stdin=subprocess.DEVNULL,
                # Ctrl-C must reach only the parent; this process ends with the connection.
                process_group=0,
                # Every thread of a decoder would otherwise reserve its own 128 MiB of addresses.
                env={**os.environ, "MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1"},
            )
        self._connection = Connection(ours.detach())

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: Any, role: ImageRole) -> tuple[dict[str, Any], bytes]:
        """Send a request and return the answer.

        Raises InvalidImage if the process dies, ServerBusy if it does not answer.
        """
        try:
            self._connection.send(request)
            if not self._connection.poll(SILENCE_SECONDS):
                raise ServerBusy("the picture could not be decoded in time", 60)
            return json.loads(self._connection.recv_bytes()), self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            reason = (
                "decoding this picture takes more time or memory than the server gives one; "
                "open it in an image editor and save it again, perhaps smaller"
            )
            raise InvalidImage(role, reason) from error

    def end(self) -> None:
        self._connection.close()
        self._process.kill()
        self._process.wait()
