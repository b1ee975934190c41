"""Speed of matrix products on the machine, and operations of an encoder."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from benchmarks.engine.schema import Dtype, Kernel, MatrixProduct, today
from benchmarks.engine.timing import interleave, spread
from nst.engine.device import has_fast_bfloat16
from nst.engine.network.encoder import CHANNELS_PER_BLOCK


@dataclass(frozen=True)
class Product:
    """Product of two matrices of side × side, ready to be computed."""

    dtype: Dtype
    kernel: Kernel
    side: int
    multiply: Callable[[], Tensor]

    @property
    def flops(self) -> int:
        return 2 * self.side**3

    @property
    def name(self) -> str:
        return f"{self.dtype} {self.kernel}"


def products(side: int, device: torch.device) -> list[Product]:
    """Return products in float32 and, if the hardware supports it, in bfloat16.

    On the CPU, float32 is also multiplied by oneDNN, the library of the convolutions: torch.mm uses
    MKL, which on AMD is half as fast and would lead to shares of 190 %.
    """
    dtypes: list[Dtype] = ["float32"]
    if has_fast_bfloat16(device.type):
        dtypes.append("bfloat16")
    return [product for dtype in dtypes for product in _products(dtype, side, device)]


def _products(dtype: Dtype, side: int, device: torch.device) -> Iterable[Product]:
    a, b = (torch.randn(side, side).to(device, getattr(torch, dtype)) for _ in range(2))
    yield Product(dtype, "mm", side, lambda: torch.mm(a, b))
    has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if dtype == "float32" and device.type == "cpu" and has_onednn:
        x, weight = a.to_mkldnn(), b.t().contiguous().to_mkldnn()  # linear transposes its weight
        yield Product(dtype, "oneDNN linear", side, lambda: linear(x, weight))


def measure_products(
    candidates: list[Product], *, warm_up: int, repeats: int, device: torch.device
) -> list[MatrixProduct]:
    with torch.no_grad():
        seconds = interleave(
            {product.name: product.multiply for product in candidates},
            warm_up=warm_up,
            repeats=repeats,
            device=device,
        )
    return [
        MatrixProduct(
            measured_on=today(),
            dtype=product.dtype,
            kernel=product.kernel,
            side=product.side,
            seconds=spread(seconds[product.name]),
            best_flops_per_second=product.flops / min(seconds[product.name]),
        )
        for product in candidates
    ]


def convolution_flops(path: Iterable[str], width: int, height: int) -> int:
    """Return the operations of these layers' convolutions, forward and backward.

    They are 2·C_in·C_out·9·H·W forward and the same again for the gradient with respect to the
    input; the kernels are constants and have no gradient. Pixels of the zero padding count, as
    usual.
    """
    flops, channels_in = 0, 3
    for name in path:
        if name.startswith("conv"):
            channels = CHANNELS_PER_BLOCK[int(name[4]) - 1]
            flops += 2 * (2 * channels_in * channels * 9 * height * width)
            channels_in = channels
        elif name.startswith("pool"):
            width, height = width // 2, height // 2
    return flops
