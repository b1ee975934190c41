"""Executes the notebook of the documentation again, in place: python tools/notebook.py

Needs the extra `tools`. Paths and times are those of this run; nothing else changes.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorials" / "python.ipynb"


def execute(file: Path) -> None:
    """Run all cells in an empty directory, and keep their outputs in the file."""
    notebook = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]
    with TemporaryDirectory() as directory:
        client = NotebookClient(notebook, resources={"metadata": {"path": directory}})
        client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(notebook, file)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    execute(NOTEBOOK)
