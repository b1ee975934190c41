"""Live video: frames of a camera or a film, painted while they are watched."""

import io
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from PIL import Image

from nst import image_sizes
from nst.engine.pictures.flow import opencv
from nst.errors import InvalidOption
from nst.video.reading import Reader

RATE_FRAMES = 30
"""Number of frames over which the rate is averaged."""

CAMERA_SECONDS = 5.0
"""Seconds without a frame after which a camera counts as disconnected."""

JPEG_QUALITY = 85


@contextmanager
def camera(number: int) -> Iterator[Iterator[Image.Image]]:
    """Open a camera and yield an iterator over its frames.

    Each frame is the newest one, so slow painting does not lag behind. The first camera is 0.
    Raises InvalidOption, VideoUnavailable.
    """
    cv2 = opencv()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # InvalidOption reports it
    device = cv2.VideoCapture(number)
    try:
        if not device.isOpened():
            allowed = "the number of a camera that is connected, free and allowed to be used"
            raise InvalidOption(
                "camera", number, f"{allowed}; name a film instead: nst live … FILM"
            )
        yield _newest(cv2, device, number)
    finally:
        device.release()


def film(path: Path, side_pixels: int) -> Iterator[Image.Image]:
    """Return the frames of a film at its own pace, in an endless loop.
    Frames are scaled to fit into `side_pixels`. Raises InvalidOption, VideoUnavailable."""
    with Reader(path) as reader:
        size = image_sizes.fit(reader.first()[1].size, side_pixels)
    return _repeated(path, size)


def _repeated(path: Path, size: tuple[int, int]) -> Iterator[Image.Image]:
    while True:
        began_at = time.monotonic()
        with Reader(path) as reader:
            for frame in reader.read(size, lambda _: None):
                early = float(frame.seconds) - (time.monotonic() - began_at)
                time.sleep(max(0.0, early))
                yield frame.image


def as_jpeg(image: Image.Image) -> bytes:
    """Return a frame as the JPEG file that is sent to viewers."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


class Rate:
    """Rate in frames per second, averaged over the last `RATE_FRAMES` frames."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=RATE_FRAMES)

    def tick(self) -> None:
        """Count a frame that has just been painted."""
        self._times.append(time.monotonic())

    @property
    def per_second(self) -> float:
        """Frames per second; 0.0 before the second frame."""
        times = tuple(self._times)
        return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0


def _newest(cv2: Any, device: Any, number: int) -> Iterator[Image.Image]:
    frames: deque[Any] = deque(maxlen=1)
    has_frame, is_over = threading.Event(), threading.Event()

    def read() -> None:
        while not is_over.is_set():
            is_there, frame = device.read()
            if not is_there:
                return
            frames.append(frame)
            has_frame.set()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        while has_frame.wait(CAMERA_SECONDS):
            has_frame.clear()
            with suppress(IndexError):
                yield Image.fromarray(cv2.cvtColor(frames.pop(), cv2.COLOR_BGR2RGB))
        raise InvalidOption(
            "camera", number, "a camera that sends frames; it sent none for a while"
        )
    finally:
        is_over.set()
        thread.join(CAMERA_SECONDS)
