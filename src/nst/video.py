"""Moving pictures: the time-lapse of a painting, and videos whose frames are painted.

MP4 is written through PyAV, which is an extra (`nst[video]`) and imported when it is needed; WebP
and GIF through Pillow.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Self

from PIL import Image

from nst import images
from nst.errors import InvalidOption, VideoUnavailable

if TYPE_CHECKING:
    from av import AudioStream, Packet, VideoFrame, VideoStream
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream

FRAMES_PER_SECOND = 25
PLAY_SECONDS = 8
"""However many steps there are."""
HOLD_SECONDS = 1
"""For which the last frame stays."""

SOUND_IN_MP4 = ("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus")
"""What players understand in an MP4 file."""

_PLAYED_FRAMES = FRAMES_PER_SECOND * PLAY_SECONDS
_FRAMES_PER_PILLOW_FRAME = 2
"""WebP and GIF show half as many: they are several times larger."""


def check_output(path: Path, option: str) -> None:
    """Raise InvalidOption or VideoUnavailable if no time-lapse could be written there."""
    images.check_output(path, images.MOVING, option)
    if path.suffix.lower() == ".mp4":
        pyav()


def pyav() -> ModuleType:
    """Raises VideoUnavailable."""
    try:
        import av
    except ImportError as error:
        raise VideoUnavailable from error
    return av


class Timelapse:
    """Collects frames while a picture is painted; a context manager.

    Nobody knows how many steps there will be, so every frame waits on disk; when there are twice
    as many as can be played, every second one is thrown away, and from then on every second step
    is left out.
    """

    def __init__(self, first: Image.Image) -> None:
        """`first` has the size of all."""
        self.size = first.size
        self._directory = TemporaryDirectory(prefix="nst-")
        self._steps = [0]
        self._every = 1
        self._keep(0, first)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._directory.cleanup()

    def add(self, step: int, render: Callable[[], Image.Image]) -> None:
        """To be called after every step, which are numbered from 1; most are not rendered."""
        if step % self._every:
            return
        self._steps.append(step)
        self._keep(step, render())
        if len(self._steps) > 2 * _PLAYED_FRAMES:
            for left_out in self._steps[1::2]:
                self._file(left_out).unlink()
            self._steps = self._steps[::2]
            self._every *= 2

    def save(self, path: Path, last: Image.Image, *, overwrite: bool = False) -> Path:
        """Write the film, which ends with `last`; names and errors as images.save has them."""
        is_mp4 = path.suffix.lower() == ".mp4"
        write = _write_mp4 if is_mp4 else _write_with_pillow
        return images.write_file(
            path,
            lambda temporary: write(self._frames(last), temporary, path.suffix.lower()),
            overwrite=overwrite,
        )

    def _frames(self, last: Image.Image) -> Iterator[Image.Image]:
        stretch = (len(self._steps) - 1) / max(1, _PLAYED_FRAMES - 1)
        for number in range(_PLAYED_FRAMES):
            with Image.open(self._file(self._steps[round(number * stretch)])) as frame:
                yield frame.copy()
        for _ in range(FRAMES_PER_SECOND * HOLD_SECONDS):
            yield images.flatten(last)

    def _keep(self, step: int, frame: Image.Image) -> None:
        self._file(step).write_bytes(images.encode(frame, "JPEG"))

    def _file(self, step: int) -> Path:
        return Path(self._directory.name) / f"{step}.jpg"


@dataclass(frozen=True, slots=True)
class Video:
    """A video file with at least one frame."""

    path: Path
    size: tuple[int, int]
    """Of the frames as they are to be seen."""
    frames: int
    """As the file says or its length lets one guess; 0: nobody knows."""
    has_sound: bool
    can_copy_sound: bool
    """Whether MP4 can hold the sound as it is."""

    @classmethod
    def inspect(cls, path: Path) -> Self:
        """Raises InvalidOption, VideoUnavailable."""
        av = pyav()
        with _readable(path), av.open(str(path)) as container:
            pictures = next(iter(container.streams.video), None)
            first = next(container.decode(pictures), None) if pictures else None
            if pictures is None or first is None:
                raise InvalidOption("video", str(path), "a video with at least one frame")
            seconds = (container.duration or 0) / av.time_base
            sound = next(iter(container.streams.audio), None)
            return cls(
                path=path,
                size=_upright(first).size,
                frames=pictures.frames or round(seconds * (pictures.average_rate or 0)),
                has_sound=sound is not None,
                can_copy_sound=sound is not None
                and sound.codec_context.codec.canonical_name in SOUND_IN_MP4,
            )

    def repaint(
        self,
        target: Path,
        size: tuple[int, int],
        paint: Callable[[Image.Image], Image.Image | None],
    ) -> None:
        """Write an MP4 of this size with every frame painted, at the times it has in this one, and
        the sound copied. It ends where `paint` returns None. Raises InvalidOption."""
        import av

        options = {"movflags": "faststart"}
        with (
            _writable(),
            av.open(str(self.path)) as reader,
            av.open(str(target), "w", format="mp4", options=options) as writer,
        ):
            pictures = reader.streams.video[0]
            painted = _add_pictures(writer, size, pictures.average_rate or FRAMES_PER_SECOND)
            if painted.codec_context.name == "libx264" and pictures.time_base:
                # MPEG-4 knows no times so fine.
                painted.codec_context.time_base = pictures.time_base
            sound = reader.streams.audio[0] if self.can_copy_sound else None
            copied = writer.add_stream_from_template(sound) if sound else None
            for item in self._read(reader, pictures, sound):
                if isinstance(item, av.Packet):
                    assert copied is not None
                    item.stream = copied
                    writer.mux(item)
                    continue
                image = paint(_upright(item))
                if image is None:
                    break
                frame = _as_frame(image, painted)
                frame.pts, frame.time_base = item.pts, item.time_base
                writer.mux(painted.encode(frame))
            writer.mux(painted.encode())

    def _read(
        self, reader: "InputContainer", pictures: "VideoStream", sound: "AudioStream | None"
    ) -> "Iterator[VideoFrame | Packet[Stream]]":
        """Frames, and packets of sound, in the order of the file."""
        import av

        with _readable(self.path):
            for packet in reader.demux(*([pictures, sound] if sound else [pictures])):
                if packet.stream.type == "video":
                    yield from (f for f in packet.decode() if isinstance(f, av.VideoFrame))
                elif packet.dts is not None:  # as in the last one, which is empty
                    yield packet


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except pyav().FFmpegError as error:
        allowed = f"a whole video that can be read ({error.strerror})"
        raise InvalidOption("video", str(path), allowed) from error


def _upright(frame: "VideoFrame") -> Image.Image:
    """RGB; telephones film lying and write down how to turn it."""
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image


@contextmanager
def _writable() -> Iterator[None]:
    """Turns what PyAV raises into what images.write_file expects."""
    try:
        yield
    except pyav().FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def _write_mp4(frames: Iterator[Image.Image], path: Path, _: str) -> None:
    """Frame by frame: no more than a few are in memory."""
    import av

    first, options = next(frames), {"movflags": "faststart"}
    with _writable(), av.open(str(path), "w", format="mp4", options=options) as container:
        stream = _add_pictures(container, first.size, FRAMES_PER_SECOND)
        for frame in chain([first], frames):
            container.mux(stream.encode(_as_frame(frame, stream)))
        container.mux(stream.encode())


def _write_with_pillow(frames: Iterable[Image.Image], path: Path, suffix: str) -> None:
    shown = islice(frames, 0, None, _FRAMES_PER_PILLOW_FRAME)
    next(shown).save(
        path,
        suffix.removeprefix(".").upper(),
        save_all=True,
        append_images=shown,
        duration=1000 * _FRAMES_PER_PILLOW_FRAME // FRAMES_PER_SECOND,
        loop=0,
    )


def _add_pictures(
    container: "OutputContainer", size: tuple[int, int], rate: Fraction | int
) -> "VideoStream":
    """H.264 where the library has an encoder for it, else MPEG-4. The sides are made even, because
    colours have half the resolution."""
    has_h264 = "libx264" in pyav().codecs_available
    stream = container.add_stream("libx264" if has_h264 else "mpeg4", rate=rate)
    stream.width, stream.height = (max(2, side - side % 2) for side in size)
    stream.pix_fmt = "yuv420p"
    if has_h264:
        stream.options = {"crf": "18"}
    else:
        stream.bit_rate = round(stream.width * stream.height * float(rate) / 4)
    return stream


def _as_frame(image: Image.Image, stream: "VideoStream") -> "VideoFrame":
    size = (stream.width, stream.height)
    sized = image if image.size == size else images.resize(image, size)
    frame: VideoFrame = pyav().VideoFrame.from_image(images.flatten(sized))
    return frame
