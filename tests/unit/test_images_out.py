"""Resizing, transparency, and written images."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from nst.errors import InvalidOption, StorageError
from nst.files import check_output, free_path
from nst.image_sizes import fit
from nst.image_writer import encode
from nst.images import resize, save
from nst.transparency import flatten
from support.pictures import picture

Array = NDArray[Any]

FORMATS = {
    "x.png": "PNG",
    "x.jpg": "JPEG",
    "x.jpeg": "JPEG",
    "x.JPG": "JPEG",
    "x.webp": "WEBP",
    "x.tif": "TIFF",
    "x.TIFF": "TIFF",
}


def translucent() -> Image.Image:
    image = picture()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def array(image: Image.Image) -> Array:
    return np.asarray(image).astype(float)


# ── transparency and size ─────────────────────────────────────────────────────────────────────


def test_transparent_parts_lie_over_white() -> None:
    colours, alpha = array(translucent())[..., :3], array(translucent())[..., 3:] / 255
    flat = flatten(translucent())
    assert flat.mode == "RGB"
    assert abs(array(flat) - (alpha * colours + (1 - alpha) * 255)).max() <= 1


def test_opaque_picture_is_already_flat() -> None:
    opaque = picture()
    assert flatten(opaque) is opaque


def lanczos(values: Array, length: int) -> Array:
    """Resample rows by a windowed sinc of three lobes, as wide as the coarser grid.

    Duchon: Lanczos Filtering in One and Two Dimensions, 1979.
    """
    scale = len(values) / length
    width = max(scale, 1.0)
    centres = (np.arange(length) + 0.5) * scale
    distance = (np.arange(len(values)) + 0.5 - centres[:, None]) / width
    weights = np.where(abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
    return np.tensordot(weights / weights.sum(axis=1, keepdims=True), values, axes=1)


@pytest.mark.parametrize("size", [(30, 20), (64, 7), (200, 150), (64, 48)])
def test_resize_is_lanczos(size: tuple[int, int]) -> None:
    columns = lanczos(array(picture()).swapaxes(0, 1), size[0]).swapaxes(0, 1)
    expected = lanczos(columns, size[1]).clip(0, 255)
    resized = resize(picture(), size)
    assert resized.size == size
    assert abs(array(resized) - expected).max() <= 2  # rounded to 8 bits after each direction


sides = st.integers(1, 30_000)


@given(sides, sides, st.integers(16, 16_000))
def test_longest_side_is_exact_and_the_other_half_a_pixel_off_at_most(
    width: int, height: int, longest: int
) -> None:
    fitted = fit((width, height), longest)
    assert max(fitted) == longest
    exact = max(1, longest * min(width, height) / max(width, height))
    assert abs(min(fitted) - exact) <= 0.5 + 1e-9
    assert (fitted[0] >= fitted[1]) == (width >= height) or fitted[0] == fitted[1]


# ── encode ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "format_name"), FORMATS.items())
def test_extension_decides_the_format(tmp_path: Path, name: str, format_name: str) -> None:
    with Image.open(save(picture(), tmp_path / name)) as image:
        assert image.format == format_name
        assert abs(array(image) - array(picture())).mean() < 2


@pytest.mark.parametrize("format_name", ["PNG", "TIFF"])
def test_lossless_formats_lose_nothing(format_name: str) -> None:
    for image in (picture(), translucent()):
        with Image.open(io.BytesIO(encode(image, format_name))) as read:
            assert read.mode == image.mode
            assert np.array_equal(array(read), array(image))


def test_webp_keeps_transparency() -> None:
    with Image.open(io.BytesIO(encode(translucent(), "WEBP"))) as read:
        assert abs(array(read)[..., 3] - array(translucent())[..., 3]).max() <= 1


def test_jpeg_is_flattened_over_white() -> None:
    with Image.open(io.BytesIO(encode(translucent(), "JPEG"))) as read:
        assert abs(array(read) - array(flatten(translucent()))).mean() < 2


def test_jpeg_has_quality_95_and_full_chroma() -> None:
    with Image.open(io.BytesIO(encode(picture(), "JPEG"))) as image:
        assert isinstance(image, JpegImagePlugin.JpegImageFile)
        assert JpegImagePlugin.get_sampling(image) == 0  # 4:4:4
        # The smallest and largest divisors of ITU-T T.81 annex K are 10 and 121, 17 and 99; quality
        # 95 has a tenth of them, rounded.
        luma, chroma = image.quantization[0], image.quantization[1]
    assert (min(luma), max(luma)) == (1, 12)
    assert (min(chroma), max(chroma)) == (2, 10)


def test_picture_is_written_without_the_metadata_of_a_photo() -> None:
    image = picture()
    image.info["exif"] = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"
    with Image.open(io.BytesIO(encode(image, "JPEG"))) as read:
        assert "exif" not in read.info


# ── save ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["picture", "picture.bmp", "picture.png.txt", ".png"])
def test_unknown_extension_is_an_invalid_option(tmp_path: Path, name: str) -> None:
    for refuse in (check_output, lambda path: save(picture(), path)):
        with pytest.raises(InvalidOption, match=r"a name ending in \.png, \.jpg") as caught:
            refuse(tmp_path / name)
        assert caught.value.field == "output"
    assert list(tmp_path.iterdir()) == []


def test_directories_are_made(tmp_path: Path) -> None:
    path = tmp_path / "one" / "two" / "x.png"
    assert save(picture(), path) == path
    assert path.is_file()


def test_existing_file_stays_and_the_new_one_gets_a_number(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_text("old")
    (tmp_path / "x-3.png").symlink_to("nowhere")
    saved = [save(picture(), path).name for _ in range(2)]
    assert saved == ["x-2.png", "x-4.png"]
    assert path.read_text() == "old"
    assert (tmp_path / "x-3.png").is_symlink()


def test_overwriting_replaces(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_text("old")
    assert save(picture(), path, overwrite=True) == path
    assert [file.name for file in tmp_path.iterdir()] == ["x.png"]
    with Image.open(path) as image:
        assert np.array_equal(array(image), array(picture()))


def test_free_path_of_a_directory_keeps_its_dots(tmp_path: Path) -> None:
    path = tmp_path / "combined_me.v2_cubes"
    path.mkdir()
    assert free_path(path).name == "combined_me.v2_cubes-2"
    assert free_path(tmp_path / "new.v2").name == "new.v2"


def test_saving_at_the_same_time_loses_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        saved = set(pool.map(lambda _: save(picture(), tmp_path / "x.png"), range(24)))
    assert len(saved) == 24
    assert saved == set(tmp_path.iterdir())


def test_whole_file_appears_by_a_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.png"
    path.write_text("old")
    rename = Path.replace

    def replace(temporary: Path, target: Path) -> Path:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        with Image.open(temporary) as image:
            image.load()
        assert target.read_text() == "old"
        return rename(temporary, target)

    monkeypatch.setattr(Path, "replace", replace)
    with Image.open(save(picture(), path, overwrite=True)) as image:
        assert image.size == picture().size


@contextmanager
def full_disk(room_bytes: int) -> Iterator[None]:
    """Let no file grow beyond this size, so that writing fails as on a full disk."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("overwrite", [True, False])
