"""Search for the vectors with the smallest angle between them."""

import torch
from torch import Tensor

from nst.engine.network.arithmetic import product

ROWS_ON_CPU = 256
"""Number of vectors that a CPU compares at a time.
Their cosines stay in its cache, which takes a third of the time of larger blocks."""
COSINES_AT_ONCE = 2**24
"""Maximum number of cosines that another device holds at once: 64 MB in float32."""
GROUP = 64
"""Number of neighbouring columns whose maximum is found first.
A maximum takes a tenth of the time of its column's number."""


def nearest(queries: Tensor, keys: Tensor) -> Tensor:
    """Return the number of the nearest key for each query, the first of equal ones.

    All vectors have length 1: (Q, C), (K, C) → (Q,).
    """
    blocks = torch.split(queries, _rows_at_once(keys))
    return torch.cat([_first_largest(product(block, keys.T)) for block in blocks])


def nearest_both_ways(ones: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `nearest` returns for each of `ones`, and for each of `others`.

    Each cosine is computed only once.
    """
    there: list[Tensor] = []
    largest = ones.new_full((len(others),), -torch.inf)
    back = torch.zeros(len(others), dtype=torch.long, device=ones.device)
    for block in torch.split(ones, _rows_at_once(others)):
        cosines = product(block, others.T)
        of_block = cosines.amax(0)
        (larger,) = torch.nonzero(of_block > largest, as_tuple=True)
        back[larger] = cosines[:, larger].argmax(0) + sum(map(len, there))
        largest[larger] = of_block[larger]
        there.append(_first_largest(cosines))
    return torch.cat(there), back


def _rows_at_once(keys: Tensor) -> int:
    return ROWS_ON_CPU if keys.device.type == "cpu" else max(COSINES_AT_ONCE // len(keys), 1)


def _first_largest(rows: Tensor) -> Tensor:
    """Return the number of the first largest value in each row."""
    if rows.shape[1] % GROUP:
        return rows.argmax(1)
    groups = rows.view(len(rows), -1, GROUP)
    group = groups.amax(2).argmax(1)
    every = torch.arange(len(rows), device=rows.device)
    number: Tensor = GROUP * group + groups[every, group].argmax(1)
    return number
