"""`nst.stylize` and its Result: one call, errors that name arguments, notebooks."""

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nst
from nst import image_writer, images, library
from nst.errors import InvalidImage, InvalidOption
from nst.presets import DEFAULT_PRESET
from nst.recipe import Recipe
from nst.result import SHOWN_SIDE_PIXELS
from nst.samples import samples
from support.assets import REPOSITORY
from support.pictures import picture

NOTEBOOK = REPOSITORY / "docs" / "tutorials" / "python.ipynb"
SMALL: dict[str, Any] = {"preset": "gram", "model": "vgg16", "size": 32, "total_iterations": 4}
TURNED = picture().rotate(180)
"""Style that differs from the content `picture()`, or there would be nothing to optimize."""
CAT, MOSAIC = samples("content")["cat"], samples("style")["mosaic"]


def draft(**arguments: Any) -> nst.Result:
    return nst.stylize("sample:cat", "sample:mosaic", preset="draft", size=64, **arguments)


# ── one call ──────────────────────────────────────────────────────────────────────────────────


def test_one_line_paints_and_saves(tmp_path: Path) -> None:
    image_writer.save(picture(), tmp_path / "a.jpg")
    image_writer.save(picture().rotate(180), tmp_path / "b.jpg")
    line = f"import nst; nst.stylize('a.jpg', 'b.jpg', **{SMALL!r}).save('out.png')"
    ran = subprocess.run(
        [sys.executable, "-c", line], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert ran.stdout == ran.stderr == ""
    assert max(images.load(tmp_path / "out.png", "content").size) == 32
    recipe = Recipe.read(tmp_path / "out.png")
    assert (recipe.content.path, recipe.styles[0].path) == ("a.jpg", "b.jpg")
    assert recipe.options["size"] == 32


def test_defaults_are_those_of_the_command() -> None:
    defaults = nst.StyleTransferOptions.from_preset(DEFAULT_PRESET)
    assert nst.NeuralStyleTransfer().options == defaults
    assert nst.StyleTransferOptions.from_preset() == defaults


def test_options_override_the_preset_and_several_styles_are_mixed() -> None:
    result = draft(style_blend=(1.0,), color="luminance")
    assert (result.options.color, result.is_draft) == ("luminance", True)
    mixed = nst.stylize(CAT, MOSAIC, "sample:impasto", preset="draft", size=64)
    listed = nst.stylize(CAT, [MOSAIC, "sample:impasto"], preset="draft", size=64)
    assert mixed.image.tobytes() == listed.image.tobytes()
    assert mixed.image.tobytes() != result.image.tobytes()


def test_false_stops_and_anything_else_does_not() -> None:
    def stops_at_two(progress: nst.Progress) -> bool:
        return progress.step < 2

    stopped = nst.stylize(picture(), TURNED, progress=stops_at_two, **SMALL)
    assert (stopped.steps, stopped.stopped_after) == (2, 2)
    assert stopped.stop_reason is nst.StopReason.CANCELED
    whole = nst.stylize(picture(), TURNED, progress=lambda _: None, **SMALL)
    assert (whole.steps, whole.stopped_after) == (4, None)


def test_saving_replaces_unless_it_is_told_not_to(tmp_path: Path) -> None:
    result, path = draft(), tmp_path / "x.png"
    assert result.save(path) == result.save(str(path)) == path
    assert result.save(path, overwrite=False) != path


def test_pictures_that_are_no_files_make_no_recipe(tmp_path: Path) -> None:
    result = nst.stylize(picture(), "sample:mosaic", preset="draft", size=64)
    assert result.files is None
    assert images.read_recipe(result.save(tmp_path / "x.png")) is None
    recipe = Recipe.read(draft().save(tmp_path / "y.png"))
    assert recipe.content.path == "sample:cat"
    assert recipe.styles[0].locate(tmp_path / "y.png", "style") == MOSAIC


@pytest.mark.parametrize("is_replaced", [False, True])
def test_the_recipe_has_the_files_as_they_were_painted(tmp_path: Path, is_replaced: bool) -> None:
    photo, output = tmp_path / "photo.png", tmp_path / "x.png"
    picture().save(photo)
    painted = photo.read_bytes()
    result = nst.stylize(photo, "sample:mosaic", preset="draft", size=64)
    if is_replaced:
        TURNED.save(photo)
    else:
        photo.unlink()
    content = Recipe.read(result.save(output)).content
    assert (content.path, content.sha256) == ("photo.png", hashlib.sha256(painted).hexdigest())


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidImage, match="pipe is not a file"):
        nst.stylize(tmp_path / "pipe", "sample:mosaic", preset="draft", size=64)


