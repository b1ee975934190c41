"""The temporal term of learning: a photo that is moved is
painted the same, moved as far.

No film is needed. The neighbour of a frame is made from a photo, by a shift and fresh noise, so
that its motion is known [Gupta17].

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
Shifts that are no multiples of the network's stride are those that it has to
learn."""

NOISE_SIGMA = 3.0
"""Standard deviation of the noise in grey levels: that of a camera in good light."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How a photo differs from its neighbour: pixel (y, x) shows what was at (y +
    down, x + right), and has other noise."""

    down: int
    right: int
    noise_seed: int

    @classmethod
    def drawn(cls, seed: str) -> Self:
        """Return the motion that a seed decides."""
        random = Random(seed)  # noqa: S311 – a draw that can be repeated, no secret
        down, right = (random.randint(-MAX_SHIFT_PIXELS, MAX_SHIFT_PIXELS) for _ in range(2))
        return cls(down, right, noise_seed=random.getrandbits(63))

    def moved(self, photos: Tensor) -> Tensor:
        """Return the neighbours of photos (B, 3, H, W), grey
        levels; what comes into view is mirrored."""
        height, width = photos.shape[2:]
        wide = pad(photos, [MAX_SHIFT_PIXELS] * 4, mode="reflect")
        top, left = MAX_SHIFT_PIXELS + self.down, MAX_SHIFT_PIXELS + self.right
        shifted = wide[:, :, top : top + height, left : left + width]
        # Drawn on the CPU, so that a seed means the same noise on every device.
        random = torch.Generator().manual_seed(self.noise_seed)
        return shifted + NOISE_SIGMA * torch.randn(photos.shape, generator=random).to(photos)

    def loss(self, painted: Tensor, of_moved: Tensor) -> Tensor:
        """Return the mean squared difference between two paintings where both show the
        same: scalar. `painted`: of the photos; `of_moved`: of their neighbours; (B, 3,
        H, W)."""
        down, right = self.down, self.right
        one = _cut(painted, max(0, down), max(0, right), abs(down), abs(right))
        other = _cut(of_moved, max(0, -down), max(0, -right), abs(down), abs(right))
        return (one - other).square().mean()


def _cut(images: Tensor, top: int, left: int, rows: int, columns: int) -> Tensor:
    """Return the images without so many rows and columns, from this corner on."""
    height, width = images.shape[2:]
    return images[:, :, top : top + height - rows, left : left + width - columns]