def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, overwrite: bool) -> None:
    path = tmp_path / "x.tiff"
    path.write_text("old")
    with full_disk(500), pytest.raises(StorageError, match=r"cannot write .*x\.tiff") as caught:
        save(picture(), path, overwrite=overwrite)
    assert caught.value.path == path
    assert caught.value.reason == "File too large"
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_interrupt_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(temporary: Path, data: bytes) -> None:
        temporary.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(picture(), tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []


def test_file_in_place_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot write .*x\.png"):
        save(picture(), tmp_path / "file" / "x.png")


# ── check_output ──────────────────────────────────────────────────────────────────────────────


def test_good_place_is_checked_without_a_trace(tmp_path: Path) -> None:
    check_output(tmp_path / "new" / "x.png")
    assert list((tmp_path / "new").iterdir()) == []


def test_existing_file_is_a_good_place(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("old")
    check_output(tmp_path / "x.png")
    assert (tmp_path / "x.png").read_text() == "old"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "directory.png").mkdir()
    (tmp_path / "file").write_text("")
    places = [tmp_path / "directory.png", tmp_path / "file" / "x.png"]
    places += [Path("/proc/x.png"), Path("/proc/new/x.png")] if Path("/proc").is_dir() else []
    for place in places:
        with pytest.raises(InvalidOption) as caught:
            check_output(place)
        assert (caught.value.field, caught.value.value) == ("output", str(place))
