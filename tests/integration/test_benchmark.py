"""`python -m benchmarks.engine --quick` from the outside."""

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.engine.report import render
from benchmarks.engine.schema import Results

from conftest import REPOSITORY


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("benchmark") / "engine.json"
    # On a busy machine threads that wait for each other would take minutes.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("NST_WEIGHTS_DIR", None)
    subprocess.run(
        [sys.executable, "-m", "benchmarks.engine", "--quick", "--output", path],
        cwd=REPOSITORY,
        env=environment,
        check=True,
        timeout=300,
    )
    return path


def test_the_results_are_valid(output: Path) -> None:
    results = Results.model_validate_json(output.read_text())
    assert results.method.quick
    assert "vgg16" in results.method.weights_sha256
    assert list(output.parent.iterdir()) == [output]


def test_every_ratio_is_a_positive_finite_number(output: Path) -> None:
    results = Results.model_validate_json(output.read_text())
    found = list(ratios(results.model_dump()))
    assert found
    assert all(math.isfinite(ratio) and ratio > 0 for ratio in found)


def test_the_tables_name_both_sides(output: Path) -> None:
    tables = render(Results.model_validate_json(output.read_text()))
    assert "naive ms" in tables
    assert "ours ms" in tables


def ratios(node: Any) -> Iterator[float]:
    """Every number below a key that ends in "ratio"; what a run never reached has none."""
    if isinstance(node, dict):
        for key, value in node.items():
            if not key.endswith("ratio"):
                yield from ratios(value)
            elif isinstance(value, dict):
                yield from value["values"]
            elif value is not None:
                yield value
    elif isinstance(node, list | tuple):
        for item in node:
            yield from ratios(item)
