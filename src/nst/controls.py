"""Steering: changes of options while a transfer runs."""

from collections.abc import Mapping, Sequence
from threading import Lock
from types import MappingProxyType

from nst.errors import InvalidOption
from nst.option_fields import facts_of
from nst.options import StyleTransferOptions
from nst.progress import Change

_FIELDS = StyleTransferOptions.model_fields

STEERABLE = tuple(name for name, field in _FIELDS.items() if "steerable" in facts_of(field))
"""Options whose new values the engine applies before its next step."""


def in_force(options: StyleTransferOptions) -> dict[str, float]:
    """Return the options that can be steered, with their values."""
    return {name: getattr(options, name) for name in STEERABLE}


class Controls:
    """New values for a running transfer; they can be set from any thread.

    One object belongs to one transfer.
    """

    def __init__(
        self,
        options: StyleTransferOptions,
        changes: Sequence[Change] = (),
        *,
        stop_after: int | None = None,
    ) -> None:
        """Check the planned changes. Raises InvalidOption.

        `options`: options of the transfer, with which new values must agree. `changes` and
        `stop_after` repeat what a recipe recorded: the options that were steered, and the step
        after which the transfer was stopped. A transfer that resumes after that step takes none.
        """
        self._options = options
        self._planned = planned(options, changes)
        self.stop_after = stop_after
        self._changes: Mapping[str, float] = MappingProxyType({})
        self._lock = Lock()

    @property
    def changes(self) -> Mapping[str, float]:
        """Last value of each option that was set. The mapping itself never changes."""
        return self._changes

    def at(self, step: int) -> Mapping[str, float]:
        """Return the values for this step: the planned ones, then those that were set.
        Values that were set override planned ones."""
        values: dict[str, float] = {}
        for change in self._planned:
            if change.step <= step:
                values |= change.values
        return values | dict(self._changes)

    def set(self, **values: float) -> None:
        """Set all of these values before the next step. Raises InvalidOption.
        If one of them is invalid, none is set."""
        with self._lock:
            changes = {**self._changes, **values}
            self._changes = MappingProxyType(_valid(self._options, changes))


def parse_change(text: str) -> Change:
    """Return the change in a text such as 40:strength=0.8,tv_weight=2.
    Raises InvalidOption."""
    step, _, assignments = text.partition(":")
    pairs = [each.partition("=") for each in assignments.split(",")]
    try:
        values = {name.strip().replace("-", "_"): float(number) for name, _, number in pairs}
        return Change(int(step), values)
    except ValueError as error:
        allowed = "a step and what changes from it on, like 40:strength=0.8 or 40:tv_weight=2"
        raise InvalidOption("steer", text, allowed) from error


def planned(options: StyleTransferOptions, changes: Sequence[Change]) -> list[Change]:
    """Return the checked changes in the order of their steps. Raises InvalidOption."""
    for change in changes:
        if change.step < 1:
            raise InvalidOption("step", change.step, "at least 1, the first step")
    ordered = sorted(changes, key=lambda change: change.step)
    return [Change(change.step, _valid(options, change.values)) for change in ordered]


def _valid(options: StyleTransferOptions, values: Mapping[str, float]) -> dict[str, float]:
    """Return the values as numbers. Raises InvalidOption."""
    for name, value in values.items():
        if name not in STEERABLE:
            raise InvalidOption(name, value, f"one of {', '.join(STEERABLE)}")
    valid = in_force(StyleTransferOptions(**{**options.model_dump(), **values}))
    return {name: valid[name] for name in values}
