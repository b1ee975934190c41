"""Location of the files that tests need and that the project may not distribute."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ASSETS = Path(os.environ.get("NST_TEST_ASSETS", REPOSITORY.parent / "shared"))
"""Directory of the assets: weights/vgg19.safetensors and services/.
services/ holds the servers that compose.yaml names."""
