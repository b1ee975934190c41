"""Terms of style loss `neighbors`: match each place with a place of the style.

Every place of the content image is painted like the place of the style image that looks most like
it.

[Kolkin22] Kolkin, Kucera, Paris, Sýkora, Shechtman, Shakhnarovich: Neural Neighbor Style Transfer,
arXiv 2203.13215, 2022. The structure term is from [Kolkin19], the Gram matrices are from [Gatys16].
Ours are the preference of the flourish for areas of the content image that have room, the content's
own hypercolumns in the style's colours, and all weights.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from nst.engine.losses.cells import cells_of
from nst.engine.losses.content import detail_weights
from nst.engine.losses.cosine import BLOCK_ROWS, CellTargets, CosineTerm
from nst.engine.losses.layers import (
    DETAIL_LAYERS,
    FLOURISH_LAYERS,
    MATCHED_LAYERS,
    OWN_LAYERS,
    PLACE_LAYERS,
    evenly,
)
from nst.engine.losses.matching import Projection, QueryReader, StyleSampler, nearest
from nst.engine.losses.places import PlacesTerm, paired, sampled_places
from nst.engine.losses.reading import CellReader, PlaceReader, read
from nst.engine.losses.room import room_in
from nst.engine.losses.structure import Grid, StructureReader, StructureTerm
from nst.engine.losses.style import StyleTerm, compare_with, relative
from nst.engine.losses.sums import wide
from nst.engine.losses.term import Term
from nst.engine.network.encoder import Encoder
from nst.engine.network.tiles import stride
from nst.engine.pictures.tensors import StyleInput

OWN_WEIGHT = 0.35
"""Weight of the content's own hypercolumns in the content loss."""
STRUCTURE_WEIGHT = 0.2
"""Weight of the structure term in the content loss."""
BUSY_FLOURISH = 0.3
"""Share of the flourish where the content image has no room for it."""
FACE_FLOURISH = 0.05
"""Share of the flourish on a face.
It is too small to paint a form, but enough to keep the face's contrast."""
FACE_DETAIL = 0.08
"""Detail of the content image that is kept on a face, a value of a detail map."""
MATCH_WHILE_FINISHING = 0.25
"""Weight of the matches while finishing, where single features count as well."""


def neighbor_terms(
    encoder: Encoder,
    content: Tensor,
    styles: Sequence[StyleInput],
    seen: Tensor,
    *,
    search: int,
    flourish: float,
    colors: float = 1.0,
    detail: Tensor | None = None,
    faces: Tensor | None = None,
    seed: int = 0,
    sampler: StyleSampler | None = None,
    tile_side: int | None = None,
) -> list[Term]:
    """Return all terms of one stage.

    `seen`: the image whose neighbours are searched for. All images are (1, 3, H, W), RGB 0…255
    minus the encoder's mean colour. `search`: number of the search while finishing, from 1; 0
    before. `detail`: where to keep more of the content, (1, 1, H, W), 0…1.
    `faces`: where no form of the style may hide the content image, (1, 1, H, W), 0…1. `flourish`:
    factor of the flourish in this stage, besides its weight. `colors`: share of the style's colours
    in what the content's own hypercolumns ask for, 0…1. `sampler`: a sampler that may have kept
    samples of the styles.
    """
    sampler = sampler or StyleSampler()
    samples = sampler.samples(encoder, [style.image for style in styles], seed, tile_side)
    is_finishing = search > 0
    generator = torch.Generator().manual_seed(seed + search)
    cells = QueryReader(Projection(seed, content.to(encoder.dtype)), seen)
    layers = DETAIL_LAYERS if search > 1 else MATCHED_LAYERS
    compared = [layer for layer in PLACE_LAYERS if is_finishing and layer in layers]
    places = [_places(style, seen, compared, generator) for style in styles]
    features = [PlaceReader(each) for each in places]
    read(encoder, seen, tile_side, cells, *features)

    style_weight = MATCH_WHILE_FINISHING if is_finishing else 1.0
    terms: list[Term] = []
    found: list[_Matched] = []
    amounts = _amounts(styles, content)
    for sample, where, ours, amount in zip(samples, places, features, amounts, strict=True):
        index = nearest(cells.queries, sample.keys)
        found.append(_Matched.of(sample.cells, index, colors * amount))
        targets = CellTargets.of({layer: sample.cells[layer] for layer in layers}, index)
        terms.append(CosineTerm("style", targets, style_weight * amount / amount.numel()))
        if where:
            pairs = {
                layer: paired(ours.features[layer], of_layer, sample.directions[layer])
                for layer, of_layer in where.items()
            }
            terms.append(PlacesTerm("style", pairs, amount.mean().item()))
    terms += _content_terms(encoder, content, found, _kept_detail(detail, faces), tile_side)
    if flourish:
        amount = flourish_amount(content, detail, faces)
        grams = [sample.grams for sample in samples]
        terms.append(_flourish(encoder, content, styles, grams, amount, flourish))
    return terms


def _amounts(styles: Sequence[StyleInput], content: Tensor) -> list[Tensor]:
    """Return the amount of each style in each cell, 0…1: (rows, columns)."""
    cells = cells_of(content.shape[2:])
    return [
        content.new_full(cells, style.share)
        if style.amount is None
        else adaptive_avg_pool2d(style.amount, cells)[0, 0]
        for style in styles
    ]


