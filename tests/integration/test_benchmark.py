"""`python -m benchmarks.engine --quick`, run as a command."""

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

from support.assets import REPOSITORY
from support.waiting import PROGRAM_SECONDS

SECTIONS = ("evaluation", "presets", "curves", "memory", "scaling", "draft", "startup", "whole")


def measure(path: Path, *sections: str) -> Results:
    """Run these sections quickly, with the bundled model and one pair of images."""
    # On a busy machine, threads that wait for each other would take minutes.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.engine", "--quick", "--output", path),
            *("--model", "vgg16", "--pair", "1"),
            *(word for section in sections for word in ("--only", section)),
        ],
        cwd=REPOSITORY,
        env=environment,
        check=True,
        timeout=PROGRAM_SECONDS,
    )
    return Results.model_validate_json(path.read_text())


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("benchmark") / "engine.json"
    measure(path, *SECTIONS)
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


def test_every_section_has_its_table(output: Path) -> None:
    results = Results.model_validate_json(output.read_text())
    assert results.matrix_products
    assert results.evaluation_times
    assert [row.preset for row in results.presets] == ["fast", "gram", "quality"]
    assert [(row.model, row.pair) for row in results.curves] == [("vgg16", 1)]
    assert results.peak_memory
    assert results.scaling
    assert results.drafts
    assert [row.preset for row in results.whole_pictures] == ["quality"]
    assert [row.command for row in results.startups] == ["nst --help", "import nst"]


def test_a_loop_that_waits_leaves_the_machine_to_the_others(output: Path) -> None:
    (curves,) = Results.model_validate_json(output.read_text()).curves
    assert curves.naive.idle_cores < 0.1


def test_a_section_measured_later_joins_the_others(output: Path) -> None:
    before = Results.model_validate_json(output.read_text())
    after = measure(output, "large")
    assert after.model_copy(update={"large_pictures": ()}) == before
    (large,) = after.large_pictures
    assert 0 < large.peak_bytes < large.max_memory_bytes


def ratios(node: Any) -> Iterator[float]:
    """Yield every number below a key that ends in "ratio".
    A ratio that a run never reached is None, and is left out."""
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
