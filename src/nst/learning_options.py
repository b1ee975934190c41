"""Options of learning, declared once.

The command line, the form of the service and the recipe are made from them.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from nst.errors import InvalidOption
from nst.learned_file import MAX_BLOCKS, MAX_CHANNELS, MAX_STYLES, SUFFIX
from nst.option_fields import MAX_WEIGHT, ModelName, Options, in_group
from nst.options import StyleTransferOptions

BUDGET = frozenset({"minutes", "steps"})
"""Options that may change when learning continues."""


class LearningOptions(Options):
    """Options of learning one network.

    Raises InvalidOption, which names the field, the value and what is allowed.
    """

    minutes: float = Field(
        default=30.0,
        ge=0,
        le=10**6,
        description="Stop after this time; 0: only the steps count.",
        json_schema_extra=in_group("end", unit="minutes"),
    )
    steps: int = Field(
        default=0,
        ge=0,
        le=10**9,
        description="Stop after this many steps, if the time is not over before; 0: only the "
        "time counts.",
        json_schema_extra=in_group("end"),
    )
    style_size: int = Field(
        default=384,
        ge=32,
        le=2048,
        description="Longest side at which the style image is seen; smaller gives finer strokes.",
        json_schema_extra=in_group("balance", unit="pixels"),
    )
    content_weight: float = Field(
        default=1e4,
        ge=0,
        le=MAX_WEIGHT,
        description="How much the network keeps of the photos.",
        json_schema_extra=in_group("balance"),
    )
    style_weight: float = Field(
        default=1e4,
        gt=0,
        le=MAX_WEIGHT,
        description="How much the network takes from the style image.",
        json_schema_extra=in_group("balance"),
    )
    tv_weight: float = Field(
        default=0.0,
        ge=0,
        le=MAX_WEIGHT,
        description="Total variation weight: how much noise is smoothed away.",
        json_schema_extra=in_group("balance"),
    )
    steady: bool = Field(
        default=False,
        description="Keep films calm: a shifted photo is painted shifted. A step takes about a "
        "third longer.",
        json_schema_extra=in_group("balance"),
    )
    channels: int = Field(
        default=48,
        ge=4,
        le=MAX_CHANNELS,
        multiple_of=4,
        description="Width of the network: more paint better, and take longer.",
        json_schema_extra=in_group("network"),
    )
    blocks: int = Field(
        default=5,
        ge=1,
        le=MAX_BLOCKS,
        description="Depth of the network: its number of residual blocks.",
        json_schema_extra=in_group("network"),
    )
    size: int = Field(
        default=256,
        ge=32,
        le=1024,
        multiple_of=16,
        description="Side of the square parts of photos that the network learns from.",
        json_schema_extra=in_group("method", unit="pixels"),
    )
    batch: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Parts of photos that one step learns from.",
        json_schema_extra=in_group("method"),
    )
    learning_rate: float = Field(
        default=1e-3,
        gt=0,
        le=1,
        description="Step size of Adam for the network's parameters.",
        json_schema_extra=in_group("method"),
    )
    model: ModelName = Field(
        default="vgg16",
        description="The network that compares images while learning.",
        json_schema_extra=in_group("method"),
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**63,
        description="Same seed, same machine, same steps: same network.",
        json_schema_extra=in_group("method"),
    )

    def _check(self) -> None:
        if self.minutes == self.steps == 0:
            raise InvalidOption("minutes", 0, "minutes or steps greater than 0")


def is_style_file(path: str | os.PathLike[str]) -> bool:
    """Return whether the extension is that of a learned style."""
    return Path(path).suffix.lower() == SUFFIX


def is_learned(styles: Sequence[Any]) -> bool:
    """Return whether one of the styles is the file of a learned style."""
    return any(isinstance(each, str | os.PathLike) and is_style_file(each) for each in styles)


def check_names(names: Sequence[str], count: int) -> None:
    """Raise InvalidOption unless `count` is allowed and each style has its own name."""
    if not 1 <= count <= MAX_STYLES:
        raise InvalidOption("styles", count, f"1 to {MAX_STYLES} images of styles")
    if len(names) != count or len(set(names)) != count or not all(names):
        allowed = f"one name for each style, here {count}, each another"
        raise InvalidOption("name", ", ".join(names), allowed)


def check_learned(options: StyleTransferOptions) -> None:
    """Raise InvalidOption if a learned style does not support the options."""
    if not options.is_draft:
        raise InvalidOption("total_iterations", options.total_iterations, "0 with a learned style")
    if options.color == "match":
        raise InvalidOption("color", "match", "style or luminance with a learned style")
