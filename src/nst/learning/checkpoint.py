"""Checkpoint file of a training, from which the training resumes bit for bit.

A checkpoint is one safetensors file; reading one runs no code.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

import nst
from nst import files
from nst.engine.checkpoint import write_tensors
from nst.errors import InvalidCheckpoint
from nst.learning.training import Training

FORMAT = 1
"""Version of the file format; other versions are refused."""
_KEY = "nst-learning"


class LearningCheckpoint(BaseModel):
    """Everything that a training resumes from, except the tensors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    nst: str = nst.__version__
    """Version of nst that wrote the checkpoint."""
    step: int
    seconds: float
    origin: dict[str, str]
    """Fingerprints of the training's inputs, by name.
    Training resumes only with the same inputs."""
    command: dict[str, Any]
    """The caller's own data, needed to restart the training."""

    def save(self, training: Training, path: Path) -> None:
        """Write the checkpoint; replace the previous one when this one is complete.
        Raises StorageError."""
        self._write(training.state(), path)

    def _write(self, state: Mapping[str, Tensor], path: Path) -> None:
        def write(file: Path) -> None:
            tensors = {name: each.cpu().contiguous() for name, each in state.items()}
            write_tensors(tensors, file, {_KEY: self.model_dump_json()})

        files.write_file(path, write, overwrite=True)

    @classmethod
    def replace_command(cls, path: Path, command: dict[str, Any]) -> None:
        """Replace the caller's data in a checkpoint file.
        Raises InvalidCheckpoint or StorageError."""
        checkpoint = cls.read(path).model_copy(update={"command": command})
        checkpoint._write(_tensors(path), path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the checkpoint in a file, without its tensors. Raises InvalidCheckpoint."""
        try:
            with safe_open(path, framework="pt") as opened:
                text = (opened.metadata() or {}).get(_KEY, "null")
            checkpoint = cls.model_validate_json(text)
        except (OSError, SafetensorError, ValidationError) as error:
            raise InvalidCheckpoint(str(path), _unreadable(path)) from error
        if checkpoint.format != FORMAT:
            reason = f"was written by nst {checkpoint.nst} in a format that nst {nst.__version__} "
            reason += "does not read; use that version"
            raise InvalidCheckpoint(str(path), reason)
        return checkpoint

    def restore(self, training: Training, path: Path, origin: dict[str, str]) -> None:
        """Restore the training to the state of the checkpoint.
        `path`: the checkpoint file; `origin`: fingerprints of this training's inputs. Raises
        InvalidCheckpoint."""
        for name, now in origin.items():
            if now != self.origin.get(name):
                reason = f"was made from another {name}; put back what it was made from"
                raise InvalidCheckpoint(str(path), reason)
        try:
            training.restore(_tensors(path), self.step, self.seconds)
        except (OSError, SafetensorError, KeyError, RuntimeError, ValueError) as error:
            raise InvalidCheckpoint(str(path), _unreadable(path)) from error


def _tensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118


def _unreadable(path: Path) -> str:
    if not path.exists():
        return "does not exist; name a checkpoint that nst learn left"
    return "is damaged, cut short or no checkpoint of nst learn; start again"
