"""The results in the repository are valid, and are what the tables name."""

import json

import pytest
from benchmarks.engine.schema import Results
from benchmarks.frontier.schema import Frontier
from benchmarks.learning.schema import Learning
from benchmarks.service.schema import Results as ServiceResults
from benchmarks.video.schema import Films
from pydantic import BaseModel

from support.assets import REPOSITORY


@pytest.mark.parametrize(
    ("pattern", "schema"),
    [
        ("engine--*.json", Results),
        ("frontier-*.json", Frontier),
        ("learning--*.json", Learning),
        ("service--*.json", ServiceResults),
        ("video.json", Films),
    ],
)
def test_committed_results_are_valid(pattern: str, schema: type[BaseModel]) -> None:
    paths = sorted((REPOSITORY / "benchmarks" / "results").glob(pattern))
    assert paths
    for path in paths:
        schema.model_validate_json(path.read_text(encoding="utf-8"))


def test_committed_figures_of_the_dispatch_are_complete() -> None:
    path = REPOSITORY / "benchmarks" / "results" / "dispatch.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["dispatch"]
    assert [row["workers"] for row in rows] == 2 * [1, 4, 16]
    assert all(row["of_a_crowd"] > 0 for row in rows)
