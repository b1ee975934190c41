"""Colour grade of a network, fitted after training.

It gives paintings the mean and the covariance of a style's colours. The losses hardly see contrast
and palette: cosines ignore the length of features, and Gram matrices converge slowly. The grade is
fitted to paintings of photos, so it costs no training. It adjusts all paintings of a style alike: a
dark photo stays darker than a bright one.

[Gatys17] Gatys, Ecker, Bethge, Hertzmann, Shechtman: Controlling Perceptual Factors in Neural Style
Transfer, CVPR 2017, eq. 10.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from nst import image_sizes, images
from nst.engine.pictures import levels
from nst.engine.pictures.colour import affine_between, colours_of
from nst.learned_graph import GREY
from nst.learning.network import StyleNetwork, paint_in

PARTS = 8
"""Number of parts of photos whose paintings are measured."""

ADDED_VARIANCE = 256.0
"""Variance that is added before colours are compared, in grey levels squared.
Without it, the nearly flat paintings of the first steps would become noise."""

STYLE_SIDE_PIXELS = 256
"""Maximum length of the longest side at which a style's colours are measured."""


def fit_grade(
    network: StyleNetwork, parts: Sequence[Image.Image], styles: Sequence[Image.Image]
) -> None:
    """Fit the colour grade of each style to paintings of these parts, in place.

    The network has no grade yet. All images are RGB.
    """
    for number, style in enumerate(styles):
        painted = [paint_in(network, levels.of_image(part), number) for part in parts]
        pixels = np.concatenate([each.reshape(-1, 3) for each in painted]).clip(0, 255)
        side = min(max(style.size), STYLE_SIDE_PIXELS)
        small = images.resize(style, image_sizes.fit(style.size, side))
        matrix, shift = affine_between(pixels, colours_of(small), ADDED_VARIANCE)
        # The network computes with x = level / GREY − 1.
        shift = matrix.sum(1) - 1 + shift / GREY
        network.grade.matrix[number] = torch.from_numpy(matrix.flatten())
        network.grade.shift[number] = torch.from_numpy(shift)
