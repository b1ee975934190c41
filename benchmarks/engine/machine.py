"""Description of the machine, which identifies its type, not the individual."""

import os
import platform
import re

import torch

from benchmarks.engine.schema import Machine


def describe(device: torch.device) -> Machine:
    cpu = cpu_name()
    return Machine(
        cpu=cpu,
        cores=os.cpu_count() or 1,
        memory_bytes=_memory_gibibytes() * 2**30,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        device=device.type,
        device_name=torch.cuda.get_device_name(device) if device.type == "cuda" else cpu,
    )


def _memory_gibibytes() -> int:
    """Return the rounded memory size.
    The number of pages that the kernel keeps for itself varies from boot to boot."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def cpu_name() -> str:
    return str(torch.cpu.get_capabilities().get("cpu_name") or platform.processor() or "unknown")


def file_name(suite: str, machine: Machine) -> str:
    """Return <suite>--<machine>--<device>.json.
    The machine includes its number of threads, which determines the times."""
    device = machine.device
    if device == "cuda":
        device = f"{device} {machine.device_name}"
    return f"{suite}--{_slug(f'{machine.cpu} {machine.threads} threads')}--{_slug(device)}.json"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
