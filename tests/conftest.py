"""Fixtures and small pictures that many tests use."""

from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parent.parent
SAMPLES = REPOSITORY / "data"


@pytest.fixture
def content() -> Path:
    return SAMPLES / "content" / "cat.jpg"


@pytest.fixture
def style() -> Path:
    return SAMPLES / "style" / "impasto.jpg"


@pytest.fixture(autouse=True)
def quiet_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test reads this machine's caches, and none leaves it: the cache is empty, torch hub's
    too, and downloads are off unless a test turns them on for a server of its own."""
    home = tmp_path_factory.mktemp("home")
    for name in ("NST_WEIGHTS_DIR", "NST_WEIGHTS_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NST_CACHE_DIR", str(home / "nst"))
    monkeypatch.setenv("TORCH_HOME", str(home / "torch"))
    monkeypatch.setenv("NST_OFFLINE", "1")


def picture(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """A picture with a gradient in every direction, so that a flip or a swap shows."""
    red = Image.linear_gradient("L").rotate(90).resize((width, height))
    green = Image.linear_gradient("L").resize((width, height))
    blue = Image.radial_gradient("L").resize((width, height))
    return Image.merge("RGB", (red, green, blue)).convert(mode)
