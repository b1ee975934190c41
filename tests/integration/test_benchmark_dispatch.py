"""`python -m benchmarks.dispatch`, with the embedded defaults and few jobs only."""

from pathlib import Path

from benchmarks import dispatch

from nst import bootstrap


def test_all_jobs_wait_before_the_first_one_starts(tmp_path: Path) -> None:
    """`measure` itself asserts that its clients were faster than its workers."""
    with dispatch.environment({"NST_DATA_DIR": str(tmp_path)}):
        bootstrap.migrate()
        measured = dispatch.measure("SQLite, memory", workers=2, jobs=3)
    assert 0 < measured.dispatch_p50_ms <= measured.dispatch_p95_ms
    assert measured.jobs_per_second > 0
    assert measured.of_a_crowd == 6
