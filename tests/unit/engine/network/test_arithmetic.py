"""Products in bfloat16 and float16 against the same sums in float64."""

import pytest
import torch
from torch import Tensor
from torch.backends import cudnn
from torch.nn.functional import conv2d

from nst.engine.network import arithmetic
from nst.engine.network.arithmetic import convolution, product

ROUNDING = {torch.bfloat16: 2**-8, torch.float16: 2**-11, torch.float32: 1e-5}
"""Relative error of one rounding; sums in float32 have a larger one."""


@pytest.fixture(params=["with instructions", "without"])
def cpu(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    """Has a CPU with and without instructions for the low number types."""
    if request.param == "without":
        monkeypatch.setattr(arithmetic, "multiplies", lambda _, dtype: dtype == torch.float32)
    elif not arithmetic.multiplies("cpu", dtype):
        pytest.skip(f"this CPU has no instructions for {dtype}")


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_a_convolution_is_rounded_once(dtype: torch.dtype, padding: int) -> None:
    x, kernel, bias = random(dtype, (1, 5, 9, 8), (4, 5, 3, 3), (4,))
    exact = conv2d(x.double(), kernel.double(), padding=padding)
    assert_close(convolution(x, kernel, padding=padding), dtype, exact)
    added = bias.double()[:, None, None]
    assert_close(convolution(x, kernel, bias, padding), dtype, exact + added)


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
def test_a_product_is_rounded_once(dtype: torch.dtype) -> None:
    left, right = random(dtype, (7, 30), (30, 6))
    assert_close(product(left, right), dtype, left.double() @ right.double())


def test_float32_is_never_converted() -> None:
    assert arithmetic.multiplies("cpu", torch.float32)
    assert arithmetic.multiplies("cpu", torch.float64)
    assert arithmetic.multiplies("cuda", torch.bfloat16)


def random(dtype: torch.dtype, *shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.rand(shape, generator=generator).to(dtype) for shape in shapes]


def assert_close(found: Tensor, dtype: torch.dtype, exact: Tensor) -> None:
    assert found.dtype == dtype
    assert found.shape == exact.shape
    assert ((found.double() - exact).abs() <= ROUNDING[dtype] * exact.abs()).all()


def test_cudnn_computes_convolutions_reproducibly_and_in_full_precision() -> None:
    """cuDNN's switches belong to the process, so a machine without a GPU has them, too."""
    found = []

    def compute(*_: object, **__: object) -> Tensor:
        found.append((cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32))
        return torch.zeros(1)

    before = (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arithmetic, "conv2d", compute)
        arithmetic.convolution(torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 3, 3))
    assert found == [(True, False, True, False)]
    assert before == (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32)
