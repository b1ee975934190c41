"""Decoding in separate processes: equal results, and no image stops the others."""

import fcntl
import io
import itertools
import os
import signal
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nst import image_writer, images
from nst.api.pictures import SHARED_SIDE_PIXELS, THUMB_SIDE_PIXELS
from nst.decoding import Decoder, child, parent
from nst.errors import (
    ImageTooLarge,
    InvalidImage,
    ServerBusy,
    StorageError,
    StorageFull,
    TooManyRequests,
    UnsupportedImage,
)
from support.disks import small_disk_in
from support.pictures import encoded, picture
from support.waiting import PATIENCE_SECONDS, wait_until

SMALL = encoded(picture(), "PNG")
EMPTY_SCAN = bytes.fromhex("ffda 0008 01 01 00 01 3f 00")
"""Scan for AC coefficients of the first component that contains none of them."""

VISIBLE = {"RGBA": (9, 9, 9, 200), "LA": (9, 200)}
"""Colours of images that are not transparent everywhere."""


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(wait_seconds=PATIENCE_SECONDS)
    yield made
    made.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield the directory of a disk of 64 KiB."""
    with small_disk_in(tmp_path, "64k") as disk:
        yield disk


def with_empty_scans(data: bytes, count: int) -> bytes:
    return data[:-2] + count * EMPTY_SCAN + data[-2:]


def pid_of(decoder: Decoder) -> int:
    (process,) = decoder._idle
    return process._process.pid


def test_answers_are_those_of_the_library(decoder: Decoder) -> None:
    for format_name in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF"):
        data = encoded(picture(900, 600), format_name)
        assert decoder.inspect(data, "style") == images.inspect(data, "style")
        assert decoder.small(data, 400) == images.small(data, 400)
    recipe = image_writer.encode(picture(), "PNG", recipe='{"a": 1}')
    assert decoder.recipe(recipe) == '{"a": 1}'
    assert decoder.recipe(SMALL) is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"no picture", UnsupportedImage),
        (SMALL[:60], InvalidImage),
        (encoded(picture(4, 4), "PNG"), InvalidImage),
        (encoded(Image.new("1", (10_000, 16_000)), "PNG"), ImageTooLarge),
    ],
)
def test_errors_are_those_of_the_library(
    decoder: Decoder, data: bytes, kind: type[InvalidImage]
) -> None:
    with pytest.raises(InvalidImage) as found:
        decoder.inspect(data, "style")
    with pytest.raises(InvalidImage) as expected:
        images.inspect(data, "style")
    assert type(found.value) is type(expected.value) is kind
    assert str(found.value) == str(expected.value)


def test_a_progressive_jpeg_of_empty_scans_is_not_decoded(decoder: Decoder) -> None:
    photo = encoded(picture(640, 480), "JPEG", progressive=True)
    assert decoder.inspect(with_empty_scans(photo, 20), "content").size == (640, 480)
    with pytest.raises(InvalidImage, match="scans, and at most 100 are decoded"):
        decoder.inspect(with_empty_scans(photo, 7600), "content")


def test_a_picture_that_takes_too_long_ends_its_process_only() -> None:
    # Without any allowance an image is too slow once it has taken a second of processor time.
    decoder = Decoder(cpu_seconds=0, wait_seconds=PATIENCE_SECONDS)
    picture_of_seconds = encoded(Image.new("RGBA", (5000, 5000), VISIBLE["RGBA"]), "PNG")
    for _ in itertools.count():
        try:
            decoder.inspect(picture_of_seconds, "content")
        except InvalidImage as error:
            reason = error.reason
            break
    assert "more time or memory" in reason
    assert not decoder._idle
    assert decoder.inspect(SMALL, "content").size == (64, 48)
    decoder.close()


def test_a_picture_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "BASE_BYTES", 64 * 1024**2)
    decoder = Decoder(1_000_000, wait_seconds=PATIENCE_SECONDS)
    # It depends on where memory ends whether the process survives and says so itself.
    with pytest.raises(InvalidImage, match=r"too many pixels|more time or memory"):
        decoder.small(encoded(Image.new("RGBA", (6000, 6000), VISIBLE["RGBA"]), "PNG"), 400)
    assert decoder.inspect(SMALL, "content").size == (64, 48)
    decoder.close()


@pytest.mark.parametrize(
    ("mode", "format_name", "how"),
    [
        ("RGBA", "PNG", {}),
        ("P", "PNG", {"transparency": 1}),
        ("I;16", "PNG", {}),
        ("LA", "PNG", {}),
        ("CMYK", "JPEG", {"progressive": True}),
        ("RGBA", "WEBP", {"lossless": True, "method": 0}),
        ("RGB", "AVIF", {"speed": 10}),
        ("F", "TIFF", {}),
    ],
)
def test_the_largest_picture_fits_into_the_memory_of_a_process(
    mode: str, format_name: str, how: dict[str, Any]
) -> None:
    size = (5774, 4330)
    data = encoded(Image.new(mode, size, VISIBLE.get(mode, 0)), format_name, **how)
    decoder = Decoder(size[0] * size[1], wait_seconds=PATIENCE_SECONDS)
    assert decoder.inspect(data, "content").size == size
    assert Image.open(io.BytesIO(decoder.small(data, 400))).size == (400, 300)
    decoder.close()


def test_a_thumbnail_holds_the_pixels_about_twice() -> None:
    decoder = Decoder(wait_seconds=PATIENCE_SECONDS)
    decoder.small(encoded(Image.new("RGBA", (8000, 6000), VISIBLE["RGBA"]), "PNG"), 400)
    with open(f"/proc/{pid_of(decoder)}/status") as status:  # noqa: PTH123
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    assert 1024 * peak < 100e6 + 2 * 4 * 48e6
    decoder.close()


def test_a_process_that_was_killed_is_replaced(decoder: Decoder) -> None:
    decoder.inspect(SMALL, "content")
    os.kill(pid_of(decoder), signal.SIGKILL)
    process = decoder._idle[0]
    wait_until(lambda: not process.is_alive)
    assert decoder.inspect(SMALL, "content").size == (64, 48)


def test_a_film_without_space_is_no_fault_of_the_picture(
    decoder: Decoder, small_disk: Path, tmp_path: Path
) -> None:
    noise = tmp_path / "noise.png"
    image_writer.save(Image.effect_noise((700, 700), 100), noise)
    film = small_disk / "film.webp"
    with pytest.raises(StorageFull) as caught:
        decoder.film(noise, [noise], noise, film)
    assert caught.value.path.is_relative_to(small_disk)
    assert list(small_disk.iterdir()) == []
    assert decoder.inspect(SMALL, "content").size == (64, 48)


def test_a_film_that_cannot_be_written_is_no_fault_of_the_picture(
    decoder: Decoder, tmp_path: Path
) -> None:
    (tmp_path / "cat.png").write_bytes(SMALL)
    cat = tmp_path / "cat.png"
    with pytest.raises(StorageError, match="No such file or directory") as caught:
        decoder.film(cat, [cat], cat, tmp_path / "missing" / "film.webp")
    assert type(caught.value) is StorageError


def test_frames_of_a_film_are_decoded_at_a_reduced_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame, result, film = (tmp_path / name for name in ("frame.jpg", "result.png", "film.webp"))
    frame.write_bytes(encoded(picture(3200, 2400), "JPEG"))
    result.write_bytes(encoded(picture(3200, 2400), "PNG"))
    resize, resized = images.resize, list[tuple[int, int]]()

    def record(image: Image.Image, size: tuple[int, int]) -> Image.Image:
        resized.append(image.size)
        return resize(image, size)

    monkeypatch.setattr(images, "resize", record)
    monkeypatch.setattr(tempfile, "tempdir", None)  # a decoding process sets it
    child._film(str(frame), [str(frame)], str(result), str(film))
    content, step, last = resized
    assert content == step == (1600, 1200)
    assert last == (3200, 2400)
    with Image.open(film) as made:
        assert made.size == (768, 576)


def test_who_gets_no_process_in_time_is_told_when_to_come_back() -> None:
    decoder = Decoder(processes=1, wait_seconds=0.01)
    with decoder._slots.one("anna"):
        with pytest.raises(ServerBusy) as busy:
            decoder.inspect(SMALL, "content", client="berta")
        assert busy.value.retry_after_seconds > 0
    assert decoder.inspect(SMALL, "content", client="berta").size == (64, 48)
    decoder.close()


def test_one_client_leaves_a_process_to_others() -> None:
    decoder = Decoder(wait_seconds=0.01)
    with decoder._slots.one("anna"):
        with pytest.raises(TooManyRequests):
            decoder.inspect(SMALL, "content", client="anna")
        assert decoder.inspect(SMALL, "content", client="berta").size == (64, 48)
    decoder.close()


def test_large_pictures_are_decoded_one_after_the_other(decoder: Decoder) -> None:
    large = encoded(Image.new("1", (5000, 4000)), "PNG")
    holder = threading.Thread(target=lambda: decoder.inspect(large, "content", client="anna"))
    fcntl.lockf(decoder._large.fileno(), fcntl.LOCK_EX)
    holder.start()
    # A small image does not wait for the large one.
    assert decoder.inspect(SMALL, "content", client="berta").size == (64, 48)
    assert holder.is_alive()
    fcntl.lockf(decoder._large.fileno(), fcntl.LOCK_UN)
    holder.join(PATIENCE_SECONDS)
    assert not holder.is_alive()


# ── damaged files ─────────────────────────────────────────────────────────────────────────────

SHARED = Decoder(cpu_seconds=5, wait_seconds=PATIENCE_SECONDS)


@pytest.fixture(scope="module", autouse=True)
def _close() -> Iterator[None]:
    yield
    SHARED.close()


@pytest.fixture(scope="module")
def film_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a directory with a frame and a result, from which films are made."""
    directory = tmp_path_factory.mktemp("film")
    for name in ("frame.png", "result.png"):
        (directory / name).write_bytes(SMALL)
    return directory


