"""Conversion of VGG weights from any source to one convention and scale.

A converted set has one set of names, one input convention and one scale. The kernels are
(out, in, 3, 3) for input RGB 0…255 minus `encoder.MEAN_RGB`, and every layer's mean activation over
natural images is `MEAN_ACTIVATION`.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, relu

from nst.engine.network.encoder import MEAN_RGB, parameter_shapes
from nst.engine.network.files import BUNDLE, CAFFE_PTH, UnusableWeights
from nst.layers import layer_names

MEAN_ACTIVATION = 40.0
"""Mean activation of every layer of a converted set.
It brings the first style loss of the classic method near 3·10¹², as in the programs that made the
method's weights the default."""

TORCHVISION_MEAN = (0.485, 0.456, 0.406)  # of RGB in 0…1, as in torchvision's training
TORCHVISION_STD = (0.229, 0.224, 0.225)


@lru_cache(maxsize=2)
def read_weights(path: Path, model: str, sha256: str) -> Mapping[str, Tensor]:
    """Return the converted set of a file in float32, named as in `parameter_shapes`.

    The last two sets stay in memory, for the next transfer and its judge; they must not be changed.
    Reads our own safetensors; other safetensors with torchvision's names (for RGB 0…255); .pth
    (torchvision's own or one of CAFFE_PTH); .h5 (Keras). Raises UnusableWeights.
    """
    try:
        if path.suffix == ".h5":
            tensors = _bgr_to_rgb(_read_keras(path, model))
        elif path.suffix == ".safetensors":
            tensors = load_file(path)
            if "conv1_1.weight" in tensors:
                return _checked(tensors, model)
            tensors = _rename(tensors, model)
        else:
            tensors = _rename(torch.load(path, map_location="cpu", weights_only=True), model)
            is_caffe = sha256.startswith(CAFFE_PTH)
            tensors = _bgr_to_rgb(tensors) if is_caffe else _from_unit_range(tensors)
    except Exception as error:  # each reader raises errors of its own classes
        raise UnusableWeights(f"cannot be read ({error})") from error
    return normalize(_checked(tensors, model), model)[0]


def normalize(
    tensors: Mapping[str, Tensor], model: str, pictures: Tensor | None = None
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Rescale every convolution so that its mean activation is MEAN_ACTIVATION.

    ReLU is positively homogeneous and pooling commutes with a positive factor, so the network
    computes the same features, each layer times a constant. Gatys' normalised VGG does this per
    channel; one factor per layer keeps the relative strength of the channels, as in the weights
    with which the defaults were tuned. Returns the set and each layer's factor. `pictures`: images,
    RGB 0…255 minus MEAN_RGB, (B, 3, H, W); by default those that ship with nst.
    """
    x = calibration_pictures() if pictures is None else pictures
    scaled, factors, factor_before = {}, {}, 1.0
    for name in layer_names(model):
        if name.startswith("pool"):
            x = max_pool2d(x, kernel_size=2)
        elif name.startswith("conv"):
            kernel = tensors[f"{name}.weight"] / factor_before
            bias = tensors[f"{name}.bias"]
            activation = relu(conv2d(x, kernel, bias, padding=1))
            # Rounded, so that another machine's order of additions gives the same set to the bit.
            factor = float(f"{MEAN_ACTIVATION / activation.mean().item():.4g}")
            scaled[f"{name}.weight"], scaled[f"{name}.bias"] = kernel * factor, bias * factor
            factors[name] = factor_before = factor
            x = activation * factor
    return scaled, factors


def calibration_pictures() -> Tensor:
    """Return the calibration images, (8, 3, 128, 128), RGB 0…255 minus MEAN_RGB.

    They are eight photographs side by side in one file.
    """
    with Image.open(BUNDLE / "calibration.png") as picture:
        strip = torch.from_numpy(np.array(picture))  # (128, 8·128, 3)
    pictures = strip.view(128, -1, 128, 3).permute(1, 3, 0, 2)
    return pictures.float() - torch.tensor(MEAN_RGB).view(1, 3, 1, 1)


def _checked(tensors: Mapping[str, Tensor], model: str) -> dict[str, Tensor]:
    shapes = parameter_shapes(model)
    for name, shape in shapes.items():
        if name not in tensors:
            raise UnusableWeights(f"has no {name}, so it is no {model}")
        if tuple(tensors[name].shape) != shape:
            raise UnusableWeights(
                f"{name} has the shape {tuple(tensors[name].shape)}, {model}'s is {shape}"
            )
        if not torch.isfinite(tensors[name]).all():
            raise UnusableWeights(f"{name} holds numbers that are not finite")
    return {name: tensors[name].float() for name in shapes}


def _rename(tensors: Mapping[str, Tensor], model: str) -> dict[str, Tensor]:
    """Rename the tensors from torchvision's names to ours.

    torchvision's features.N counts convolutions, ReLUs and poolings alike.
    """
    return {
        f"{name}.{kind}": tensors[f"features.{index}.{kind}"].float()
        for index, name in enumerate(layer_names(model))
        if name.startswith("conv")
        for kind in ("weight", "bias")
    }


def _read_keras(path: Path, model: str) -> dict[str, Tensor]:
    """Read a Keras file, which has one group per layer.

    Somewhere in each group are a kernel (3, 3, in, out) and a bias (out,).
    """
    tensors = {}
    with h5py.File(path) as file:
        root = file.get("model_weights", file)
        for name in layer_names(model):
            if not name.startswith("conv"):
                continue
            group = root[name.replace("conv", "block").replace("_", "_conv")]
            for array in _arrays(group):
                is_kernel = array.ndim == 4
                tensor = torch.from_numpy(array)
                tensors[f"{name}.{'weight' if is_kernel else 'bias'}"] = (
                    tensor.permute(3, 2, 0, 1).contiguous() if is_kernel else tensor
                )
    return tensors


def _arrays(group: h5py.Group) -> Iterator[np.ndarray]:
    for item in group.values():
        if isinstance(item, h5py.Dataset):
            yield item[()]
        else:
            yield from _arrays(item)


def _bgr_to_rgb(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return tensors | {"conv1_1.weight": tensors["conv1_1.weight"].flip(1)}


def _from_unit_range(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Fold torchvision's input (RGB/255 − mean)/std into the first convolution.

    Afterwards the zero padding stands for MEAN_RGB instead of torchvision's mean, which is less
    than half a grey level away. (The classic programs feed these weights RGB 0…255 without the
    division by std, as if the biases were 58 times smaller.)
    """
    kernel = tensors["conv1_1.weight"]
    mean = 255 * torch.tensor(TORCHVISION_MEAN)
    kernel = kernel / (255 * torch.tensor(TORCHVISION_STD)).view(1, 3, 1, 1)
    shift = torch.tensor(MEAN_RGB) - mean
    bias = tensors["conv1_1.bias"] + (kernel.sum(dim=(2, 3)) * shift).sum(dim=1)
    return tensors | {"conv1_1.weight": kernel, "conv1_1.bias": bias}
