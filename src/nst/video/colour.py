"""Conversion of frames to 8-bit sRGB images, by primaries, transfer and matrix.

Standard range: players show all its transfers, sRGB included, alike, so only the matrix, the range
and the primaries are converted. High dynamic range (PQ and HLG of ITU-R BT.2100) is tone-mapped by
the curve of ITU-R BT.2390, section 5.4. Primaries and tone mapping are converted by a lookup table,
which libavfilter applies.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from PIL import Image

if TYPE_CHECKING:
    from av import VideoFrame
    from av.filter import Graph

RGB: TypeAlias = tuple[float, float, float]

RGB_MATRIX, BT709, UNSPECIFIED, BT601, BT2020 = 0, 1, 2, 5, 9
"""Codes of ITU-T H.273, which FFmpeg uses."""
BT2020_CONSTANT = 10
"""BT.2020 with constant luminance.
libswscale does not support it, and BT2020 differs from it only a little."""
PQ, HLG = 16, 18

WHITE_NITS = 203.0
"""Luminance of standard white in a film of high dynamic range (ITU-R BT.2408)."""
HLG_WHITE = 0.75
"""HLG code of standard white (ITU-R BT.2408)."""
PQ_PEAK_NITS = 1000.0
"""Luminance of the brightest light that keeps its detail in a film in PQ."""

CUBE_SIDE = 33
"""Number of samples of the lookup table per channel."""

HD_WIDTH, SD_HEIGHT = 1280, 576
"""Minimum width, or height to exceed, of an untagged film that is read as BT.709.
Players use the same limits."""

_TO_BT709: dict[int, tuple[RGB, RGB, RGB]] = {
    5: ((1.0440, -0.0440, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0118, 0.9882)),
    6: ((0.9395, 0.0502, 0.0103), (0.0178, 0.9658, 0.0164), (-0.0016, -0.0044, 1.0060)),
    7: ((0.9395, 0.0502, 0.0103), (0.0178, 0.9658, 0.0164), (-0.0016, -0.0044, 1.0060)),
    9: ((1.6605, -0.5876, -0.0729), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1188)),
    12: ((1.2249, -0.2249, 0.0), (-0.0421, 1.0421, 0.0), (-0.0196, -0.0787, 1.0983)),
}
"""Matrices from linear RGB of these primaries to linear RGB of BT.709.
The primaries are BT.601 of 625 and of 525 lines, SMPTE 240M, BT.2020, and P3 with the white of
D65."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """Encoding of a frame's samples, as codes of ITU-T H.273."""

    format: str
    size: tuple[int, int]
    matrix: int
    primaries: int
    transfer: int
    range: int
    """Range of the samples; 1: limited, 2: full."""
    has_alpha: bool

    @classmethod
    def of(cls, frame: "VideoFrame") -> Self:
        transfer = int(frame.color_trc)
        primaries = int(frame.color_primaries)
        if primaries in (0, UNSPECIFIED) and transfer in (PQ, HLG):
            primaries = BT2020
        return cls(
            format=frame.format.name,
            size=(frame.width, frame.height),
            matrix=_matrix(frame, primaries),
            primaries=primaries,
            transfer=transfer,
            range=int(frame.color_range),
            has_alpha=frame.format.has_palette
            or any(component.is_alpha for component in frame.format.components),
        )

    @property
    def needs_cube(self) -> bool:
        return self.transfer in (PQ, HLG) or self.primaries in _TO_BT709


class Colours:
    """Converter of frames to 8-bit sRGB images; a context manager."""

    def __init__(self) -> None:
        self._encoding: Encoding | None = None
        self._graph: Graph | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "_directory" in self.__dict__:
            self._directory.cleanup()

    def image(self, frame: "VideoFrame") -> Image.Image:
        """Return the frame as RGB, or as RGBA if some of it is transparent."""
        encoding = Encoding.of(frame)
        if self._graph is None or encoding != self._encoding:
            self._encoding, self._graph = encoding, self._build(encoding)
        frame.colorspace = encoding.matrix
        self._graph.vpush(frame)
        return _as_image(self._graph.vpull())

    def _build(self, encoding: Encoding) -> "Graph":
        from av.filter import Graph

        width, height = encoding.size
        source = (
            f"video_size={width}x{height}:pix_fmt={encoding.format}:time_base=1/1000"
            f":colorspace={encoding.matrix}:range={encoding.range}"
        )
        steps = [("buffer", source), ("scale", "flags=bicubic+accurate_rnd+full_chroma_int")]
        if encoding.needs_cube:
            steps.append(("format", "gbrap16le" if encoding.has_alpha else "gbrp16le"))
            steps.append(("lut3d", f"file={self._cube(encoding)}:interp=tetrahedral"))
            steps.append(("scale", ""))
        steps.append(("format", "rgba" if encoding.has_alpha else "rgb24"))
        graph = Graph()
        nodes = [graph.add(name, options) for name, options in [*steps, ("buffersink", "")]]
        graph.link_nodes(*nodes).configure()
        return graph

    def _cube(self, encoding: Encoding) -> Path:
        name = f"{encoding.transfer if encoding.transfer in (PQ, HLG) else 0}"
        path = Path(self._directory.name) / f"{name}-{encoding.primaries}.cube"
        if not path.exists():
            path.write_text("\n".join(_cube_lines(encoding.transfer, encoding.primaries)))
        return path

    @cached_property
    def _directory(self) -> "TemporaryDirectory[str]":
        return TemporaryDirectory(prefix="nst-")


