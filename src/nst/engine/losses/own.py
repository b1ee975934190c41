"""Terms of style loss `neighbors` that keep the content image recognisable.

[Kolkin22] Kolkin, Kucera, Paris, Sýkora, Shechtman, Shakhnarovich: Neural Neighbor Style Transfer,
arXiv 2203.13215, 2022. The structure term is from [Kolkin19]. Ours are the content's own
hypercolumns in the style's colours, and the weights.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from nst.engine.losses.cells import cells_of
from nst.engine.losses.content import detail_weights
from nst.engine.losses.cosine import BLOCK_ROWS, CellTargets, CosineTerm
from nst.engine.losses.layers import OWN_LAYERS
from nst.engine.losses.reading import CellReader, key_of, read
from nst.engine.losses.structure import Grid, StructureReader, StructureTerm
from nst.engine.losses.sums import wide
from nst.engine.losses.term import Term
from nst.engine.network.encoder import Encoder

OWN_WEIGHT = 0.35
"""Weight of the content's own hypercolumns in the content loss."""
STRUCTURE_WEIGHT = 0.2
"""Weight of the structure term in the content loss."""


@dataclass(frozen=True, slots=True)
class OwnSample:
    """Features that are kept of a content image."""

    rows: Mapping[str, Tensor]
    """Hypercolumns of all cells, by layer (cells, C)."""
    sums: Sequence[Tensor]
    """Sums of the features by place, layer by layer of the structure term."""
    is_kept: bool
    """Whether somebody keeps the sample, so that its terms may not change it."""

    @classmethod
    def of(
        cls, encoder: Encoder, content: Tensor, tile_side: int | None, *, is_kept: bool = False
    ) -> Self:
        """Sample a content image (1, 3, H, W)."""
        own = CellReader(OWN_LAYERS, _numbers(content), encoder.dtype)
        structure = StructureReader(_grid(content))
        read(encoder.up_to(OWN_LAYERS), content, tile_side, own, structure)
        return cls(own.rows, structure.sums, is_kept)


class OwnSampler:
    """Sampler of content images that keeps the latest sample.

    The searches while an image is finished ask for the same sample again.
    """

    def __init__(self) -> None:
        self._kept: dict[object, OwnSample] = {}

    def sample(self, encoder: Encoder, content: Tensor, tile_side: int | None) -> OwnSample:
        """Return a sample of a content image (1, 3, H, W)."""
        key = key_of(encoder, content)
        if key not in self._kept:
            self.forget()  # memory has no room for two
            self._kept[key] = OwnSample.of(encoder, content, tile_side, is_kept=True)
        return self._kept[key]

    def forget(self) -> None:
        """Free the memory of the latest sample."""
        self._kept.clear()


@dataclass(frozen=True, slots=True)
class Matched:
    """Moments of what the cells have matched in one style."""

    moments: Mapping[str, Tensor]
    """Moments of the matches by layer: sums of weights, values and squares, (3, C).
    Each match counts by the amount of the style in its cell."""
    amounts: Tensor
    """How much of the style's means and deviations each cell gets, 0…1: (cells,)."""

    @classmethod
    def of(cls, keys: Mapping[str, Tensor], index: Tensor, amount: Tensor) -> Self:
        count, amounts = len(keys[OWN_LAYERS[0]]), amount.flatten()
        counts = amount.new_zeros(count).index_add_(0, index.flatten(), amounts)
        return cls({layer: _moments(wide(keys[layer]), counts) for layer in OWN_LAYERS}, amounts)


def content_terms(
    own: OwnSample, content: Tensor, found: Sequence[Matched], detail: Tensor | None
) -> list[Term]:
    """Return the terms for the content's own hypercolumns and for its structure.

    Where a style is, each channel of the hypercolumns gets the mean and the deviation of the
    matches of its cells, by the amount of the style. Where no style is, the hypercolumns stay as
    they are. `content`: the image that was sampled, (1, 3, H, W). `detail`: where to keep more of
    it, (1, 1, H, W), 0…1. The terms take the memory of a sample that nobody keeps.
    """
    numbers, cells = _numbers(content), cells_of(content.shape[2:])
    rows = {
        layer: _move(
            of_layer,
            [(style.moments[layer], style.amounts) for style in found],
            into=torch.empty_like(of_layer) if own.is_kept else of_layer,
        )
        for layer, of_layer in own.rows.items()
    }
    weights = content.new_ones(cells) if detail is None else detail_weights(detail, cells)[0, 0]
    targets = CellTargets.of(rows, numbers.to(content.device))
    return [
        CosineTerm("content", targets, OWN_WEIGHT * weights / weights.numel()),
        StructureTerm("content", own.sums, _grid(content), STRUCTURE_WEIGHT),
    ]


def _numbers(content: Tensor) -> Tensor:
    """Number the cells of an image: (rows, columns)."""
    cells = cells_of(content.shape[2:])
    return torch.arange(math.prod(cells)).view(cells)


def _grid(content: Tensor) -> Grid:
    return Grid(*content.shape[2:])


def _move(rows: Tensor, styles: Sequence[tuple[Tensor, Tensor]], *, into: Tensor) -> Tensor:
    """Give rows the means and deviations of the styles, by their amounts.

    `styles`: moments (3, C) and amounts (n,) of each style. Each style changes the mean and the
    deviation that the rows have where the style is. What the amounts leave of a row stays. `into`:
    where the new rows are written; it may be `rows`.
    """
    blocks = torch.split(rows, BLOCK_ROWS)
    moves = []
    for moments, amounts in styles:
        parts = torch.split(amounts, BLOCK_ROWS)
        if amounts.any():
            of_rows = [
                _moments(wide(block), part) for block, part in zip(blocks, parts, strict=True)
            ]
            moves.append((_spread(torch.stack(of_rows).sum(0)), _spread(moments), parts))
    for number, block in enumerate(blocks):
        before = wide(block)
        after = before.clone()
        for (mean, deviation), (other_mean, other_deviation), parts in moves:
            shifted = (before - mean) / (deviation + 1e-6) * other_deviation + other_mean
            after += parts[number][:, None] * (shifted - before)
        into[number * BLOCK_ROWS :][: len(block)] = after
    return into


def _moments(rows: Tensor, weights: Tensor) -> Tensor:
    """Return each channel's sums of weights, values and squares: (n, C), (n,) → (3, C)."""
    sums = [weights.sum().expand(rows.shape[1]), weights @ rows, weights @ rows.square()]
    return torch.stack(sums)


def _spread(moments: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and the deviation of each channel."""
    count, values, squares = moments
    mean = values / count
    return mean, (squares / count - mean.square()).clamp(min=0).sqrt()
