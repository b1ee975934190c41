"""Temporal term of the loss: the painting of a moved photo is the moved painting.

No film is needed: a neighbouring frame is made from a photo by a shift and fresh noise, so its
motion is known [Gupta17].

[Gupta17] Gupta, Johnson, Alahi, Fei-Fei: Characterizing and Improving Stability in Neural Style
Transfer, ICCV 2017.
"""

from dataclasses import dataclass
from random import Random
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import pad

MAX_SHIFT_PIXELS = 7
"""Largest shift in each direction.
The network has to learn the shifts that are not multiples of its stride."""

NOISE_SIGMA = 3.0
"""Standard deviation of the noise, in grey levels, as of a camera in good light."""


@dataclass(frozen=True, slots=True)
class Motion:
    """Motion between a photo and its neighbour.

    Pixel (y, x) of the neighbour shows pixel (y + down, x + right) of the photo, with other noise.
    """

    down: int
    right: int
    noise_seed: int

    @classmethod
    def drawn(cls, seed: str) -> Self:
        """Return the motion that is drawn with this seed."""
        random = Random(seed)  # noqa: S311 – repeatable, not secret
        down, right = (random.randint(-MAX_SHIFT_PIXELS, MAX_SHIFT_PIXELS) for _ in range(2))
        return cls(down, right, noise_seed=random.getrandbits(63))

    def moved(self, photos: Tensor) -> Tensor:
        """Return the neighbours of photos (B, 3, H, W), in grey levels.
        Areas that come into view are mirrored."""
        height, width = photos.shape[2:]
        wide = pad(photos, [MAX_SHIFT_PIXELS] * 4, mode="reflect")
        top, left = MAX_SHIFT_PIXELS + self.down, MAX_SHIFT_PIXELS + self.right
        shifted = wide[:, :, top : top + height, left : left + width]
        # Drawn on the CPU, so that a seed means the same noise on every device.
        random = torch.Generator().manual_seed(self.noise_seed)
        return shifted + NOISE_SIGMA * torch.randn(photos.shape, generator=random).to(photos)

    def loss(self, painted: Tensor, of_moved: Tensor) -> Tensor:
        """Return the mean squared difference of two paintings where they overlap.

        `painted`: paintings of the photos; `of_moved`: paintings of their neighbours; both
        (B, 3, H, W). The result is a scalar.
        """
        down, right = self.down, self.right
        one = _cut(painted, max(0, down), max(0, right), abs(down), abs(right))
        other = _cut(of_moved, max(0, -down), max(0, -right), abs(down), abs(right))
        return (one - other).square().mean()


def _cut(images: Tensor, top: int, left: int, rows: int, columns: int) -> Tensor:
    """Crop the images, starting at this corner, by this number of rows and columns."""
    height, width = images.shape[2:]
    return images[:, :, top : top + height - rows, left : left + width - columns]
