"""Checkpoints: a transfer's state between two steps, resumed bit for bit.

A checkpoint is one safetensors file: the optimizer's vectors are tensors, everything else is JSON
in the metadata. Reading a checkpoint runs no code, wherever the file comes from.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from stat import S_IMODE
from typing import Any, Self

import torch
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

import nst
from nst import files
from nst.engine.optimizer.average import AverageState
from nst.engine.optimizer.optimizer import OptimizerState
from nst.errors import InvalidCheckpoint
from nst.options import StyleTransferOptions
from nst.progress import CHECKPOINT_NAME, Change, MemoryPlan

FORMAT = 1
"""Version of the file format; files in other formats are refused."""
_KEY = "nst-checkpoint"
_BEGAN = "began"

CheckpointSource = str | os.PathLike[str] | bytes
"""Path of a file or of a directory that holds CHECKPOINT_NAME, or bytes."""


class Origin(BaseModel):
    """Inputs of a transfer; a checkpoint continues only with the same inputs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    options: dict[str, Any]
    pictures: dict[str, str]
    """SHA-256 of each image's pixels, by role."""
    weights: str
    """SHA-256 of the weights file."""

    @classmethod
    def of(
        cls,
        options: StyleTransferOptions,
        pictures: Iterable[tuple[str, Image.Image]],
        weights: str,
    ) -> Self:
        """Return the origin of a transfer.

        `pictures`: images by role. `weights`: SHA-256 of the weights file.
        """
        return cls(
            options=options.model_dump(mode="json", exclude={"bit_depth"}),
            pictures={role: fingerprint(picture) for role, picture in pictures},
            weights=weights,
        )

    def problem(self, now: Self) -> str | None:
        """Return what differs in `now` and what to do, or None if nothing differs.

        An option that did not exist in an earlier version has its default.
        """
        defaults = StyleTransferOptions().model_dump(mode="json")
        for name in {**self.options, **now.options}:
            default = defaults.get(name)
            before, after = self.options.get(name, default), now.options.get(name, default)
            if before != after:
                return f"was made with {name} {before!r}, not {after!r}; give the same options"
        if others := [
            role
            for role in {**now.pictures, **self.pictures}
            if self.pictures.get(role) != now.pictures.get(role)
        ]:
            return f"was made from another {others[0]} picture; give the same pictures"
        if self.weights != now.weights:
            return "was made with other weights; give the same file, for example with --weights"
        return None


