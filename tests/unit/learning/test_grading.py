"""The colour grade of a learned style, against the formula in float64."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from scipy.linalg import sqrtm

from nst.engine.pictures import levels
from nst.learned_file import NetworkShape
from nst.learning import style_file
from nst.learning.grading import ADDED_VARIANCE, fit_grade
from nst.learning.network import StyleNetwork, new_network, paint_in
from unit.learning import tiny
from unit.learning.test_style_file import rewritten


def noise(seed: int, colour: tuple[int, int, int], side: int = 48) -> Image.Image:
    """Return coloured noise with correlated channels."""
    random = np.random.default_rng(seed)
    grey, own = random.normal(0, 20, (side, side, 1)), random.normal(0, 8, (side, side, 3))
    return Image.fromarray((np.array(colour) + grey + own).clip(0, 255).astype(np.uint8))


PARTS = [noise(seed, (120, 130, 110)) for seed in range(3)]
STYLES = [noise(7, (150, 100, 80)), noise(8, (90, 120, 140))]


@pytest.fixture
def network() -> StyleNetwork:
    made = new_network(NetworkShape(len(STYLES), channels=4, blocks=1), seed=1).eval()
    fit_grade(made, PARTS, STYLES)
    return made


def pixels(network: StyleNetwork, style: int) -> np.ndarray:
    painted = [paint_in(network, levels.of_image(part), style) for part in PARTS]
    return np.concatenate([each.reshape(-1, 3) for each in painted]).astype(np.float64)


@pytest.mark.parametrize("style", [0, 1])
def test_paintings_get_the_mean_and_the_covariance_of_the_style(
    network: StyleNetwork, style: int
) -> None:
    """[Gatys17] eq. 10, of pixels in 0…255, with the added variance v in both covariances."""
    ungraded = pixels(new_network(network.shape, seed=1).eval(), style)
    seen, wanted = ungraded.clip(0, 255), np.asarray(STYLES[style], float).reshape(-1, 3)
    of_seen, of_wanted = (np.cov(each.T) + ADDED_VARIANCE * np.eye(3) for each in (seen, wanted))
    matrix = sqrtm(of_wanted) @ np.linalg.inv(sqrtm(of_seen))
    expected = (ungraded - seen.mean(0)) @ matrix.T + wanted.mean(0)
    np.testing.assert_allclose(pixels(network, style), expected, atol=0.05)


def test_a_network_that_paints_one_colour_is_not_made_noise() -> None:
    flat = new_network(NetworkShape(1, channels=4, blocks=1), seed=1).eval()
    with torch.no_grad():
        for parameter in flat.parameters():
            parameter.mul_(1e-3)
    fit_grade(flat, PARTS, STYLES[:1])
    deviation = np.asarray(STYLES[0], float).reshape(-1, 3).std(0).max()
    gain = np.linalg.norm(flat.grade.matrix.view(3, 3).numpy(), 2)
    assert gain <= 2 * np.hypot(deviation, ADDED_VARIANCE**0.5) / ADDED_VARIANCE**0.5


def test_a_file_of_format_2_paints_without_a_grade(tmp_path: Path) -> None:
    file = tiny.saved(tmp_path / "old.nst", ("one", "two"))
    tensors = load_file(file)
    for name in ("grade.matrix", "grade.shift"):
        del tensors[name]
    old, facts = style_file.load(rewritten(file, tensors, format=2))
    assert facts.format == 2
    plain = tiny.network(2)
    plain.grade = new_network(plain.shape, seed=1).grade
    photo = levels.of_image(PARTS[0])
    np.testing.assert_array_equal(paint_in(old, photo, 1), paint_in(plain, photo, 1))
