"""Steering: what a person may change while a transfer runs."""

from collections.abc import Mapping
from threading import Lock
from types import MappingProxyType

from nst.errors import InvalidOption
from nst.options import StyleTransferOptions

STEERABLE = (
    "content_weight",
    "style_weight",
    "tv_weight",
    "strength",
    "flourish",
    "color_amount",
)
"""Options that the engine takes over before its next step."""


def in_force(options: StyleTransferOptions) -> dict[str, float]:
    """What may be steered, and its value."""
    return {name: getattr(options, name) for name in STEERABLE}


class Controls:
    """New values for a running transfer; may be set from any thread.

    One object belongs to one transfer.
    """

    def __init__(self, options: StyleTransferOptions) -> None:
        """`options`: those of the transfer, with which new values must agree."""
        self._options = options
        self._changes: Mapping[str, float] = MappingProxyType({})
        self._lock = Lock()

    @property
    def changes(self) -> Mapping[str, float]:
        """All that was ever set, and its last value. The mapping itself never changes."""
        return self._changes

    def set(self, **values: float) -> None:
        """All of these before the next step, or none: raises InvalidOption."""
        for name, value in values.items():
            if name not in STEERABLE:
                raise InvalidOption(name, value, f"one of {', '.join(STEERABLE)}")
        with self._lock:
            changes = {**self._changes, **values}
            valid = in_force(StyleTransferOptions(**{**self._options.model_dump(), **changes}))
            self._changes = MappingProxyType({name: valid[name] for name in changes})
