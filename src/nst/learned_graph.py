"""A learned style as an ONNX graph for other programs.

The graph has the same layers and the same numbers as the network. Inputs: `photo` (1, 3, H, W), RGB
0…255, whose sides are multiples of 4; `shares` (1, styles), which add up to 1. Output: `painted`,
of the same shape as the photo, not clamped. The file is a protocol buffer with a few kinds of
messages, which this module writes itself: the package onnx would be a third of what the API
installs.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nst.learned_file import LearnedFile

OPSET = 18
IR_VERSION = 9
"""Version of ONNX files; with OPSET, onnxruntime reads it since 1.14."""

STRIDE = 4
"""Pixels of the image per feature of the residual blocks.
Both sides of the image must be multiples of it."""

GREY = 127.5
"""Middle of the grey levels, and half of their range.
The network computes with values in -1…1."""

EPSILON = 1e-5
"""Constant that instance normalization adds to the variance."""

FLOAT, INT64 = 1, 7
"""Types of tensors in TensorProto."""

_Field = tuple[int, Any]
"""Field of a message: its number and its value."""


def graph(file: LearnedFile) -> bytes:
    """Return the ONNX file of a learned style."""
    return _Graph(file).made()


@dataclass(slots=True)
class _Graph:
    """Nodes and constants of a graph; methods add them and return names of results."""

    file: LearnedFile
    nodes: list[bytes] = field(default_factory=list)
    constants: list[bytes] = field(default_factory=list)

    def made(self) -> bytes:
        grey, one = self._floats(GREY), self._floats(1.0)
        x = self._node("Sub", self._node("Div", "photo", grey), one)
        features = self._relu(self._layer("down_1", x, stride=2))
        features = self._relu(self._layer("down_2", features, stride=2))
        for block in range(self.file.facts.blocks):
            added = self._relu(self._layer(f"blocks.{block}.first", features))
            added = self._layer(f"blocks.{block}.second", added)
            features = self._node("Add", features, added)
        for name in ("up_1", "up_2"):
            features = self._relu(self._layer(name, self._enlarged(features, 2, "nearest")))
        painted = self._convolution("paint.weight", features, "paint.bias")
        colours = self._norm("colours", self._blurred(x))
        painted = self._graded(self._node("Add", colours, painted))
        self._node("Mul", self._node("Add", painted, one), grey, output="painted")
        return self._model()

    def _layer(self, name: str, features: str, stride: int = 1) -> str:
        convolved = self._convolution(f"{name}.convolution.weight", features, stride=stride)
        return self._norm(f"{name}.norm", convolved)

    def _norm(self, name: str, features: str) -> str:
        # Scale and shift of an instance normalization have one dimension, (C,).
        scale, shift = (self._blend(f"{name}.{each}", -1) for each in ("scale", "shift"))
        return self._node("InstanceNormalization", features, scale, shift, epsilon=EPSILON)

    def _graded(self, colours: str) -> str:
        matrix, shift = self._blend("grade.matrix", 3, 3, 1, 1), self._blend("grade.shift", -1)
        return self._node("Conv", colours, matrix, shift)

    def _blend(self, name: str, *shape: int) -> str:
        """Add the mean of a tensor's rows, one per style, weighted by the shares."""
        mean = self._node("MatMul", "shares", self._tensor(name))
        return self._node("Reshape", mean, self._integers(*shape))

    def _convolution(self, weight: str, features: str, *bias: str, stride: int = 1) -> str:
        border = self._shape(weight)[-1] // 2
        pads = self._integers(*(0, 0, border, border) * 2)
        padded = self._node("Pad", features, pads, mode="reflect")
        tensors = map(self._tensor, (weight, *bias))
        return self._node("Conv", padded, *tensors, strides=[stride, stride])

    def _blurred(self, x: str) -> str:
        sides = [STRIDE, STRIDE]
        cells = self._node("AveragePool", x, kernel_shape=sides, strides=sides)
        return self._enlarged(cells, STRIDE, "linear")

    def _enlarged(self, features: str, times: int, mode: str) -> str:
        scales = self._floats(1, 1, times, times)
        place = "asymmetric" if mode == "nearest" else "half_pixel"
        attributes = {"mode": mode, "coordinate_transformation_mode": place}
        if mode == "nearest":
            attributes["nearest_mode"] = "floor"
        return self._node("Resize", features, "", scales, **attributes)

    def _relu(self, features: str) -> str:
        return self._node("Relu", features)

    # ── constants and nodes ──

    def _shape(self, name: str) -> tuple[int, ...]:
        return self.file.facts.shape.tensors()[name]

    def _tensor(self, name: str) -> str:
        return self._constant(FLOAT, self._shape(name), bytes(self.file.tensors[name]))

    def _floats(self, *values: float) -> str:
        shape = (len(values),) if len(values) > 1 else ()
        return self._constant(FLOAT, shape, struct.pack(f"<{len(values)}f", *values))

    def _integers(self, *values: int) -> str:
        return self._constant(INT64, (len(values),), struct.pack(f"<{len(values)}q", *values))

    def _constant(self, kind: int, shape: tuple[int, ...], data: bytes) -> str:
        name = f"constant_{len(self.constants)}"
        dims = [(1, side) for side in shape]
        self.constants.append(_message([*dims, (2, kind), (8, name), (9, data)]))
        return name

    def _node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"result_{len(self.nodes)}"
        fields: list[_Field] = [(1, name) for name in inputs]
        fields += [(2, output), (4, kind)]
        fields += [(5, _attribute(name, value)) for name, value in attributes.items()]
        self.nodes.append(_message(fields))
        return output

    def _model(self) -> bytes:
        image = (1, 3, "height", "width")
        fields: list[_Field] = [(1, node) for node in self.nodes]
        fields += [(2, "nst"), *((5, constant) for constant in self.constants)]
        fields += [
            (11, _value("photo", image)),
            (11, _value("shares", (1, len(self.file.facts.styles)))),
            (12, _value("painted", image)),
        ]
        opset = _message([(1, ""), (2, OPSET)])
        return _message([(1, IR_VERSION), (7, _message(fields)), (8, opset)])


# ── protocol buffers: the fields have the numbers of onnx.proto ──


def _attribute(name: str, value: float | str | Sequence[int]) -> bytes:
    """Return an AttributeProto."""
    match value:
        case float():
            return _message([(1, name), (2, value), (20, 1)])
        case str():
            return _message([(1, name), (4, value), (20, 3)])
        case _:
            return _message([(1, name), *((8, each) for each in value), (20, 7)])


def _value(name: str, shape: Iterable[int | str]) -> bytes:
    """Return a ValueInfoProto of float32; a side with a name may have any length."""
    dims = [(1, _message([(1 if isinstance(side, int) else 2, side)])) for side in shape]
    tensor = _message([(1, FLOAT), (2, _message(dims))])
    return _message([(1, name), (2, _message([(1, tensor)]))])


def _message(fields: Iterable[_Field]) -> bytes:
    return b"".join(_encoded(number, value) for number, value in fields)


def _encoded(number: int, value: float | str | bytes) -> bytes:
    match value:
        case int():
            return _varint(number << 3) + _varint(value)
        case float():
            return _varint(number << 3 | 5) + struct.pack("<f", value)
        case str():
            return _encoded(number, value.encode())
        case _:
            return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Return the number in groups of seven bits, the lowest first."""
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
