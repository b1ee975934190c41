"""Choice of a plan within the allowed memory."""

from dataclasses import replace

import pytest
import torch

from nst.engine.memory.budget import choose_plan
from nst.engine.memory.plan import predict
from unit.engine.memory.test_plan import UHD

SMALL = replace(UHD, size=(512, 384), style_sizes=[(512, 384)])
PEAK_BYTES = predict(SMALL, None, 40).peak_bytes


@pytest.mark.parametrize(("factor", "is_kept"), [(1.4, False), (1.6, True)])
def test_freed_memory_is_kept_only_if_there_is_room_for_the_gaps(
    factor: float, is_kept: bool
) -> None:
    plan = choose_plan(SMALL, torch.device("cpu"), round(factor * PEAK_BYTES))
    assert plan.tiles == 1
    assert plan.keeps_freed_memory is is_kept


def test_freed_memory_is_returned_if_memory_is_scarce_enough_for_tiles() -> None:
    plan = choose_plan(SMALL, torch.device("cpu"), round(0.75 * PEAK_BYTES))
    assert plan.tiles > 1
    assert not plan.keeps_freed_memory
