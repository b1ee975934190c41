"""Writer of a film: images in tagged BT.709, and sound, copied or converted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from PIL import Image

from nst import images, transparency
from nst.video.library import pyav, writable

if TYPE_CHECKING:
    from av import AudioStream, Packet, VideoFrame, VideoStream

    Sounds: TypeAlias = list[Packet[AudioStream]]

BT709 = 1
"""Code of the primaries, transfer and matrix of BT.709 in ITU-T H.273."""
LIMITED_RANGE = 1

FINE = Fraction(1, 90_000)
"""Time base if the source's time base is too coarse or too fine."""
MPEG4_TIME_BASE = Fraction(1, 30_000)
"""Time base of MPEG-4, which allows denominators up to 65535."""
TIME_BASES = range(1_000, 1_000_001)
"""Denominators of the source's time base that are kept."""

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
"""Layouts of converted sound by the source's number of channels.
All other numbers become stereo."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Encoder of frames."""

    codec: str
    pixels: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Container:
    """Container format of films."""

    format: str
    pictures: Pictures
    sound_codec: str
    """Encoder of sound that cannot be copied."""
    sound_name: str
    copied: tuple[str, ...]
    """Codecs of sound that are copied, because players support them in such a file."""
    sound_before_seconds: Fraction = Fraction(1, 10)
    """Seconds of sound kept before the first frame, which decoders need to start."""
    transparent: Pictures | None = None
    """Encoder of transparent frames; None: the format has no transparency."""
    options: Mapping[str, str] = field(default_factory=dict)


