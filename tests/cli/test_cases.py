"""The case files, given to the commands."""

import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cli.conftest import Nst, saved
from nst import Inputs, NeuralStyleTransfer, image_sizes, images
from nst.cli.film_frames import Frames
from nst.image_reader import ImageSource
from support.case_files import CASES, FILMS, ON_PAGE, PICTURES, case
from support.pictures import SAMPLES
from unit.video.films import seconds

DRAFT = ("--preset=draft", "--size=96")
ALIKE = 0.5
"""Least correlation of the brightness of a draft with the photo.
The correlation of a negative is below 0."""

Levels = NDArray[np.float64]
"""Levels of an image, (H, W) or (H, W, 3), 0…255."""


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[Inputs]:
    """Return the inputs that the engine is given, one painting after the other."""
    given: list[Inputs] = []
    run = NeuralStyleTransfer.run

    def remember(transfer: NeuralStyleTransfer, inputs: Inputs, *rest: Any, **facts: Any) -> Any:
        given.append(inputs)
        return run(transfer, inputs, *rest, **facts)

    monkeypatch.setattr(NeuralStyleTransfer, "run", remember)
    return given


def grey(source: ImageSource, size: tuple[int, int]) -> Levels:
    return np.asarray(images.load(source, "content").convert("L").resize(size)).astype(float)


def test_every_case_is_known() -> None:
    if not CASES.is_dir():
        pytest.skip("no cases/ in the directory that NST_TEST_ASSETS names")
    found = {file.name for file in CASES.iterdir()} - {"README.md"}
    assert found == {*PICTURES, *FILMS}


def test_what_was_reported_of_a_page_is_opened_in_a_browser() -> None:
    """Each row of the README of the cases says where something was seen."""
    rows = [row.split("|") for row in case("README.md").read_text().splitlines() if "|" in row]
    of_page = [row[1] for row in rows if re.search("page|browser", " ".join(row[2:]))]
    named = {name for files in of_page for name in re.findall(r"\w+\.\w+", files)}
    assert {"iccp_big.png", "mif1.avif"} <= named <= {*ON_PAGE}


@pytest.mark.parametrize("name", [name for name in PICTURES if not name.startswith("pano")])
def test_a_photo_is_painted_as_meant(nst: Nst, tmp_path: Path, style: Path, name: str) -> None:
    outcome = nst("stylize", case(name), style, "-o", "out.png", *DRAFT)
    assert outcome.code == 0
    size, turns = image_sizes.fit(PICTURES[name].size, 96), PICTURES[name].turns
    result = grey(tmp_path / "out.png", size)
    assert saved(tmp_path / "out.png").size == size
    if turns is not None:
        upright = image_sizes.fit((240, 160), 96)
        cat = np.rot90(grey(SAMPLES / "content" / "cat.jpg", upright), turns)
        assert np.corrcoef(result.ravel(), cat.ravel())[0, 1] > ALIKE


@pytest.mark.parametrize("name", PICTURES)
def test_a_style_of_any_shape_is_painted_with(nst: Nst, content: Path, name: str) -> None:
    assert nst("stylize", content, case(name), "-o", "out.png", *DRAFT).code == 0


def test_a_panorama_beside_a_portrait(nst: Nst, tmp_path: Path) -> None:
    panorama, portrait = case("pano_12.jpg"), case("style_portrait.jpg")
    command = ("stylize", panorama, portrait, "-o", "out.png", "--preset=draft")
    assert nst(*command, "--size=512").code == 0
    assert saved(tmp_path / "out.png").size == (512, 41)
    assert "give a size of at least 200" in nst(*command, "--size=96").err
    assert nst(*command, "--size=200").code == 0


def test_the_remedy_for_an_extreme_shape_works(nst: Nst, tmp_path: Path, style: Path) -> None:
    command = (style, "-o", "out.png", "--preset=draft", "--size=512")
    outcome = nst("stylize", case("pano_1200.png"), *command)
    assert outcome.code == 2
    assert "crop the picture until its long side is at most 32 times the short" in outcome.err
    cropped = saved(case("pano_1200.png")).crop((0, 0, 32 * 20, 20))
    cropped.save(tmp_path / "cropped.png")
    assert nst("stylize", "cropped.png", *command).code == 0


