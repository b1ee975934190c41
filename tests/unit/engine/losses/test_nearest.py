"""The search for nearest vectors, against the plain formula."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from nst.engine.losses import nearest
from nst.engine.losses.nearest import nearest_both_ways


def unit_rows(count: int, seed: int) -> Tensor:
    rows = torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))
    return normalize(rows.double(), dim=1)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(600, 128), (600, 100), (5, 640), (1, 1), (300, 64), (257, 63)]
)
def test_each_vector_finds_its_nearest(ours: int, theirs: int) -> None:
    """Blocks of rows and groups of columns do not matter, nor what is left of them."""
    one, other = unit_rows(ours, 0), unit_rows(theirs, 1)
    cosines = [[float(a @ b) for b in other] for a in one]
    there, back = nearest_both_ways(one, other)
    assert there.tolist() == [max(range(theirs), key=row.__getitem__) for row in cosines]
    columns = [list(column) for column in zip(*cosines, strict=True)]
    assert back.tolist() == [max(range(ours), key=column.__getitem__) for column in columns]
    assert torch.equal(nearest.nearest(one, other), there)


def test_the_first_of_equal_vectors_is_the_nearest() -> None:
    """Otherwise one seed would not paint the same image on every machine."""
    generator = torch.Generator().manual_seed(0)
    one, other = (  # whole numbers, because products of equal vectors may be rounded differently
        torch.randint(-9, 9, (count, 8), generator=generator).double() for count in (400, 128)
    )
    twice, both = torch.cat([one, one]), torch.cat([other, other])
    there, back = nearest_both_ways(twice, both)
    assert there.max() < 128
    assert back.max() < 400


def test_lower_precision_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "ROWS_ON_CPU", 7)
    one, other = (each.bfloat16() for each in (unit_rows(30, 0), unit_rows(128, 1)))
    there, back = nearest_both_ways(one, other)
    cosines = (one.double() @ other.double().T).bfloat16()
    assert torch.equal(cosines.gather(1, there[:, None])[:, 0], cosines.amax(1))
    assert torch.equal(cosines.gather(0, back[None])[0], cosines.amax(0))
