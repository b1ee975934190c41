"""The last line of a run that did not start compose.yaml."""

import pytest

from compose import stack


def pytest_unconfigure(config: pytest.Config) -> None:
    if missing := stack.missing():
        reporter: pytest.TerminalReporter = config.pluginmanager.getplugin("terminalreporter")
        reporter.write_line(f"NOT CHECKED: compose.yaml was not started: {missing}.")