def _kept_detail(detail: Tensor | None, faces: Tensor | None) -> Tensor | None:
    """Return the detail map with at least FACE_DETAIL on faces."""
    if faces is None:
        return detail
    on_faces = FACE_DETAIL * faces
    return on_faces if detail is None else torch.maximum(detail, on_faces)


def _places(
    style: StyleInput, seen: Tensor, layers: Sequence[str], generator: torch.Generator
) -> dict[str, tuple[Tensor, Tensor]]:
    """Sample places of these layers where the style is, by layer.

    There are none if the style's mask is too small.
    """
    found: dict[str, tuple[Tensor, Tensor]] = {}
    for layer in layers:
        height, width = (length // stride(layer) for length in seen.shape[2:])
        rows, columns = sampled_places((height, width), generator)
        if style.amount is not None:
            amount = adaptive_avg_pool2d(style.amount, (height, width))[0, 0].cpu()
            inside = amount[rows, columns] > 0.5
            rows, columns = rows[inside], columns[inside]
        if len(rows):
            found[layer] = (rows, columns)
    return found


def _content_terms(
    encoder: Encoder,
    content: Tensor,
    found: Sequence["_Matched"],
    detail: Tensor | None,
    tile_side: int | None,
) -> list[Term]:
    """Return the terms for the content's own hypercolumns and for its structure.

    Where a style is, each channel of the hypercolumns gets the mean and the deviation of the
    matches of its cells, by the amount of the style. Where no style is, the hypercolumns stay as
    they are.
    """
    cells = cells_of(content.shape[2:])
    numbers = torch.arange(math.prod(cells)).view(cells)
    own, grid = CellReader(OWN_LAYERS, numbers, encoder.dtype), Grid(*content.shape[2:])
    structure = StructureReader(grid)
    read(encoder.up_to(OWN_LAYERS), content, tile_side, own, structure)
    for layer, rows in own.rows.items():
        _move(rows, [(style.moments[layer], style.amounts) for style in found])
    weights = content.new_ones(cells) if detail is None else detail_weights(detail, cells)[0, 0]
    targets = CellTargets.of(own.rows, numbers.to(content.device))
    return [
        CosineTerm("content", targets, OWN_WEIGHT * weights / weights.numel()),
        StructureTerm("content", structure.sums, grid, STRUCTURE_WEIGHT),
    ]


@dataclass(frozen=True, slots=True)
class _Matched:
    """What the cells have matched in one style."""

    moments: Mapping[str, Tensor]
    """By layer, the moments of the matches: sums of weights, values and squares, (3, C).
    Each match counts by the amount of the style in its cell."""
    amounts: Tensor
    """How much of the style's means and deviations each cell gets, 0…1: (cells,)."""

    @classmethod
    def of(cls, keys: Mapping[str, Tensor], index: Tensor, amount: Tensor) -> "_Matched":
        count, amounts = len(keys[OWN_LAYERS[0]]), amount.flatten()
        counts = amount.new_zeros(count).index_add_(0, index.flatten(), amounts)
        return cls({layer: _moments(wide(keys[layer]), counts) for layer in OWN_LAYERS}, amounts)


def _move(rows: Tensor, styles: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Give rows the means and deviations of the styles, in place, by their amounts.

    `styles`: moments (3, C) and amounts (n,) of each style. Each style changes the mean and the
    deviation that the rows have where the style is. What the amounts leave of a row stays.
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
            moved = (before - mean) / (deviation + 1e-6) * other_deviation + other_mean
            after += parts[number][:, None] * (moved - before)
        block.copy_(after)


def _moments(rows: Tensor, weights: Tensor) -> Tensor:
    """Return each channel's sums of weights, values and squares: (n, C), (n,) → (3, C)."""
    sums = [weights.sum().expand(rows.shape[1]), weights @ rows, weights @ rows.square()]
    return torch.stack(sums)


def _spread(moments: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and the deviation of each channel."""
    count, values, squares = moments
    mean = values / count
    return mean, (squares / count - mean.square()).clamp(min=0).sqrt()


def _flourish(
    encoder: Encoder,
    content: Tensor,
    styles: Sequence[StyleInput],
    grams: Sequence[Sequence[Tensor]],
    amount: Tensor,
    factor: float,
) -> StyleTerm:
    """Return the term of the flourish: Gram matrices relative to the style's own.

    It makes large forms, most of all where there is room for them.
    """
    size = (content.shape[2], content.shape[3])
    compared = compare_with(grams, evenly(FLOURISH_LAYERS), styles, size, encoder.path)
    return StyleTerm([relative(each, factor).within(amount) for each in compared], "flourish")


def flourish_amount(content: Tensor, detail: Tensor | None, faces: Tensor | None) -> Tensor:
    """Return the share of the flourish at each pixel, (1, 1, H, W), 0…1.

    `detail` and `faces`: maps as in `neighbor_terms`.
    """
    room = room_in(content)
    if detail is not None:
        room = room * (1 - detail)
    amount = BUSY_FLOURISH + (1 - BUSY_FLOURISH) * room
    return amount if faces is None else amount + faces * (FACE_FLOURISH - amount)
