"""Choice of a plan within the allowed memory."""

from dataclasses import replace

import pytest
import torch

from nst.engine.memory.budget import choose_plan
from nst.engine.memory.plan import (
    LARGE_GAPS,
    MIN_HISTORY_SIZE,
    MIN_TILE_SIDE,
    Demand,
    predict,
)
from nst.engine.optimizer.lbfgs import HISTORY_SIZE
from nst.progress import MemoryPlan
from unit.engine.memory.test_plan import UHD

GRAM = replace(UHD, size=(1024, 768), style_sizes=[(1024, 768)])
MATCHED = replace(GRAM, is_matched=True)
KEPT, RETURNED = (
    predict(MATCHED, None, HISTORY_SIZE, keeps_freed_memory=is_kept) for is_kept in (True, False)
)


def chosen(demand: Demand, limit_bytes: int | None) -> MemoryPlan:
    return choose_plan(demand, torch.device("cpu"), limit_bytes)


def test_freed_memory_needs_room_for_its_gaps() -> None:
    assert KEPT.activation_bytes == pytest.approx(LARGE_GAPS * RETURNED.activation_bytes)
    assert chosen(MATCHED, KEPT.peak_bytes) == KEPT
    assert KEPT.keeps_freed_memory


def test_with_less_memory_the_whole_image_returns_what_is_freed() -> None:
    plan = chosen(MATCHED, RETURNED.peak_bytes)
    assert plan == RETURNED
    assert (plan.tiles, plan.history_size, plan.keeps_freed_memory) == (1, HISTORY_SIZE, False)


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_checkpoint_keeps_its_tiles_and_its_history(is_kept: bool) -> None:
    before = predict(MATCHED, 512, 10, keeps_freed_memory=is_kept)
    limit_bytes = before.peak_bytes
    assert choose_plan(MATCHED, torch.device("cpu"), limit_bytes, (512, 10)) == before


@pytest.mark.parametrize("demand", [GRAM, MATCHED], ids=["gram", "matched"])
def test_tiles_keep_what_is_freed_if_its_gaps_have_room(demand: Demand) -> None:
    whole = predict(demand, None, HISTORY_SIZE, keeps_freed_memory=True)
    assert chosen(demand, whole.peak_bytes).keeps_freed_memory
    tiled = chosen(demand, round(0.5 * whole.peak_bytes))
    assert tiled.tiles > 1
    assert tiled.keeps_freed_memory
    smallest = chosen(demand, predict(demand, MIN_TILE_SIDE, MIN_HISTORY_SIZE).peak_bytes)
    assert smallest.tiles > 1
    assert not smallest.keeps_freed_memory
