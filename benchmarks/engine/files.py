"""Results files, which several runs on the same machine may fill."""

import os
from pathlib import Path

from click import ClickException
from pydantic import ValidationError

from benchmarks.engine.schema import Results


def read(path: Path) -> Results:
    try:
        return Results.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ClickException(
            f"{path} is not a results file of this version: move it away to measure anew"
        ) from error


def continued(path: Path, header: Results) -> Results:
    """What the file holds, under the header of the run that goes on with it; the header alone
    where there is no file."""
    if not path.exists():
        return header
    before = read(path)
    if (before.machine, before.method.quick) != (header.machine, header.method.quick):
        raise ClickException(
            f"{path} was measured on another machine or quickly: choose another --output"
        )
    weights = {**before.method.weights_sha256, **header.method.weights_sha256}
    return before.model_copy(
        update={
            "nst_version": header.nst_version,
            "method": header.method.model_copy(update={"weights_sha256": weights}),
            "skipped": header.skipped,
        }
    )


def write(results: Results, path: Path) -> None:
    """Under a temporary name first, so that an interrupted run leaves no half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)
