"""HEIC photos, read where the extra `heic` is installed."""

import numpy as np
import pytest

from nst.errors import InvalidImage
from nst.images import inspect, load, small
from support.heic import heic
from support.pictures import picture


@pytest.mark.parametrize("major", [b"heic", b"mif1"])
def test_heic_is_read(major: bytes) -> None:
    file = heic(picture(), major)
    facts = inspect(file, "content")
    assert (facts.format, facts.size) == ("HEIC", (64, 48))
    difference = abs(np.asarray(load(file, "content")).astype(float) - np.asarray(picture()))
    assert difference.mean() < 4
    assert small(file, 32)


def test_heic_that_is_cut_short_is_refused() -> None:
    file = heic(picture())
    for judge in (load, inspect):
        with pytest.raises(InvalidImage, match="damaged or cut short"):
            judge(file[: len(file) * 2 // 3], "content")
