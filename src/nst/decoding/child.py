"""Decoding process, which answers requests within limits of memory and time."""

import fcntl
import json
import math
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import astuple
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

from nst import image_sizes, image_writer, images, transparency
from nst.errors import ImageRole, InvalidImage, InvalidOption, StorageError, UnsupportedImage
from nst.video import FilmLimits, Timelapse, measure

LARGE_PIXELS = 12_000_000
"""Number of pixels above which only one image is decoded at a time.
The limit holds for all processes together."""

FILM_SIDE_PIXELS = 768
FIRST_FRAME_SIDE_PIXELS = 1024

Answer: TypeAlias = tuple[Any, bytes]
"""Answer of a process: a JSON value, and bytes."""


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
    tempfile.tempdir = str(Path(film).parent)  # deleted with the film if this process dies
    last = transparency.flatten(images.load(Path(result).read_bytes(), "content"))
    size = last.size
    if max(size) > FILM_SIDE_PIXELS:
        size = image_sizes.fit(size, FILM_SIDE_PIXELS)

    def shown(file: str) -> Any:
        return images.resize(images.coarse(Path(file).read_bytes(), max(size)), size)

    with Timelapse(shown(content)) as timelapse:
        for step, frame in enumerate(frames, start=1):
            timelapse.add(step, lambda frame=frame: shown(frame))  # type: ignore[misc]
        timelapse.save(Path(film), images.resize(last, size))
    return None, b""


def _inspect_film(film: str, limits: Sequence[Any]) -> Answer:
    tempfile.tempdir = str(Path(film).parent)  # deleted with the film if this process dies
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
    `large`: descriptor of a file that is locked while a large image is decoded."""
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
    except StorageError as error:  # the disk on which a film is made
        return {"error": error.code, "reason": error.reason, "path": str(error.path)}, b""
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
    """Set the limit of CPU time, after which the system kills this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime) + cpu_seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _main(descriptor: str, large: str, memory_bytes: str) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # not every system has this limit
        resource.setrlimit(resource.RLIMIT_AS, (int(memory_bytes), int(memory_bytes)))
    serve(Connection(int(descriptor)), int(large))


if __name__ == "__main__":
    _main(*sys.argv[1:])
