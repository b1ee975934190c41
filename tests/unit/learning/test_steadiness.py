"""The temporal term: what moves in a film looks the same wherever it is."""

from pathlib import Path

import pytest
import torch
from benchmarks.video.clips import clips
from benchmarks.video.measure import warping_error

from nst import LearnedStyle, StyleTransferOptions, images
from nst.learning import steadiness
from nst.learning.steadiness import Motion
from nst.samples import samples
from unit.learning import tiny

PHOTO = 255 * torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, 0), (-2, 5), (7, -7)])
def test_a_photo_and_its_neighbour_differ_by_noise_alone(down: int, right: int) -> None:
    motion = Motion(down, right, noise_seed=1)
    loss = motion.loss(PHOTO, motion.moved(PHOTO)).item()
    assert loss == pytest.approx(steadiness.NOISE_SIGMA**2, rel=0.1)


def test_without_noise_a_neighbour_is_the_photo_shifted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steadiness, "NOISE_SIGMA", 0.0)
    moved = Motion(2, -3, noise_seed=1).moved(PHOTO)
    assert moved.shape == PHOTO.shape
    assert torch.equal(moved[:, :, :-2, 3:], PHOTO[:, :, 2:, :-3])


def test_a_seed_decides_the_motion() -> None:
    motions = {Motion.drawn(f"0 motion {number % 30}") for number in range(60)}
    assert len(motions) == 30
    assert {each.down for each in motions} != {0}


def film_error(file: Path) -> float:
    """Return the warping error of a panned photo that is painted frame by frame."""
    style = LearnedStyle.load(file, precision="fp32")
    contents = {name: images.load(path, "content") for name, path in samples("content").items()}
    pan = clips(contents, width=96, frames=4)[0]
    options = StyleTransferOptions.from_preset("draft", size=96)
    painted = [style.paint(pan.frame(number), options).image for number in range(4)]
    return warping_error(painted, pan)


def test_a_film_is_calmer_with_steady(tmp_path: Path) -> None:
    errors = {}
    for steady in (False, True):
        training_run = tiny.training_run(steps=40, learning_rate=0.01, channels=8, steady=steady)
        losses = [progress.losses for progress in training_run.training.run()]
        assert all((each.temporal > 0) == steady for each in losses)
        errors[steady] = film_error(training_run.save(tmp_path / f"{steady}.nst"))
    assert errors[True] < 0.9 * errors[False]
