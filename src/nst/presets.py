"""Presets of a transfer: named starting points for its options."""

from collections.abc import Mapping
from typing import Any

_NEIGHBORS: Mapping[str, Any] = {
    "size": 512,
    "style_loss": "neighbors",
    "content_weight": 6e3,
    "style_weight": 1e4,
    "tv_weight": 0.0,
    "flourish": 0.75,
    "scales": 4,
    "padding": "replicate",
    "total_iterations": 108,
    "save_every": 0,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "quality": _NEIGHBORS,
    "fast": {**_NEIGHBORS, "flourish": 0.5, "total_iterations": 54, "model": "vgg16"},
    "gram": {
        "size": 512,
        "content_weight": 1.85e5,
        "style_layers": "dense",
        "scales": 3,
        "average": 0.9,
        "padding": "replicate",
        "total_iterations": 180,
        "save_every": 0,
    },
    "draft": {
        "size": 512,
        "init_method": "draft",
        "total_iterations": 0,
        "save_every": 0,
        "model": "vgg16",
    },
    "classic": {},
}
"""Options of each preset, by name.
`quality` is the default of `nst stylize`, `classic` that of the compatible command. Any option
overrides the preset."""

DEFAULT_PRESET = "quality"
"""Preset of `nst stylize`, the page and the API if none is named."""
