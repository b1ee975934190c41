"""Decoding of untrusted images in processes with limits
of memory and processor time.

An image that exceeds a limit ends its process and nothing else. Each process is kept warm and
serves one request after the other. It answers in JSON and bytes, so its answers cannot run code.
"""

import fcntl
import json
import math
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import astuple
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, TypeAlias

from nst import image_sizes, image_writer, images, transparency
from nst.errors import (
    ImageRole,
    ImageTooLarge,
    InvalidImage,
    InvalidOption,
    ServerBusy,
    UnsupportedImage,
)
from nst.image_files import MAX_PIXELS
from nst.images import PictureFacts
from nst.slots import Slots
from nst.video import FilmFacts, FilmLimits, Timelapse, measure

PROCESSES = 2
"""Number of images that are decoded in parallel."""

WAIT_SECONDS = 10.0
"""Maximum wait for a free process, in seconds."""

CPU_SECONDS = 20
"""Limit of processor time per image, in seconds. The largest photos need 3 s."""

FILM_CPU_SECONDS = 120
"""Limit of processor time per film, in seconds: one that
is made, or one that is inspected."""

SILENCE_SECONDS = 300.0
"""Seconds without an answer after which a process is
killed, whatever processor time it used."""

BASE_BYTES = 256 * 1024**2
"""Address space of an idle process:
Python, Pillow, the decoders and their threads."""

BYTES_PER_PIXEL = 16
"""Address space for each pixel.
Measured with 50 million pixels: lossless WebP takes 16 bytes, floats of TIFF
13, other formats 4 to 12."""

LARGE_PIXELS = 12_000_000
"""Pixels above which only one picture is decoded at a
time, whatever the number of processes."""

FILM_SIDE_PIXELS = 768
FIRST_FRAME_SIDE_PIXELS = 1024

Answer: TypeAlias = tuple[Any, bytes]
"""Answer of a process: a JSON value, and bytes."""

_PROBLEMS: dict[str, type[InvalidImage]] = {
    cls.code: cls for cls in (InvalidImage, UnsupportedImage, ImageTooLarge)
}


