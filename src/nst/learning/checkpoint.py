"""The state of a training between two steps, in a file
from which it goes on bit for bit.

One safetensors file; reading one runs no code.
"""

import os
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

import nst
from nst import files
from nst.errors import InvalidCheckpoint
from nst.learning.training import Training

FORMAT = 1
"""Other formats are refused."""
_KEY = "nst-learning"


class LearningCheckpoint(BaseModel):
    """All that goes on after an interruption, beside the tensors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    nst: str = nst.__version__
    """The version that wrote it."""
    step: int
    seconds: float
    origin: dict[str, str]
    """Fingerprints of what the network learns from, by name.
    It goes on only with the same."""
    command: dict[str, Any]
    """The caller's own data, needed to begin again."""

    def save(self, training: Training, path: Path) -> None:
        """Write the checkpoint; the one before is replaced when this one is whole. Raises
        StorageError."""

        def write(file: Path) -> None:
            tensors = {name: each.cpu().contiguous() for name, each in training.state().items()}
            save_file(tensors, file, {_KEY: self.model_dump_json()})
            with file.open("rb") as written:
                os.fsync(written.fileno())

        files.write_file(path, write, overwrite=True)

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
        """Bring the training to where it was.
        `path`: of the file; `origin`: of what the training learns from. Raises
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
