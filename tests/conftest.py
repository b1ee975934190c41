"""Fixtures that many tests use, and the summary at the end of a run."""

import signal
from collections import defaultdict
from pathlib import Path, PurePath
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from nst import bootstrap
from nst.settings.environment import variables
from support import servers
from support.assets import ASSETS
from support.pictures import SAMPLES

# Background processes of a shell ignore Ctrl-C, and so would the commands that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test may depend on how fast or how busy the machine is.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if servers.STAND_INS:
        terminalreporter.write_line(f"Not real in this run: {'; '.join(sorted(servers.STAND_INS))}")
    if complaint := servers.avoidable_stand_in():
        terminalreporter.write_line(complaint)
    for part, seconds in seconds_by_part(terminalreporter):
        terminalreporter.write_line(f"{seconds:6.0f} s  {part}")


def seconds_by_part(terminalreporter: pytest.TerminalReporter) -> list[tuple[str, float]]:
    """Return the seconds of each directory, or file, of tests/, longest first.
    The seconds of all processes are added up."""
    seconds: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folders = PurePath(report.nodeid.partition("::")[0]).parts
                seconds["/".join(folders[: 3 if "unit" in folders else 2])] += report.duration
    return sorted(seconds.items(), key=lambda item: -item[1])


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (output := worker_output(session.config)) is not None:
        output["stand_ins"] = sorted(servers.STAND_INS)
    elif servers.avoidable_stand_in() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the stand-ins that a worker of pytest-xdist has used.
    A worker that crashed reports nothing, and its test has failed."""
    servers.STAND_INS.update(getattr(node, "workeroutput", {}).get("stand_ins", ()))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write the names of the failed tests as the last lines of the output.
    The last lines are what people read of a run that they did not watch."""
    if worker_output(config) is not None:
        return
    reporter: pytest.TerminalReporter = config.pluginmanager.getplugin("terminalreporter")
    for kind in ("failed", "error"):
        for report in reporter.stats.get(kind, []):
            reporter.write_line(f"{kind}: {report.nodeid}")


def worker_output(config: pytest.Config) -> dict[str, Any] | None:
    """Return the data that a worker of pytest-xdist sends to the reporting process.
    Return None in the reporting process."""
    output: dict[str, Any] | None = getattr(config, "workeroutput", None)
    return output


@pytest.fixture
def content() -> Path:
    return SAMPLES / "content" / "cat.jpg"


@pytest.fixture
def style() -> Path:
    return SAMPLES / "style" / "impasto.jpg"


@pytest.fixture
def vgg19_directory() -> Path:
    if not (ASSETS / "weights" / "vgg19.safetensors").is_file():
        pytest.skip("no vgg19.safetensors; NST_TEST_ASSETS names the directory around weights/")
    return ASSETS / "weights"


@pytest.fixture(autouse=True)
def quiet_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Isolate tests from this machine's caches and settings, and from the network.
    The caches of nst and of torch hub are empty, and downloads are off unless a test turns them
    on for a server of its own."""
    home = tmp_path_factory.mktemp("home")
    for variable in variables():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NST_CACHE_DIR", str(home / "nst"))
    monkeypatch.setenv("NST_DATA_DIR", str(home / "data"))
    monkeypatch.setenv("TORCH_HOME", str(home / "torch"))
    monkeypatch.setenv("NST_OFFLINE", "1")
    bootstrap.settings.cache_clear()
