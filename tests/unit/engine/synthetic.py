"""Random networks in the publishers' file layouts; no test downloads them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import h5py
import torch
from torch import Tensor

from nst import Inputs
from nst.engine.losses.objective import Objective
from nst.engine.memory.plan import MIN_HISTORY_SIZE, MIN_TILE_SIDE, predict
from nst.engine.network.encoder import Encoder, parameter_shapes
from nst.engine.optimizer.optimizer import ObjectiveFunction
from nst.engine.pictures.tensors import StyleInput
from nst.engine.scales import Scale
from nst.engine.snapshot import StepSnapshot
from nst.engine.steering import loss_weights
from nst.engine.style_transfer import IterativeTransfer
from nst.engine.targets import Scene, make_terms
from nst.layers import layer_names
from nst.options import StyleTransferOptions
from nst.progress import Progress

LOW_PRECISION_ERROR = {torch.float16: 0.1, torch.bfloat16: 0.3}
"""Largest error of a gradient with the real network.
Most of it comes from ReLUs and pools that rounding has switched."""


def random_tensors(model: str) -> dict[str, Tensor]:
    """Return He-initialised tensors with the names of nst.
    Activations of this network neither vanish nor explode."""
    random = torch.Generator().manual_seed(0)
    tensors = {}
    for name, shape in parameter_shapes(model).items():
        spread = (2 / (shape[1] * 9)) ** 0.5 if len(shape) == 4 else 0.1
        tensors[name] = spread * torch.randn(shape, generator=random)
    return tensors


def to_torchvision(tensors: dict[str, Tensor], model: str) -> dict[str, Tensor]:
    """Rename tensors as torchvision does, and add a part of its classifier.
    torchvision counts every module."""
    modules = layer_names(model)
    renamed = {"classifier.0.bias": torch.zeros(4096)}
    for name, tensor in tensors.items():
        layer, kind = name.split(".")
        renamed[f"features.{modules.index(layer)}.{kind}"] = tensor
    return renamed


def write_keras(path: Path, tensors: dict[str, Tensor], *, nested: bool) -> None:
    """Write a Keras file with kernels (3, 3, in, out).
    `nested`: newer versions nest the arrays one group deeper."""
    with h5py.File(path, "w") as file:
        for name, tensor in tensors.items():
            layer, kind = name.split(".")
            group = layer.replace("conv", "block").replace("_", "_conv")
            array = tensor.permute(2, 3, 1, 0).numpy() if kind == "weight" else tensor.numpy()
            letter = "W" if kind == "weight" else "b"
            inner = f"{group}/{kind}:0" if nested else f"{group}_{letter}_1:0"
            file.create_dataset(f"{group}/{inner}", data=array)


def objective_of(
    encoder: Encoder,
    content: Tensor,
    styles: Sequence[StyleInput],
    options: StyleTransferOptions,
    *,
    tile_side: int | None = None,
) -> ObjectiveFunction:
    scene = Scene(Scale((content.shape[3], content.shape[2]), 1), content, styles, content)
    terms = make_terms(encoder, scene, options, tile_side)
    objective = Objective(encoder, terms, content.shape, tile_side=tile_side)
    return partial(objective, weights=loss_weights(options))


def iterate(progress: Progress) -> Tensor:
    """Return the image of a step as it is optimised, (1, 3, H, W)."""
    assert isinstance(progress.snapshot, StepSnapshot)
    return progress.snapshot.image


def limit_of_tiles(method: IterativeTransfer, inputs: Inputs, size: tuple[int, int]) -> int:
    """Return a limit in bytes that the smallest tiles keep and the whole image does not.
    `size`: width and height of the result."""
    demand = method._preparation(inputs)._demand(size, torch.float32)
    whole, tiled = (predict(demand, side, MIN_HISTORY_SIZE) for side in (None, MIN_TILE_SIDE))
    return (whole.peak_bytes + tiled.peak_bytes) // 2
