"""Which device computes, and what it can do."""

from dataclasses import dataclass

import torch

from nst.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to compute with."""

    torch_version: str
    devices: tuple[str, ...]
    """Fastest first; `auto` takes the first."""
    name: str
    """Of the first device."""
    threads: int
    """Of the CPU, used by one operation."""
    has_fast_bfloat16: bool
    """Whether the first device multiplies bfloat16 matrices in hardware."""


def describe_machine() -> Machine:
    devices = available_devices()
    cpu = torch.cpu.get_capabilities()
    name = str(cpu.get("cpu_name", "CPU"))
    has_fast_bfloat16 = bool(cpu.get("avx512_bf16") or cpu.get("amx_bf16"))
    if devices[0] == "cuda":
        name = torch.cuda.get_device_name()
        has_fast_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    elif devices[0] == "mps":
        name, has_fast_bfloat16 = "Apple GPU", False
    return Machine(
        torch_version=torch.__version__,
        devices=tuple(devices),
        name=name,
        threads=torch.get_num_threads(),
        has_fast_bfloat16=has_fast_bfloat16,
    )


def available_devices() -> list[str]:
    """The devices of this machine, fastest first."""
    devices = []
    if torch.cuda.is_available():
        devices.append("cuda")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def resolve_device(name: str) -> torch.device:
    """The device of this name; `auto` is the fastest. Raises InvalidOption."""
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    if name not in available:
        raise InvalidOption("device", name, f"auto, or what is here: {', '.join(available)}")
    return torch.device(name)
