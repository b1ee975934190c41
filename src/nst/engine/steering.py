"""Options that change while a transfer runs."""

from collections.abc import Sequence

from nst.controls import Controls, in_force
from nst.engine.losses.objective import LossWeights
from nst.options import StyleTransferOptions
from nst.progress import Change

MOST_OF_FACES = 0.5
"""Maximum of `faces_kept`.
With more, a face looks like a photograph in the middle of a painting."""

LEAST_FLOURISH = 0.05
"""Flourish that remains if none is requested.
It is too little to paint a form, but enough to hold the contrast of the colours, which the cosines
of the other terms do not measure."""

TEMPORAL_WEIGHTS = {"gram": 3e4, "wasserstein": 1.5e4, "neighbors": 1e-4}
"""Weight of the temporal term by style_loss, for a style weight of 1.
With these weights the gradient of the other terms moves a held pixel of a finished image by about
10 levels."""


def steered(
    options: StyleTransferOptions, controls: Controls | None, step: int
) -> StyleTransferOptions:
    """Return the options of this step, with all changes made so far.

    `step`: number of the step in all scales, from 1.
    """
    return options.model_copy(update=controls.at(step)) if controls else options


class SteeringLog:
    """Log of the values that changed, and at which step."""

    def __init__(self, options: StyleTransferOptions, changes: Sequence[Change] = ()) -> None:
        """Create the log.

        `options`: options in force before the next step. `changes`: changes recorded before.
        """
        self.changes = tuple(changes)
        self._last = in_force(options)

    def note(self, step: int, options: StyleTransferOptions) -> None:
        """Record what changed at this step.

        `options`: options of this step.
        """
        now = in_force(options)
        if now != self._last:
            values = {name: now[name] for name in now if now[name] != self._last[name]}
            self.changes = (*self.changes, Change(step, values))
            self._last = now


def loss_weights(options: StyleTransferOptions) -> LossWeights:
    """Return the weights of the terms at the strength of the options.

    If they change, the loss is another one: optimizer, average and convergence start again.
    """
    flourish = max(options.flourish * fade(options), LEAST_FLOURISH)
    style = options.style_weight
    return LossWeights(
        options.content_weight_in_force,
        style,
        options.tv_weight,
        flourish=2 * flourish * style,
        temporal=TEMPORAL_WEIGHTS[options.style_loss] * style,
    )


def fade(options: StyleTransferOptions) -> float:
    """Return the share that is left of what fades out below half strength, 0…1.

    These are forms that the content image does not have, and the colours of the style.
    """
    return min(2 * options.strength, 1.0)


def faces_kept(options: StyleTransferOptions) -> float:
    """Return the share of the content in what is seen of faces, 0…1.

    It is for the searches while finishing. Up to half strength it is 0, from strength 0.75 on
    MOST_OF_FACES.
    """
    return min(max(2 * options.strength - 1, 0.0), MOST_OF_FACES)
