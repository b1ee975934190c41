"""The image transformation network: a photo in, the photo
painted out, in one pass.

[Johnson16] Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer, ECCV 2016.
[Odena16] Odena, Dumoulin, Olah: Deconvolution and Checkerboard Artifacts, Distill 2016.
[Ulyanov17] Ulyanov, Vedaldi, Lempitsky: Improved Texture Networks, CVPR 2017.
[Dumoulin17] Dumoulin, Shlens, Kudlur: A Learned Representation for Artistic Style, ICLR 2017.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, group_norm, instance_norm, interpolate, relu

from nst.learned_file import NetworkShape
from nst.learned_graph import EPSILON, GREY, STRIDE

FIRST_CONTRAST = 0.4
"""Standard deviation of the colours of a network that has
learned nothing, relative to half of the range."""


class StyleNorm(nn.Module):
    """Conditional instance normalization [Dumoulin17] eq.
    5: each style has its own scale and shift of the normalized channels
    [Ulyanov17], and everything else is shared."""

    def __init__(self, styles: int, channels: int, *, scale: float = 1.0) -> None:
        """`scale`: of all channels, before anything is learned."""
        super().__init__()
        self.scale = nn.Parameter(torch.full((styles, channels), scale))
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, features: Tensor, shares: Tensor) -> Tensor:
        """Normalize (B, C, H, W); `shares` (B, styles) blend scales and shifts."""
        batch, channels, height, width = features.shape
        scale, shift = (shares @ self.scale).flatten(), (shares @ self.shift).flatten()
        if batch == 1 and not torch.is_grad_enabled():
            # Groups of one channel are instances. This call keeps the memory format of the
            # convolutions, which halves the time of a pass; its gradient crashed in torch 2.13.
            return group_norm(features, channels, scale, shift, EPSILON)
        # A batch is one image with B·C channels, so that one call has a scale for each of them.
        stacked = features.reshape(1, batch * channels, height, width)
        normal = instance_norm(stacked, weight=scale, bias=shift, eps=EPSILON)
        return normal.view(batch, channels, height, width)


class Layer(nn.Module):
    """A convolution with mirrored borders, then `StyleNorm`."""

    def __init__(
        self, styles: int, channels_in: int, channels: int, side: int, stride: int = 1
    ) -> None:
        super().__init__()
        self.convolution = _convolution(channels_in, channels, side, stride, bias=False)
        self.norm = StyleNorm(styles, channels)

    def forward(self, features: Tensor, shares: Tensor) -> Tensor:
        normal: Tensor = self.norm(self.convolution(features), shares)
        return normal


class Residual(nn.Module):
    """Two layers whose result is added to their input, as in [Johnson16]."""

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.first = Layer(styles, channels, channels, side=3)
        self.second = Layer(styles, channels, channels, side=3)

    def forward(self, features: Tensor, shares: Tensor) -> Tensor:
        added: Tensor = self.second(relu(self.first(features, shares)), shares)
        return features + added


class StyleNetwork(nn.Module):
    """Paints in one style of several, or in a blend of them.

    The network of [Johnson16] with fewer channels and smaller kernels at full resolution, where
    most of the time would go. It paints the difference from a blurred copy of the photo in the
    colours of the style, so that it starts near a photo instead of learning first to copy one. The
    copy is normalized as all features are: of the photo's own colours the network sees nothing, so
    that it could not take them away. Images grow by nearest neighbours and a convolution, which
    leaves no checkerboard [Odena16].
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        styles, channels, blocks = shape
        half, quarter = channels // 2, channels // 4
        self.shape = shape
        self.down_1 = Layer(styles, 3, half, side=5, stride=2)
        self.down_2 = Layer(styles, half, channels, side=3, stride=2)
        self.blocks = nn.ModuleList(Residual(styles, channels) for _ in range(blocks))
        self.up_1 = Layer(styles, channels, half, side=3)
        self.up_2 = Layer(styles, half, quarter, side=3)
        self.paint = _convolution(quarter, 3, side=5, stride=1, bias=True)
        self.colours = StyleNorm(styles, 3, scale=FIRST_CONTRAST)

    def forward(self, photo: Tensor, shares: Tensor) -> Tensor:
        """Paint (B, 3, H, W), RGB 0…255; sides are multiples of STRIDE.
        `shares` (B, styles), of which each row adds up to 1. The result has the same
        shape, and is not clamped."""
        x = (photo / GREY - 1).contiguous(memory_format=torch.channels_last)
        features = relu(self.down_2(relu(self.down_1(x, shares)), shares))
        for block in self.blocks:
            features = block(features, shares)
        features = relu(self.up_1(_doubled(features), shares))
        features = relu(self.up_2(_doubled(features), shares))
        # In float32 also where autocast computes in bfloat16, whose rounding would be seen here.
        with torch.autocast(features.device.type, enabled=False):
            painted: Tensor = self.colours(_blurred(x), shares) + self.paint(features.float())
        return (painted + 1) * GREY


def new_network(shape: NetworkShape, seed: int) -> StyleNetwork:
    """Return a network that has learned nothing; equal seeds give equal networks."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return StyleNetwork(shape)


def _convolution(
    channels_in: int, channels: int, side: int, stride: int, *, bias: bool
) -> nn.Conv2d:
    return nn.Conv2d(
        channels_in, channels, side, stride, side // 2, padding_mode="reflect", bias=bias
    )


def _doubled(features: Tensor) -> Tensor:
    return interpolate(features, scale_factor=2.0, mode="nearest")


def _blurred(x: Tensor) -> Tensor:
    """Return the colours of cells of STRIDE × STRIDE pixels, smoothly joined."""
    return interpolate(avg_pool2d(x, STRIDE), scale_factor=float(STRIDE), mode="bilinear")
