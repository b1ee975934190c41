"""The authors' loop: nearest-neighbour style transfer as described in its paper.

[Kolkin22] Kolkin, Kucera, Paris, Sýkora, Shechtman, Shakhnarovich: Neural Neighbor Style Transfer,
arXiv 2203.13215, 2022; the variant NNST-Opt. Plain float32, torch's autograd and Adam, the authors'
settings. It shares no code with `nst.engine`. The weights are those of the project, in which every
layer's mean activation is the same. Where the paper leaves a choice, the docstrings state it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from benchmarks.naive import build_network

LAYERS = (
    *("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3"),
    *("relu4_1", "relu4_2", "relu4_3"),
)
"""All ReLUs of VGG-16 before pool4."""
MEAN_RGB = (123.68, 116.779, 103.939)
SCALES = 4
STEPS = 200
"""Number of steps of Adam at each scale, and again of the finishing phase."""
RATE = 0.002
"""Learning rate of Adam, for pixels 0…1."""
ALPHA = 0.25
"""Share of the current image in the neighbour queries; the rest is the content."""
CELL_PIXELS = 4
"""Side of one cell of the grid of hypercolumns."""
SAMPLE_SIDE = 64
"""Square root of the number of places that a finishing step compares per layer."""
BANDS = 5
"""Number of bands of the Laplacian pyramid of the pixels, without the residual."""
SMALLEST_SIDE = 32
"""Minimum of the shorter side of a scale, in pixels; smaller scales are left out."""
BLOCK = 1024
"""Number of queries that are compared with all keys at once."""

Loss = Callable[[Tensor], Tensor]
OnStep = Callable[[int], None]


class NeighborsLoop:
    """Loop for one content image and one style image."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        content: Tensor,
        style: Tensor,
        *,
        alpha: float = ALPHA,
        seed: int = 0,
    ) -> None:
        """Build the network.

        `tensors`: conv1_1.weight, conv1_1.bias, … of VGG-16 for RGB 0…255 minus MEAN_RGB. Images:
        (1, 3, H, W), 0…1, on one device, the style image at its final size. `alpha`: share of the
        current image in the queries for neighbours, 0…1; a larger share gives a stronger style.
        """
        self.network = build_network("vgg16", tensors, last=LAYERS[-1], padding="replicate")
        self.network.to(content.device)
        self.mean = torch.tensor(MEAN_RGB, device=content.device).view(1, 3, 1, 1)
        self.content = content
        self.style = style
        self.alpha = alpha
        self.random = torch.Generator().manual_seed(seed)

    def run(self, steps: int = STEPS, on_step: OnStep = lambda _: None) -> Tensor:
        """Return the painted image (1, 3, H, W), 0…1.

        `steps`: number of steps at each scale, and again of the finishing phase. `on_step` gets the
        number of each step, from 1, and may raise an exception to stop.
        """
        count = _counted(on_step)
        image: Tensor | None = None
        for content, style in self._scales():
            # The paper does not state the initial image of the coarsest scale; here it is the
            # content.
            start = content if image is None else enlarged(image, content)
            target = self.target(self.seen(start, content, image), style)
            image = self._descend(start, steps, self._distance_to(target), count)
        assert image is not None  # there is always one scale
        image = self._descend(image, steps, self._finishing_loss(style), count)
        return with_colours_of(image, style).clamp(0, 1)

    def seen(self, start: Tensor, content: Tensor, image: Tensor | None) -> Tensor:
        """Return the image whose features are the queries for neighbours.
        At the coarsest scale this is the content. At finer scales it is in part the current image,
        with the detail that the content gains by the higher resolution."""
        if image is None:
            return content
        detail = content - enlarged(reduced(content, image.shape[2:]), content)
        return self.alpha * (start + detail) + (1 - self.alpha) * content

    @torch.no_grad()
    def target(self, seen: Tensor, style: Tensor) -> Tensor:
        """Return a hypercolumn of the style for every cell: (1, C, h, w)."""
        turned = [rows(self.hypercolumns(each)) for each in turns(style)]
        queries, keys = self.hypercolumns(seen), torch.cat(turned)
        found = keys[nearest(centred(rows(queries)), centred(keys))]
        return found.T.reshape(queries.shape)

    def features(self, image: Tensor) -> list[Tensor]:
        """Return the output of each of LAYERS."""
        features = []
        x = 255 * image - self.mean
        for name, layer in self.network.named_children():
            x = layer(x)
            if name in LAYERS:
                features.append(x)
        return features

    def hypercolumns(self, image: Tensor) -> Tensor:
        """Return all layers at each cell of the grid.
        Each layer is divided by its number of channels."""
        size = [max(length // CELL_PIXELS, 1) for length in image.shape[2:]]
        parts = [
            interpolate(each / each.shape[1], size, mode="bilinear", align_corners=False)
            for each in self.features(image)
        ]
        return torch.cat(parts, dim=1)

    def _scales(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield content and style from coarse to fine."""
        height, width = self.content.shape[2:]
        for halvings in reversed(range(SCALES)):
            if halvings and min(height, width) < SMALLEST_SIDE * 2**halvings:
                continue
            yield halved(self.content, halvings), halved(self.style, halvings)

    def _distance_to(self, target: Tensor) -> Loss:
        def loss(image: Tensor) -> Tensor:
            return (1 - torch.cosine_similarity(self.hypercolumns(image), target)).mean()

        return loss

    def _finishing_loss(self, style: Tensor) -> Loss:
        """Return the loss of the finishing phase.
        It compares each layer separately, at its own resolution, at random places. Every step
        searches neighbours again, among the same number of random features of the style."""
        with torch.no_grad():
            layers = zip(*(self.features(each) for each in turns(style)), strict=True)
            keys = [centred(torch.cat([rows(each) for each in layer])) for layer in layers]

        def loss(image: Tensor) -> Tensor:
            pairs = zip(self.features(image), keys, strict=True)
            return torch.stack(
                [self._to_nearest(rows(ours), theirs) for ours, theirs in pairs]
            ).sum()

        return loss

    def _to_nearest(self, ours: Tensor, keys: Tensor) -> Tensor:
        queries, some = centred(self._some(ours)), self._some(keys)
        with torch.no_grad():
            found = some[nearest(queries, some)]
        return (1 - (queries * found).sum(1)).mean()

    def _some(self, features: Tensor) -> Tensor:
        chosen = torch.randperm(len(features), generator=self.random)[: SAMPLE_SIDE**2]
        return features[chosen.to(features.device)]

    def _descend(
        self, start: Tensor, steps: int, loss_of: Loss, count: Callable[[], None]
    ) -> Tensor:
        bands = [band.clone().requires_grad_() for band in laplacian(start)]
        adam = torch.optim.Adam(bands, lr=RATE)
        for _ in range(steps):
            adam.zero_grad()
            loss_of(collapsed(bands)).backward()  # type: ignore[no-untyped-call]
            adam.step()
            count()
        return collapsed(bands).detach()


def nearest(queries: Tensor, keys: Tensor) -> Tensor:
    """Return for each query the index of the key with the largest cosine.
    Queries and keys are unit vectors."""
    return torch.cat([(block @ keys.T).argmax(1) for block in torch.split(queries, BLOCK)])


def centred(features: Tensor) -> Tensor:
    """Return features (N, C) minus their mean, as unit vectors."""
    return normalize(features - features.mean(0), dim=1)


def rows(features: Tensor) -> Tensor:
    """Return features (1, C, H, W) as rows (H·W, C)."""
    return features[0].flatten(1).T


def turns(image: Tensor) -> list[Tensor]:
    """Return the image rotated by 0, 90, 180 and 270 degrees."""
    return [torch.rot90(image, quarter, (2, 3)) for quarter in range(4)]


def laplacian(image: Tensor) -> list[Tensor]:
    """Return the bands of the image's Laplacian pyramid.
    Their sum, each enlarged to the size of the previous one, is the image."""
    bands = []
    for _ in range(BANDS):
        small = interpolate(
            image, [max(length // 2, 1) for length in image.shape[2:]], mode="bilinear"
        )
        bands.append(image - enlarged(small, image))
        image = small
    return [*bands, image]


def collapsed(bands: Sequence[Tensor]) -> Tensor:
    """Return the image that has this Laplacian pyramid."""
    image = bands[-1]
    for band in reversed(bands[:-1]):
        image = band + enlarged(image, band)
    return image


def enlarged(image: Tensor, like: Tensor) -> Tensor:
    return interpolate(image, like.shape[2:], mode="bilinear", align_corners=False)


def reduced(image: Tensor, size: Sequence[int]) -> Tensor:
    return interpolate(image, list(size), mode="bilinear", align_corners=False, antialias=True)


def halved(image: Tensor, halvings: int) -> Tensor:
    """Return the image halved repeatedly, but not below a cell of the deepest layer."""
    return reduced(image, [max(round(side / 2**halvings), 16) for side in image.shape[2:]])


def with_colours_of(image: Tensor, other: Tensor) -> Tensor:
    """Return the image with the mean and the covariance of the other image's pixels."""
    ours, theirs = rows(image).double(), rows(other).double()
    change = _root(theirs.T.cov(), 0.5) @ _root(ours.T.cov(), -0.5)
    painted = (ours - ours.mean(0)) @ change.T + theirs.mean(0)
    return painted.T.reshape(image.shape).to(image.dtype)


def _root(covariance: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    root: Tensor = (vectors * values.clamp(min=1e-6) ** exponent) @ vectors.T
    return root


def _counted(on_step: OnStep) -> Callable[[], None]:
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1
        on_step(steps)

    return count
