"""The VGG encoder: a picture in, the features of named layers out.

[Simonyan14] Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image
Recognition, arXiv 1409.1556, configurations D (VGG-16) and E (VGG-19), without the classifier.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d, relu

MEAN_RGB = (123.68, 116.779, 103.939)
"""Mean colour of ImageNet's training pictures, 0…255 [Simonyan14]; the encoder's input is RGB
minus this."""

CONVOLUTIONS_PER_BLOCK = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
CHANNELS_PER_BLOCK = (64, 128, 256, 512, 512)


def layer_names(model: str) -> list[str]:
    """All layers in order: conv1_1, relu1_1, …, pool1, conv2_1, …, pool5."""
    names = []
    for block, convolutions in enumerate(CONVOLUTIONS_PER_BLOCK[model], start=1):
        for index in range(1, convolutions + 1):
            names += [f"conv{block}_{index}", f"relu{block}_{index}"]
        names.append(f"pool{block}")
    return names


def parameter_shapes(model: str) -> dict[str, tuple[int, ...]]:
    """Name and shape of every kernel (out, in, 3, 3) and bias (out,) of the convolutions."""
    shapes: dict[str, tuple[int, ...]] = {}
    channels_in = 3
    for name in layer_names(model):
        if name.startswith("conv"):
            channels = CHANNELS_PER_BLOCK[int(name[4]) - 1]
            shapes[f"{name}.weight"] = (channels, channels_in, 3, 3)
            shapes[f"{name}.bias"] = (channels,)
            channels_in = channels
    return shapes


class Encoder(nn.Module):
    """VGG up to the last layer that is asked for. Its parameters are constants."""

    def __init__(
        self,
        model: str,
        tensors: Mapping[str, Tensor],
        layers: Iterable[str],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """`tensors` holds what `parameter_shapes` names; `layers` are the features wanted; `dtype`
        is what the convolutions compute in."""
        super().__init__()
        self.model = model
        self.dtype = dtype
        self.layers = frozenset(layers)
        names = layer_names(model)
        if unknown := self.layers - set(names):
            raise ValueError(f"{model} has no layer {', '.join(sorted(unknown))}")
        self.path = names[: 1 + max(names.index(layer) for layer in self.layers)]
        for name, tensor in tensors.items():
            if name.partition(".")[0] in self.path:
                # A bias stays as it is; a kernel is laid out as its input is.
                layout = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
                parameter = tensor.to(dtype, memory_format=layout)
                self.register_buffer(name.replace(".", "_"), parameter)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Features (B, C, H, W), channels last, in `dtype`, by layer name; of an image (B, 3, H, W)
        in RGB 0…255 minus MEAN_RGB."""
        features = {}
        x = image.to(self.dtype, memory_format=torch.channels_last)
        for name in self.path:
            x = self._apply_layer(name, x)
            if name in self.layers:
                features[name] = x
        return features

    def _apply_layer(self, name: str, x: Tensor) -> Tensor:
        if name.startswith("conv"):
            kernel, bias = getattr(self, f"{name}_weight"), getattr(self, f"{name}_bias")
            return conv2d(x, kernel, bias, padding=1)
        if name.startswith("pool"):
            return max_pool2d(x, kernel_size=2)
        if name.replace("relu", "conv") in self.layers:
            return relu(x)  # not in place: the convolution's own output is asked for as well
        return relu(x, inplace=True)
