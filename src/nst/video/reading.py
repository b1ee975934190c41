"""Reads a film: its frames in order with their times, its sound, and no more.

One damaged packet costs its own frames. It is counted, and reading goes on behind it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from PIL import Image

from nst.errors import InvalidOption
from nst.image_reader import is_address
from nst.video.colour import Colours, Encoding
from nst.video.display import fitted, shown
from nst.video.library import pyav, readable, reading_options
from nst.video.timing import Continuity, in_order

if TYPE_CHECKING:
    from av import AudioStream, Packet, VideoCodecContext, VideoFrame, VideoStream
    from av.container import InputContainer
    from av.stream import Stream

USUAL_RATE = Fraction(25)
"""Frames per second of a film that does not say it."""

MAX_FAILURES = 100
"""Failures to read the next packet, one after the other,
after which the film has ended."""

_MAY_JUMP = 0x0200
"""Flag of formats whose times may jump: AVFMT_TS_DISCONT of libavformat."""

_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's own decoders of these leave the transparency out."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it is to be seen."""

    image: Image.Image
    """RGB, or RGBA where some of it is transparent."""
    seconds: Fraction
    """Time after the first frame."""
    duration: Fraction
    """In seconds."""


class Reader:
    """An open film; a context manager."""

    def __init__(self, path: Path) -> None:
        """Raises InvalidOption, VideoUnavailable."""
        av = pyav()
        self.path = path
        self.damaged = 0
        """Packets that could not be read, and frames with parts that could not, so far."""
        self.origin = Fraction(0)
        """Time of the sound, in seconds, that is heard with the first frame; known with that."""
        self._first_dts: Fraction | None = None
        self._closing = ExitStack()
        if not path.exists():
            problem = "there is no file of this name"
            if is_address(path):
                problem = "this is an address, so download it first"
            raise InvalidOption("video", str(path), f"a film; {problem}")
        with readable(path), ExitStack() as opening:
            options = dict(reading_options())
            self._container = opening.enter_context(av.open(str(path), options=options))
            self.stream = _film(self._container, path)
            self.sound = _sound(self._container.streams.audio)
            self._decoder = self._choose_decoder()
            self._colours = opening.enter_context(Colours())
            self._closing = opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def format(self) -> str:
        """Name of the format, as FFmpeg has it: "mov", "matroska", "mpegts"."""
        return str(self._container.format.name).split(",")[0]

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of the frames by the header; nothing is decoded."""
        return self.stream.width, self.stream.height

    @property
    def rate(self) -> Fraction:
        """Frames per second, on average."""
        return self.stream.average_rate or self.stream.guessed_rate or USUAL_RATE

    @property
    def frames(self) -> int:
        """Frames that the film has by its header; 0: unknown."""
        seconds = Fraction(self._container.duration or 0, pyav().time_base)
        return self.stream.frames or round(max(seconds, Fraction(0)) * self.rate)

    def first(self) -> tuple[Encoding, Image.Image]:
        """Return what the first frame is. Raises InvalidOption if there is none."""
        with readable(self.path):
            for frame in self._decoded(lambda _: None):
                return Encoding.of(frame), self._shown(frame)
        allowed = "a video with at least one frame that can be read"
        raise InvalidOption("video", str(self.path), allowed)

    def read(
        self, size: tuple[int, int], on_sound: "Callable[[Packet[AudioStream]], None]"
    ) -> Iterator[Frame]:
        """Yield all frames, fitted into `size`; packets of sound
        are handed over as they come."""
        for seconds, duration, frame in self._timed(on_sound):
            try:
                image = fitted(self._shown(frame), size)
            except pyav().FFmpegError:
                self.damaged += 1
            else:
                yield Frame(image, seconds, duration)

    def ends(self) -> Iterator[Fraction]:
        """Yield the end of each frame, in seconds after the first frame begins.
        Frames are decoded, and no image is made of them."""
        for seconds, duration, _ in self._timed(lambda _: None):
            yield seconds + duration

    def _timed(
        self, on_sound: "Callable[[Packet[AudioStream]], None]"
    ) -> "Iterator[tuple[Fraction, Fraction, VideoFrame]]":
        """Yield each frame with its time after the first one and its duration, in seconds."""
        # Of a film without times the average is a guess, and the other what its frames tell.
        step = 1 / (self.stream.guessed_rate or self.rate)
        start: Fraction | None = None
        for seconds, frame in in_order(self._decoded(on_sound), step):
            if start is None:
                start = self.origin = seconds
                if self._container.format.name == "avi" and self._first_dts is not None:
                    # AVI has only the times of the coded order, which begin with the sound.
                    self.origin = self._first_dts
            duration = (frame.duration or 0) * (frame.time_base or Fraction(0))
            yield seconds - start, duration or step, frame

    def _shown(self, frame: "VideoFrame") -> Image.Image:
        aspect = self.stream.sample_aspect_ratio or self.stream.codec_context.sample_aspect_ratio
        return shown(self._colours.image(frame), frame, aspect)

    def _decoded(self, on_sound: "Callable[[Packet[AudioStream]], None]") -> "Iterator[VideoFrame]":
        av = pyav()
        for packet in self._packets():
            if packet.stream.type == "audio":
                on_sound(cast("Packet[AudioStream]", packet))
                continue
            if self._first_dts is None and packet.dts is not None and packet.time_base:
                self._first_dts = packet.dts * packet.time_base
            try:
                frames = self._decoder.decode(packet)
            except av.EOFError:  # the decoder has been emptied already
                continue
            except av.FFmpegError:
                self.damaged += 1
                continue
            for frame in frames:
                if frame.is_corrupt:  # parts of it were guessed
                    self.damaged += 1
                else:
                    yield frame

    def _packets(self) -> "Iterator[Packet[Stream]]":
        """All packets, ended by empty ones, which empty the decoders."""
        av = pyav()
        streams = [self.stream, *([self.sound] if self.sound else [])]
        continuity = Continuity() if self._container.format.flags & _MAY_JUMP else None
        failures = 0
        while failures < MAX_FAILURES:
            try:
                for packet in self._container.demux(*streams):
                    failures = 0
                    if continuity:
                        continuity.close(packet, packet.stream.index)
                    yield packet
                return
            except av.FFmpegError:
                self.damaged += failures == 0
                failures += 1
        for stream in streams:
            end = av.Packet()
            end.stream = stream
            yield end

    def _choose_decoder(self) -> "VideoCodecContext":
        av, context = pyav(), self.stream.codec_context
        name = _ALPHA_DECODERS.get(context.codec.canonical_name)
        has_alpha = self.stream.metadata.get("alpha_mode") == "1"
        if not has_alpha or name not in av.codecs_available:
            return context
        decoder: VideoCodecContext = av.CodecContext.create(name, "r")
        decoder.extradata = context.extradata
        return decoder


def _film(container: "InputContainer", path: Path) -> "VideoStream":
    """The stream to paint. An image and the cover of a song are none. Raises InvalidOption."""
    kinds = pyav().stream.Disposition
    covers = kinds.attached_pic | kinds.timed_thumbnails
    streams = container.streams.video
    pictures = [stream for stream in streams if not stream.disposition & covers]
    films = [stream for stream in pictures if not _is_still(container, stream)]
    readable_ones = [stream for stream in films if stream.codec_context is not None]
    if not readable_ones:
        allowed = "a video with at least one frame"
        if streams and not pictures:
            allowed += "; this file holds only a cover picture"
        elif pictures and not films:
            allowed = "a film; this is an image file, which `nst stylize` paints"
        raise InvalidOption("video", str(path), allowed)
    is_default = [stream for stream in readable_ones if stream.disposition & kinds.default]
    return (is_default or readable_ones)[0]


def _is_still(container: "InputContainer", stream: "VideoStream") -> bool:
    """Return whether the stream is the image of an image file. GIF has a duration of 0 there, the
    images of AVIF and HEIC have none."""
    name = container.format.name
    is_image_file = name.endswith("_pipe") or name in ("image2", "ico")
    return is_image_file or (stream.frames == 1 and not stream.duration)


def _sound(streams: "Sequence[AudioStream]") -> "AudioStream | None":
    kinds = pyav().stream.Disposition
    heard = [stream for stream in streams if stream.codec_context is not None]
    is_default = [stream for stream in heard if stream.disposition & kinds.default]
    return next(iter([*is_default, *heard]), None)
