"""The matrix D from which L-BFGS builds its inverse Hessian.

[NW06] p. 178 takes a multiple of the identity. With it the places with the largest gradient move
first, and the others move very little in the few steps of a scale. Any diagonal matrix with
positive numbers serves as well, and it may be another one in each step.

[NW06] Nocedal, Wright: Numerical Optimization, 2nd edition, 2006.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

WINDOW_PIXELS = 5
"""Side of the square over which squared gradients are averaged, in pixels."""
EXPONENT = 0.75
"""Exponent of the local mean square; it is 1.5 for the root of that mean.
At 0.5 all places would move equally far in the first step."""
SMALLEST_SQUARE = 0.01
"""Number added to the local mean of the squares, relative to that of the image."""

Scaling = Callable[[Tensor, Tensor], Tensor]
"""Function that returns D·v for the gradient of a step and a vector v, (N,) each."""


def unscaled(_gradient: Tensor, vector: Tensor) -> Tensor:
    """Return the vector itself: D = 1."""
    return vector


def evened(shape: Sequence[int]) -> Scaling:
    """Return the scaling that makes all places move about equally far.

    Places with a small gradient move about as far as the others. `shape`: (1, 3, H, W) of the
    image.

    D = (m + 0.01)^−0.75, where m is the mean of the squared gradient over 5×5 pixels and all
    channels, relative to its mean over the image.
    """
    return partial(_evened, torch.Size(shape))


def _evened(shape: torch.Size, gradient: Tensor, vector: Tensor) -> Tensor:
    squares = gradient.view(shape).square().mean(1, keepdim=True)
    margin = WINDOW_PIXELS // 2
    means = avg_pool2d(pad(squares, [margin] * 4, mode="replicate"), WINDOW_PIXELS, 1)
    relative = means / means.mean().clamp(min=torch.finfo(means.dtype).tiny)
    return (vector.view(shape) * (relative + SMALLEST_SQUARE) ** -EXPONENT).flatten()
