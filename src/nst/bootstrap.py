"""Composition root: builds what the processes need from the settings."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nst.engine.download import OnDownload
    from nst.engine.weights import WeightsStore


def prepare_process() -> None:
    """To be called before torch is imported.

    Threads that have nothing to do sleep, unless the environment says otherwise: where anything
    else runs beside a transfer, threads that spin make it several times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def weights_store(
    file: Path | None = None, on_download: "OnDownload | None" = None
) -> "WeightsStore":
    """Weights as the environment says, or from `file` alone."""
    from nst.engine.weights import WeightsStore
    from nst.settings import load_settings

    settings = load_settings()
    return WeightsStore(
        file=file,
        directory=settings.weights_dir,
        cache=settings.cache_dir and settings.cache_dir / "weights",
        mirror=settings.weights_mirror,
        offline=settings.offline,
        on_download=on_download,
    )
