"""Results files, which can hold several runs on the same machine."""

from pathlib import Path

from click import ClickException
from pydantic import BaseModel, ValidationError

from benchmarks.engine.schema import Results
from nst import files


def read(path: Path) -> Results:
    try:
        return Results.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ClickException(
            f"{path} is not a results file of this version: move it away to measure anew"
        ) from error


def continued(path: Path, header: Results) -> Results:
    """Return the results in the file, with the method of the run that continues them.
    Without a file, return the header alone."""
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
            "method": header.method.model_copy(update={"weights_sha256": weights}),
            "skipped": header.skipped,
        }
    )


def write(results: BaseModel, path: Path) -> None:
    """Write the results of any suite; an interrupted run leaves no partial file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = results.model_dump_json(indent=1) + "\n"
    files.write_file(path, lambda file: file.write_text(text, encoding="utf-8"), overwrite=True)
