"""Lesson: a training with its inputs; it can be started, resumed and saved."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from PIL import Image

from nst import files, images
from nst.engine.checkpoint import fingerprint
from nst.engine.device import resolve_device, resolve_precision
from nst.engine.network.weights import Weights, WeightsStore
from nst.image_reader import ImageSource
from nst.learned_file import SUFFIX, LearningRecipe
from nst.learning import style_file
from nst.learning.checkpoint import LearningCheckpoint
from nst.learning.photos import OnDamaged, Photos, find_photos
from nst.learning.training import LearningProgress, Training
from nst.learning_options import BUDGET, LearningOptions, check_names


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One network, the styles that it learns, and the photos that it learns from."""

    training: Training
    names: tuple[str, ...]
    """Names of the styles."""
    licence: str
    photos: Photos
    styles_sha256: tuple[str, ...]
    weights: Weights

    @classmethod
    def begin(
        cls,
        styles: Sequence[ImageSource],
        options: LearningOptions,
        *,
        names: Sequence[str],
        photos: Path | Sequence[Path] | None = None,
        licence: str = "",
        device: str = "auto",
        precision: str = "auto",
        weights: WeightsStore | None = None,
        on_damaged: OnDamaged | None = None,
    ) -> Self:
        """Prepare the first step.
        `photos`: a folder, or files; None for the sample photos. `device` and `precision`: as
        for `NeuralStyleTransfer`. Raises InvalidImage, InvalidOption,
        WeightsUnavailable."""
        check_names(names, len(styles))
        loaded = [images.colours(images.load(style, "style")) for style in styles]
        found = find_photos(photos, on_damaged)
        place = resolve_device(device)
        dtype = resolve_precision(precision, place)
        used = (weights or WeightsStore()).load(options.model)
        training = Training(options, loaded, found, used, device=place, dtype=dtype)
        return cls(training, tuple(names), licence, found, _fingerprints(loaded), used)

    def save(self, path: Path, *, overwrite: bool = False) -> Path:
        """Write the network so far; return the path of its file. Raises StorageError."""
        training = self.training
        recipe = LearningRecipe(
            options=training.options.model_dump(mode="json"),
            styles_sha256=self.styles_sha256,
            photos=len(self.photos),
            weights_sha256=self.weights.sha256,
            steps=training.step,
            seconds=training.seconds,
        )
        return style_file.save(
            training.painter(),
            path,
            styles=self.names,
            recipe=recipe,
            licence=self.licence,
            overwrite=overwrite,
        )

    def save_checkpoint(self, path: Path, command: dict[str, Any]) -> None:
        """Write a checkpoint from which learning resumes after the current step.
        `command`: data that the caller needs to restart the training. Raises StorageError."""
        training = self.training
        LearningCheckpoint(
            step=training.step, seconds=training.seconds, origin=self._origin(), command=command
        ).save(training, path)

    def resume(self, path: Path) -> None:
        """Resume from a checkpoint of a lesson with the same inputs.
        Raises InvalidCheckpoint."""
        LearningCheckpoint.read(path).restore(self.training, path, self._origin())

    def _origin(self) -> dict[str, str]:
        options = self.training.options.model_dump_json(exclude=set(BUDGET))
        styles = "\0".join(self.styles_sha256)
        return {
            "set of options": hashlib.sha256(options.encode()).hexdigest(),
            "style image": hashlib.sha256(styles.encode()).hexdigest(),
            "folder of photos": self.photos.fingerprint,
            "file of weights": self.weights.sha256,
        }


def learn(
    styles: Sequence[str | Path],
    output: str | Path,
    options: LearningOptions | None = None,
    *,
    photos: str | Path | None = None,
    licence: str = "",
    device: str = "auto",
    precision: str = "auto",
    weights: WeightsStore | None = None,
    on_progress: Callable[[LearningProgress], None] | None = None,
    overwrite: bool = False,
) -> Path:
    """Learn the styles of these images; return the path of the network's file.

    `LearnedStyle` loads that file. Each learned style is named after the file of its style image,
    without the extension. Raises InvalidImage, InvalidOption, WeightsUnavailable, Diverged,
    StorageError.
    """
    output = Path(output)
    files.check_output(output, (SUFFIX,))
    training_run = TrainingRun.begin(
        list(styles),
        options or LearningOptions(),
        names=[Path(style).stem for style in styles],
        photos=None if photos is None else Path(photos),
        licence=licence,
        device=device,
        precision=precision,
        weights=weights,
    )
    for progress in training_run.training.run():
        if on_progress:
            on_progress(progress)
    return training_run.save(output, overwrite=overwrite)


def _fingerprints(styles: Sequence[Image.Image]) -> tuple[str, ...]:
    return tuple(fingerprint(style) for style in styles)
