"""The VGG encoder: features of an image in named layers, and the backward pass.

[Simonyan14] Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image
Recognition, arXiv 1409.1556.
[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d, pad, relu

from nst.engine.network.arithmetic import convolution
from nst.layers import layer_names

MEAN_RGB = (123.68, 116.779, 103.939)
"""Mean colour of ImageNet's training images, 0…255 [Simonyan14].
The encoder's input is RGB minus this colour."""

CHANNELS_PER_BLOCK = (64, 128, 256, 512, 512)


def parameter_shapes(model: str) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every kernel and bias of the convolutions.

    Kernels are (out, in, 3, 3), biases (out,).
    """
    shapes: dict[str, tuple[int, ...]] = {}
    channels_in = 3
    for name in layer_names(model):
        if name.startswith("conv"):
            channels = CHANNELS_PER_BLOCK[int(name[4]) - 1]
            shapes[f"{name}.weight"] = (channels, channels_in, 3, 3)
            shapes[f"{name}.bias"] = (channels,)
            channels_in = channels
    return shapes


STRIDES_PER_BLOCK = (1, 2, 4, 8, 16)
"""Pixels of the image per feature, horizontally and vertically."""

POOL_ROWS = 32
"""Number of rows pooled at a time.
It limits the number of indices of the maxima, which take 8 bytes each."""

Activations = dict[str, Tensor]
"""Features by layer name, (B, C, H, W), channels last.
The requested layers are among them."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An image (B, 3, H, W) and what `Encoder.forward` returns of it."""

    image: Tensor
    activations: Activations


AddGradient = Callable[[str, Tensor, Tensor], None]
"""Callback that adds the gradient of a layer's own loss in place.
Its arguments are a layer, its features, and the gradient with respect to them so far, of the same
shape and dtype."""


