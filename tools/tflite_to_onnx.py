"""Translates small convolutional networks from TensorFlow Lite to ONNX.

Each operator is translated separately. TensorFlow Lite orders an image's axes as (N, H, W, C), ONNX
as (N, C, H, W). Inside the translated graph, every tensor with four dimensions has ONNX's order;
inputs and outputs keep the original order. Weights in float16 stay float16 and are cast when the
graph is loaded: no weight is changed.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tflite
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
from onnx.numpy_helper import from_array

OPSET, IR_VERSION = 15, 8

TO_ONNX, FROM_ONNX = (0, 3, 1, 2), (0, 2, 3, 1)
"""Permutations of the axes, to and from the order of ONNX."""

PADDING = {tflite.Padding.SAME: "SAME_UPPER", tflite.Padding.VALID: "VALID"}

NUMBERS = {
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.INT32: np.int32,
}

TRANSPOSED_CONVOLUTION = b"Convolution2DTransposeBias"
"""MediaPipe's only operator that TensorFlow Lite itself lacks."""


def convert(network: bytes, name: str, inputs: Sequence[str], outputs: Sequence[str]) -> ModelProto:
    """Return the network as ONNX, with new names of its inputs and outputs.

    Raises ValueError if it has an operator, or a variant of one, that is not translated here.
    """
    graph = _Graph(tflite.Model.GetRootAsModel(network, 0))
    for index, new in zip(graph.source.InputsAsNumpy(), inputs, strict=True):
        graph.add("Transpose", [new], index, perm=TO_ONNX)
    for number in range(graph.source.OperatorsLength()):
        graph.translate(graph.source.Operators(number))
    for index, new in zip(graph.source.OutputsAsNumpy(), outputs, strict=True):
        graph.nodes.append(graph.original(index, new))
    made = make_graph(
        graph.nodes,
        name,
        graph.described(graph.source.InputsAsNumpy(), inputs),
        graph.described(graph.source.OutputsAsNumpy(), outputs),
        graph.constants,
    )
    return make_model(made, opset_imports=[make_opsetid("", OPSET)], ir_version=IR_VERSION)


class _Graph:
    """ONNX graph in translation; tensors are named by their TFLite index."""

    def __init__(self, model: tflite.Model) -> None:
        self.model = model
        self.source = model.Subgraphs(0)
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.values: dict[int, np.ndarray] = {}
        """Constants of the original that were decoded, by index."""

    def translate(self, operator: tflite.Operator) -> None:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if kind == tflite.BuiltinOperator.CUSTOM and code.CustomCode() == TRANSPOSED_CONVOLUTION:
            _transposed_convolution(self, operator)
        elif kind in _TRANSLATIONS:
            _TRANSLATIONS[kind](self, operator)
        else:
            raise ValueError(f"operator {kind} {code.CustomCode()} is not translated")

    def add(self, kind: str, inputs: Sequence[str], output: int, **attributes: Any) -> None:
        self.nodes.append(make_node(kind, inputs, [_name(output)], **attributes))

    def shape(self, index: int) -> tuple[int, ...]:
        return tuple(int(side) for side in self.source.Tensors(index).ShapeAsNumpy())

    def value(self, index: int) -> np.ndarray:
        """Return a constant tensor with the original order of its axes."""
        if index not in self.values:
            tensor = self.source.Tensors(index)
            data = self.model.Buffers(tensor.Buffer()).DataAsNumpy()
            number = NUMBERS[tensor.Type()]
            self.values[index] = np.frombuffer(data.tobytes(), number).reshape(self.shape(index))
        return self.values[index]

    def weight(self, index: int, axes: Sequence[int]) -> str:
        """Add a constant tensor with permuted axes, as float32; return its name."""
        kept, name = f"{_name(index)}/kept", _name(index)
        self.constant(kept, np.ascontiguousarray(self.value(index).transpose(axes)))
        self.nodes.append(make_node("Cast", [kept], [name], to=TensorProto.FLOAT))
        return name

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(from_array(value, name))
        return name

    def original(self, index: int, new: str) -> NodeProto:
        """Return the node that restores the original order of a tensor's axes."""
        if len(self.shape(index)) != 4:
            return make_node("Identity", [_name(index)], [new])
        return make_node("Transpose", [_name(index)], [new], perm=FROM_ONNX)

    def described(self, indices: Sequence[int], names: Sequence[str]) -> list[ValueInfoProto]:
        pairs = zip(indices, names, strict=True)
        return [
            make_tensor_value_info(name, TensorProto.FLOAT, self.shape(index))
            for index, name in pairs
        ]


