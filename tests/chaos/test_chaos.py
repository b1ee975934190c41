"""A short run of the driver; `make chaos` runs a long one."""

import json
import subprocess
import sys
from pathlib import Path

from support.assets import REPOSITORY

JOBS = 16


def test_nothing_is_lost_and_nothing_is_done_twice(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    driver = REPOSITORY / "tests" / "chaos" / "driver.py"
    command = [sys.executable, str(driver), f"--jobs={JOBS}", f"--report={report}"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = json.loads(report.read_text())
    assert sum(found["states"].values()) == JOBS
    assert len(found["injected"]) >= 8, "not everything that can fail did"
