"""A run of the tests without Apache Kafka fails where its jars exist."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.assets import REPOSITORY

NEEDS_KAFKA = "tests/contract/test_kafka_rights.py::test_the_rights_are_documented"
NO_KAFKA = """
from pathlib import Path
from support import apache_kafka
apache_kafka.jars = lambda: None
apache_kafka.DOWNLOADED = Path("/nowhere/kafka/libs")
"""


@pytest.mark.parametrize(
    ("has_jars", "code", "workers"), [(True, 1, 0), (False, 0, 0), (True, 1, 1)]
)
def test_a_run_with_the_light_broker(
    tmp_path: Path, has_jars: bool, code: int, workers: int
) -> None:
    (tmp_path / "without_kafka.py").write_text(NO_KAFKA)
    jars = tmp_path / "services" / "kafka-0.1.2" / "libs"
    jars.mkdir(parents=True)
    if has_jars:
        (jars / "kafka_2.13-0.1.2.jar").touch()
    paths = os.pathsep.join([str(tmp_path), str(REPOSITORY / "tests"), str(REPOSITORY / "src")])
    options = ["-p", "without_kafka", "-p", "no:cacheprovider", f"--numprocesses={workers}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, NEEDS_KAFKA],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": paths, "NST_TEST_ASSETS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Not real in this run: Apache Kafka" in done.stdout
    assert (f"there are jars in {jars}" in done.stdout) is has_jars
