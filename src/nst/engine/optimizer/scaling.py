"""The matrix D from which L-BFGS builds its inverse Hessian.

With a multiple of 1, which [NW06] p. 178 takes, the places with the largest gradient move first,
and the others hardly at all in the few steps of a scale. Each diagonal matrix with positive numbers
serves as well, and may be another one in each step.

[NW06] Nocedal, Wright: Numerical Optimization, 2nd edition, 2006.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

WINDOW_PIXELS = 5
"""Side of the square over which squared gradients are averaged."""
EXPONENT = 0.75
"""1.5 for the root of the mean square: at 0.5 every place of a first step would
move as far as any other."""
SMALLEST_SQUARE = 0.01
"""Least local mean of the squares, relative to that of the picture."""

Scaling = Callable[[Tensor, Tensor], Tensor]
"""D·v for the gradient of a step and a vector v, (N,) each."""


def unscaled(_gradient: Tensor, vector: Tensor) -> Tensor:
    """Return the vector itself: D = 1."""
    return vector


def evened(shape: Sequence[int]) -> Scaling:
    """Return the scaling by which places with a small gradient move about
    as far as the others. `shape`: of the picture, (1, 3, H, W).

    D = (m + 0.01)^−0.75, where m is the mean of the squared gradient over 5×5 pixels and all
    channels, relative to its mean over the picture.
    """
    return partial(_evened, torch.Size(shape))


def _evened(shape: torch.Size, gradient: Tensor, vector: Tensor) -> Tensor:
    squares = gradient.view(shape).square().mean(1, keepdim=True)
    margin = WINDOW_PIXELS // 2
    means = avg_pool2d(pad(squares, [margin] * 4, mode="replicate"), WINDOW_PIXELS, 1)
    relative = means / means.mean().clamp(min=torch.finfo(means.dtype).tiny)
    return (vector.view(shape) * (relative + SMALLEST_SQUARE) ** -EXPONENT).flatten()
