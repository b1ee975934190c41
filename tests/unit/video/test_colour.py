"""Colours of films: primaries, transfer, matrix, and tone-mapping of HDR."""

from collections.abc import Sequence

import av
import numpy as np
import pytest
from PIL import Image

from nst.video.colour import HLG, PQ, Colours, nits_of_pq, pq_of_nits
from unit.video.films import pixels

COLOURS = [(200, 30, 40), (30, 200, 40), (40, 30, 200), (250, 250, 10), (128, 128, 128)]
KR_KB = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
"""Weights of red and blue in the luma of each matrix (ITU-T H.273)."""


def frame(
    codes: Sequence[Sequence[float]],
    *,
    matrix: int,
    primaries: int = 2,
    transfer: int = 2,
    tagged: bool = True,
    is_full: bool = False,
    size: tuple[int, int] = (16, 16),
) -> av.VideoFrame:
    """Return a frame with a patch of `size` for each colour, in 4:2:0 of 10 bits.
    `codes`: RGB from 0 to 1."""
    red_weight, blue_weight = KR_KB[matrix]
    width, height = size
    samples = np.zeros((height * 3 // 2, width * len(codes)), np.uint16)
    chroma = np.zeros((2, height // 2, width // 2 * len(codes)), np.uint16)
    for number, (red, green, blue) in enumerate(codes):
        luma = red_weight * red + blue_weight * blue + (1 - red_weight - blue_weight) * green
        both = np.array([(blue - luma) / (1 - blue_weight), (red - luma) / (1 - red_weight)]) / 2
        where = slice(width * number, width * (number + 1))
        samples[:height, where] = round(1023 * luma if is_full else 64 + 876 * luma)
        half = slice(width // 2 * number, width // 2 * (number + 1))
        scale = 1023 if is_full else 896
        chroma[:, :, half] = np.round(512 + scale * both).astype(np.uint16)[:, None, None]
    samples[height:] = chroma.reshape(height // 2, -1)
    made = av.VideoFrame.from_ndarray(samples, format="yuv420p10le")
    made.colorspace = matrix if tagged else 2
    made.color_primaries, made.color_trc = primaries, transfer
    made.color_range = 2 if is_full else 1
    made.pts = 0
    return made


def shown(made: av.VideoFrame, patches: int) -> list[tuple[float, ...]]:
    """Return the colour of each patch, in levels of sRGB."""
    with Colours() as colours:
        image = pixels(colours.image(made))
    row = image[image.shape[0] // 2]
    wide = image.shape[1] // patches
    return [tuple(row[wide * number + wide // 2]) for number in range(patches)]


def codes_of(colours: Sequence[Sequence[int]]) -> list[list[float]]:
    return [[level / 255 for level in colour] for colour in colours]


def test_constant_luminance_is_read_as_bt2020() -> None:
    made = frame([(0.5, 0.5, 0.5), (0.2, 0.2, 0.2)], matrix=9, primaries=1)
    made.colorspace = 10
    assert shown(made, 2) == [(128, 128, 128), (51, 51, 51)]


@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("is_full", [False, True])
def test_the_matrix_and_the_range_count(matrix: int, is_full: bool) -> None:
    made = frame(codes_of(COLOURS), matrix=matrix, primaries=1, is_full=is_full)
    for found, expected in zip(shown(made, len(COLOURS)), COLOURS, strict=True):
        assert found == pytest.approx(expected, abs=3)


@pytest.mark.parametrize(("size", "matrix"), [((16, 16), 5), ((256, 592), 1), ((16, 592), 1)])
def test_without_a_tag_large_films_are_bt709(size: tuple[int, int], matrix: int) -> None:
    made = frame(codes_of(COLOURS), matrix=matrix, tagged=False, size=size)
    for found, expected in zip(shown(made, len(COLOURS)), COLOURS, strict=True):
        assert found == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("transfer", [1, 6, 13, 14, 15])
def test_transfers_of_standard_range_are_shown_alike(transfer: int) -> None:
    greys = [[level / 10] * 3 for level in range(11)]
    made = frame(greys, matrix=1, primaries=1, transfer=transfer)
    for found, code in zip(shown(made, 11), greys, strict=True):
        assert found == pytest.approx([255 * value for value in code], abs=1)


@pytest.mark.parametrize(
    ("primaries", "code", "expected"),
    [
        # Linear light of the code by BT.1886, through the matrix of ITU-R BT.2087, and back.
        (9, (0.5, 0.4, 0.4), (0.553, 0.385, 0.398)),
        (12, (0.6, 0.5, 0.4), (0.624, 0.495, 0.377)),
        (5, (0.5, 0.4, 0.3), (0.507, 0.4, 0.308)),
    ],
)
def test_the_primaries_count(
    primaries: int, code: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    made = frame([code], matrix=9 if primaries == 9 else 1, primaries=primaries, transfer=1)
    (found,) = shown(made, 1)
    assert found == pytest.approx([255 * value for value in expected], abs=2)


def test_pq_is_the_inverse_of_its_inverse() -> None:
    assert pq_of_nits(100) == pytest.approx(0.5081, abs=1e-4)  # ITU-R BT.2408, table 1
    assert pq_of_nits(203) == pytest.approx(0.5807, abs=1e-4)
    for nits in (0.01, 1, 1000, 10_000):
        assert nits_of_pq(pq_of_nits(nits)) == pytest.approx(nits, rel=1e-6)


def test_pq_is_tone_mapped() -> None:
    nits = [0, 10, 50, 85, 203, 400, 1000, 4000]
    made = frame([[pq_of_nits(n)] * 3 for n in nits], matrix=9, primaries=9, transfer=PQ)
    found = [level for level, _, _ in shown(made, len(nits))]
    # Light up to the knee at 88 nits is kept: (n / 203) as sRGB.
    below = [255 * (1.055 * (n / 203) ** (1 / 2.4) - 0.055) for n in nits[1:4]]
    assert found[:4] == pytest.approx([0, *below], abs=3)
    assert 215 < found[4] < 240
    assert found[4] + 10 < found[5] < 254
    assert found[6:] == pytest.approx([255, 255], abs=1)


def test_hlg_is_tone_mapped() -> None:
    codes = [0, 0.2, 0.4, 0.6, 0.75, 0.9, 1]
    made = frame([[code] * 3 for code in codes], matrix=9, primaries=9, transfer=HLG)
    found = [level for level, _, _ in shown(made, len(codes))]
    assert found == sorted(set(found))
    assert found[0] == 0
    # Light of the scene below the knee is kept: 75 % is standard white, 0.265 of the scene.
    assert found[1:3] == pytest.approx([61, 124], abs=2)
    assert 215 < found[4] < 240  # standard white, ITU-R BT.2408
    assert found[5] < 255
    assert found[6] == pytest.approx(255, abs=1)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_without_primaries_high_dynamic_range_is_bt2020(transfer: int) -> None:
    codes = [[0.45, 0.3, 0.3]]
    tagged = shown(frame(codes, matrix=9, primaries=9, transfer=transfer), 1)
    bare = shown(frame(codes, matrix=9, transfer=transfer, tagged=False), 1)
    assert bare == tagged
    assert tagged[0][0] - tagged[0][2] > 40


def test_transparency_is_read() -> None:
    image = Image.new("RGBA", (16, 16), (200, 30, 40, 90))
    made = av.VideoFrame.from_bytes(image.tobytes(), 16, 16, format="rgba")
    with Colours() as colours:
        assert np.array_equal(pixels(colours.image(made)), pixels(image))
        image.putalpha(255)
        opaque = av.VideoFrame.from_bytes(image.tobytes(), 16, 16, format="rgba")
        assert colours.image(opaque).mode == "RGB"
