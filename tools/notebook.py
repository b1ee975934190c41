"""Executes the notebook of the documentation again, in place.

`python tools/notebook.py` needs the extra `tools`. Paths and times are those of the new run;
nothing else changes.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_output

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorials" / "python.ipynb"


def execute(file: Path) -> None:
    """Run all cells in an empty directory, and keep their outputs in the file."""
    notebook = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]
    with TemporaryDirectory() as directory:
        client = NotebookClient(notebook, resources={"metadata": {"path": directory}})
        client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = list(_settled(cell.outputs))
    nbformat.write(notebook, file)  # type: ignore[no-untyped-call]


def _settled(outputs: Iterable[Any]) -> Iterator[Any]:
    """Yield the outputs; of a progress bar, only its last state."""
    for is_bar, group in groupby(outputs, lambda output: output.get("name") == "stderr"):
        if not is_bar:
            yield from group
            continue
        states = "".join(output.text for output in group).split("\r")
        shown = [state.strip() for state in states if state.strip()]
        yield new_output("stream", name="stderr", text=f"{shown[-1]}\n")  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    execute(NOTEBOOK)
