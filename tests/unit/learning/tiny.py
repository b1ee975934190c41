"""The smallest network that learns, on the smallest images."""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from nst.engine.network.weights import Weights, WeightsStore
from nst.learned_file import LearningRecipe, NetworkShape
from nst.learning import style_file
from nst.learning.network import StyleNetwork, new_network
from nst.learning.training_run import TrainingRun
from nst.learning_options import LearningOptions
from support.pictures import SAMPLES

STYLES = (SAMPLES / "style" / "impasto.jpg", SAMPLES / "style" / "mosaic.jpg")
OPTIONS: dict[str, Any] = {
    "size": 32,
    "style_size": 32,
    "channels": 4,
    "blocks": 1,
    "steps": 3,
    "minutes": 0,
}


class Loaded(WeightsStore):
    """Store of the bundled weights, which it reads once."""

    def load(self, model: str) -> Weights:
        return bundled(model)


@cache
def bundled(model: str = "vgg16") -> Weights:
    """Return the bundled weights, read once."""
    return WeightsStore().load(model)


def training_run(*, count: int = 1, photos: Path | None = None, **options: Any) -> TrainingRun:
    """Begin to learn the first styles."""
    return TrainingRun.begin(
        list(STYLES[:count]),
        LearningOptions(**OPTIONS | options),
        names=[style.stem for style in STYLES[:count]],
        photos=photos,
        precision="fp32",
        weights=Loaded(),
    )


def network(styles: int = 1) -> StyleNetwork:
    """Return a network of random styles with random grades, all of them different."""
    made = new_network(NetworkShape(styles, channels=4, blocks=1), seed=1)
    random = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith((".scale", ".shift")):
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=random))
        for buffer in made.grade.buffers():
            buffer.add_(0.1 * torch.randn(buffer.shape, generator=random))
    return made.eval()


def saved(path: Path, styles: tuple[str, ...] = ("one",), **options: Any) -> Path:
    """Write such a network as a file, learned with these options."""
    recipe = LearningRecipe(
        options=options, styles_sha256=("0",), photos=3, weights_sha256="0", steps=1, seconds=1.0
    )
    return style_file.save(
        network(len(styles)), path, styles=styles, recipe=recipe, licence="CC0-1.0"
    )


def photos(folder: Path, count: int) -> Path:
    """Create a folder with this many photos."""
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (40, 36), (60 * number, 90, 120)).save(folder / f"{number}.png")
    return folder
