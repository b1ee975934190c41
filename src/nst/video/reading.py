"""Reader of a film: its frames in order with their times, and its sound.

A damaged packet costs only its own frames. It is counted, and reading continues after it.
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
"""Frames per second that are assumed for a film that does not state its rate."""

MAX_FAILURES = 100
"""Number of consecutive failures to read a packet after which the film ends."""

_MAY_JUMP = 0x0200
"""Flag of formats whose times may jump: AVFMT_TS_DISCONT of libavformat."""

_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders that keep the transparency of these codecs; FFmpeg's own drop it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it is displayed."""

    image: Image.Image
    """Image in RGB, or in RGBA if some of it is transparent."""
    seconds: Fraction
    """Seconds after the first frame."""
    duration: Fraction
    """Duration in seconds."""


class Reader:
    """Open film; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open the film. Raises InvalidOption, VideoUnavailable."""
        av = pyav()
        self.path = path
        self.damaged = 0
        """Number of unreadable packets and of partly unreadable frames so far."""
        self.origin = Fraction(0)
        """Time, in seconds, of the sound that is heard with the first frame.
        It is known when the first frame has been read."""
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
        """FFmpeg's name of the format: "mov", "matroska", "mpegts"."""
        return str(self._container.format.name).split(",")[0]

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of the frames by the header, without decoding."""
        return self.stream.width, self.stream.height

    @property
    def rate(self) -> Fraction:
        """Frames per second, on average."""
        return self.stream.average_rate or self.stream.guessed_rate or USUAL_RATE

    @property
    def frames(self) -> int:
        """Number of frames by the film's header; 0: unknown."""
        seconds = Fraction(self._container.duration or 0, pyav().time_base)
        return self.stream.frames or round(max(seconds, Fraction(0)) * self.rate)

    def first(self) -> tuple[Encoding, Image.Image]:
        """Return the encoding and the image of the first frame.
        Raises InvalidOption if the film has no frame that can be read."""
        with readable(self.path):
            for frame in self._decoded(lambda _: None):
                return Encoding.of(frame), self._shown(frame)
        allowed = "a video with at least one frame that can be read"
        raise InvalidOption("video", str(self.path), allowed)

    def read(
        self, size: tuple[int, int], on_sound: "Callable[[Packet[AudioStream]], None]"
    ) -> Iterator[Frame]:
        """Yield all frames, fitted into `size`; pass sound packets to `on_sound`."""
        for seconds, duration, frame in self._timed(on_sound):
            try:
                image = fitted(self._shown(frame), size)
            except pyav().FFmpegError:
                self.damaged += 1
            else:
                yield Frame(image, seconds, duration)

    def ends(self) -> Iterator[Fraction]:
        """Yield the end of each frame, in seconds after the start of the first frame.
        Frames are decoded but not converted to images."""
        for seconds, duration, _ in self._timed(lambda _: None):
            yield seconds + duration

    def _timed(
        self, on_sound: "Callable[[Packet[AudioStream]], None]"
    ) -> "Iterator[tuple[Fraction, Fraction, VideoFrame]]":
        """Yield each frame with its time after the first and its duration, in seconds."""
        # In a film without times, average_rate is a guess; guessed_rate comes from its frames.
        step = 1 / (self.stream.guessed_rate or self.rate)
        start: Fraction | None = None
        for seconds, frame in in_order(self._decoded(on_sound), step):
            if start is None:
                start = self.origin = seconds
                if self._container.format.name == "avi" and self._first_dts is not None:
                    # AVI stores only the times of the coded order, which begin with the sound.
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
            except av.EOFError:  # the decoder has been flushed already
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
        """Yield all packets, then one empty packet per stream, which flushes its decoder."""
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
    """Return the stream to paint. Raises InvalidOption.
    An image and the cover of a song do not count as a film."""
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
    """Return whether the stream is the image of an image file.
    The image of a GIF has a duration of 0, the images of AVIF and HEIC have no duration."""
    name = container.format.name
    is_image_file = name.endswith("_pipe") or name in ("image2", "ico")
    return is_image_file or (stream.frames == 1 and not stream.duration)


def _sound(streams: "Sequence[AudioStream]") -> "AudioStream | None":
    kinds = pyav().stream.Disposition
    heard = [stream for stream in streams if stream.codec_context is not None]
    is_default = [stream for stream in heard if stream.disposition & kinds.default]
    return next(iter([*is_default, *heard]), None)
