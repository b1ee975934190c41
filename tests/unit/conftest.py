"""Fixture of the service in a directory of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.service_in_process import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    yield built
    built.close()
