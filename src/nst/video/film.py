"""Films whose frames are painted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

from PIL import Image

from nst.video.reading import Reader
from nst.video.writing import Container, Writer

if TYPE_CHECKING:
    from av import AudioStream, Packet


@dataclass(frozen=True, slots=True)
class FilmResult:
    """Report of `Video.repaint`."""

    frames: int
    size: tuple[int, int]
    """Width and height of the frames that were written."""
    damaged: int
    """Number of unreadable packets and frames of the source; they are left out."""
    failure: BaseException | None
    """Exception that ended the film early, after the first frame."""


@dataclass(frozen=True, slots=True)
class Video:
    """A video file with at least one frame."""

    path: Path
    size: tuple[int, int]
    """Width and height of the frames as they are displayed."""
    frames: int
    """Number of frames by the file's header or its duration; 0: unknown."""
    sound: str | None
    """Codec of the sound; None: no sound."""
    has_alpha: bool
    """Whether frames may be transparent."""

    @classmethod
    def inspect(cls, path: Path) -> Self:
        """Return the film in a file. Raises InvalidOption, VideoUnavailable."""
        with Reader(path) as reader:
            encoding, first = reader.first()
            sound = reader.sound.codec_context.codec.canonical_name if reader.sound else None
            return cls(path, first.size, reader.frames, sound, encoding.has_alpha)

    def images(self) -> Iterator[Image.Image]:
        """Yield the images of all frames. Raises InvalidOption."""
        with Reader(self.path) as reader:
            for frame in reader.read(self.size, lambda _: None):
                yield frame.image

    def repaint(
        self,
        target: Path,
        kind: Container,
        size: tuple[int, int],
        paint: Callable[[Image.Image], Image.Image | None],
    ) -> FilmResult:
        """Write a film of this size with every frame painted.

        Frames keep their times relative to the first frame; the sound is copied or converted. The
        film ends where `paint` returns None. After the first frame it also ends where `paint`
        raises or reading fails, and the frames so far are kept. Raises InvalidOption, OSError.
        """
        with (
            Reader(self.path) as reader,
            Writer(
                target,
                kind,
                size,
                rate=reader.rate,
                time_base=reader.stream.time_base,
                has_alpha=self.has_alpha,
            ) as writer,
        ):
            sound = _SoundQueue(reader, writer)
            frames, failure = 0, None
            try:
                for frame in reader.read(self.size, sound.add):
                    image = paint(frame.image)
                    if image is None:
                        break
                    writer.write_image(image, frame.seconds, frame.duration)
                    frames += 1
                    sound.write_until(frame.seconds + frame.duration)
                else:
                    sound.write_until(None)
            except (Exception, KeyboardInterrupt) as error:
                if not frames:
                    raise
                failure = error
            damaged = reader.damaged + sound.damaged
            return FilmResult(frames, writer.size, damaged, failure)


class _SoundQueue:
    """Queue of sound packets that wait for the frames of the same time."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting: list[Packet[AudioStream]] = []
        self.damaged = 0
        """Number of packets that could not be decoded."""
        if reader.sound:
            writer.add_sound(reader.sound)

    def add(self, packet: "Packet[AudioStream]") -> None:
        self._waiting.append(packet)

    def write_until(self, seconds: Fraction | None) -> None:
        """Write the sound before this time after the first frame; None: all of it."""
        while self._waiting and (seconds is None or self._starts(self._waiting[0]) < seconds):
            is_whole = self._writer.write_sound(self._waiting.pop(0), self._reader.origin)
            self.damaged += not is_whole

    def _starts(self, packet: "Packet[AudioStream]") -> Fraction:
        if packet.pts is None or packet.time_base is None:
            return Fraction(0)
        return packet.pts * packet.time_base - self._reader.origin