def _name(index: int) -> str:
    return f"tensor-{index}"


# ── one operator each ─────────────────────────────────────────────────────────────────────────


def _dequantize(graph: _Graph, operator: tflite.Operator) -> None:
    """Keep the constant in float16; it is cast where it is used."""
    if graph.source.Tensors(operator.Inputs(0)).Type() != tflite.TensorType.FLOAT16:
        raise ValueError("only constants in float16 are translated")
    graph.values[operator.Outputs(0)] = graph.value(operator.Inputs(0))


def _convolution(graph: _Graph, operator: tflite.Operator) -> None:
    options = _options(operator, tflite.Conv2DOptions())
    weights = graph.weight(operator.Inputs(1), TO_ONNX)
    _convolve(graph, operator, options, weights, groups=1)


def _depthwise_convolution(graph: _Graph, operator: tflite.Operator) -> None:
    options = _options(operator, tflite.DepthwiseConv2DOptions())
    if options.DepthMultiplier() != 1:
        raise ValueError("a depthwise convolution with a multiplier is not translated")
    weights = graph.weight(operator.Inputs(1), (3, 0, 1, 2))
    _convolve(graph, operator, options, weights, groups=graph.shape(operator.Inputs(1))[3])


def _convolve(
    graph: _Graph,
    operator: tflite.Operator,
    options: tflite.Conv2DOptions | tflite.DepthwiseConv2DOptions,
    weights: str,
    groups: int,
) -> None:
    if (options.DilationHFactor(), options.DilationWFactor()) != (1, 1):
        raise ValueError("a dilated convolution is not translated")
    _refuse_activation(options)
    graph.add(
        "Conv",
        [_name(operator.Inputs(0)), weights, graph.weight(operator.Inputs(2), (0,))],
        operator.Outputs(0),
        strides=[options.StrideH(), options.StrideW()],
        auto_pad=PADDING[options.Padding()],
        group=groups,
    )


def _transposed_convolution(graph: _Graph, operator: tflite.Operator) -> None:
    """Translate MediaPipe's transposed convolution.
    Its options are three int32: the padding, and the strides along the width and height."""
    _, *strides = struct.unpack("<3i", operator.CustomOptionsAsNumpy().tobytes())
    kernel = graph.shape(operator.Inputs(1))[1:3]
    if kernel != (*strides,) or kernel[0] != kernel[1]:
        raise ValueError("a transposed convolution whose kernels overlap is not translated")
    weights = graph.weight(operator.Inputs(1), (3, 0, 1, 2))
    bias = graph.weight(operator.Inputs(2), (0,))
    inputs = [_name(operator.Inputs(0)), weights, bias]
    graph.add("ConvTranspose", inputs, operator.Outputs(0), strides=strides)


def _add(graph: _Graph, operator: tflite.Operator) -> None:
    _refuse_activation(_options(operator, tflite.AddOptions()))
    graph.add("Add", [_name(index) for index in operator.InputsAsNumpy()], operator.Outputs(0))


def _multiply(graph: _Graph, operator: tflite.Operator) -> None:
    _refuse_activation(_options(operator, tflite.MulOptions()))
    graph.add("Mul", [_name(index) for index in operator.InputsAsNumpy()], operator.Outputs(0))


def _maximum(graph: _Graph, operator: tflite.Operator) -> None:
    options = _options(operator, tflite.Pool2DOptions())
    _refuse_activation(options)
    graph.add(
        "MaxPool",
        [_name(operator.Inputs(0))],
        operator.Outputs(0),
        kernel_shape=[options.FilterHeight(), options.FilterWidth()],
        strides=[options.StrideH(), options.StrideW()],
        auto_pad=PADDING[options.Padding()],
    )


def _mean(graph: _Graph, operator: tflite.Operator) -> None:
    options = _options(operator, tflite.Pool2DOptions())
    _refuse_activation(options)
    if (options.FilterHeight(), options.FilterWidth()) != graph.shape(operator.Inputs(0))[1:3]:
        raise ValueError("an average of less than the whole picture is not translated")
    graph.add("GlobalAveragePool", [_name(operator.Inputs(0))], operator.Outputs(0))


