"""Terms of style loss `neighbors`: match each place with a place of the style.

Every place of the content image is painted like the place of the style image that looks most like
it.

[Kolkin22] Kolkin, Kucera, Paris, Sýkora, Shechtman, Shakhnarovich: Neural Neighbor Style Transfer,
arXiv 2203.13215, 2022. The structure term is from [Kolkin19], the Gram matrices are from [Gatys16].
Ours are the preference of the flourish for areas of the content image that have room, and all
weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from nst.engine.losses.cells import cells_of
from nst.engine.losses.cosine import CellTargets, CosineTerm
from nst.engine.losses.layers import (
    DETAIL_LAYERS,
    FLOURISH_LAYERS,
    MATCHED_LAYERS,
    PLACE_LAYERS,
    evenly,
)
from nst.engine.losses.matching import Projection, QueryReader, StyleSampler, matches
from nst.engine.losses.own import Matched, OwnSample, OwnSampler, content_terms
from nst.engine.losses.places import PlacesTerm, paired, sampled_places
from nst.engine.losses.reading import PlaceReader, read
from nst.engine.losses.room import room_in
from nst.engine.losses.style import StyleTerm, compare_with, relative
from nst.engine.losses.term import Term
from nst.engine.network.encoder import Encoded, Encoder
from nst.engine.network.tiles import stride
from nst.engine.pictures.tensors import StyleInput

BUSY_FLOURISH = 0.3
"""Share of the flourish where the content image has no room for it."""
FACE_FLOURISH = 0.05
"""Share of the flourish on a face.
It is too small to paint a form, but enough to keep the face's contrast."""
FACE_DETAIL = 0.08
"""Detail of the content image that is kept on a face, a value of a detail map."""
MATCH_WHILE_FINISHING = 0.25
"""Weight of the matches while finishing, where single features count as well."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Tiles for the features of whole images, and what is kept of them."""

    tile_side: int | None = None
    """Approximate side of a tile in pixels; None: images are not cut into tiles."""
    styles: StyleSampler = field(default_factory=StyleSampler)
    own: OwnSampler | None = None
    """Sampler that keeps the content image's sample; None: there is no room."""
    encoded: Encoded | None = None
    """An image that has been encoded and is not encoded again."""

    def of_content(self, encoder: Encoder, content: Tensor) -> OwnSample:
        """Sample a content image (1, 3, H, W)."""
        if self.own:
            return self.own.sample(encoder, content, self.tile_side)
        return OwnSample.of(encoder, content, self.tile_side)


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
    sampling: Sampling | None = None,
) -> list[Term]:
    """Return all terms of one stage.

    `seen`: the image whose neighbours are searched for. All images are (1, 3, H, W), RGB 0…255
    minus the encoder's mean colour. `search`: number of the search while finishing, from 1; 0
    before. `detail`: where to keep more of the content, (1, 1, H, W), 0…1.
    `faces`: where no form of the style may hide the content image, (1, 1, H, W), 0…1. `flourish`:
    factor of the flourish in this stage, besides its weight. `colors`: share of the style's colours
    in what the content's own hypercolumns ask for, 0…1.
    """
    sampling = sampling or Sampling()
    tile_side, images = sampling.tile_side, [style.image for style in styles]
    samples = sampling.styles.samples(encoder, images, seed, tile_side)
    is_finishing = search > 0
    generator = torch.Generator().manual_seed(seed + search)
    cells = QueryReader(Projection(seed, content.to(encoder.dtype)), seen)
    layers = DETAIL_LAYERS if search > 1 else MATCHED_LAYERS
    compared = [layer for layer in PLACE_LAYERS if is_finishing and layer in layers]
    places = [_places(style, seen, compared, generator) for style in styles]
    features = [PlaceReader(each) for each in places]
    read(encoder, seen, tile_side, cells, *features, encoded=sampling.encoded)

    style_weight = MATCH_WHILE_FINISHING if is_finishing else 1.0
    terms: list[Term] = []
    found: list[Matched] = []
    amounts = _amounts(styles, content)
    for sample, where, ours, amount in zip(samples, places, features, amounts, strict=True):
        index = matches(cells.queries, sample.keys)
        found.append(Matched.of(sample.cells, index, colors * amount))
        targets = CellTargets.of({layer: sample.cells[layer] for layer in layers}, index)
        terms.append(CosineTerm("style", targets, style_weight * amount / amount.numel()))
        if where:
            pairs = {
                layer: paired(ours.features[layer], of_layer, sample.directions[layer])
                for layer, of_layer in where.items()
            }
            terms.append(PlacesTerm("style", pairs, amount.mean().item()))
    of_content = sampling.of_content(encoder, content)
    terms += content_terms(of_content, content, found, _kept_detail(detail, faces))
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
