"""Choice of the device that computes, and the capabilities of devices."""

from dataclasses import dataclass

import torch

from nst.errors import InvalidOption
from nst.option_fields import PRECISIONS


@dataclass(frozen=True, slots=True)
class Machine:
    """Hardware of this machine, as far as torch can use it."""

    torch_version: str
    devices: tuple[str, ...]
    """Names of the devices, fastest first; `auto` selects the first."""
    name: str
    """Name of the first device."""
    threads: int
    """Number of CPU threads that one operation uses."""
    has_fast_bfloat16: bool
    """Whether the first device multiplies bfloat16 matrices in hardware."""


def describe_machine() -> Machine:
    devices = available_devices()
    return Machine(
        torch_version=torch.__version__,
        devices=tuple(devices),
        name=_device_name(devices[0]),
        threads=torch.get_num_threads(),
        has_fast_bfloat16=has_fast_bfloat16(devices[0]),
    )


def _device_name(device: str) -> str:
    if device == "cuda":
        return str(torch.cuda.get_device_name())
    if device == "mps":
        return "Apple GPU"
    return str(torch.cpu.get_capabilities().get("cpu_name", "CPU"))


def available_devices() -> list[str]:
    """Return the names of this machine's devices, fastest first."""
    devices = []
    if torch.cuda.is_available():
        devices.append("cuda")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def resolve_device(name: str) -> torch.device:
    """Return the device of this name; `auto` selects the fastest.

    Raises InvalidOption.
    """
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    if name not in available:
        raise InvalidOption("device", name, f"auto, or what is here: {', '.join(available)}")
    return torch.device(name)


DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Number types of the convolutions, by the name of the precision.
Statistics, losses and images are always float32."""


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the number type of this name.

    `auto` selects bfloat16 if the device multiplies it in hardware, else float32. Raises
    InvalidOption.
    """
    if name == "auto":
        return torch.bfloat16 if has_fast_bfloat16(device.type) else torch.float32
    if name not in DTYPES:
        raise InvalidOption("precision", name, f"one of {', '.join(PRECISIONS)}")
    return DTYPES[name]


def precision_of(dtype: torch.dtype) -> str:
    """Return the name of a number type."""
    return next(name for name, known in DTYPES.items() if known == dtype)


def has_fast_bfloat16(device: str) -> bool:
    """Return whether the device multiplies bfloat16 matrices in hardware."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpu = torch.cpu.get_capabilities()
    return device == "cpu" and bool(cpu.get("avx512_bf16") or cpu.get("amx_bf16"))
