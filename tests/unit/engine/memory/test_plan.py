"""Tiles and history that stay below a limit, and the memory that a process takes."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from nst.engine.losses.layers import CONTENT_LAYER, STYLE_LAYERS, TermLayers
from nst.engine.memory.plan import (
    FRAGMENTATION,
    MIN_HISTORY_SIZE,
    MIN_TILE_SIDE,
    Demand,
    plan_memory,
    predict,
    smaller,
)
from nst.engine.network.encoder import Encoder, parameter_shapes
from nst.engine.network.tiles import cut
from nst.engine.optimizer.lbfgs import HISTORY_SIZE
from nst.options import StyleTransferOptions
from support.assets import REPOSITORY
from unit.engine.synthetic import random_tensors

CLASSIC = {model: (CONTENT_LAYER[model], *STYLE_LAYERS[model]) for model in STYLE_LAYERS}

UHD = Demand(
    size=(3840, 2160),
    style_sizes=[(3240, 2160)],
    model="vgg16",
    number_bytes=2,
    optimizer="lbfgs",
    process_bytes=400_000_000,
    layers=CLASSIC["vgg16"],
    content_layers=[CONTENT_LAYER["vgg16"]],
)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("vgg16", {}),
        ("vgg19", {}),
        ("vgg16", {"style_layers": "dense"}),
        (
            "vgg16",
            {"style_layers": "conv1_1,relu1_1=2,conv5_3", "content_layers": "relu1_2,conv3_1"},
        ),
        ("vgg19", {"style_layers": "relu3_1", "content_layers": "conv3_4=0.1,relu5_4"}),
    ],
    ids=str,
)
def test_the_parts_are_those_that_exist(
    model: str, options: dict[str, Any], dtype: torch.dtype
) -> None:
    layers = TermLayers.of(StyleTransferOptions(**options), model)
    encoder = Encoder(model, random_tensors(model), layers.names, dtype)
    size = (128, 96)
    activations = encoder(torch.zeros(1, 3, size[1], size[0]))
    demand = replace(
        UHD,
        size=size,
        style_sizes=[size],
        model=model,
        number_bytes=dtype.itemsize,
        layers=layers.names,
        content_layers=layers.content,
    )
    plan = predict(demand, None, 20)
    kept = sum(tensor.nbytes for tensor in activations.values())
    assert FRAGMENTATION * kept < plan.activation_bytes < 1.2 * FRAGMENTATION * kept
    assert plan.content_bytes == sum(activations[layer].nbytes for layer in layers.content)
    kernels = [name for name in parameter_shapes(model) if name.split(".")[0] in encoder.path]
    held = sum(buffer.nbytes for buffer in encoder.buffers())
    assert kernels
    assert plan.network_bytes == pytest.approx(held, rel=0.01)


@pytest.mark.parametrize(
    "layers",
    [
        *(["conv1_1"], ["relu1_1"], ["relu1_2"], ["relu2_1"], ["relu2_2", "conv1_2"], ["relu3_1"]),
        CLASSIC["vgg16"],
    ],
    ids=str,
)
def test_no_more_is_held_on_the_way_back(
    layers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes counted are those of activations and of both gradients of each layer."""
    encoder = Encoder("vgg16", random_tensors("vgg16"), layers)
    size = (64, 48)
    most = 0
    undo = encoder._undo_layer

    def counted(name: str, gradient: Tensor, left: dict[str, Tensor]) -> Tensor:
        nonlocal most
        undone = undo(name, gradient, left)
        held = {each.data_ptr(): each.nbytes for each in (*left.values(), gradient, undone)}
        most = max(most, sum(held.values()))
        return undone

    monkeypatch.setattr(encoder, "_undo_layer", counted)
    encoder.backward(encoder(torch.zeros(1, 3, size[1], size[0])), lambda *_: None)
    demand = replace(UHD, size=size, style_sizes=[size], number_bytes=4, layers=layers)
    assert predict(demand, None, 20).activation_bytes == round(FRAGMENTATION * most)


def test_the_largest_tile_is_the_one_that_counts() -> None:
    side = 300
    path = Encoder("vgg16", random_tensors("vgg16"), STYLE_LAYERS["vgg16"]).path
    image = torch.zeros(1, 1, 500, 1200)
    tiles = cut(image.shape, side, path)
    plan = predict(replace(UHD, size=(1200, 500), style_sizes=[(32, 32)]), side, 20)
    assert plan.tiles == len(tiles)
    largest = max(tile.pixels(image).numel() for tile in tiles)
    whole = predict(replace(UHD, size=(1200, 500), style_sizes=[(32, 32)]), None, 20)
    assert plan.activation_bytes / whole.activation_bytes == pytest.approx(largest / 600_000)


def test_without_a_limit_the_picture_stays_whole() -> None:
    plan = plan_memory(UHD, None)
    assert (plan.tile_side, plan.tiles, plan.history_size) == (None, 1, HISTORY_SIZE)


def test_the_less_memory_the_smaller_the_tiles_and_the_shorter_the_history() -> None:
    plans = [plan_memory(UHD, gigabytes * 10**9) for gigabytes in (20, 8, 6, 4)]
    for plan, gigabytes in zip(plans, (20, 8, 6, 4), strict=True):
        assert plan.peak_bytes <= gigabytes * 10**9
    assert [plan.tiles for plan in plans] == sorted(plan.tiles for plan in plans)
    histories = [plan.history_size for plan in plans[1:]]
    assert histories == sorted(histories, reverse=True)
    assert plans[-1].history_size >= MIN_HISTORY_SIZE


