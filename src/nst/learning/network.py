"""Image transformation network, which paints a photo in one pass.

[Johnson16] Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer, ECCV 2016.
[Odena16] Odena, Dumoulin, Olah: Deconvolution and Checkerboard Artifacts, Distill 2016.
[Ulyanov17] Ulyanov, Vedaldi, Lempitsky: Improved Texture Networks, CVPR 2017.
[Dumoulin17] Dumoulin, Shlens, Kudlur: A Learned Representation for Artistic Style, ICLR 2017.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, group_norm, instance_norm, interpolate, relu

from nst.engine.network.arithmetic import multiplies
from nst.learned_file import IDENTITY, NetworkShape
from nst.learned_graph import EPSILON, GREY, STRIDE

FIRST_CONTRAST = 0.4
"""Standard deviation of an untrained network's colours.
The value is relative to half of the range."""


class StyleNorm(nn.Module):
    """Conditional instance normalization, equation 5 of [Dumoulin17].

    Each style has its own scale and shift of the normalized channels [Ulyanov17]; everything else
    is shared.
    """

    def __init__(self, styles: int, channels: int, *, scale: float = 1.0) -> None:
        """Initialise the scale of all channels to `scale`, and their shift to 0."""
        super().__init__()
        self.scale = nn.Parameter(torch.full((styles, channels), scale))
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, features: Tensor, shares: Tensor) -> Tensor:
        """Normalize (B, C, H, W); `shares` (B, styles) blend scales and shifts."""
        batch, channels, height, width = features.shape
        scale, shift = (shares @ self.scale).flatten(), (shares @ self.shift).flatten()
        if batch == 1 and not torch.is_grad_enabled():
            # Groups of one channel are instances. This call keeps the memory format of the
            # convolutions: a pass takes 0.7 of the time. Its gradient crashed in torch 2.13.
            return group_norm(features, channels, scale, shift, EPSILON)
        # As one image with B·C channels, so that one call can scale each image differently.
        stacked = features.reshape(1, batch * channels, height, width)
        normal = instance_norm(stacked, weight=scale, bias=shift, eps=EPSILON)
        return normal.view(batch, channels, height, width)


class Layer(nn.Module):
    """Convolution with mirrored borders, followed by `StyleNorm`."""

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


class ColourGrade(nn.Module):
    """Affine change of the colours, one for each style.

    It is not learned but fitted to the colours of a style (`nst.learning.grading`). In training it
    changes nothing.
    """

    matrix: Tensor
    """Matrices of the styles, row by row: (styles, 9)."""
    shift: Tensor
    """Shifts of the styles, (styles, 3)."""

    def __init__(self, styles: int) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.tensor([IDENTITY]).repeat(styles, 1))
        self.register_buffer("shift", torch.zeros(styles, 3))

    def forward(self, colours: Tensor, shares: Tensor) -> Tensor:
        """Change (B, 3, H, W); `shares` (B, styles) blend matrices and shifts."""
        matrix = (shares @ self.matrix).view(-1, 3, 3)
        changed = (matrix @ colours.flatten(2)).view_as(colours)
        return changed + (shares @ self.shift)[:, :, None, None]


class StyleNetwork(nn.Module):
    """Network that paints in one of several styles, or in a blend of them.

    This is the network of [Johnson16] with fewer channels and smaller kernels at full resolution,
    where most of the time would be spent. It paints the difference from a blurred copy of the photo
    in the colours of the style, so it starts near a photo instead of first learning to copy one.
    The copy is normalized like all features: the network does not see the photo's own colours, so
    it could not remove them. Features are enlarged by nearest-neighbour interpolation and a
    convolution, which causes no checkerboard artifacts [Odena16].
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
        self.grade = ColourGrade(styles)

    def forward(self, photo: Tensor, shares: Tensor) -> Tensor:
        """Paint (B, 3, H, W), RGB 0…255; sides are multiples of STRIDE.
        Each row of `shares` (B, styles) adds up to 1. The result has the same shape and is not
        clamped."""
        x = (photo / GREY - 1).contiguous(memory_format=torch.channels_last)
        features = relu(self.down_2(relu(self.down_1(x, shares)), shares))
        for block in self.blocks:
            features = block(features, shares)
        features = relu(self.up_1(_doubled(features), shares))
        features = relu(self.up_2(_doubled(features), shares))
        # In float32 even under autocast: the rounding errors of bfloat16 would be visible here.
        with torch.autocast(features.device.type, enabled=False):
            painted = self.colours(_blurred(x), shares) + self.paint(features.float())
            painted = self.grade(painted, shares)
        result: Tensor = (painted + 1) * GREY
        return result


def new_network(shape: NetworkShape, seed: int) -> StyleNetwork:
    """Return an untrained network; equal seeds give equal networks."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return StyleNetwork(shape)


def paint_in(network: StyleNetwork, pixels: np.ndarray, style: int) -> np.ndarray:
    """Paint levels (H, W, 3) in one of the network's styles."""
    shares = [float(number == style) for number in range(network.shape.styles)]
    return paint_levels(network, pixels, shares)


@torch.inference_mode()
def paint_levels(
    network: StyleNetwork,
    pixels: np.ndarray,
    shares: Sequence[float],
    dtype: torch.dtype = torch.float32,
) -> np.ndarray:
    """Paint levels (H, W, 3) in one pass.
    `shares` of the network's styles add up to 1; `dtype`: data type of all convolutions except the
    last one; float32 where the CPU has no instructions for it."""
    height, width, _ = pixels.shape
    device = network.paint.weight.device
    photo = torch.from_numpy(_padded(pixels)).permute(2, 0, 1)[None].to(device)
    is_lower = dtype != torch.float32 and multiplies(device.type, dtype)
    with torch.autocast(device.type, dtype, enabled=is_lower):
        painted = network(photo, torch.tensor([shares], device=device))
    array: np.ndarray = painted[0].permute(1, 2, 0).cpu().numpy()
    return array[:height, :width]


def _padded(pixels: np.ndarray) -> np.ndarray:
    """Return the levels, padded right and below to multiples of STRIDE.
    The padding mirrors the levels."""
    height, width, _ = pixels.shape
    return np.pad(pixels, [(0, -height % STRIDE), (0, -width % STRIDE), (0, 0)], mode="reflect")


def _convolution(
    channels_in: int, channels: int, side: int, stride: int, *, bias: bool
) -> nn.Conv2d:
    return nn.Conv2d(
        channels_in, channels, side, stride, side // 2, padding_mode="reflect", bias=bias
    )


def _doubled(features: Tensor) -> Tensor:
    return interpolate(features, scale_factor=2.0, mode="nearest")


def _blurred(x: Tensor) -> Tensor:
    """Return the mean colours of cells of STRIDE × STRIDE pixels, interpolated."""
    return interpolate(avg_pool2d(x, STRIDE), scale_factor=float(STRIDE), mode="bilinear")
