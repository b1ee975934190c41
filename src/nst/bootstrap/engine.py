"""Weights and device of the engine, and the speeds measured on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING

from nst.bootstrap.process import settings

if TYPE_CHECKING:
    from nst.engine.network.download import OnDownload
    from nst.engine.network.weights import OnStandIn, WeightsStore
    from nst.options import StyleTransferOptions
    from nst.result import Result
    from nst.speed import Speeds

NEEDS = {
    "cuda": "cuda needs an NVIDIA GPU that nvidia-smi shows and a torch with CUDA; in a container, "
    "the NVIDIA container toolkit and the image nst-worker-cuda",
    "mps": "mps needs a Mac with an Apple GPU",
}
"""Requirements of a device before torch can use it."""


def weights_store(
    file: Path | None = None,
    on_download: "OnDownload | None" = None,
    on_stand_in: "OnStandIn | None" = None,
) -> "WeightsStore":
    """Return the weights of the settings, or those in `file` alone."""
    from nst.engine.network.weights import WeightsStore

    weights = settings().weights
    return WeightsStore(
        file=file,
        directory=weights.weights_dir,
        cache=weights.cache_dir and weights.cache_dir / "weights",
        mirror=weights.weights_mirror,
        offline=weights.offline,
        on_download=on_download,
        on_stand_in=on_stand_in,
    )


def speeds(device: str = "auto") -> "Speeds":
    """Return the speeds that this machine has measured on the requested device."""
    from platformdirs import user_cache_path

    from nst.speed import Speeds

    return Speeds(settings().weights.cache_dir or user_cache_path("nst"), device)


def estimate(
    options: "StyleTransferOptions",
    content_size: tuple[int, int],
    frames: int | None = None,
    device: str = "auto",
    later: "StyleTransferOptions | None" = None,
) -> float | None:
    """Return the seconds that a transfer will take on this machine;
    None if no similar transfer was measured here. `content_size`: width and height in
    pixels. `frames`: number of frames of a film in all passes; None for an image. `later`:
    options of a film's frames after the first; None: those of `later_options`."""
    from nst import image_sizes
    from nst.engine.scales import work
    from nst.film_options import later_options

    size, known = image_sizes.fit(content_size, options.size), speeds(device)
    first = known.estimate(options, work(size, options))
    if first is None or frames is None:
        return first
    later = later or later_options(options)
    each = known.estimate_frame(later, work(size, later))
    return None if each is None else first + (frames - 1) * each


def keep_speed(result: "Result", device: str = "auto") -> None:
    """Store the speed of this transfer for later estimates."""
    from nst.engine.scales import work

    speeds(device).record(result, work(result.image.size, result.options))


def keep_frame_speed(
    options: "StyleTransferOptions", size: tuple[int, int], seconds: float, device: str = "auto"
) -> None:
    """Store the speed of a film's frame after the first for later estimates.
    `size`: width and height of the frame in pixels."""
    from nst.engine.scales import work

    speeds(device).record_frame(options, seconds, work(size, options))


def check_device() -> None:
    """Raise InvalidOption if this machine lacks the device of the settings.
    Call it before the first job."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from nst.errors import InvalidOption

    device = settings().worker.worker_device
    if device in ("auto", "cpu"):
        return
    # In another process, because torch should not occupy the worker's memory.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        available = process.submit(_devices).result()
    if device not in available:
        allowed = f"auto, or what is here: {', '.join(available)}. {NEEDS[device]}"
        raise InvalidOption("NST_WORKER_DEVICE", device, allowed)


def _devices() -> list[str]:
    from nst.engine.device import available_devices

    return available_devices()
