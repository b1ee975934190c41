"""`nst stylize` and `nst batch` with 16 bits per channel."""

from pathlib import Path

import numpy as np
import png
import pytest
import tifffile
from PIL import Image

from cli.conftest import Nst, saved
from nst.recipe import Recipe
from support.pictures import picture

TINY = ("--size=40", "--total-iterations=3", "--model=vgg16", "--bit-depth=16")
DRAFT = ("--preset=draft", "--size=48", "--bit-depth=16")


def samples(path: Path) -> np.ndarray:
    if path.suffix != ".png":
        return tifffile.imread(path)
    width, height, rows, info = png.Reader(bytes=path.read_bytes()).read()
    assert info["bitdepth"] == 16
    return np.array([list(row) for row in rows]).reshape(height, width, info["planes"])


@pytest.mark.parametrize("name", ["out.png", "out.tiff"])
@pytest.mark.parametrize("options", [TINY, DRAFT], ids=["transfer", "draft"])
def test_the_result_has_16_bits_and_repeats(
    nst: Nst, tmp_path: Path, content: Path, style: Path, name: str, options: tuple[str, ...]
) -> None:
    assert nst("stylize", content, style, "-o", name, *options).out == f"{name}\n"
    painted = samples(tmp_path / name)
    assert all(len(np.unique(painted[..., channel])) > 256 for channel in range(3))
    assert Recipe.read(tmp_path / name).options["bit_depth"] == "16"
    assert nst("stylize", "--from-image", name, "-o", f"again-{name}").code == 0
    assert np.array_equal(samples(tmp_path / f"again-{name}"), painted)
    assert nst("stylize", "--from-image", name, "-o", "again.jpg", "--bit-depth=8").code == 0
    difference = np.asarray(saved(tmp_path / "again.jpg"), dtype=float) - painted / 257
    assert np.abs(difference).mean() < 3


def test_transparency_has_16_bits_too(nst: Nst, tmp_path: Path, style: Path) -> None:
    content = picture()
    content.putalpha(Image.linear_gradient("L").resize(content.size))
    content.save(tmp_path / "content.png")
    assert nst("stylize", "content.png", style, "-o", "out.png", *TINY).code == 0
    assert samples(tmp_path / "out.png").shape == (30, 40, 4)
    assert saved(tmp_path / "out.png").mode == "RGBA"


def test_a_result_may_be_the_next_content(nst: Nst, content: Path, style: Path) -> None:
    assert nst("stylize", content, style, "-o", "one.tiff", *DRAFT).code == 0
    assert nst("stylize", "one.tiff", style, "-o", "two.png", *DRAFT).code == 0


def test_intermediate_pictures_have_8(nst: Nst, tmp_path: Path, content: Path, style: Path) -> None:
    nst("stylize", content, style, "-o", "out.png", *TINY, "--save-every=2")
    (frame,) = (tmp_path / "out_frames").iterdir()
    *_, info = png.Reader(bytes=frame.read_bytes()).read()
    assert info["bitdepth"] == 8


def test_a_batch(nst: Nst, tmp_path: Path, content: Path, style: Path) -> None:
    outcome = nst("batch", content, style, "-o", "results", "--format=tiff", *DRAFT)
    assert outcome.code == 0
    assert samples(tmp_path / "results/cat_impasto.tiff").dtype == np.uint16
    assert saved(tmp_path / "results/contact-sheet.jpg").width > 48
