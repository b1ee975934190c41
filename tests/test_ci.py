"""What .ci/run and the workflows of GitHub run, and in which order."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.assets import REPOSITORY

WORKFLOWS = REPOSITORY / ".github" / "workflows"
RECORDER = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
test "$*" != "$FAILS"
"""
ROOT, NOBODY = "0", "10001"
IMAGES = "--jobs=2 --output-sync=target test-images test-compose"

Finished = subprocess.CompletedProcess[str]
Run = Callable[..., tuple[Finished, list[str]]]


@pytest.fixture
def ci(tmp_path: Path) -> Run:
    """Return a function that runs a copy of .ci/run, in which other programs only note calls.
    `user`: id of the user; `fails`: arguments of the call that fails."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci" / "run", tmp_path / ".ci" / "run")
    for name in ("tools/system-packages", "bin/make"):
        write_program(tmp_path / name, RECORDER)

    def run(user: str, fails: str = "nothing") -> tuple[Finished, list[str]]:
        write_program(tmp_path / "bin" / "id", f"#!/bin/sh\necho {user}\n")
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        environment = {"PATH": path, "CALLS": str(tmp_path / "calls"), "FAILS": fails}
        finished = subprocess.run(
            [tmp_path / ".ci" / "run"], env=environment, capture_output=True, text=True, check=False
        )
        return finished, (tmp_path / "calls").read_text().splitlines()

    return run


def write_program(file: Path, script: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(script)
    file.chmod(0o755)


def test_ci_runs_the_test_command_of_the_readme_and_as_root_the_images(ci: Run) -> None:
    finished, calls = ci(user=ROOT)
    assert finished.returncode == 0, finished.stderr
    assert "`make test`" in (REPOSITORY / "README.md").read_text()
    assert calls[:2] == ["make --jobs=2 .venv/installed-dev page", "system-packages images"]
    assert sorted(calls[2:4]) == ["make images", "make test"]  # both at once
    assert calls[4:] == [f"make {IMAGES}"]


def test_ci_without_root_says_what_it_does_not_check(ci: Run) -> None:
    finished, calls = ci(user=NOBODY)
    assert finished.returncode == 0, finished.stderr
    assert calls == ["make test"]
    assert finished.stderr.startswith("NOT CHECKED: the images")


@pytest.mark.parametrize(("user", "fails"), [(NOBODY, "test"), (ROOT, "test"), (ROOT, IMAGES)])
def test_ci_fails_with_its_tests(ci: Run, user: str, fails: str) -> None:
    finished, calls = ci(user, fails)
    assert finished.returncode != 0
    assert f"make {fails}" in calls


# ── workflows ─────────────────────────────────────────────────────────────────────────────────


def test_github_runs_the_same_script() -> None:
    (job,) = workflow("ci")["jobs"].values()
    assert job["steps"][-1]["run"] == ".ci/run"
    assert not any("if" in part or "continue-on-error" in part for part in (job, *job["steps"]))


def test_no_job_of_a_release_starts_before_the_tests_have_passed() -> None:
    jobs = workflow("release")["jobs"]
    tests = {name for name, job in jobs.items() if job.get("uses", "").endswith("/ci.yml")}
    assert len(tests) == 1
    for name in jobs.keys() - tests:
        assert tests <= set(needed(jobs, name)), name


def needed(jobs: dict[str, Any], name: str) -> Iterator[str]:
    """Yield the names of all jobs that must succeed before this one."""
    for other in jobs[name].get("needs", ()):
        yield other
        yield from needed(jobs, other)


def workflow(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text())
    return read
