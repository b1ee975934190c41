"""The naive loop: style transfer as in classic programs and course exercises.

It uses plain float32 in torch's default memory format and torch's own L-BFGS; every formula is
spelled out. It shares no code with `nst.engine`, so that equal initial losses verify both. It is
slow where such programs are slow, and nowhere on purpose.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT = 1e5, 3e4, 1.0
HISTORY_SIZE = 100  # torch's default
CHANNELS = (64, 128, 256, 512, 512)
CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
CONTENT_LAYER = {"vgg16": "relu2_2", "vgg19": "conv4_2"}
STYLE_LAYERS = {
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    "vgg19": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
}


@dataclass(frozen=True, slots=True)
class Point:
    """One evaluation of the loss and its gradient."""

    evaluation: int
    """Number of the evaluation; 1 is that of the initial image."""
    seconds: float
    """Seconds since the loop began."""
    loss: float


class NaiveTransfer:
    """Loop for one content image and one style image."""

    def __init__(
        self, model: str, tensors: Mapping[str, Tensor], content: Tensor, style: Tensor
    ) -> None:
        """Compute the targets of the losses.
        `tensors`: conv1_1.weight, conv1_1.bias, …; images: (1, 3, H, W), on one device."""
        self.content_layer = CONTENT_LAYER[model]
        self.style_layers = STYLE_LAYERS[model]
        self.network = build_network(model, tensors, last=self.style_layers[-1])
        self.network.to(content.device)
        self.start = content
        with torch.no_grad():
            self.target = self.features(content)[self.content_layer]
            features = self.features(style)
            self.target_grams = [gram(features[layer]) for layer in self.style_layers]

    def features(self, image: Tensor) -> dict[str, Tensor]:
        """Return the output of every layer that a loss uses."""
        features = {}
        x = image
        for name, layer in self.network.named_children():
            x = layer(x)
            if name == self.content_layer or name in self.style_layers:
                features[name] = x
        return features

    def loss(self, image: Tensor) -> Tensor:
        """Return the weighted sum of the three terms, a scalar."""
        features = self.features(image)
        content = ((features[self.content_layer] - self.target) ** 2).mean()
        style = torch.zeros((), device=image.device)
        for layer, target in zip(self.style_layers, self.target_grams, strict=True):
            style = style + ((gram(features[layer]) - target) ** 2).sum()
        style = style / len(self.style_layers)
        variation = total_variation(image)
        return CONTENT_WEIGHT * content + STYLE_WEIGHT * style + TV_WEIGHT * variation

    def evaluate(self, image: Tensor) -> float:
        """Return the loss after one forward and backward pass.
        The gradient is in `image.grad`."""
        image.grad = None
        loss = self.loss(image)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    def run(
        self, evaluations: int, on_evaluation: Callable[[Point], None] = lambda _: None
    ) -> list[Point]:
        """Optimise from the content image; return at least this number of evaluations.

        Line searches are not interrupted, so a few more evaluations may follow. The clock is
        stopped while `on_evaluation` runs.
        """
        image = self.start.clone().requires_grad_()
        self.painted = image.detach()
        """Current image; `on_evaluation` may raise an exception to stop."""
        optimizer = torch.optim.LBFGS(
            [image],
            max_iter=evaluations,
            max_eval=evaluations,
            history_size=HISTORY_SIZE,
            line_search_fn="strong_wolfe",
        )
        points: list[Point] = []
        seconds, resumed = 0.0, time.perf_counter()

        def closure() -> Tensor:
            nonlocal seconds, resumed
            optimizer.zero_grad()
            loss = self.loss(image)
            loss.backward()  # type: ignore[no-untyped-call]
            value = loss.item()  # waits for the device
            seconds += time.perf_counter() - resumed
            points.append(Point(len(points) + 1, seconds, value))
            on_evaluation(points[-1])
            resumed = time.perf_counter()
            return loss

        optimizer.step(closure)  # type: ignore[no-untyped-call]
        return points


def build_network(
    model: str,
    tensors: Mapping[str, Tensor],
    last: str,
    padding: Literal["zeros", "replicate"] = "zeros",
) -> nn.Sequential:
    """Return VGG's convolutions up to and including the layer `last`, as constants."""
    network = nn.Sequential()
    channels_in = 3
    for block, channels in enumerate(CHANNELS, start=1):
        for index in range(1, CONVOLUTIONS[model][block - 1] + 1):
            name = f"{block}_{index}"
            convolution = nn.Conv2d(channels_in, channels, 3, padding=1, padding_mode=padding)
            convolution.weight.data = tensors[f"conv{name}.weight"]
            convolution.bias.data = tensors[f"conv{name}.bias"]  # type: ignore[union-attr]
            network.add_module(f"conv{name}", convolution)
            network.add_module(f"relu{name}", nn.ReLU())
            if last in (f"conv{name}", f"relu{name}"):
                return network.requires_grad_(False)
            channels_in = channels
        network.add_module(f"pool{block}", nn.MaxPool2d(kernel_size=2))
    raise ValueError(f"{model} has no layer {last}")


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrix (1, C, C) of features (1, C, H, W)."""
    batch, channels, height, width = features.shape
    flat = features.view(batch, channels, height * width)
    return torch.bmm(flat, flat.transpose(1, 2)) / (channels * height * width)


def total_variation(image: Tensor) -> Tensor:
    across = torch.abs(image[:, :, :, :-1] - image[:, :, :, 1:])
    down = torch.abs(image[:, :, :-1, :] - image[:, :, 1:, :])
    return torch.sum(across) + torch.sum(down)