def test_nothing_of_what_is_around_a_style_is_matched(
    nst: Nst, content: Path, painted: list[Inputs]
) -> None:
    file = case("style_cutout.png")
    assert nst("stylize", content, file, "-o", "out.png", *DRAFT).code == 0
    levels = np.asarray(saved(file))
    subject = {tuple(colour) for colour in levels[levels[..., 3] > 0][:, :3].tolist()}
    styles = painted[0].styles
    assert isinstance(styles, list)
    given = np.asarray(images.load(styles[0], "style")).reshape(-1, 3)
    assert {tuple(colour) for colour in given.tolist()} <= subject


def test_a_dark_subject_goes_on_below_its_transparency(
    nst: Nst, style: Path, painted: list[Inputs]
) -> None:
    file = case("content_cutout_dark.png")
    assert nst("stylize", file, style, "-o", "out.png", *DRAFT, "--strength=0").code == 0
    levels = np.asarray(images.load(painted[0].content, "content"))
    subject = levels[levels[..., 3] == 255][:, :3]
    assert levels[levels[..., 3] == 0][:, :3].max() <= np.percentile(subject, 99)


def test_a_stray_pixel_of_alpha_is_no_mask(nst: Nst, content: Path, painted: list[Inputs]) -> None:
    mask, style = case("mask_rgba_one_pixel.png"), SAMPLES / "style" / "impasto.jpg"
    command = ("stylize", case("iccp_big.png"), style, "--style-mask", mask, "-o", "out.png")
    assert nst(*command, *DRAFT).code == 0
    (given,) = painted[0].masks
    assert isinstance(given, Image.Image)
    assert [given.getpixel((x, 80)) for x in (60, 180)] == [0, 255]


# ── films ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", FILMS)
def test_a_film_is_read_as_players_show_it(
    nst: Nst, tmp_path: Path, style: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A stand-in for the engine keeps the frames unchanged; the result is read back."""
    monkeypatch.setattr(Frames, "_painted", lambda frames, frame, latest: frame)
    facts, film = FILMS[name], case(name)
    outcome = nst("video", film, style, "-o", "out.mp4", "--preset=draft")
    assert outcome.code == 0
    assert ("is damaged" in outcome.err) == facts.is_damaged
    with av.open(str(tmp_path / "out.mp4")) as result:
        codes = result.streams.video[0].codec_context
        tags = codes.color_primaries, codes.color_trc, codes.colorspace, codes.color_range
        assert tags == (1, 1, 1, 1)  # BT.709 in limited range (ITU-T H.273)
        assert bool(result.streams.audio) == facts.has_sound
        frames = list(result.decode(video=0))
    assert seconds(tmp_path / "out.mp4") == pytest.approx(facts.seconds, abs=0.01)
    times = [frame.time for frame in frames]
    assert (len(frames), times[0]) == (facts.frames, 0)
    assert times == sorted(set(times))
    first = frames[0].to_ndarray(format="rgb24").astype(float)
    assert first.shape == (*facts.size[::-1], 3)
    assert first.mean((0, 1)) == pytest.approx(facts.means, abs=3)


def test_hd_colours_are_those_of_bt709(
    nst: Nst, tmp_path: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bars of the film are 40 levels off if they are read as BT.601.
    Their colours are white, yellow, cyan, green, magenta, red and blue."""
    monkeypatch.setattr(Frames, "_painted", lambda frames, frame, latest: frame)
    nst("video", case("bt709_720p.mp4"), style, "-o", "out.mp4", "--preset=draft")
    with av.open(str(tmp_path / "out.mp4")) as result:
        image = next(result.decode(video=0)).to_ndarray(format="rgb24").astype(float)
    bars = [image[360, 80 + 160 * number] for number in range(7)]
    names = ("white", "yellow", "cyan", "lime", "magenta", "red", "blue")
    expected = [Image.new("RGB", (1, 1), name).getpixel((0, 0)) for name in names]
    assert np.abs(np.array(bars) - np.array(expected)).max() <= 4


def test_a_mirrored_film_is_upright(
    nst: Nst, tmp_path: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Frames, "_painted", lambda frames, frame, latest: frame)
    nst("video", case("hflip.mp4"), style, "-o", "out.mp4", "--preset=draft")
    with av.open(str(tmp_path / "out.mp4")) as result:
        image = next(result.decode(video=0)).to_ndarray(format="rgb24").astype(float)
    cat = np.asarray(images.load(SAMPLES / "content" / "cat.jpg", "content").resize((160, 120)))
    alike = [np.corrcoef(image.ravel(), other.ravel())[0, 1] for other in (cat[:, ::-1], cat)]
    assert alike[0] > 0.9 > alike[1]
