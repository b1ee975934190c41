"""Logs with one line for each event, for people or for machines."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from nst import logs
from support.service_in_process import CRASH, House, finishes


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Restore the logging of the tests themselves."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


Capture = pytest.CaptureFixture[str]


def lines(capsys: Capture) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_of_json_has_time_level_name_and_facts(capsys: Capture) -> None:
    logs.set_up("json", "INFO")
    logging.getLogger("nst.test").info("took %d s", 3, extra={"job": "1a", "status": "queued"})
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "took 3 s",
        "level": "info",
        "logger": "nst.test",
        "job": "1a",
        "status": "queued",
    }


def test_a_trace_is_one_line_too(capsys: Capture) -> None:
    logs.set_up("json", "INFO")
    try:
        raise ZeroDivisionError("a fault")
    except ZeroDivisionError:
        logging.getLogger("nst.test").exception("it failed")
    (line,) = lines(capsys)
    assert line["event"] == "it failed"
    assert line["exception"][0]["exc_value"] == "a fault"


def test_for_people_it_is_text(capsys: Capture) -> None:
    logs.set_up("console", "INFO")
    logging.getLogger("nst.test").warning("careful", extra={"job": "1a"})
    (line,) = capsys.readouterr().err.splitlines()
    assert "careful" in line
    assert "job=1a" in line
    assert "\x1b" not in line


def test_what_is_less_than_the_level_is_not_written(capsys: Capture) -> None:
    logs.set_up("json", "WARNING")
    logging.getLogger("nst.test").info("detail")
    logging.getLogger("nst.test").warning("careful")
    assert [line["event"] for line in lines(capsys)] == ["careful"]


def test_libraries_that_chatter_are_quiet(capsys: Capture) -> None:
    logs.set_up("json", "DEBUG")
    for name in logs.NOISY:
        logging.getLogger(name).info("chatter")
    assert lines(capsys) == []


def test_every_event_of_a_job_names_it_and_nobody_s_pictures(house: House, capsys: Capture) -> None:
    logs.set_up("json", "INFO")
    job = house.submit("browser:secret-of-anna")
    house.work(CRASH)
    house.work(finishes())
    house.jobs.delete("browser:secret-of-anna", job.id)
    other = house.submit("browser:secret-of-anna", options={"seed": 1})
    house.jobs.cancel("browser:secret-of-anna", other.id)
    house.jobs.retry("browser:secret-of-anna", other.id)
    text = capsys.readouterr().err
    said = [json.loads(line) for line in text.splitlines()]
    facts = ("event", "job", "attempt", "status")
    assert [tuple(line[fact] for fact in facts) for line in said] == [
        ("job submitted", job.id, 0, "queued"),
        ("attempt failed: its process ended with exit code -9", job.id, 1, "running"),
        ("job finished", job.id, 2, "succeeded"),
        ("job deleted", job.id, 2, "succeeded"),
        ("job submitted", other.id, 0, "queued"),
        ("job cancellation requested", other.id, 0, "canceled"),
        ("job retried", other.id, 0, "queued"),
    ]
    assert "secret-of-anna" not in text
    assert "cat.png" not in text