def _matrix(frame: "VideoFrame", primaries: int) -> int:
    """Return the frame's matrix; for an untagged frame, the one that players assume."""
    if frame.format.is_rgb or frame.format.has_palette:
        return RGB_MATRIX
    tagged = int(frame.colorspace)
    if tagged == BT2020_CONSTANT:
        return BT2020
    if tagged != UNSPECIFIED:
        return tagged
    if primaries in (BT709, BT2020):
        return primaries
    is_large = frame.width >= HD_WIDTH or frame.height > SD_HEIGHT
    return BT709 if is_large else BT601


def _as_image(frame: Any) -> Image.Image:
    """Return the image of a frame in rgb24 or rgba."""
    mode = "RGBA" if frame.format.name == "rgba" else "RGB"
    plane, size = frame.planes[0], (frame.width, frame.height)
    image = Image.frombytes(mode, size, bytes(plane), "raw", mode, plane.line_size)
    opaque = mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255)
    return image.convert("RGB") if opaque else image


# ── the lookup table ──────────────────────────────────────────────────────────────────────────


def _cube_lines(transfer: int, primaries: int) -> Iterator[str]:
    """Yield the lines of a .cube table from codes of the film to codes of sRGB.
    Red varies fastest."""
    to_linear = {PQ: _linear_of_pq, HLG: _linear_of_hlg}.get(transfer, _linear_of_sdr)
    encode = _srgb_of_linear if transfer in (PQ, HLG) else _sdr_of_linear
    matrix = _TO_BT709.get(primaries)
    codes = [index / (CUBE_SIDE - 1) for index in range(CUBE_SIDE)]
    yield f"LUT_3D_SIZE {CUBE_SIDE}"
    for blue, green, red in product(codes, codes, codes):
        light = to_linear((red, green, blue))
        if matrix:
            light = _times(matrix, light)
        yield " ".join(f"{encode(min(max(value, 0.0), 1.0)):.6f}" for value in light)


def _times(matrix: tuple[RGB, RGB, RGB], light: RGB) -> RGB:
    red, green, blue = (sum(a * b for a, b in zip(row, light, strict=True)) for row in matrix)
    return red, green, blue


def _each(function: Callable[[float], float], rgb: RGB) -> RGB:
    return function(rgb[0]), function(rgb[1]), function(rgb[2])


def _linear_of_sdr(rgb: RGB) -> RGB:
    return _each(lambda code: code**2.4, rgb)  # ITU-R BT.1886


def _sdr_of_linear(light: float) -> float:
    return float(light ** (1 / 2.4))


def _srgb_of_linear(light: float) -> float:
    return 12.92 * light if light <= 0.0031308 else 1.055 * float(light ** (1 / 2.4)) - 0.055


def _linear_of_pq(rgb: RGB) -> RGB:
    return _tone_mapped(_each(nits_of_pq, rgb), PQ_PEAK_NITS)


def _linear_of_hlg(rgb: RGB) -> RGB:
    """Return the light of the scene, as a camera of standard range records it.
    The method is that of ITU-R BT.2408."""
    nits_of_scene = WHITE_NITS / _scene_of_hlg(HLG_WHITE)
    return _tone_mapped(_each(lambda code: nits_of_scene * _scene_of_hlg(code), rgb), nits_of_scene)


def _scene_of_hlg(code: float) -> float:
    """Return the light of the scene in [0, 1] by ITU-R BT.2100, table 5."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return code**2 / 3 if code <= 0.5 else (2.718281828459045 ** ((code - c) / a) + b) / 12


def _tone_mapped(nits: RGB, peak_nits: float) -> RGB:
    """Return light in which 1 is standard white, with the channels' ratios unchanged."""
    brightest = max(nits)
    if brightest <= 0:
        return (0.0, 0.0, 0.0)
    gain = _mapped_nits(brightest, peak_nits) / brightest / WHITE_NITS
    return _each(lambda value: gain * value, nits)


def _mapped_nits(nits: float, peak_nits: float) -> float:
    """Return the tone-mapped luminance by ITU-R BT.2390, section 5.4.1.
    The curve is the identity up to a knee, then a Hermite spline."""
    peak = pq_of_nits(peak_nits)
    code = min(pq_of_nits(nits) / peak, 1.0)
    largest = pq_of_nits(WHITE_NITS) / peak
    knee = 1.5 * largest - 0.5
    if code <= knee:
        return nits
    t = (code - knee) / (1 - knee)
    mapped = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * largest
    )
    return nits_of_pq(mapped * peak)


_M1, _M2 = 2610 / 16384, 2523 / 32
_C1, _C2, _C3 = 3424 / 4096, 2413 / 128, 2392 / 128
"""Constants of ITU-R BT.2100, table 4."""


def nits_of_pq(code: float) -> float:
    """Return the luminance of a PQ code in [0, 1]."""
    root = code ** (1 / _M2)
    return float(10_000 * (max(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def pq_of_nits(nits: float) -> float:
    """Return the PQ code in [0, 1] of a luminance."""
    power = (nits / 10_000) ** _M1
    return float(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)
