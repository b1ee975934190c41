"""A learned network as a file with an ONNX graph."""

from pathlib import Path

from nst import files, learned_file, learned_graph
from nst.learning.style_file import read


def export(file: Path, path: Path, *, overwrite: bool = False) -> Path:
    """Write the graph of a learned style; return where it is, as `images.save` does.
    Raises InvalidStyleFile, StorageError."""
    data = learned_graph.graph(learned_file.read(read(file), str(file)))
    return files.write_file(path, lambda target: target.write_bytes(data), overwrite=overwrite)
