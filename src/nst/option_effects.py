"""Effects of options, and needs that an option has to have an effect."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from nst.option_fields import as_text
from nst.options import StyleTransferOptions

Need = Mapping[str, Sequence[str] | None]
"""Need of an option: other options with the values that satisfy the need.
One of these options is enough. None: any value greater than 0."""

_STEPS: Need = {"total_iterations": None}
_DRAFT = "on a draft; choose another preset, or leave it out"
_LEARNED = "with a learned style; leave it out, or name an image as the style"

IN_DRAFTS = (
    "size",
    "bit_depth",
    "color",
    "color_amount",
    "style_blend",
    "protect",
    "init_method",
    "total_iterations",
)
"""Options that a draft uses or refuses.
All others affect only the steps of the optimizer, and a draft takes no steps."""

NEEDS: Mapping[str, Need] = {
    "strength": {"content_weight": None},
    "flourish": {"style_loss": ["neighbors"]},
    "color_amount": {"color": ["luminance"]},
    "style_layers": {"style_loss": ["gram", "wasserstein"]},
    "content_layers": {"style_loss": ["gram", "wasserstein"]},
    "learning_rate": {"optimizer": ["adam"]},
    "convergence_window": {"convergence_tolerance": None},
    "seed": {"init_method": ["random"], "style_loss": ["neighbors"]},
}
"""Needs of an option to have an effect, in addition to steps."""


def needs_of(name: str) -> Sequence[Need]:
    """Return all needs of an option to have an effect. An unknown name needs steps."""
    steps = () if name in IN_DRAFTS else (_STEPS,)
    return (*steps, NEEDS[name]) if name in NEEDS else steps


Naming = Callable[[str], str]
"""Function that returns an option's name for readers, such as --style-weight."""


def describe_need(need: Need, named: Naming = str) -> str:
    """Return the need in words: "init_method random or style_loss neighbors"."""
    return " or ".join(
        f"{named(other)} {'greater than 0' if values is None else ' or '.join(values)}"
        for other, values in need.items()
    )


def has_effect(options: StyleTransferOptions, name: str) -> bool:
    """Return whether another value of this option could change the image."""
    return _unmet(options, name) is None


def ignored(
    options: StyleTransferOptions,
    given: Iterable[str],
    named: Naming = str,
    *,
    is_learned: bool = False,
) -> list[str]:
    """Return a sentence for each given option that has no effect.

    `is_learned`: whether a learned style paints the image, which takes no steps as in a draft.
    """
    unmet = {name: _unmet(options, name) for name in given}
    without_steps = _LEARNED if is_learned else _DRAFT
    return [
        f"{named(name)} has no effect {_reason(options, need, named) or without_steps}"
        for name, need in unmet.items()
        if need is not None
    ]


def _unmet(options: StyleTransferOptions, name: str) -> Need | None:
    return next((need for need in needs_of(name) if not _is_met(options, need)), None)


def _is_met(options: StyleTransferOptions, need: Need) -> bool:
    return any(
        getattr(options, other) > 0 if values is None else getattr(options, other) in values
        for other, values in need.items()
    )


def _reason(options: StyleTransferOptions, need: Need, named: Naming) -> str:
    """Return why a need is not met; empty for the need of steps."""
    if need is _STEPS:
        return ""
    now = " and ".join(f"{named(other)} {as_text(getattr(options, other))}" for other in need)
    return f"with {now}; it needs {describe_need(need, named)}"
