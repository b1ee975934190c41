"""Options of the group Machine, and one record of their values."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

from nst.cli.command import OneOf, option
from nst.cli.options import MACHINE, PATH, MemorySize
from nst.option_fields import DEVICES, PRECISIONS

Run = Callable[..., int]
"""Function of a command; returns the exit code."""


@dataclass(frozen=True, slots=True)
class MachineOptions:
    """Device, precision, memory and weights of a command."""

    device: str = "auto"
    precision: str = "auto"
    max_memory: int | None = None
    """Maximum memory in bytes; None: the free memory."""
    weights: Path | None = None
    """File of VGG weights; None: the weights of the model."""


_device = option(
    "--device",
    group=MACHINE,
    type=OneOf(DEVICES),
    default="auto",
    show_default=True,
    help="Device that computes. auto: the fastest one.",
)
_max_memory = option(
    "--max-memory",
    group=MACHINE,
    type=MemorySize(),
    help="Maximum memory of the process, such as 4GB; large images are computed in tiles.  "
    "[default: the free memory]",
)
_weights = option("--weights", group=MACHINE, type=PATH, help="File of VGG weights for the model.")


def _precision(description: str) -> Callable[[Run], Run]:
    return option(
        "--precision",
        group=MACHINE,
        type=OneOf(PRECISIONS),
        default="auto",
        show_default=True,
        help=description,
    )


def _machine_of(*options: Callable[[Run], Run]) -> Callable[[Run], Run]:
    """Return a decorator that adds these options to a command.

    The command receives their values as one `machine`.
    """

    def decorate(command: Run) -> Run:
        for add in reversed(options):
            command = add(command)

        @wraps(command)
        def run(**values: Any) -> int:
            facts = {f.name: values.pop(f.name) for f in fields(MachineOptions) if f.name in values}
            return command(machine=MachineOptions(**facts), **values)

        return run

    return decorate


machine_options = _machine_of(
    _device,
    _precision("Precision of the convolutions. auto: bf16 where it is fast, and fp32 to finish."),
    _max_memory,
    _weights,
)
"""Options of a command that can paint with an optimizer."""
learning_machine_options = _machine_of(
    _device,
    _precision("Precision of the convolutions that compare images. auto: bf16 where it is fast."),
    _weights,
)
"""Options of a command that trains a network."""
live_machine_options = _machine_of(
    _precision("Precision of the convolutions. auto: bf16 where it is fast."), _device
)
"""Options of a command that paints with a learned style alone."""
