"""A learned style as a transfer: `nst.stylize`, films, the optimizer's draft."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nst
from nst import Inputs, StyleTransferOptions, image_writer
from nst.engine.film import FilmTransfer
from nst.errors import InvalidOption, InvalidStyleFile
from nst.learned_file import PRESET
from nst.learning.painting import LearnedStyle
from nst.learning.transfer import LearnedTransfer
from unit.learning import tiny

PHOTO = Image.effect_noise((62, 45), 70).convert("RGB")
DRAFT = nst.StyleTransferOptions.from_preset("draft", size=62)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tiny.saved(tmp_path / "one.nst")


def directly(file: Path) -> np.ndarray:
    return np.asarray(LearnedStyle.load(file).paint(PHOTO, DRAFT).image)


def test_stylize_paints_with_a_learned_style(file: Path, tmp_path: Path) -> None:
    image_writer.save(PHOTO, tmp_path / "photo.png")
    result = nst.stylize(tmp_path / "photo.png", str(file), size=62)
    assert np.array_equal(np.asarray(result.image), directly(file))
    again = nst.stylize(tmp_path / "photo.png", file, preset="draft", size=62)
    recipe = again.recipe(again.files.seen_from(tmp_path / "out.png")) if again.files else None
    assert recipe is not None
    assert recipe.styles[0].path == "one.nst"


def test_a_transfer_loads_each_file_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Path] = []
    load = LearnedStyle.load

    def remember(path: Path, **facts: Any) -> LearnedStyle:
        loaded.append(path)
        return load(path, **facts)

    monkeypatch.setattr(LearnedStyle, "load", remember)
    transfer = LearnedTransfer(DRAFT)
    for each in (transfer, transfer, transfer.with_options(DRAFT)):
        each.run(nst.Inputs(PHOTO, file))
    assert loaded == [file]


def test_a_frame_of_a_film_is_painted_alone(file: Path) -> None:
    film = FilmTransfer(LearnedTransfer(DRAFT), DRAFT)
    before = nst.PaintedFrame(Image.new("RGB", PHOTO.size), Image.new("RGB", PHOTO.size))
    for neighbour in (None, before):
        (progress,) = film.steps(PHOTO, file, neighbour)
        assert np.array_equal(np.asarray(progress.snapshot.picture()), directly(file))


def test_the_optimizer_starts_from_what_a_learned_style_paints(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    run = nst.NeuralStyleTransfer.run

    def remember(self: Any, inputs: nst.Inputs, *rest: Any, **facts: Any) -> nst.Result:
        begun.append(inputs.initial)
        return run(self, inputs, *rest, **facts)

    monkeypatch.setattr(nst.NeuralStyleTransfer, "run", remember)
    options: dict[str, Any] = {"size": 62, "model": "vgg16", "total_iterations": 2, "scales": 1}
    nst.stylize(PHOTO, tiny.STYLES[0], initial=file, preset="gram", **options)
    assert np.array_equal(np.asarray(begun[0]), directly(file))


def test_a_mask_that_is_not_given_is_no_mask(file: Path) -> None:
    assert nst.stylize(PHOTO, file, size=62, masks=[None]).image.size == (62, 45)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preset": "quality"}, "preset: 'quality' .* with a learned style"),
        ({"initial": PHOTO}, "initial: .* none with a learned style"),
        ({"detail_map": np.zeros((45, 62), np.uint8)}, "detail_map: .* with a learned style"),
        ({"masks": [PHOTO]}, "masks: .* none with a learned style"),
        ({"total_iterations": 3}, "total_iterations: 3 .* 0 with a learned style"),
    ],
)
def test_what_a_learned_style_does_not_take(
    file: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidOption, match=message):
        nst.stylize(PHOTO, file, **{"size": 62, **change})


def test_a_learned_style_does_not_continue_from_a_checkpoint(file: Path) -> None:
    transfer = LearnedTransfer(StyleTransferOptions.from_preset(PRESET, size=62))
    with pytest.raises(InvalidOption, match="at least 1 to resume from a checkpoint"):
        transfer.run(Inputs(PHOTO, file), resume_from=b"checkpoint")


def test_a_learned_style_beside_another_style(file: Path) -> None:
    with pytest.raises(InvalidOption, match=r"styles: .* one \.nst file alone"):
        nst.stylize(PHOTO, file, tiny.STYLES[0], size=62)


@pytest.mark.parametrize("arguments", [{}, {"initial": "none.nst"}])
def test_a_file_that_is_not_there(arguments: dict[str, Any]) -> None:
    style = tiny.STYLES[0] if arguments else "none.nst"
    with pytest.raises(InvalidStyleFile, match=r"none\.nst does not exist"):
        nst.stylize(PHOTO, style, **arguments)
