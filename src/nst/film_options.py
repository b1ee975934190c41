"""Options of a film's frames: a later frame continues the one before."""

from collections.abc import Mapping

from nst.options import StyleTransferOptions

LATER_SHARES: Mapping[str, int] = {"neighbors": 14, "gram": 10, "wasserstein": 10}
"""Steps of the first frame of a film for each step of a later frame, by
style_loss: a later frame begins nearly done. Its steps are steps at full size;
with them it takes less than a quarter of a single picture's time."""

MAX_PASSES = 9
"""Maximum number of times that a film is painted."""
ONCE_FOR_DRAFTS = "1 with a draft or a learned style, where no frame continues the one before"


def later_options(first: StyleTransferOptions, steps: int | None = None) -> StyleTransferOptions:
    """Return the options of a frame that continues another one.
    `first`: the options of the first frame. `steps`: optimizer steps of every
    later frame; None: a share of the first frame's."""
    if steps is None:
        steps = -(-first.total_iterations // LATER_SHARES[first.style_loss])
    changed = {"total_iterations": steps, "scales": 1}
    return StyleTransferOptions(**first.model_dump(exclude_unset=True) | changed)