class Encoder(nn.Module):
    """VGG up to the last requested layer. Its parameters are constants.

    The class implements the backward pass by hand; autograd would keep every activation, this keeps
    only the ReLU outputs.
    """

    def __init__(
        self,
        model: str,
        tensors: Mapping[str, Tensor],
        layers: Iterable[str],
        dtype: torch.dtype = torch.float32,
        padding: str = "zeros",
        pooling: str = "max",
    ) -> None:
        """Create the network.

        `tensors`: the set that `parameter_shapes` names. `layers`: layers whose features are
        requested. `dtype`: number type of the convolutions. `padding`: what they see beyond the
        border, zeros as in training or copies of the features at the border (replicate). `pooling`:
        whether a pool takes the maximum of each window, as in training, or the average ([Gatys16]
        §2).
        """
        super().__init__()
        self.model = model
        self.dtype = dtype
        self.padding = padding
        self.pooling = pooling
        self.layers = frozenset(layers)
        names = layer_names(model)
        if unknown := self.layers - set(names):
            raise ValueError(f"{model} has no layer {', '.join(sorted(unknown))}")
        self.path = _up_to(self.layers, names)
        for name in self.path:
            if name.startswith("conv"):
                kernel = tensors[f"{name}.weight"].to(dtype)
                self._register(f"{name}_kernel", kernel)
                # The gradient of a convolution is a convolution with the flipped kernel.
                self._register(f"{name}_turned", kernel.flip(2, 3).transpose(0, 1))
                self.register_buffer(f"{name}_bias", tensors[f"{name}.bias"].to(dtype))

    def _register(self, name: str, kernel: Tensor) -> None:
        self.register_buffer(name, kernel.contiguous(memory_format=torch.channels_last))

    def up_to(self, layers: Collection[str]) -> "Encoder":
        """Return a network of some of the requested layers, with the same kernels."""
        other = copy(self)
        other.layers, other.path = frozenset(layers), _up_to(layers, self.path)
        return other

    @torch.no_grad()
    def forward(self, image: Tensor) -> Activations:
        """Return the features of an image (B, 3, H, W), in `dtype`.

        `image`: RGB 0…255 minus MEAN_RGB. The outputs of all ReLUs are returned as well, because
        `backward` needs them.
        """
        outputs = self._outputs(image)
        return {n: x for n, x in outputs if n in self.layers or n.startswith("relu")}

    @torch.no_grad()
    def features(self, image: Tensor) -> Activations:
        """Return the features as `forward` does, without those for `backward`."""
        return {name: x for name, x in self._outputs(image) if name in self.layers}

    @torch.no_grad()
    def backward(self, activations: Activations, add_gradient: AddGradient) -> Tensor:
        """Return the gradient of a loss with respect to the image (B, 3, H, W).

        It is in `dtype`. `add_gradient` is called when the backward pass reaches a layer, so that
        the gradients of the layers never exist all at once. The call empties `activations`.
        """
        gradient = torch.zeros_like(activations[self.path[-1]])
        for name in reversed(self.path):
            if name in self.layers:
                add_gradient(name, activations[name], gradient)
            gradient = self._undo_layer(name, gradient, activations)
            activations.pop(name, None)
        return gradient

    def _outputs(self, image: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield the name and the output of each layer of the path."""
        x = image.to(self.dtype, memory_format=torch.channels_last)
        for name in self.path:
            x = self._apply_layer(name, x)
            yield name, x

    def _apply_layer(self, name: str, x: Tensor) -> Tensor:
        if name.startswith("conv"):
            kernel, bias = getattr(self, f"{name}_kernel"), getattr(self, f"{name}_bias")
            if self.padding == "replicate":
                return convolution(pad(x, (1, 1, 1, 1), mode="replicate"), kernel, bias)
            return convolution(x, kernel, bias, padding=1)
        if name.startswith("pool"):
            return avg_pool2d(x, kernel_size=2) if self.pooling == "average" else _max_pool(x)
        if name.replace("relu", "conv") in self.layers:
            return relu(x)  # not in place: the convolution's own output is requested as well
        return relu(x, inplace=True)

    def _undo_layer(self, name: str, gradient: Tensor, activations: Activations) -> Tensor:
        if name.startswith("conv"):
            turned = getattr(self, f"{name}_turned")
            if self.padding == "replicate":
                return _folded(convolution(gradient, turned, padding=2))
            return convolution(gradient, turned, padding=1)
        if name.startswith("pool"):
            features = activations[self.path[self.path.index(name) - 1]]
            undo = _undo_average_pool if self.pooling == "average" else _undo_max_pool
            return undo(features, gradient)
        # autograd's own step, in place
        step = torch.ops.aten.threshold_backward.grad_input
        undone: Tensor = step(gradient, activations[name], 0, grad_input=gradient)
        return undone


def _up_to(layers: Collection[str], path: Sequence[str]) -> Sequence[str]:
    """Return the path up to the last of these layers."""
    return path[: 1 + max(path.index(layer) for layer in layers)]


def _folded(gradient: Tensor) -> Tensor:
    """Return the gradient with respect to features, given that of their padded copy.

    The padding is copies of the border. The result is in channels-last layout.
    """
    for dimension in (2, 3):
        inner = gradient.narrow(dimension, 1, gradient.shape[dimension] - 2)
        for end in (0, -1):
            inner.select(dimension, end).add_(gradient.select(dimension, end))
        gradient = inner
    return gradient.contiguous(memory_format=torch.channels_last)


def _max_pool(features: Tensor) -> Tensor:
    bands = torch.split(features, 2 * POOL_ROWS, dim=2)
    pooled = [max_pool2d(band, kernel_size=2) for band in bands if band.shape[2] > 1]
    return pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=2)


def _undo_max_pool(features: Tensor, gradient: Tensor) -> Tensor:
    """Return the gradient with respect to the features before a pool.

    `gradient`: that with respect to the features after the pool.
    """
    # `nn.functional.max_unpool2d` calls this too, but first takes half a second to import SymPy,
    # with which it checks a size.
    step = torch.ops.aten.max_unpool2d
    undone = torch.zeros_like(features)
    bands = zip(
        torch.split(features, 2 * POOL_ROWS, dim=2),
        torch.split(undone, 2 * POOL_ROWS, dim=2),
        torch.split(gradient, POOL_ROWS, dim=2),
        strict=False,  # an odd row at the end belongs to no pool
    )
    for before, before_gradient, after_gradient in bands:
        _, where = max_pool2d(before, kernel_size=2, return_indices=True)
        before_gradient.copy_(step(after_gradient, where, before.shape[2:]))
    return undone


def _undo_average_pool(features: Tensor, gradient: Tensor) -> Tensor:
    """Return the gradient with respect to the features before an average pool.

    Each of the four features of a window gets a quarter of the gradient. No indices are needed, so
    there are no bands; only the shape and the layout of the features matter.
    """
    step = torch.ops.aten.avg_pool2d_backward
    undone: Tensor = step(gradient, features, [2, 2], [2, 2], [0, 0], False, True, None)
    return undone
