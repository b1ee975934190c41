"""The last lines of a test run name the failed tests, in one process or several."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.assets import REPOSITORY

FAILS = "def test_fails():\n    assert False\n"


@pytest.mark.parametrize("workers", [0, 1])
def test_the_last_line_names_the_failed_test(tmp_path: Path, workers: int) -> None:
    (tmp_path / "test_one.py").write_text(FAILS)
    options = ["-p", "conftest", "-p", "no:cacheprovider", f"--numprocesses={workers}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_one.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'tests'}:{REPOSITORY / 'src'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "failed: test_one.py::test_fails"