def _pad(graph: _Graph, operator: tflite.Operator) -> None:
    pads = graph.value(operator.Inputs(1))[list(TO_ONNX)].T.ravel().astype(np.int64)
    name = graph.constant(f"{_name(operator.Outputs(0))}/pads", pads)
    graph.add("Pad", [_name(operator.Inputs(0)), name], operator.Outputs(0))


def _resize(graph: _Graph, operator: tflite.Operator) -> None:
    options = _options(operator, tflite.ResizeBilinearOptions())
    if options.AlignCorners() or not options.HalfPixelCenters():
        mode = "align_corners" if options.AlignCorners() else "asymmetric"
    else:
        mode = "half_pixel"
    sides = np.array(graph.shape(operator.Outputs(0)), dtype=np.int64)[list(TO_ONNX)]
    sizes = graph.constant(f"{_name(operator.Outputs(0))}/sizes", sides)
    inputs = [_name(operator.Inputs(0)), "", "", sizes]
    graph.add(
        "Resize",
        inputs,
        operator.Outputs(0),
        mode="linear",
        coordinate_transformation_mode=mode,
    )


def _reshape(graph: _Graph, operator: tflite.Operator) -> None:
    """Translate a reshape from four dimensions to fewer.
    The values keep the original order of the axes."""
    source, target = operator.Inputs(0), operator.Outputs(0)
    if len(graph.shape(source)) != 4 or len(graph.shape(target)) == 4:
        raise ValueError("only a picture is reshaped, and not into another one")
    ordered = f"{_name(target)}/ordered"
    graph.nodes.append(graph.original(source, ordered))
    sides = np.array(graph.shape(target), dtype=np.int64)
    shape = graph.constant(f"{_name(target)}/shape", sides)
    graph.add("Reshape", [ordered, shape], target)


def _concatenate(graph: _Graph, operator: tflite.Operator) -> None:
    options = _options(operator, tflite.ConcatenationOptions())
    _refuse_activation(options)
    if len(graph.shape(operator.Outputs(0))) == 4:
        raise ValueError("pictures are not concatenated")
    names = [_name(index) for index in operator.InputsAsNumpy()]
    graph.add("Concat", names, operator.Outputs(0), axis=options.Axis())


def _elementwise(kind: str) -> Callable[[_Graph, tflite.Operator], None]:
    def translate(graph: _Graph, operator: tflite.Operator) -> None:
        graph.add(kind, [_name(operator.Inputs(0))], operator.Outputs(0))

    return translate


def _options(operator: tflite.Operator, options: tflite.Conv2DOptions) -> tflite.Conv2DOptions:
    """Return the empty options, filled with those of the operator."""
    table = operator.BuiltinOptions()
    options.Init(table.Bytes, table.Pos)
    return options


def _refuse_activation(options: tflite.Conv2DOptions) -> None:
    if options.FusedActivationFunction() != tflite.ActivationFunctionType.NONE:
        raise ValueError("an activation fused into another operator is not translated")


_TRANSLATIONS: Mapping[int, Callable[[_Graph, tflite.Operator], None]] = {
    tflite.BuiltinOperator.ADD: _add,
    tflite.BuiltinOperator.AVERAGE_POOL_2D: _mean,
    tflite.BuiltinOperator.CONCATENATION: _concatenate,
    tflite.BuiltinOperator.CONV_2D: _convolution,
    tflite.BuiltinOperator.DEPTHWISE_CONV_2D: _depthwise_convolution,
    tflite.BuiltinOperator.DEQUANTIZE: _dequantize,
    tflite.BuiltinOperator.HARD_SWISH: _elementwise("HardSwish"),
    tflite.BuiltinOperator.LOGISTIC: _elementwise("Sigmoid"),
    tflite.BuiltinOperator.MAX_POOL_2D: _maximum,
    tflite.BuiltinOperator.MUL: _multiply,
    tflite.BuiltinOperator.PAD: _pad,
    tflite.BuiltinOperator.RELU: _elementwise("Relu"),
    tflite.BuiltinOperator.RESHAPE: _reshape,
    tflite.BuiltinOperator.RESIZE_BILINEAR: _resize,
}
