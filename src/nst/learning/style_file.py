"""The file of a learned network: safetensors, with
everything but the tensors as JSON beside them.

Reading one runs no code, wherever it comes from, and allocates no more than the limits of
`nst.learning.options` allow.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

import nst
from nst import files
from nst.errors import InvalidStyleFile
from nst.learning.network import NetworkShape, StyleNetwork
from nst.learning.options import MAX_BLOCKS, MAX_CHANNELS, MAX_STYLES

FORMAT = 1
"""Other formats are refused."""
KEY = "nst-style"
"""Key of the JSON in the metadata."""


class LearningRecipe(BaseModel):
    """Recipe of a network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    options: dict[str, Any]
    """Options of `LearningOptions`, by name."""
    styles_sha256: tuple[str, ...]
    """SHA-256 of the pixels of the style images."""
    photos: int
    """Number of photos in the collection."""
    weights_sha256: str
    """SHA-256 of the weights of the network that compared images while learning."""
    steps: int
    seconds: float
    """Time spent on the steps."""


class StyleFacts(BaseModel):
    """Facts that a file states about its network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    nst: str = nst.__version__
    """The version that wrote it."""
    styles: tuple[str, ...] = Field(min_length=1, max_length=MAX_STYLES)
    """Names of the styles, in their order."""
    channels: int = Field(ge=4, le=MAX_CHANNELS, multiple_of=4)
    blocks: int = Field(ge=1, le=MAX_BLOCKS)
    licence: str = ""
    """Terms under which the network may be used; empty if nobody said any."""
    recipe: LearningRecipe
    tensors_sha256: str
    """SHA-256 of names, shapes and bytes of all tensors."""

    @property
    def shape(self) -> NetworkShape:
        return NetworkShape(len(self.styles), self.channels, self.blocks)


def save(
    network: StyleNetwork,
    path: Path,
    *,
    styles: tuple[str, ...],
    recipe: LearningRecipe,
    licence: str = "",
    overwrite: bool = False,
) -> Path:
    """Write the network; return where it is, as `images.save` does.
    Raises StorageError."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    facts = StyleFacts(
        styles=styles,
        channels=network.shape.channels,
        blocks=network.shape.blocks,
        licence=licence,
        recipe=recipe,
        tensors_sha256=digest(tensors),
    )

    def write(file: Path) -> None:
        save_file(tensors, file, {KEY: facts.model_dump_json()})

    return files.write_file(path, write, overwrite=overwrite)


def load(path: Path) -> tuple[StyleNetwork, StyleFacts]:
    """Return the network in a file and what the file says about it.
    Raises InvalidStyleFile."""
    try:
        with safe_open(path, framework="pt") as opened:
            facts = _facts(path, (opened.metadata() or {}).get(KEY))
            network = _empty_network(facts.shape)
            _check_shapes(path, network, _shapes(opened))
            tensors = {name: opened.get_tensor(name).clone() for name in network.state_dict()}
    except (OSError, SafetensorError) as error:
        raise InvalidStyleFile(str(path), _unreadable(path)) from error
    if digest(tensors) != facts.tensors_sha256:
        raise InvalidStyleFile(str(path), "has another SHA-256 than it says; copy it again")
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise InvalidStyleFile(str(path), "holds numbers that are not finite; learn it again")
    network.load_state_dict(tensors, assign=True)
    return network.eval(), facts


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names, shapes and bytes."""
    sha256 = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        sha256.update(f"{name} {tuple(tensor.shape)} ".encode())
        sha256.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return sha256.hexdigest()


def _facts(path: Path, text: str | None) -> StyleFacts:
    if text is None:
        raise InvalidStyleFile(str(path), "holds no learned style; name a file of nst learn")
    try:
        written = _Format.model_validate_json(text)
        if written.format != FORMAT:
            reason = f"was written by nst {written.nst} in format {written.format}; this version "
            reason += f"reads format {FORMAT}, use that version or learn the style again"
            raise InvalidStyleFile(str(path), reason)
        return StyleFacts.model_validate_json(text)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"])) or "JSON"
        reason = f"has unusable metadata ({field}); learn the style again"
        raise InvalidStyleFile(str(path), reason) from error


class _Format(BaseModel):
    """What every version of the format says."""

    format: int
    nst: str = "of an unknown version"


def _empty_network(shape: NetworkShape) -> StyleNetwork:
    with torch.device("meta"):
        return StyleNetwork(shape)


def _shapes(opened: Any) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return type and shape of each tensor of an open file."""
    slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118
    return {name: (each.get_dtype(), tuple(each.get_shape())) for name, each in slices.items()}


def _check_shapes(
    path: Path, network: StyleNetwork, found: Mapping[str, tuple[str, tuple[int, ...]]]
) -> None:
    needed = {name: ("F32", tuple(each.shape)) for name, each in network.state_dict().items()}
    for name in sorted({*needed, *found}):
        if needed.get(name) != found.get(name):
            reason = f"has the tensor {name} as {_as_text(found.get(name))}, which should be "
            reason += f"{_as_text(needed.get(name))}; learn the style again"
            raise InvalidStyleFile(str(path), reason)


def _as_text(tensor: tuple[str, tuple[int, ...]] | None) -> str:
    return "missing" if tensor is None else f"{tensor[0]} {'×'.join(map(str, tensor[1]))}"


def _unreadable(path: Path) -> str:
    if not path.exists():
        return "is not there; name a file of nst learn"
    return "is damaged, cut short or no learned style; name a file of nst learn"
