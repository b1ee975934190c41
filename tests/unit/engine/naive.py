"""The classic program as a plain loop: the same formulas, written independently."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, relu

from nst.engine.weights import Weights

BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
CONTENT = {"vgg16": "relu2_2", "vgg19": "conv4_2"}
STYLE = {
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    "vgg19": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
}


def to_tensor(picture: Image.Image) -> Tensor:
    mean = np.array([123.68, 116.779, 103.939], dtype=np.float32)
    pixels = torch.from_numpy(np.asarray(picture, dtype=np.float32) - mean)
    return pixels.permute(2, 0, 1)[None].contiguous()


def features(weights: Weights, image: Tensor) -> dict[str, Tensor]:
    found, x = {}, image
    for block, convolutions in enumerate(BLOCKS[weights.model], start=1):
        for n in range(1, convolutions + 1):
            kernel = weights.tensors[f"conv{block}_{n}.weight"].to(image.dtype)
            bias = weights.tensors[f"conv{block}_{n}.bias"].to(image.dtype)
            x = conv2d(x, kernel, bias, padding=1)
            found[f"conv{block}_{n}"] = x
            x = relu(x)
            found[f"relu{block}_{n}"] = x
        x = max_pool2d(x, 2)
    return found


def gram(x: Tensor) -> Tensor:
    _, c, h, w = x.shape
    rows = x.reshape(c, h * w)
    return torch.mm(rows, rows.t()) / (c * h * w)


class ClassicLoss:
    """total = content_weight·content + style_weight·style + tv_weight·tv"""

    def __init__(self, weights: Weights, content: Tensor, style: Tensor) -> None:
        self.weights = weights
        self.content = features(weights, content)[CONTENT[weights.model]]
        style_features = features(weights, style)
        self.grams = {layer: gram(style_features[layer]) for layer in STYLE[weights.model]}

    def __call__(self, image: Tensor) -> Tensor:
        found = features(self.weights, image)
        content = ((found[CONTENT[self.weights.model]] - self.content) ** 2).mean()
        layers = [((gram(found[name]) - g) ** 2).sum() for name, g in self.grams.items()]
        style = torch.stack(layers).sum() / len(layers)
        variation = (image[..., 1:] - image[..., :-1]).abs().sum()
        variation = variation + (image[..., 1:, :] - image[..., :-1, :]).abs().sum()
        return 1e5 * content + 3e4 * style + 1e0 * variation


def minimize(loss: ClassicLoss, start: Tensor, evaluations: int) -> float:
    """The lowest loss that torch's L-BFGS has seen after so many evaluations."""
    image = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([image], max_iter=evaluations, line_search_fn="strong_wolfe")
    seen: list[float] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(image)
        value.backward()  # type: ignore[no-untyped-call]
        seen.append(value.item())
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return min(seen[:evaluations])
