"""A learned network as an ONNX graph, for other programs:
the same layers, the same numbers.

Inputs: `photo` (1, 3, H, W), RGB 0…255, sides that are multiples of 4; `shares` (1, styles), which
add up to 1. Output: `painted`, like the photo, not clamped. The package `onnx` is imported when a
graph is made (the extra `onnx`).
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from nst import files
from nst.errors import InvalidOption
from nst.learning.network import EPSILON, GREY, STRIDE, Layer, StyleNetwork

OPSET = 18
IR_VERSION = 9
"""Versions that onnxruntime reads since 1.14."""


def export(network: StyleNetwork, path: Path, *, overwrite: bool = False) -> Path:
    """Write the graph; return where it is, as `images.save` does.
    Raises StorageError, and InvalidOption if the package onnx is missing."""
    data = _Graph().of(network)
    return files.write_file(path, lambda file: file.write_bytes(data), overwrite=overwrite)


def check_available() -> None:
    """Raise InvalidOption if the package onnx is missing."""
    if find_spec("onnx") is None:
        allowed = "onnx with the package onnx installed: pip install 'nst[onnx]'"
        raise InvalidOption("export", "onnx", allowed)


class _Graph:
    """Nodes and constants, added one after the other. Methods return names of results."""

    def __init__(self) -> None:
        check_available()
        from onnx import helper, numpy_helper

        self._helper: Any = helper
        self._numpy_helper: Any = numpy_helper
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def of(self, network: StyleNetwork) -> bytes:
        """Return the file of a network."""
        grey = self._constant(np.float32(GREY))
        one = self._constant(np.float32(1))
        x = self._node("Sub", self._node("Div", "photo", grey), one)
        features = self._relu(self._layer(network.down_1, x))
        features = self._relu(self._layer(network.down_2, features))
        for block in network.blocks:
            added = self._relu(self._layer(block.first, features))
            features = self._node("Add", features, self._layer(block.second, added))
        for layer in (network.up_1, network.up_2):
            features = self._relu(self._layer(layer, self._enlarged(features, 2, "nearest")))
        painted = self._node("Add", self._blurred(x), self._convolution(network.paint, features))
        self._node("Mul", self._node("Add", painted, one), grey, output="painted")
        return self._file(network.shape.styles)

    def _layer(self, layer: Tensor | nn.Module, features: str) -> str:
        assert isinstance(layer, Layer)
        convolved = self._convolution(layer.convolution, features)
        # Scale and shift of an instance normalization have one dimension, (C,).
        flat = self._constant(np.array([-1]))
        scale, shift = (
            self._node("Reshape", self._node("MatMul", "shares", self._tensor(each)), flat)
            for each in (layer.norm.scale, layer.norm.shift)
        )
        return self._node("InstanceNormalization", convolved, scale, shift, epsilon=EPSILON)

    def _convolution(self, convolution: nn.Conv2d, features: str) -> str:
        border = convolution.kernel_size[0] // 2
        pads = self._constant(np.array([0, 0, border, border] * 2))
        padded = self._node("Pad", features, pads, mode="reflect")
        tensors = [self._tensor(convolution.weight)]
        if convolution.bias is not None:
            tensors.append(self._tensor(convolution.bias))
        return self._node("Conv", padded, *tensors, strides=list(convolution.stride))

    def _blurred(self, x: str) -> str:
        cells = self._node(
            "AveragePool", x, kernel_shape=[STRIDE, STRIDE], strides=[STRIDE, STRIDE]
        )
        return self._enlarged(cells, STRIDE, "linear")

    def _enlarged(self, features: str, times: int, mode: str) -> str:
        scales = self._constant(np.array([1, 1, times, times], np.float32))
        place = "asymmetric" if mode == "nearest" else "half_pixel"
        attributes = {"mode": mode, "coordinate_transformation_mode": place}
        if mode == "nearest":
            attributes["nearest_mode"] = "floor"
        return self._node("Resize", features, "", scales, **attributes)

    def _relu(self, features: str) -> str:
        return self._node("Relu", features)

    def _tensor(self, tensor: Tensor) -> str:
        return self._constant(tensor.detach().cpu().numpy())

    def _constant(self, value: Any) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(self._numpy_helper.from_array(np.asarray(value), name))
        return name

    def _node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"result_{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(kind, inputs, [output], **attributes))
        return output

    def _file(self, styles: int) -> bytes:
        import onnx

        def value(name: str, shape: list[int | str]) -> Any:
            return self._helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

        graph = self._helper.make_graph(
            self._nodes,
            "nst",
            [value("photo", [1, 3, "height", "width"]), value("shares", [1, styles])],
            [value("painted", [1, 3, "height", "width"])],
            self._constants,
        )
        opset = self._helper.make_opsetid("", OPSET)
        model = self._helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        data: bytes = model.SerializeToString()
        return data