# With B-frames, an MP4 file of variable frame rate states a duration that cuts off its last frames.
H264 = Pictures("libx264", "yuv420p", {"crf": "18", "bf": "0"})
MPEG4 = Pictures("mpeg4", "yuv420p")
_VP9_OPTIONS = {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4"}
_FAST_START = {"movflags": "faststart"}

CONTAINERS = {
    ".mp4": Container(
        "mp4",
        H264,
        "aac",
        "AAC",
        ("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"),
        options=_FAST_START,
    ),
    ".mov": Container(
        "mov",
        H264,
        "aac",
        "AAC",
        ("aac", "ac3", "alac", "eac3", "mp3", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"),
        transparent=Pictures("prores_ks", "yuva444p10le", {"profile": "4444"}),
        options=_FAST_START,
    ),
    ".webm": Container(
        "webm",
        Pictures("libvpx-vp9", "yuv420p", _VP9_OPTIONS),
        "libopus",
        "Opus",
        ("opus", "vorbis"),
        sound_before_seconds=Fraction(0),  # with earlier sound the frames would begin after 0
        transparent=Pictures("libvpx-vp9", "yuva420p", {**_VP9_OPTIONS, "auto-alt-ref": "0"}),
    ),
}
"""Container formats of painted films, by file extension."""


class Writer:
    """Film that is being written; a context manager, which finishes the file."""

    def __init__(
        self,
        path: Path,
        kind: Container,
        size: tuple[int, int],
        *,
        rate: Fraction | int,
        time_base: Fraction | None = None,
        has_alpha: bool = False,
    ) -> None:
        """Open the file. Raises OSError.
        Sides are made even, because chroma has half the resolution."""
        self._kind = kind
        pictures = kind.transparent if has_alpha and kind.transparent else kind.pictures
        if pictures is H264 and "libx264" not in pyav().codecs_available:
            pictures = MPEG4
        self._pictures = pictures
        self.size = _even(size)
        """Width and height of the frames in the file."""
        with writable():
            self._container = pyav().open(
                str(path), "w", format=kind.format, options=dict(kind.options)
            )
            self._stream = self._add_pictures(rate, time_base)
        self._sound: _Sound | None = None
        self._latest = -1
        self._durations: dict[int, int] = {}
        """Durations of the frames in the encoder, by their times; both in its time base."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with writable():
            try:
                if kind is None:
                    self._mux_images(None)
                    if self._sound:
                        self._container.mux(self._sound.rest())
            finally:
                self._container.close()

    def add_sound(self, source: "AudioStream") -> None:
        """Prepare for the sound of this stream; call this before writing anything."""
        name = source.codec_context.codec.canonical_name
        is_copied = name in self._kind.copied and source.rate
        with writable():
            if is_copied:
                stream = self._container.add_stream_from_template(source)
                self._sound = _Copied(stream, -self._kind.sound_before_seconds)
            else:
                stream = self._add_encoder(source)
                self._sound = _Converted(stream, -self._kind.sound_before_seconds)

    def write_image(self, image: Image.Image, seconds: Fraction, duration: Fraction) -> None:
        """Write the image, to be shown at this time of the film. Raises OSError."""
        frame = self._as_frame(image)
        time_base = self._stream.codec_context.time_base or FINE
        self._latest = max(round(seconds / time_base), self._latest + 1)
        frame.pts, frame.time_base = self._latest, time_base
        self._durations[self._latest] = round(duration / time_base)
        with writable():
            self._mux_images(frame)

    def write_sound(self, packet: "Packet[AudioStream]", origin: Fraction) -> bool:
        """Write a packet of the source; return False if the packet is damaged.
        `origin`: time in the source, in seconds, that becomes 0. Raises OSError."""
        assert self._sound is not None
        try:
            packets = self._sound.packets(packet, origin)
        except (pyav().FFmpegError, ValueError):
            return False
        with writable():
            self._container.mux(packets)
        return True

    def _mux_images(self, frame: "VideoFrame | None") -> None:
        """Encode and write a frame; with None, write what the encoder still holds."""
        for packet in self._stream.encode(frame):
            if packet.pts in self._durations:  # encoders give all frames one duration
                packet.duration = self._durations.pop(packet.pts)
            self._container.mux(packet)

    def _add_pictures(self, rate: Fraction | int, time_base: Fraction | None) -> "VideoStream":
        stream: VideoStream = self._container.add_stream(self._pictures.codec, rate=rate)
        stream.width, stream.height = self.size
        stream.pix_fmt = self._pictures.pixels
        stream.options = dict(self._pictures.options)
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED_RANGE
        if self._pictures is MPEG4:
            stream.bit_rate = round(stream.width * stream.height * float(rate) / 4)
            context.time_base = MPEG4_TIME_BASE
        elif time_base and time_base.denominator in TIME_BASES:
            context.time_base = time_base
        else:
            context.time_base = FINE
        return stream

    def _add_encoder(self, source: "AudioStream") -> "AudioStream":
        codec = pyav().codec.Codec(self._kind.sound_codec, "w")
        rates = codec.audio_rates or [source.rate]
        rate = source.rate if source.rate in rates else 48_000
        layout = LAYOUTS.get(source.layout.nb_channels, "stereo")
        encoder: AudioStream = self._container.add_stream(
            self._kind.sound_codec, rate=rate, layout=layout
        )
        return encoder

    def _as_frame(self, image: Image.Image) -> "VideoFrame":
        av = pyav()
        sized = image if image.size == self.size else images.resize(image, self.size)
        has_alpha = self._pictures.pixels.startswith("yuva")
        source: VideoFrame
        if has_alpha:
            data = sized.convert("RGBA").tobytes()
            source = av.VideoFrame.from_bytes(data, *sized.size, format="rgba")
        else:
            source = av.VideoFrame.from_image(transparency.flatten(sized))
        frame: VideoFrame = source.reformat(
            format=self._pictures.pixels, dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        frame.color_primaries = frame.color_trc = frame.colorspace = BT709
        frame.color_range = LIMITED_RANGE
        return frame


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size with even sides."""
    width, height = (max(2, side - side % 2) for side in size)
    return width, height


class _Sound:
    """Conversion of the source's sound packets to packets of the file."""

    def __init__(self, stream: "AudioStream", earliest: Fraction) -> None:
        """Leave out sound before the time `earliest`, in seconds."""
        self._stream = stream
        self._earliest = earliest

    def packets(self, packet: "Packet[AudioStream]", origin: Fraction) -> "Sounds":
        raise NotImplementedError

    def rest(self) -> "Sounds":
        raise NotImplementedError


class _Copied(_Sound):
    """Sound that is copied, with times that never decrease."""

    def __init__(self, stream: "AudioStream", earliest: Fraction) -> None:
        super().__init__(stream, earliest)
        self._next: int | None = None

    def packets(self, packet: "Packet[AudioStream]", origin: Fraction) -> "Sounds":
        if not packet.size or packet.time_base is None:
            return []
        time = packet.dts if packet.dts is not None else packet.pts
        ticks = self._next if time is None else time - round(origin / packet.time_base)
        if ticks is None or ticks * packet.time_base < self._earliest:
            return []
        if self._next is not None and ticks < self._next:
            ticks = self._next
        self._next = ticks + max(packet.duration or 0, 1)
        packet.pts = packet.dts = ticks
        packet.stream = self._stream
        return [packet]

    def rest(self) -> "Sounds":
        return []


class _Converted(_Sound):
    """Sound that is decoded and encoded again."""

    def packets(self, packet: "Packet[AudioStream]", origin: Fraction) -> "Sounds":
        made: Sounds = []
        for frame in packet.decode():
            if frame.pts is not None and frame.time_base:
                frame.pts -= round(origin / frame.time_base)
                if frame.pts * frame.time_base < self._earliest:
                    continue
            made.extend(self._stream.encode(frame))
        return made

    def rest(self) -> "Sounds":
        return list(self._stream.encode())
