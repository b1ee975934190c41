"""Files with 16 bits per channel, read back by libraries that read all bits."""

import io
from pathlib import Path

import numpy as np
import png
import pytest
import tifffile
from PIL import Image

from nst.errors import InvalidImage, InvalidOption, StorageError
from nst.image_writer import check_bit_depth, encode, save
from nst.images import load, read_recipe
from nst.recipe import Recipe
from unit.test_images_out import full_disk

RECIPE = '{"nst": "1.0", "title": "caf\\u00e9"}'
SUFFIXES = [".png", ".tif", ".TIFF"]


def samples(channels: int) -> np.ndarray:
    """Return samples in which no value occurs twice and the channels differ."""
    values = np.random.default_rng(3).permutation(65536)[: 48 * 64 * channels]
    return values.astype(np.uint16).reshape(48, 64, channels)


def read(path: Path) -> np.ndarray:
    if path.suffix != ".png":
        return tifffile.imread(path)
    width, height, rows, info = png.Reader(bytes=path.read_bytes()).read()
    assert info["bitdepth"] == 16
    return np.array([list(row) for row in rows], np.uint16).reshape(height, width, info["planes"])


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("recipe", [None, RECIPE])
def test_all_bits_are_in_the_file(
    tmp_path: Path, suffix: str, channels: int, recipe: str | None
) -> None:
    path = save(samples(channels), tmp_path / f"x{suffix}", recipe=recipe)
    assert np.array_equal(read(path), samples(channels))
    assert read_recipe(path) == recipe
    assert [file.name for file in tmp_path.iterdir()] == [f"x{suffix}"]


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_load_takes_the_upper_8_bits(tmp_path: Path, suffix: str, channels: int) -> None:
    """`load` does the same with every file of 16 bits."""
    path = save(samples(channels), tmp_path / f"x{suffix}", recipe=RECIPE)
    for source in (path, path.read_bytes(), samples(channels)):
        image = load(source, "content")
        assert image.mode == ("RGB" if channels == 3 else "RGBA")
        levels = samples(channels) >> 8
        is_seen = levels[..., -1:] > 0 if channels == 4 else True
        assert np.array_equal(np.asarray(image) * is_seen, levels * is_seen)


@pytest.mark.parametrize("format_name", ["PNG", "TIFF"])
def test_pillow_finds_a_whole_file(format_name: str) -> None:
    with Image.open(io.BytesIO(encode(samples(3), format_name, recipe=RECIPE))) as image:
        image.load()
        assert image.format == format_name
        assert image.size == (64, 48)
    with Image.open(io.BytesIO(encode(samples(3), format_name))) as image:
        image.verify()


@pytest.mark.parametrize("format_name", ["PNG", "TIFF"])
def test_the_same_samples_are_the_same_file(format_name: str) -> None:
    first, again = (encode(samples(4), format_name, recipe=RECIPE) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".webp"])
def test_other_formats_are_refused(tmp_path: Path, suffix: str) -> None:
    for refuse in (
        lambda: check_bit_depth(suffix, "16"),
        lambda: save(samples(3), tmp_path / f"x{suffix}"),
    ):
        with pytest.raises(InvalidOption, match=rf"8 for a {suffix} file, or .*\.png") as caught:
            refuse()
        assert caught.value.field == "bit_depth"
    check_bit_depth(suffix, "8")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_text("old")
    with full_disk(500), pytest.raises(StorageError, match="File too large"):
        save(samples(3), path, overwrite=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_carries_no_recipe_says_so(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        with pytest.raises(InvalidImage, match="carries no recipe"):
            Recipe.read(save(samples(3), tmp_path / f"x{suffix}"))
