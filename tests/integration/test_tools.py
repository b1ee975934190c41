"""The committed files equal those that the tools make."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawings import __main__ as drawer
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions
from PIL import Image

import calibration_pictures
import controls
import convert_draft
import convert_protect
import convert_vgg16
import sample_pictures
from nst.engine.draft import NETWORK
from nst.engine.network.files import BUNDLE
from nst.engine.network.onnx_network import Network
from nst.engine.network.weights import BUNDLED_SHA256
from nst.engine.pictures.protect import FACES, PERSON
from nst.files import sha256_of
from support import package_index
from support.assets import REPOSITORY
from support.file_server import serve
from support.pictures import SAMPLES, picture
from support.servers import free_port
from wheels import open_wheel


def run_online(main: Callable[[], None]) -> None:
    """Run a program that downloads wheels; skip the test if their index cannot be reached."""
    try:
        main()
    except subprocess.CalledProcessError:
        if package_index.answers(package_index.address()):
            raise
        pytest.skip("the package index, which has the wheel, cannot be reached")


@pytest.fixture
def failing() -> Callable[[], None]:
    def fail() -> None:
        raise subprocess.CalledProcessError(1, "pip download")

    return fail


def test_a_download_that_fails_is_an_error_if_the_index_answers(
    failing: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve({}) as server:
        monkeypatch.setenv("PIP_INDEX_URL", server.url)
        with pytest.raises(subprocess.CalledProcessError):
            run_online(failing)


def test_a_download_that_fails_is_skipped_if_no_index_answers(
    failing: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(pytest.skip.Exception, match="cannot be reached"):
        run_online(failing)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def test_the_bundled_vgg16_is_made_again_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert_vgg16, "BUNDLE", tmp_path)
    run_online(convert_vgg16.main)
    assert sha256_of(tmp_path / "vgg16.safetensors") == BUNDLED_SHA256


def test_the_draft_network_is_made_again_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert_draft, "NETWORK", replace(NETWORK, path=tmp_path / "draft.onnx"))
    run_online(convert_draft.main)
    assert sha256_of(tmp_path / "draft.onnx") == NETWORK.sha256


def test_the_networks_that_protect_are_made_again_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, network in (("FACES", FACES), ("PERSON", PERSON)):
        elsewhere = Network(tmp_path / network.path.name, network.sha256)
        monkeypatch.setattr(convert_protect, name, elsewhere)
    run_online(convert_protect.main)
    for network in (FACES, PERSON):
        assert sha256_of(tmp_path / network.path.name) == network.sha256


def test_the_draft_network_paints_what_the_published_ones_paint(content: Path, style: Path) -> None:
    """The published networks round all values to int8, the one of nst does not.
    The limit allows for this rounding."""
    exact = SessionOptions()
    # Optimized graphs add int8 products in int16, which overflows on processors without VNNI.
    exact.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    published: list[bytes] = []

    def fetch() -> None:
        with open_wheel(convert_draft.WHEEL, convert_draft.WHEEL_SHA256) as wheel:
            published.extend(map(wheel.read, (convert_draft.PREDICT, convert_draft.PAINT)))

    run_online(fetch)
    predict, paint = (InferenceSession(network, exact) for network in published)
    photo, painting = (square(path, side) for path, side in ((content, 384), (style, 256)))
    (numbers,) = predict.run(None, {"style_image": painting})
    (theirs,) = paint.run(None, {"content_image": photo, convert_draft.STYLE_NUMBERS: numbers})
    (ours,) = InferenceSession(NETWORK.path).run(None, {"content": photo, "style": painting})
    assert np.abs(ours - theirs).mean() < 0.2 * np.abs(photo - theirs).mean()


def square(path: Path, side: int) -> np.ndarray:
    """Return an image as (1, side, side, 3), RGB from 0 to 1."""
    with Image.open(path) as image:
        return np.asarray(image.resize((side, side)), dtype=np.float32)[np.newaxis] / 255


def test_the_photographs_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration_pictures, "BUNDLE", tmp_path)
    monkeypatch.setattr(sample_pictures, "CONTENT_FOLDER", tmp_path)
    run_online(calibration_pictures.main)
    run_online(sample_pictures.main)
    made, committed = pixels(tmp_path / "calibration.png"), pixels(BUNDLE / "calibration.png")
    assert np.array_equal(made, committed)
    for file in (SAMPLES / "content").iterdir():
        assert np.array_equal(pixels(tmp_path / file.name), pixels(file)), file.name


def test_a_style_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One style is drawn; the others take a minute.
    Another CPU may round some values differently."""
    monkeypatch.setattr(drawer, "DIRECTORY", tmp_path)
    monkeypatch.setattr(sys, "argv", ["drawings", "watercolour"])
    drawer.main()
    made, committed = (
        pixels(directory / "watercolour.jpg") for directory in (tmp_path, SAMPLES / "style")
    )
    assert np.abs(made - committed).mean() < 2


def test_every_sample_style_is_drawn_by_a_program() -> None:
    assert {file.stem for file in (SAMPLES / "style").iterdir()} == set(drawer.PICTURES)


def test_every_control_has_its_strip_in_the_docs() -> None:
    page = (REPOSITORY / "docs" / "controls.md").read_text()
    files = {file.stem: file for file in (REPOSITORY / controls.STRIPS).iterdir()}
    assert set(files) == set(controls.CONTROLS)
    for name, file in files.items():
        assert f"(controls/{name}.jpg)" in page
        assert file.stat().st_size < controls.MAX_BYTES


def test_strips_stand_in_a_row_and_are_small(tmp_path: Path) -> None:
    noise = Image.effect_noise((900, 600), 90)
    page = controls.strip({"one": picture(), "two": noise, "three": noise})
    width, height = controls.CELL
    assert page.size == (3 * width + 2 * controls.GAP_PIXELS, height + controls.FONT_PIXELS + 6)
    file = controls.save(page, tmp_path / "strip.jpg")
    assert file.stat().st_size < controls.MAX_BYTES


def test_the_mask_of_the_docs_is_white_in_the_middle_and_black_at_the_corners() -> None:
    for is_soft in (False, True):
        mask = np.asarray(controls.saucer(is_soft=is_soft))
        height, width = mask.shape
        assert mask[[5, 5, -1, -1], [0, -1, 0, -1]].max() < 20
        assert mask[height // 2, width // 2] == 255
