"""Steps of a transfer that is painted to its end."""

from collections import deque
from collections.abc import Iterable
from typing import TypeVar

Step = TypeVar("Step")


def last_of(steps: Iterable[Step]) -> Step:
    """Take all steps and return the last one.
    The others are not kept: the vectors of an image's optimizer would count as used memory."""
    return deque(steps, maxlen=1).pop()
