"""The running service, checked by schemathesis against its own description."""

import hashlib
import subprocess
import sys
from pathlib import Path

from support.nst_serve import serve
from support.waiting import PATIENCE_SECONDS, PROGRAM_SECONDS

EXCLUDED = "positive_data_acceptance,ensure_resource_availability"
"""Checks of schemathesis that are left out.
No schema can say what an image contains, or that two weights must not both be 0; and a new job
has no recipe before it has an image."""

KEY = "the key of a program, which keeps no cookies"
SETTINGS = {
    "NST_API_KEYS": f"program:{hashlib.sha256(KEY.encode()).hexdigest()}",
    "NST_MAX_JOBS_PER_CLIENT": "1000000",
    "NST_MAX_QUEUED": "1000000",
    "NST_MAX_BYTES_PER_DAY": "1000000000000",
    "NST_STREAM_SECONDS": "1",
}


def test_the_service_is_what_it_says(tmp_path: Path) -> None:
    with serve(tmp_path, "--workers", "0", **SETTINGS) as server:
        found = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run"),
                str(server.client.base_url.join("/api/openapi.json")),
                *(
                    "--max-examples",
                    "10",
                    "--seed",
                    "1",
                    "--request-timeout",
                    str(PATIENCE_SECONDS),
                ),
                *("--suppress-health-check", "too_slow"),
                *("--checks", "all", "--exclude-checks", EXCLUDED),
                *("--header", f"Authorization: Bearer {KEY}"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_SECONDS,
        )
        assert found.returncode == 0, found.stdout
        assert "50 selected / 50 total" in found.stdout
        assert "Rate limited" not in found.stdout
        assert not [line for line in server.lines() if line["level"] == "error"]
