"""The plain loop of fast neural style: a network trained as in its paper.

[Johnson16] Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer, ECCV 2016, with
the changes of the programs that followed it: instance normalisation [Ulyanov17], mirrored borders,
enlargement by nearest neighbours [Odena16]. Plain float32, torch's autograd and Adam. It shares no
code with `nst`. The weights of VGG are those of the project, and the losses those of
`benchmarks.naive`; the paper chooses the weights of the losses by style, so the caller sets them.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from benchmarks.naive import CONTENT_LAYER, STYLE_LAYERS, build_network, gram, total_variation

MEAN_RGB = (123.68, 116.779, 103.939)
RATE = 1e-3
"""Learning rate of Adam [Johnson16 §4.1]."""
BATCH = 4
SIDE_PIXELS = 256
BLOCKS = 5


class FastStyleLoop:
    """Training of one network with one style image."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        style: Tensor,
        *,
        content_weight: float,
        style_weight: float,
        tv_weight: float,
        seed: int = 0,
    ) -> None:
        """Compute the targets of the style loss and create an untrained network.
        `tensors`: conv1_1.weight, conv1_1.bias, … of VGG-16 for RGB 0…255 minus MEAN_RGB;
        `style`: (1, 3, H, W), RGB 0…255."""
        self._vgg = build_network("vgg16", tensors, last=STYLE_LAYERS["vgg16"][-1])
        self._mean = torch.tensor(MEAN_RGB).view(1, 3, 1, 1)
        self._weights = content_weight, style_weight, tv_weight
        with torch.no_grad():
            features = self._features(style)
            self._grams = [gram(features[layer]) for layer in STYLE_LAYERS["vgg16"]]
        torch.manual_seed(seed)
        self.network = build_painter()
        self._adam = torch.optim.Adam(self.network.parameters(), RATE)

    def step(self, photos: Tensor) -> float:
        """Learn from photos (B, 3, H, W), RGB 0…255; return the loss."""
        self._adam.zero_grad()
        loss = self._loss(self.network(photos), photos)
        loss.backward()  # type: ignore[no-untyped-call]
        self._adam.step()
        return loss.item()

    def _loss(self, painted: Tensor, photos: Tensor) -> Tensor:
        content_weight, style_weight, tv_weight = self._weights
        layer = CONTENT_LAYER["vgg16"]
        features, targets = self._features(painted), self._features(photos)
        content = mse_loss(features[layer], targets[layer])
        style = torch.zeros(())
        for name, target in zip(STYLE_LAYERS["vgg16"], self._grams, strict=True):
            style = style + ((gram(features[name]) - target) ** 2).sum() / len(photos)
        style = style / len(self._grams)
        variation = total_variation(painted) / len(photos)
        return content_weight * content + style_weight * style + tv_weight * variation

    def _features(self, images: Tensor) -> dict[str, Tensor]:
        wanted = {CONTENT_LAYER["vgg16"], *STYLE_LAYERS["vgg16"]}
        features, x = {}, images - self._mean
        for name, layer in self._vgg.named_children():
            x = layer(x)
            if name in wanted:
                features[name] = x
        return features


def build_painter() -> nn.Sequential:
    """Return the network of [Johnson16], table 1.
    Input and output are RGB 0…255, with sides that are multiples of 4."""
    return nn.Sequential(
        *_layer(3, 32, 9),
        *_layer(32, 64, 3, stride=2),
        *_layer(64, 128, 3, stride=2),
        *(_Residual(128) for _ in range(BLOCKS)),
        nn.Upsample(scale_factor=2.0),
        *_layer(128, 64, 3),
        nn.Upsample(scale_factor=2.0),
        *_layer(64, 32, 3),
        nn.Conv2d(32, 3, 9, padding=4, padding_mode="reflect"),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            *_layer(channels, channels, 3), *_layer(channels, channels, 3)[:-1]
        )

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = self.change(features)
        return features + changed


def _layer(channels_in: int, channels: int, side: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(
        channels_in, channels, side, stride, padding=side // 2, padding_mode="reflect"
    )
    return [convolution, nn.InstanceNorm2d(channels, affine=True), nn.ReLU()]
