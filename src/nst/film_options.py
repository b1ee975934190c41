"""Options of a film's frames: a later frame continues the previous one."""

from collections.abc import Mapping

from nst.options import StyleTransferOptions

LATER_SHARES: Mapping[str, int] = {"neighbors": 28, "gram": 10, "wasserstein": 10}
"""Steps of a film's first frame per step of a later frame, by style_loss.
A later frame begins nearly finished. All its steps are at full size; with this number of steps it
takes a sixth of the time of a single image with preset quality, and a fifth with fast."""

MAX_PASSES = 9
"""Maximum number of times that a film is painted."""
ONCE_FOR_DRAFTS = "1 with a draft or a learned style, where no frame continues the one before"


def later_options(first: StyleTransferOptions, steps: int | None = None) -> StyleTransferOptions:
    """Return the options of a frame that continues another one.
    `first`: options of the first frame. `steps`: number of optimizer steps of every later frame;
    None: a share of the first frame's steps."""
    if steps is None:
        steps = -(-first.total_iterations // LATER_SHARES[first.style_loss])
    changed = {"total_iterations": steps, "scales": 1}
    return StyleTransferOptions(**first.model_dump(exclude_unset=True) | changed)
