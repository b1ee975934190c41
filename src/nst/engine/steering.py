"""What changes in a transfer while it runs."""

from nst.controls import Controls
from nst.engine.losses.objective import LossWeights
from nst.options import StyleTransferOptions

LEAST_FLOURISH = 0.05
"""What is left of the flourish where none is asked for: too little for a form, enough to hold the
contrast of the colours, which the cosines of the other terms do not know."""

TEMPORAL_WEIGHTS = {"gram": 3e4, "wasserstein": 1.5e4, "neighbors": 1e-4}
"""Weight of the temporal term by style_loss, for a style weight of 1. Against the gradient of the
other terms in a finished painting such a spring gives way by about 10 levels."""


def steered(options: StyleTransferOptions, controls: Controls | None) -> StyleTransferOptions:
    """The options with all that has been set so far."""
    return options.model_copy(update=controls.changes) if controls else options


def loss_weights(options: StyleTransferOptions) -> LossWeights:
    """The weights of the terms, as the strength leaves them. Where they change, the loss is
    another one: optimizer, average and convergence begin anew."""
    content, style, total_variation = options.loss_weights
    # Below half strength forms that the photo does not have fade away: a breath of brush has none.
    flourish = max(options.flourish * min(2 * options.strength, 1), LEAST_FLOURISH)
    return LossWeights(
        content,
        style,
        total_variation,
        flourish=2 * flourish * style,
        temporal=TEMPORAL_WEIGHTS[options.style_loss] * style,
    )
