"""Tiny films for tests, and ways to read films."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nst.video import CONTAINERS, FilmResult, Video

SIZE = (64, 48)
RATE = 10


def levels(count: int) -> list[int]:
    """Return grey levels that differ after encoding."""
    return [20 + 10 * number for number in range(count)]


def grey(level: int, size: tuple[int, int] = SIZE) -> Image.Image:
    return Image.new("RGB", size, (level, level, level))


def frame_of(image: Image.Image) -> av.VideoFrame:
    frame: av.VideoFrame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
    return frame


def write(
    path: Path,
    images: Sequence[Image.Image],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: Sequence[Fraction] = (),
    options: dict[str, str] | None = None,
    **context: Any,
) -> Path:
    """Write the images at these times, or at 10 a second.
    `context`: attributes of the encoder."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, options=options or {})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = images[0].size
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, 1000)
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        for number, image in enumerate(images):
            frame = frame_of(image)
            frame.time_base = Fraction(1, 1000)
            frame.pts = round((times[number] if times else Fraction(number, RATE)) * 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def repaint(
    path: Path, target: Path, size: tuple[int, int] = SIZE
) -> tuple[list[Image.Image], FilmResult]:
    """Repaint a film unchanged; return the frames to be painted, and the result."""
    seen: list[Image.Image] = []

    def paint(image: Image.Image) -> Image.Image:
        seen.append(image)
        return image

    done = Video.inspect(path).repaint(target, CONTAINERS[target.suffix], size, paint)
    return seen, done


def times(path: Path) -> list[float]:
    """Return the times in seconds at which the frames are shown."""
    with av.open(str(path)) as container:
        return [round(frame.time, 3) for frame in container.decode(video=0)]


def seconds(path: Path, kind: str = "video") -> float:
    """Return the length of the film or of its sound, in seconds."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        assert stream.duration is not None
        return float(stream.duration * stream.time_base)


def pixels(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image).astype(float)


def means(images: Sequence[Image.Image]) -> list[float]:
    return [float(pixels(image).mean()) for image in images]