# ── wrong arguments ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"content": 3}, "content image: 3 is not a picture; give a path"),
        ({"content": [[0, 1]]}, "content image: [[0, 1]] is not a picture"),
        ({"styles": ["sample:mosaic", None]}, "style image: None is not a picture"),
        ({"masks": "m.png"}, "masks: 'm.png' is invalid"),
        ({"styles": "sample:nope"}, "style image: sample:nope does not come with nst; name a file"),
        ({"masks": ["sample:nope"]}, "mask image: sample:nope does not come with nst"),
        ({"masks": [CAT, CAT], "preset": "draft"}, "masks: 2 is invalid; expected no more masks"),
        ({"masks": [5]}, "mask image: 5 is not a picture"),
        ({"detail_map": 5}, "detail map image: 5 is not a picture"),
        ({"initial": 5}, "initial image: 5 is not a picture"),
        ({"preset": 3}, "preset: 3 is invalid; expected one of quality"),
        ({"progress": 3}, "progress: 3 is invalid; expected True, False, None or a function"),
        ({"controls": {}}, "controls: {} is invalid; expected nst.Controls"),
        ({"weights": "w.pth"}, "weights: 'w.pth' is invalid; expected a nst.WeightsStore"),
        ({"max_memory_bytes": "4GB"}, "max_memory_bytes: '4GB' is invalid; expected a whole"),
        (
            SMALL | {"max_memory_bytes": 1000},
            "max_memory_bytes: '1e-06 GB' is invalid; expected at",
        ),
        ({"sizes": 3}, "sizes: 'sizes' is invalid; expected the name of an option, such as size"),
        ({"x": 3}, "x: 'x' is invalid; expected the name of an option: size, content_weight, "),
        ({"size": "big"}, "size: 'big' is invalid; expected a whole number"),
    ],
)
def test_a_wrong_argument_is_named_at_once(arguments: dict[str, Any], message: str) -> None:
    given = {"content": "sample:cat", "styles": "sample:mosaic"} | arguments
    content, styles = given.pop("content"), given.pop("styles")
    with pytest.raises((InvalidImage, InvalidOption)) as caught:
        nst.stylize(content, styles, **given)
    assert str(caught.value).startswith(message)


def test_wrong_arguments_of_the_class_are_named_at_once() -> None:
    with pytest.raises(InvalidOption, match="options: 'fast' is invalid; expected Style"):
        nst.NeuralStyleTransfer("fast")  # type: ignore[arg-type]
    transfer = nst.NeuralStyleTransfer(nst.StyleTransferOptions.from_preset("draft"))
    inputs = nst.Inputs(CAT, MOSAIC)
    with pytest.raises(InvalidOption, match=r"inputs: 'a\.jpg' is invalid; expected nst\.Inputs"):
        transfer.run("a.jpg")  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="on_progress: 5 is invalid"):
        transfer.run(inputs, 5)  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="resume_from: 5 is invalid"):
        transfer.steps(inputs, resume_from=5)  # type: ignore[arg-type]


def test_an_unknown_sample_is_named_with_those_there_are() -> None:
    with pytest.raises(InvalidImage, match=r"sample:dog does not come with nst; .* astronaut, cat"):
        nst.stylize("sample:dog", "sample:mosaic")


# ── arrays ────────────────────────────────────────────────────────────────────────────────────

PIXELS = np.asarray(picture(40, 30))
GREY = PIXELS[..., 0]


def as_image(array: Any) -> np.ndarray:
    return np.asarray(images.load(array, "content"))


