"""Reading and writing of files with a learned network.

Reading a file runs no code, wherever the file comes from, and allocates no more than the limits of
`nst.learned_file` allow.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from nst import files, learned_file
from nst.engine.checkpoint import write_tensors
from nst.errors import InvalidStyleFile
from nst.learned_file import KEY, MAX_BYTES, NO_STYLE, LearningRecipe, NetworkShape, StyleFacts
from nst.learning.network import StyleNetwork


def save(
    network: StyleNetwork,
    path: Path,
    *,
    styles: tuple[str, ...],
    recipe: LearningRecipe,
    licence: str = "",
    overwrite: bool = False,
) -> Path:
    """Write the network; return the path of its file.
    The path is chosen as in `images.save`. Raises StorageError."""
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
        write_tensors(tensors, file, {KEY: facts.model_dump_json()})

    return files.write_file(path, write, overwrite=overwrite)


def load(path: Path) -> tuple[StyleNetwork, StyleFacts]:
    """Return the network in a file and the facts that the file states about it.
    Raises InvalidStyleFile."""
    data = read(path)
    file = learned_file.read(data, str(path))
    shape = file.facts.shape
    tensors = {name: _tensor(file.tensors[name], sides) for name, sides in shape.tensors().items()}
    network = _empty_network(shape)
    network.load_state_dict(tensors, assign=True)
    return network.eval(), file.facts


def _tensor(data: memoryview, shape: tuple[int, ...]) -> Tensor:
    # Cloned: a view of a file may have an alignment at which sums round differently.
    return torch.frombuffer(bytearray(data), dtype=torch.float32).view(shape).clone()


def read(path: Path) -> bytes:
    """Return the bytes of a file that may be a learned style.
    Raises InvalidStyleFile."""
    try:
        if path.stat().st_size > MAX_BYTES:
            reason = f"has more than {MAX_BYTES / 1e6:g} MB, the most of a learned style"
            raise InvalidStyleFile(str(path), f"{reason}; name a file of nst learn")
        return path.read_bytes()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "does not exist; name a file of nst learn" if missing else NO_STYLE
        raise InvalidStyleFile(str(path), reason) from error


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of the tensors' names, shapes and bytes."""
    return learned_file.digest(
        {
            name: (tuple(tensor.shape), tensor.detach().cpu().contiguous().numpy().tobytes())
            for name, tensor in tensors.items()
        }
    )


def _empty_network(shape: NetworkShape) -> StyleNetwork:
    with torch.device("meta"):
        return StyleNetwork(shape)