def test_where_nothing_fits_it_is_the_smallest_plan() -> None:
    plan = plan_memory(UHD, 10**9)
    assert plan.peak_bytes > 10**9
    assert plan.history_size == MIN_HISTORY_SIZE
    assert plan.tile_side is not None
    assert MIN_TILE_SIDE <= plan.tile_side < 2 * MIN_TILE_SIDE


def test_a_long_style_picture_is_cut_before_the_result_is() -> None:
    demand = replace(UHD, size=(1000, 1000), style_sizes=[(4000, 1000)])
    whole = plan_memory(demand, None)
    plan = plan_memory(demand, whole.peak_bytes - 10**6)
    assert (plan.tiles, plan.tile_side, plan.history_size) == (1, 1000, HISTORY_SIZE)
    assert plan.peak_bytes < 0.6 * whole.peak_bytes


def test_averages_masks_and_every_style_need_room() -> None:
    pixels = 12 * 3840 * 2160
    plain = predict(UHD, None, 20)
    averaging = predict(replace(UHD, has_average=True), None, 20)
    assert averaging.vector_bytes - plain.vector_bytes == pixels
    two = replace(UHD, style_sizes=[*UHD.style_sizes, *UHD.style_sizes])
    assert predict(two, None, 20).vector_bytes - plain.vector_bytes == 12 * 3240 * 2160
    masked = predict(replace(two, has_masks=True), None, 20)
    assert masked.vector_bytes - predict(two, None, 20).vector_bytes == 2 * 2 * pixels
    small = replace(UHD, style_sizes=[(100, 100), (3240, 2160)])
    assert predict(small, None, 20).activation_bytes == plain.activation_bytes


def test_adam_has_no_history() -> None:
    plan = plan_memory(replace(UHD, optimizer="adam"), 4 * 10**9)
    assert plan.history_size == 0
    assert plan.vector_bytes < plan_memory(UHD, 4 * 10**9).vector_bytes


def test_the_ladder_goes_down_to_the_smallest_tiles_and_the_shortest_history() -> None:
    plan, rungs = plan_memory(UHD, None), []
    while next_plan := smaller(UHD, plan):
        assert next_plan.peak_bytes < plan.peak_bytes
        plan = next_plan
        rungs.append((plan.tile_side, plan.history_size))
    assert rungs == [(1920, 20), (960, 10), (480, 5), (240, 3), (128, 3)]
    small = replace(UHD, size=(100, 100))
    assert smaller(small, predict(small, None, 20)) is None


PAINT = """
import json, sys
from pathlib import Path
from nst import Inputs, NeuralStyleTransfer, StyleTransferOptions
from nst.engine import preparation
from nst.engine.memory.available import _field_bytes
plans = []
def choose_plan(*arguments, choose=preparation.choose_plan):
    plans.append(choose(*arguments))
    return plans[-1]
preparation.choose_plan = choose_plan
share, given = float(sys.argv[1]), json.loads(sys.argv[2])
options = StyleTransferOptions(
    **{"model": "vgg16", "convergence_tolerance": 0, "total_iterations": 1, **given}
)
inputs = Inputs("data/content/cat.jpg", "data/style/impasto.jpg")
free = NeuralStyleTransfer(options, device="cpu", precision="fp32")
limit = round(share * free.plan(inputs).peak_bytes)
plans.clear()
transfer = NeuralStyleTransfer(
    options, device="cpu", precision="fp32", max_memory_bytes=limit or None
)
result = transfer.run(inputs)
width, height = result.image.size
print(json.dumps({
    "limit": limit,
    "peak": _field_bytes(Path("/proc/self/status"), "VmHWM"),
    "predicted": result.memory_plan.peak_bytes,
    "not yet remembered": 2 * 12 * (result.memory_plan.history_size - 1) * width * height,
    "tiles": result.memory_plan.tiles,
    "plans of the finest scale": sum(plan.size == plans[-1].size for plan in plans),
    "different ones": len({plan for plan in plans if plan.size == plans[-1].size}),
    "losses": [losses.total for losses in result.history],
    "picture": result.image.resize((20, 13)).tobytes().hex(),
}))
"""


def paint(share: float, **options: Any) -> dict[str, Any]:
    """Paint in a separate process, whose peak counts; return what it reports.

    `share`: allowed memory, relative to the plan without a limit; 0 for no limit.
    """
    command = [sys.executable, "-c", PAINT, str(share), json.dumps(options)]
    found: dict[str, Any] = json.loads(subprocess.check_output(command, cwd=REPOSITORY))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_a_process_stays_below_its_limit_and_paints_the_same_picture() -> None:
    whole, tiled = paint(0, size=540), paint(0.6, size=540)
    assert whole["tiles"] == 1
    assert whole["peak"] > tiled["limit"]
    assert tiled["tiles"] > 1
    assert tiled["peak"] <= tiled["limit"]
    for found in (whole, tiled):
        predicted = found["predicted"] - found["not yet remembered"]
        assert 0.95 * found["peak"] <= predicted <= 1.4 * found["peak"]
    assert tiled["losses"] == pytest.approx(whole["losses"], rel=1e-3)
    pictures = [list(bytes.fromhex(found["picture"])) for found in (whole, tiled)]
    assert pictures[0] == pytest.approx(pictures[1], abs=2)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_a_finishing_round_has_the_memory_of_the_stage_before() -> None:
    """The limit leaves room for one stage, and each stage has the whole size."""
    found = paint(1.05, size=300, style_loss="neighbors", total_iterations=3)
    assert found["plans of the finest scale"] > 1
    assert found["different ones"] == 1
    assert found["peak"] <= found["limit"]