@pytest.mark.parametrize(
    "array",
    [
        PIXELS.astype(np.uint16) * 257,
        PIXELS.astype(np.int64),
        PIXELS.astype(np.uint32) * 257,
        PIXELS / 255,
        (PIXELS / 255).astype(np.float32),
        PIXELS.astype(np.float64),
        np.moveaxis(PIXELS, 2, 0),
        np.asfortranarray(PIXELS)[::1],
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_arrays_of_any_sensible_type_and_shape(array: np.ndarray) -> None:
    assert np.array_equal(as_image(array), PIXELS)


def test_grey_arrays_booleans_alpha_and_tensors() -> None:
    import torch

    grey = np.repeat(GREY[..., None], 3, axis=2)
    for array in (GREY, GREY[..., None], GREY[None]):
        assert np.array_equal(as_image(array), grey)
    assert np.array_equal(as_image(GREY > 99), np.where(grey > 99, 255, 0))
    assert as_image(np.dstack([GREY, GREY | 128])).shape == (30, 40, 4)
    assert np.array_equal(as_image(torch.from_numpy(np.moveaxis(PIXELS / 255, 2, 0))), PIXELS)
    assert as_image((PIXELS / 255).astype(np.float16)).shape == PIXELS.shape


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.zeros((2, 30, 40, 3)), "its shape is (2, 30, 40, 3)"),
        (np.zeros((30, 40, 7)), "its shape is (30, 40, 7)"),
        (np.zeros(30), "its shape is (30,)"),
        (np.linspace(-1, 1, 3600).reshape(30, 40, 3), "its values are from -1 to 1"),
        (PIXELS.astype(np.int32) * 10**6, "its values are from "),
        (np.full((30, 40), np.nan), "it holds NaN or infinite values"),
        (PIXELS.astype(np.complex64), "its values are of type complex64"),
        (np.array([["a", "b"]]), "its values are of type <U1"),
    ],
)
def test_other_arrays_are_named(array: np.ndarray, problem: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        nst.stylize("sample:cat", array, preset="draft", size=64)
    assert caught.value.role == "style"
    assert f"an array of {array.dtype} {array.shape} is not a picture: {problem}" in str(
        caught.value
    )


# ── display ───────────────────────────────────────────────────────────────────────────────────


def test_reprs_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    result = nst.stylize(
        picture(), TURNED, progress=lambda progress: seen.append(repr(progress)), **SMALL
    )
    assert repr(result).startswith("<Result: 32×")
    assert repr(result).endswith(" s with vgg16 on cpu, total_iterations>")
    assert seen[0].startswith("<Progress: step 1 of 4, 32×")
    assert repr(draft()) == "<Result: 64×43 pixels, a draft>"
    assert repr(nst.Inputs(b"abc", [picture(), PIXELS])) == (
        "<Inputs: 3 bytes in the style of a Pillow image of {}×{} pixels, an array of uint8 "
        "(30, 40, 3)>".format(*picture().size)
    )
    transfer = nst.NeuralStyleTransfer(nst.StyleTransferOptions(size=64))
    assert repr(transfer) == "<NeuralStyleTransfer on auto: StyleTransferOptions(size=64)>"


def test_a_notebook_shows_the_image_and_no_more_pixels_than_fit() -> None:
    result = draft()
    shown = Image.open(io.BytesIO(result._repr_png_()))
    assert (shown.format, shown.tobytes()) == ("PNG", result.image.tobytes())
    large = nst.stylize("sample:cat", "sample:mosaic", preset="draft", size=1500)
    assert max(Image.open(io.BytesIO(large._repr_png_())).size) == SHOWN_SIDE_PIXELS


def test_a_bar_is_shown_if_it_is_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    nst.stylize(picture(), TURNED, progress=True, **SMALL)
    shown = capfd.readouterr().err
    assert "step 4 of 4, 0 s left" in shown
    assert "100 %|" in shown


def test_a_notebook_has_a_bar_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not library.is_notebook()
    shell = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert library.is_notebook()
    monkeypatch.setattr(library, "is_notebook", lambda: True)
    monkeypatch.delitem(sys.modules, "IPython")
    nst.stylize(picture(), TURNED, **SMALL)
    assert "step 4 of 4" in capfd.readouterr().err
    nst.stylize(picture(), TURNED, progress=False, **SMALL)
    assert capfd.readouterr().err == ""


def cells() -> list[dict[str, Any]]:
    notebook = json.loads(NOTEBOOK.read_text())
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_has_been_executed() -> None:
    assert [cell["execution_count"] for cell in cells()] == [1 + n for n in range(len(cells()))]
    outputs = [output for cell in cells() for output in cell["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert NOTEBOOK.stat().st_size < 400_000


def test_the_cells_of_the_notebook_run(tmp_path: Path) -> None:
    program = "\n".join("".join(cell["source"]) for cell in cells())
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "painted.png").is_file()