class Decoder:
    """A pool of decoding processes, which start on demand."""

    def __init__(
        self,
        max_pixels: int = MAX_PIXELS,
        *,
        processes: int = PROCESSES,
        wait_seconds: float = WAIT_SECONDS,
        cpu_seconds: int = CPU_SECONDS,
    ) -> None:
        """`max_pixels`: size of the largest image, from which the memory limit follows."""
        self._memory_bytes = BASE_BYTES + BYTES_PER_PIXEL * max_pixels
        self._cpu_seconds = cpu_seconds
        # A client has one turn at a time, so that nobody's pictures fill all processes.
        self._slots = Slots(
            processes, 1, wait_seconds=wait_seconds, reason="too many pictures are being decoded"
        )
        # Films take long, and no thumbnail should wait for one.
        self._film_slots = Slots(
            1, 1, wait_seconds=wait_seconds, reason="another film is being read or made"
        )
        self._large = TemporaryFile()  # noqa: SIM115 - its lock is what is used, for as long as this
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
        """Inspect an image, see `images.inspect`.

        Raises InvalidImage, TooManyRequests, ServerBusy.
        """
        (kind, (width, height), is_plain), _ = self._ask(
            client, role, "inspect", data, role, max_pixels
        )
        return PictureFacts(str(kind), (int(width), int(height)), bool(is_plain))

    def small(self, data: bytes, side_pixels: int, *, client: str = "") -> bytes:
        """Make a thumbnail, see `images.small`.

        Raises InvalidImage, TooManyRequests, ServerBusy.
        """
        return self._ask(client, "content", "small", data, side_pixels)[1]

    def recipe(self, data: bytes, *, client: str = "") -> str | None:
        """Read the recipe, see `images.read_recipe`.

        Raises InvalidImage, TooManyRequests, ServerBusy.
        """
        text, _ = self._ask(client, "initial", "recipe", data)
        return None if text is None else str(text)

    def convert(self, data: bytes, format_name: str, *, client: str = "") -> bytes:
        """Convert an image, see `images.converted`.

        Raises InvalidImage, TooManyRequests, ServerBusy.
        """
        return self._ask(client, "content", "convert", data, format_name)[1]

    def beside(self, before: bytes, after: bytes, *, client: str = "") -> bytes:
        """Return two images side by side, see `images.beside`.
        Raises InvalidImage, TooManyRequests, ServerBusy."""
        return self._ask(client, "content", "beside", before, after)[1]

    def film(
        self, content: Path, frames: Sequence[Path], result: Path, film: Path, *, client: str = ""
    ) -> None:
        """Write a film from the content image over the frames to the result.
        Raises InvalidImage, TooManyRequests, ServerBusy."""
        names = [str(frame) for frame in frames]
        arguments = (str(content), names, str(result), str(film))
        with self._film_slots.one(client):
            self._run("content", "film", arguments, FILM_CPU_SECONDS)

    def inspect_film(
        self, data: bytes, limits: FilmLimits, *, client: str = ""
    ) -> tuple[FilmFacts, bytes]:
        """Decode a film, see `nst.video.measure`; return what it
        is, and its first frame as a JPEG.

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

    def _ask(self, client: str, role: ImageRole, task: str, *arguments: Any) -> Answer:
        with self._slots.one(client):
            return self._run(role, task, arguments, self._cpu_seconds)

    def _run(self, role: ImageRole, task: str, arguments: Any, cpu_seconds: int) -> Answer:
        with self._process() as process:
            header, payload = process.ask((task, arguments, cpu_seconds), role)
        if code := header.get("error"):
            raise _PROBLEMS.get(code, InvalidImage)(role, str(header.get("reason")))
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


class _Process:
    """A decoding process, as its client sees it."""

    def __init__(self, memory_bytes: int, large: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            numbers = map(str, (theirs.fileno(), large, memory_bytes))
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-P", "-m", "nst.decoding", *numbers],
                pass_fds=[theirs.fileno(), large],
                stdin=subprocess.DEVNULL,
                # Ctrl-C is for the one that asks; this process ends with the connection.
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


# ── inside such a process ─────────────────────────────────────────────────────────────────────


def _inspect(data: bytes, role: ImageRole, max_pixels: int) -> Answer:
    facts = images.inspect(data, role, max_pixels=max_pixels)
    return (facts.format, facts.size, facts.is_plain), b""


def _small(data: bytes, side_pixels: int) -> Answer:
    return None, images.small(data, side_pixels)


def _recipe(data: bytes) -> Answer:
    return images.read_recipe(data), b""


def _convert(data: bytes, format_name: str) -> Answer:
    return None, images.converted(data, format_name)


def _beside(before: bytes, after: bytes) -> Answer:
    return None, images.beside(before, after)


def _film(content: str, frames: Sequence[str], result: str, film: str) -> Answer:
    tempfile.tempdir = str(Path(film).parent)  # which goes with the film, should this process die
    last = transparency.flatten(images.load(Path(result), "content"))
    size = last.size
    if max(size) > FILM_SIDE_PIXELS:
        size = image_sizes.fit(size, FILM_SIDE_PIXELS)

    def shown(file: str) -> Any:
        return images.resize(transparency.flatten(images.load(Path(file), "content")), size)

    with Timelapse(shown(content)) as timelapse:
        for step, frame in enumerate(frames, start=1):
            timelapse.add(step, lambda frame=frame: shown(frame))  # type: ignore[misc]
        timelapse.save(Path(film), images.resize(last, size))
    return None, b""


def _inspect_film(film: str, limits: Sequence[Any]) -> Answer:
    tempfile.tempdir = str(Path(film).parent)  # which goes with the film, should this process die
    try:
        facts, first = measure(Path(film), FilmLimits(*limits))
    except InvalidOption as error:
        reason = f"the film cannot be used; send {error.allowed}"
        raise UnsupportedImage("content", reason) from error
    if max(first.size) > FIRST_FRAME_SIDE_PIXELS:
        first = images.resize(first, image_sizes.fit(first.size, FIRST_FRAME_SIDE_PIXELS))
    return astuple(facts), image_writer.encode(first, "JPEG")


_TASKS: dict[str, Callable[..., Answer]] = {
    "inspect": _inspect,
    "small": _small,
    "recipe": _recipe,
    "convert": _convert,
    "beside": _beside,
    "film": _film,
    "inspect_film": _inspect_film,
}


def serve(connection: Connection, large: int) -> None:
    """Answer requests until the connection is closed.
    `large`: file descriptor that is locked while a large image is decoded."""
    with suppress(EOFError, OSError):
        while True:
            task, arguments, cpu_seconds = connection.recv()
            _allow(cpu_seconds)
            with _one_at_a_time(large) if _is_large(arguments[0]) else nullcontext():
                header, payload = _answer(task, arguments)
            connection.send_bytes(json.dumps(header).encode())
            connection.send_bytes(payload)


def _answer(task: str, arguments: Sequence[Any]) -> tuple[dict[str, Any], bytes]:
    try:
        value, payload = _TASKS[task](*arguments)
    except InvalidImage as error:
        return {"error": error.code, "reason": error.reason}, b""
    return {"value": value}, payload


def _is_large(data: object) -> bool:
    with suppress(InvalidImage):
        return isinstance(data, bytes) and math.prod(images.stored_size(data)) > LARGE_PIXELS
    return False


@contextmanager
def _one_at_a_time(file: int) -> Iterator[None]:
    fcntl.lockf(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN)


def _allow(cpu_seconds: int) -> None:
    """Set the limit of processor time, after which the system kills this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime) + cpu_seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _main(descriptor: str, large: str, memory_bytes: str) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # not every system knows this limit
        resource.setrlimit(resource.RLIMIT_AS, (int(memory_bytes), int(memory_bytes)))
    serve(Connection(int(descriptor)), int(large))


if __name__ == "__main__":
    _main(*sys.argv[1:])
