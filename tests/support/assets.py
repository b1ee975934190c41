"""Where tests find the files that the project may not ship."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ASSETS = Path(os.environ.get("NST_TEST_ASSETS", REPOSITORY.parent / "shared"))
"""Directory of weights/vgg19.safetensors and of services/, the servers that compose.yaml names."""
