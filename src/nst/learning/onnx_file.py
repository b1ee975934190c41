"""Export of a learned network to an ONNX file."""

from pathlib import Path

from nst import files, learned_file, learned_graph
from nst.learning.style_file import read


def export(file: Path, path: Path, *, overwrite: bool = False) -> Path:
    """Write the ONNX graph of a learned style; return the path of its file.
    The path is chosen as in `images.save`. Raises InvalidStyleFile, StorageError."""
    data = learned_graph.graph(learned_file.read(read(file), str(file)))
    return files.write_file(path, lambda target: target.write_bytes(data), overwrite=overwrite)
