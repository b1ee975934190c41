"""Areas of the content image that have room for forms of the style.

An area has room if there is nothing else to see in it.
"""

from torch import Tensor
from torch.nn.functional import avg_pool2d

WINDOW_SHARE = 1 / 16
"""Side of the window around a pixel, relative to the longer side of the image."""
FULL_LEVELS = 20.0
"""Standard deviation of grey levels in the window at which no room is left."""


def room_in(content: Tensor) -> Tensor:
    """Return how much room each pixel has, (1, 1, H, W), 0…1.

    `content`: (1, 3, H, W), in levels of 0…255. A sky, a wall or water has room; a face, leaves or
    a facade have none.
    """
    height, width = content.shape[2:]
    radius = max(round(max(height, width) * WINDOW_SHARE / 2), 1)
    grey = content.mean(1, keepdim=True)
    mean, of_squares = (_in_window(each, radius) for each in (grey, grey.square()))
    deviation = (of_squares - mean.square()).clamp(min=0).sqrt()
    return (1 - deviation / FULL_LEVELS).clamp(min=0)


def _in_window(levels: Tensor, radius: int) -> Tensor:
    """Return the mean around each pixel, over the part of the window inside the image.

    The mean of each column's means is the mean of the window, at a fraction of the time.
    """
    side = 2 * radius + 1
    of_columns = avg_pool2d(levels, (side, 1), 1, (radius, 0), count_include_pad=False)
    return avg_pool2d(of_columns, (1, side), 1, (0, radius), count_include_pad=False)
