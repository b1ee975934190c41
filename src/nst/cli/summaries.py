"""Sentences about a transfer: time and memory before, the result after."""

from typing import TYPE_CHECKING

from nst import image_sizes
from nst.bootstrap import estimate
from nst.cli.progress_bar import duration
from nst.options import StyleTransferOptions
from nst.progress import Distances, MemoryPlan, StopReason

if TYPE_CHECKING:
    from nst.result import Result


REASONS = {
    StopReason.TOTAL_ITERATIONS: "finished",
    StopReason.CONVERGED: "finished early: the loss has converged",
    StopReason.CANCELED: "stopped by you",
}


def estimate_in_words(
    options: StyleTransferOptions,
    size: tuple[int, int],
    device: str,
    *,
    frames: int | None = None,
    passes: int = 1,
    later: StyleTransferOptions | None = None,
) -> str | None:
    """Return the estimated duration of an image or a film, in words.

    `frames`: number of frames of a film; None for an image. `later`: options of the frames after
    the first. Returns None if this machine has measured nothing similar.
    """
    paintings = None if frames is None else frames * passes
    seconds = None if paintings == 0 else estimate(options, size, paintings, device, later)
    if seconds is None:
        return None
    from nst.speed import in_words

    width, height = image_sizes.fit(size, options.size)
    film = "" if frames is None else f", {frames} frames"
    return f"{width}×{height} pixels{film}: {in_words(options, seconds)}"


def memory_in_words(plan: MemoryPlan) -> str:
    """Return the memory plan of a transfer, in words."""
    width, height = plan.size
    tiles = f" in {plan.tiles} tiles of about {plan.tile_side} pixels" if plan.tiles > 1 else ""
    history = f", optimizer history {plan.history_size}" if plan.history_size else ""
    memory = f"about {plan.peak_bytes / 1e9:.1f} GB of memory"
    return f"{width}×{height} pixels{tiles}{history}: {memory}"


def summary(result: "Result") -> str:
    """Return the summary of a finished transfer, in words."""
    width, height = result.image.size
    if result.is_draft:
        return f"{width}×{height} pixels, a draft in {result.prepare_seconds:.1f} s"
    seconds = result.prepare_seconds + result.optimize_seconds
    return (
        f"{width}×{height} pixels, {result.steps} steps in {duration(seconds)} with {result.model} "
        f"on {result.device} in {result.precision}; {REASONS[result.stop_reason]}"
        + (f" after step {result.stopped_after}" if result.stopped_after else "")
        + _distances(result.distances)
    )


def _distances(distances: Distances | None) -> str:
    if distances is None:
        return ""
    return (
        f"\nDistance from the photo {distances.content:.2f}, from the style "
        f"{distances.style:.2f} (worst tenth {distances.worst_tenth:.2f}), "
        f"measured by {distances.judge}; 0 is equal"
    )