class Checkpoint(BaseModel):
    """State of a transfer after a step."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    format: int = FORMAT
    nst: str = nst.__version__
    """Version of nst that wrote the file."""
    origin: Origin
    scale: int
    """Index of the scale that is painted; the coarsest is 0."""
    scale_steps: int
    """Number of steps taken in this scale, or all of its steps if it needs no more."""
    steps: int
    """Number of steps taken in all scales."""
    evaluations: int
    lowest: list[float]
    """Losses by which convergence is judged."""
    precision: str
    """Precision in use; with precision auto, fp32 after the switch to float32."""
    tile_side: int | None
    history_size: int
    in_force: dict[str, float]
    """Values of the options that can be steered."""
    changes: tuple[Change, ...] = ()
    """Options that were steered, each at its step; empty in earlier versions' files."""
    numbers: dict[str, float]
    vectors: dict[str, Tensor] = Field(exclude=True)

    @classmethod
    def after(
        cls,
        origin: Origin,
        *,
        scale: int,
        scale_steps: int,
        steps: int,
        evaluations: int,
        lowest: list[float],
        precision: str,
        plan: MemoryPlan,
        in_force: dict[str, float],
        optimizer: OptimizerState,
        average: AverageState,
        began: Tensor | None = None,
        changes: tuple[Change, ...] = (),
    ) -> Self:
        """Return the checkpoint of a step, given the state after that step.

        `began`: the image that the scale began with, if the targets depend on it. It is not
        kept if it still is the iterate, because a file cannot hold the same memory twice.
        """
        of_scale: dict[str, Tensor] = {}
        if began is not None and began.data_ptr() != optimizer.x.data_ptr():
            of_scale = {_BEGAN: began}
        return cls(
            origin=origin,
            scale=scale,
            scale_steps=scale_steps,
            steps=steps,
            evaluations=evaluations,
            lowest=lowest,
            precision=precision,
            tile_side=plan.tile_side,
            history_size=plan.history_size,
            in_force=in_force,
            changes=changes,
            numbers={**optimizer.numbers, **average.numbers},
            vectors={**optimizer.vectors, **average.vectors, **of_scale},
        )

    @property
    def optimizer(self) -> OptimizerState:
        return OptimizerState(self.vectors, self.numbers)

    def began(self, image: Tensor) -> Tensor:
        """Return the image that the scale began with, (1, 3, H, W).

        Return `image` if the checkpoint does not hold that image.
        """
        return self.vectors.get(_BEGAN, image)

    def save(self, path: Path) -> None:
        """Write the checkpoint to `path` atomically, replacing an existing file.

        Raises StorageError.
        """
        files.write_file(path, self._write, overwrite=True)

    def _write(self, file: Path) -> None:
        write_tensors(self.vectors, file, {_KEY: json.dumps(self.model_dump())})

    @classmethod
    def load(cls, source: CheckpointSource, origin: Origin, device: torch.device) -> Self:
        """Load a checkpoint.

        Raises InvalidCheckpoint if it cannot be read or was made from other inputs.
        """
        name = name_of(source)
        if not isinstance(source, bytes):
            return cls._load(Path(name), name, origin, device)
        with tempfile.TemporaryDirectory(prefix="nst-") as directory:
            file = Path(directory, CHECKPOINT_NAME)
            file.write_bytes(source)
            return cls._load(file, name, origin, device)

    @classmethod
    def _load(cls, file: Path, name: str, origin: Origin, device: torch.device) -> Self:
        try:
            checkpoint = cls._read(file, name, device)
        except FileNotFoundError as error:
            reason = "does not exist; name the directory or file of a checkpoint"
            raise InvalidCheckpoint(name, reason) from error
        except (OSError, SafetensorError, ValidationError, ValueError) as error:
            reason = "is damaged, cut short or no checkpoint; start the transfer again"
            raise InvalidCheckpoint(name, reason) from error
        if problem := checkpoint.origin.problem(origin):
            raise InvalidCheckpoint(name, problem)
        return checkpoint

    @classmethod
    def _read(cls, file: Path, name: str, device: torch.device) -> Self:
        with safe_open(file, framework="pt", device=str(device)) as opened:
            values = json.loads((opened.metadata() or {}).get(_KEY, "null"))
            if isinstance(values, Mapping) and values.get("format") != FORMAT:
                reason = f"was written by nst {values.get('nst')}, in a format that"
                reason += f" nst {nst.__version__} does not read; use that version"
                raise InvalidCheckpoint(name, reason)
            # Cloned: a view of the file may have an address at which the sums of a dot product
            # round differently.
            vectors = {key: opened.get_tensor(key).clone() for key in opened.keys()}  # noqa: SIM118
        return cls.model_validate({**(values or {}), "vectors": vectors})


def write_tensors(tensors: dict[str, Tensor], file: Path, metadata: dict[str, str]) -> None:
    """Write a safetensors file, and wait until the disk has it.

    Raises OSError, also in place of a SafetensorError, for example if the disk is full.
    """
    file.touch()
    mode = S_IMODE(file.stat().st_mode)
    try:
        save_file(tensors, file, metadata)
        file.chmod(mode)  # the library makes a file that nobody else may read
    except SafetensorError as error:
        found = re.search(r"os error (\d+)", str(error))
        raise OSError(int(found[1]) if found else 0, str(error)) from error
    with file.open("rb") as written:
        os.fsync(written.fileno())


def name_of(source: CheckpointSource) -> str:
    """Return the path of the checkpoint file, also for use in messages.

    Bytes are named "the data".
    """
    if isinstance(source, bytes):
        return "the data"
    path = Path(source)
    return str(path / CHECKPOINT_NAME if path.is_dir() else path)


def fingerprint(picture: Image.Image) -> str:
    """Return the SHA-256 of the pixels, mode and size, whatever file they came from."""
    digest = hashlib.sha256(f"{picture.mode} {picture.size}".encode())
    digest.update(picture.tobytes())
    return digest.hexdigest()
