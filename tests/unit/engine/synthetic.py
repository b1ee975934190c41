"""Random networks in the publishers' file layouts; no test downloads them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from weakref import ReferenceType, ref

import h5py
import pytest
import torch
from torch import Tensor

from nst import Inputs
from nst.engine.losses import matching
from nst.engine.losses.neighbors import Sampling
from nst.engine.losses.objective import Objective
from nst.engine.memory.plan import MIN_HISTORY_SIZE, MIN_TILE_SIDE, predict
from nst.engine.network.conversion import normalize
from nst.engine.network.encoder import CHANNELS_PER_BLOCK, Encoder, parameter_shapes
from nst.engine.network.weights import Weights, WeightsStore
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


def random_tensors(model: str, narrowing: int = 1) -> dict[str, Tensor]:
    """Return He-initialised tensors with the names of nst.
    Activations of this network neither vanish nor explode.

    `narrowing`: divisor of the number of channels of every layer."""
    random = torch.Generator().manual_seed(0)
    tensors = {}
    for name, (out, *rest) in parameter_shapes(model).items():
        # 3 are the colours and the sides of a kernel
        channels = [each if each == 3 else each // narrowing for each in rest]
        spread = (2 / (channels[0] * 9)) ** 0.5 if channels else 0.1
        tensors[name] = spread * torch.randn((out // narrowing, *channels), generator=random)
    return tensors


NARROWING = 8


def narrow_tensors(model: str) -> dict[str, Tensor]:
    """Return the tensors of a network with an eighth of the channels.
    It has all layers of the model and computes them in a fraction of the time."""
    return random_tensors(model, NARROWING)


class NarrowStore(WeightsStore):
    """Weights of networks with an eighth of the channels, scaled like those of a file."""

    def load(self, model: str) -> Weights:
        return Weights(model, _normalized(model), Path(f"{model}.safetensors"), "narrow")


def narrow_transfer(options: StyleTransferOptions) -> IterativeTransfer:
    return IterativeTransfer(options, device="cpu", precision="fp32", weights=NarrowStore())


@cache
def _normalized(model: str) -> Mapping[str, Tensor]:
    return normalize(narrow_tensors(model), model)[0]


@contextmanager
def narrow_projections() -> Iterator[None]:
    """Let style loss neighbors compare the features of narrow networks."""
    channels = tuple(each // NARROWING for each in CHANNELS_PER_BLOCK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "CHANNELS_PER_BLOCK", channels)
        yield


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
    terms = make_terms(encoder, scene, options, Sampling(tile_side))
    objective = Objective(encoder, terms, content.shape, tile_side=tile_side)
    return partial(objective, weights=loss_weights(options))


def layers_in_memory(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Record for each image or tile that is encoded from now on the ReLUs in memory.
    They are those of the images and tiles encoded before it."""
    recorded: list[set[str]] = []
    encoded: list[tuple[str, ReferenceType[Tensor]]] = []
    outputs = Encoder._outputs

    def observed(self: Encoder, image: Tensor) -> Iterator[tuple[str, Tensor]]:
        recorded.append({name for name, output in encoded if output() is not None})
        for name, output in outputs(self, image):
            if name.startswith("relu"):  # its convolution is mostly the same tensor
                encoded.append((name, ref(output)))
            yield name, output

    monkeypatch.setattr(Encoder, "_outputs", observed)
    return recorded


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