Damage: TypeAlias = Callable[[bytes], bytes]


def overwrite(place: float, number: int, how: str) -> Damage:
    """Overwrite bytes with a number, perhaps a size, length or count of the file."""
    written = struct.pack(how, number % (1 << 8 * struct.calcsize(how)))

    def damage(data: bytes) -> bytes:
        start = int(place * len(data))
        return (data[:start] + written + data[start + len(written) :])[: len(data)]

    return damage


def repeat(place: float, length: int, times: int) -> Damage:
    """Insert copies of a part of the file: more scans, chunks, frames or metadata."""

    def damage(data: bytes) -> bytes:
        start = int(place * len(data))
        return data[:start] + times * data[start : start + length] + data[start:]

    return damage


def cut(place: float) -> Damage:
    return lambda data: data[: int(place * len(data))]


PLACES = st.floats(0, 1) | st.floats(0, 0.05)  # headers are at the beginning
DAMAGES = st.one_of(
    st.builds(
        overwrite,
        PLACES,
        st.integers(0, 255) | st.sampled_from([0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 8000]),
        st.sampled_from(["B", ">H", "<H", ">I", "<I"]),
    ),
    st.builds(repeat, PLACES, st.integers(1, 300), st.sampled_from([1, 30, 3000])),
    st.builds(cut, PLACES),
)


@settings(max_examples=60)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP", "AVIF", "TIFF"]),
    st.booleans(),
    st.lists(DAMAGES, max_size=6),
)
def test_whatever_is_sent_is_answered(
    film_directory: Path, format_name: str, is_progressive: bool, damages: list[Damage]
) -> None:
    """Damaged images of every format stay within limits of memory and processor time.
    Each is used as an upload, a thumbnail, the content image of a shared link, a recipe, and the
    first image of a film."""
    how = {"progressive": is_progressive} if format_name == "JPEG" else {}
    data = encoded(picture(128, 96), format_name, **how)
    for damage in damages:
        data = damage(data)
    content = film_directory / "content"
    content.write_bytes(data)
    frame, result, film = (film_directory / name for name in ("frame.png", "result.png", "film"))
    for ask in (
        lambda: SHARED.inspect(data, "content"),
        lambda: SHARED.small(data, THUMB_SIDE_PIXELS),
        lambda: SHARED.small(data, SHARED_SIDE_PIXELS),
        lambda: SHARED.recipe(data),
        lambda: SHARED.film(content, [frame], result, film),
    ):
        with suppress(InvalidImage):
            ask()
    assert SHARED.inspect(SMALL, "content").size == (64, 48)
