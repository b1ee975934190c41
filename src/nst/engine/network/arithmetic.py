"""Convolutions and matrix products in bfloat16 and float16 on every CPU.

A device with instructions for these types adds up the products in float32 and rounds the sum. Where
a CPU lacks them, torch has loops that take 10 to 250 times as long as float32. The functions of
this module compute in float32 there and round the result, which is the same arithmetic.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor
from torch.backends import cudnn
from torch.nn.functional import conv2d


def convolution(x: Tensor, kernel: Tensor, bias: Tensor | None = None, padding: int = 0) -> Tensor:
    """Return `conv2d` of (B, C, H, W), in the number type of `x`."""
    if multiplies(x.device.type, x.dtype):
        with reproducible():
            return conv2d(x, kernel, bias, padding=padding)
    added = None if bias is None else bias.float()
    return conv2d(x.float(), kernel.float(), added, padding=padding).to(x.dtype)


@contextmanager
def reproducible() -> Iterator[None]:
    """Let cuDNN compute convolutions so that equal seeds give equal results.

    Its fastest algorithms add in varying order, and with TF32 it would round float32 to 10 bits.
    """
    with cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


def product(left: Tensor, right: Tensor) -> Tensor:
    """Return the matrix product, in the number type of `left`."""
    if multiplies(left.device.type, left.dtype):
        return left @ right
    return (left.float() @ right.float()).to(left.dtype)


@cache
def multiplies(device: str, dtype: torch.dtype) -> bool:
    """Return whether the device has instructions for products of this type."""
    if device == "cpu" and dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    if device == "cpu" and dtype == torch.float16:
        return bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())
    return True
