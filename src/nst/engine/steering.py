"""Options that change while a transfer runs."""

from collections.abc import Sequence

from nst.controls import Controls, in_force
from nst.engine.losses.objective import LossWeights
from nst.options import StyleTransferOptions
from nst.progress import Change

LEAST_FLOURISH = 0.05
"""Flourish that remains where none is asked for: too little for a form, enough to
hold the contrast of the colours, which the cosines of the other terms do not
know."""

TEMPORAL_WEIGHTS = {"gram": 3e4, "wasserstein": 1.5e4, "neighbors": 1e-4}
"""Weight of the temporal term by style_loss, for a style weight of 1.
Against the gradient of the other terms in a finished painting such a spring
gives way by about 10 levels."""


def steered(
    options: StyleTransferOptions, controls: Controls | None, step: int
) -> StyleTransferOptions:
    """Return the options that this step goes by: with all that has been set so far.
    `step` counts those of all scales from 1."""
    return options.model_copy(update=controls.at(step)) if controls else options


class SteeringLog:
    """Records which values changed at which step."""

    def __init__(self, options: StyleTransferOptions, changes: Sequence[Change] = ()) -> None:
        """`options`: those in force before the next step. `changes`: recorded before."""
        self.changes = tuple(changes)
        self._last = in_force(options)

    def note(self, step: int, options: StyleTransferOptions) -> None:
        """`options`: those that this step went by."""
        now = in_force(options)
        if now != self._last:
            values = {name: now[name] for name in now if now[name] != self._last[name]}
            self.changes = (*self.changes, Change(step, values))
            self._last = now


def loss_weights(options: StyleTransferOptions) -> LossWeights:
    """The weights of the terms, as the strength leaves them.
    Where they change, the loss is another one: optimizer, average and convergence
    begin anew."""
    # Below half strength forms that the photo does not have fade away: a breath of brush has none.
    flourish = max(options.flourish * min(2 * options.strength, 1), LEAST_FLOURISH)
    style = options.style_weight
    return LossWeights(
        options.content_weight_in_force,
        style,
        options.tv_weight,
        flourish=2 * flourish * style,
        temporal=TEMPORAL_WEIGHTS[options.style_loss] * style,
    )
