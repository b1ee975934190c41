"""Every error as problem JSON, as a client sees it."""

import errno
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from nst.api import problems
from nst.errors import (
    DependencyError,
    NSTError,
    QueueFull,
    RepositoryError,
    StorageError,
    StorageFull,
    TooManyRequests,
    VideoUnavailable,
)
from support.service_in_process import Browser, House, browser, form
from unit.test_package import ERRORS, FACTS

STATUS = {
    "NSTError": 500,
    "InvalidOption": 422,
    "InvalidImage": 422,
    "UnsupportedImage": 415,
    "ImageTooLarge": 413,
    "InvalidCheckpoint": 422,
    "InvalidStyleFile": 422,
    "JobNotFound": 404,
    "StyleNotFound": 404,
    "PictureNotFound": 404,
    "JobConflict": 409,
    "TooManyStyles": 409,
    "TooManyShares": 409,
    "NotAllowed": 403,
    "TooManyRequests": 429,
    "QueueFull": 503,
    "ServerBusy": 503,
    "UnreadableJob": 500,
    "LeaseLost": 409,
    "TransferError": 500,
    "OutOfMemory": 500,
    "Diverged": 500,
    "WeightsUnavailable": 500,
    "DraftUnavailable": 500,
    "NetworkUnavailable": 500,
    "TransferCanceled": 409,
    "DependencyError": 503,
    "StorageError": 503,
    "StorageFull": 507,
    "DiskFull": 503,
    "RepositoryError": 503,
    "QueueError": 503,
    "FeedError": 503,
    "VideoUnavailable": 422,
}


@pytest.fixture
def app(house: House) -> APIFlask:
    return house.app()


def made(error_class: type[NSTError]) -> NSTError:
    facts = next((FACTS[cls] for cls in error_class.mro() if cls in FACTS), None)
    return error_class("it went wrong") if facts is None else error_class(**facts)


def raised(app: APIFlask, error: Exception) -> Any:
    """Return the answer to a request whose route raises this error."""

    def fail() -> str:
        raise error

    app.add_url_rule("/api/fails", view_func=fail)
    return browser(app).get("/api/fails")


def test_every_error_has_a_status() -> None:
    assert {error.__name__ for error in ERRORS} == set(STATUS)


@pytest.mark.parametrize("error_class", ERRORS)
def test_every_error_is_a_problem(app: APIFlask, error_class: type[NSTError]) -> None:
    response = raised(app, made(error_class))
    assert response.status_code == STATUS[error_class.__name__]
    assert response.content_type == "application/problem+json"
    problem = response.json
    assert problem["code"] == error_class.code
    assert problem["type"] == f"urn:nst:problem:{error_class.code}"
    assert problem["status"] == response.status_code
    assert problem["title"]
    assert re.match(r"[\w×]", problem["detail"])
    assert problem["request_id"] == response.headers["X-Request-ID"]
    can_wait = issubclass(error_class, TooManyRequests | DependencyError)
    has_to_wait = can_wait and error_class is not VideoUnavailable
    assert ("Retry-After" in response.headers) is has_to_wait
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("role", ["content", "style", "mask", "detail map", "initial"])
def test_pictures_are_named_by_their_field(app: APIFlask, role: Any) -> None:
    from nst.errors import InvalidImage

    fields = {"content": "content_image", "style": "style_image", "mask": "style_mask"}
    fields |= {"detail map": "detail_map"}
    response = raised(app, InvalidImage(role, "is damaged"))
    assert response.json["field"] == fields.get(role, "image")
    assert response.json["detail"] == "is damaged"


SECRET = "postgresql://user:hunter2@db/srv/pictures"  # noqa: S105


@pytest.mark.parametrize(
    "error",
    [
        RepositoryError(SECRET),
        StorageError(Path(f"/{SECRET}"), "broken"),
        StorageFull(Path(f"/{SECRET}"), "full"),
        ZeroDivisionError(SECRET),
        KeyError(SECRET),
        FileNotFoundError(SECRET),
    ],
)
def test_nothing_internal_leaks(
    app: APIFlask, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    response = raised(app, error)
    assert response.status_code in (404, 500, 503, 507)
    for told in (SECRET, "Traceback", "/src/", "ZeroDivisionError", "KeyError", ".py"):
        assert told not in response.text


def test_a_fault_of_ours_is_logged_with_its_trace_and_the_request(
    app: APIFlask, caplog: pytest.LogCaptureFixture
) -> None:
    response = raised(app, ZeroDivisionError("a fault"))
    assert (response.status_code, response.json["code"]) == (500, "internal_error")
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert record.exc_info
    assert vars(record)["request"] == response.json["request_id"]


def test_failures_outside_are_logged_in_one_line(
    app: APIFlask, caplog: pytest.LogCaptureFixture
) -> None:
    response = raised(app, RepositoryError("connection refused"))
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "connection refused" in record.getMessage()
    assert not record.exc_info
    assert vars(record)["request"] == response.json["request_id"]


# ── errors of the framework ───────────────────────────────────────────────────────────────────


@pytest.fixture
def client(house: House) -> Browser:
    return house.client()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api/nonsense", "/api/", "/api/v2/jobs", "/api/v1/jobs/1/2/3"])
def test_unknown_addresses(client: Browser, method: str, path: str) -> None:
    response = client.open(path, method=method)
    assert (response.status_code, response.json["code"]) == (404, "not_found")
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        *("/api/v1/jobs/%00", "/api/v1/jobs?before=%00", "/api/task_status/a%00b"),
        *("/api/v1/shared/%00", "/api/v1/styles/%00"),
    ],
)
def test_addresses_that_no_database_takes(client: Browser, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json["code"]) == (404, "not_found")


def test_sentences_are_ours(client: Browser) -> None:
    said = [
        client.get("/api/nonsense").json["detail"],
        client.put("/api/v1/jobs").json["detail"],
        client.post("/api/v1/jobs/1/steer").json["detail"],
    ]
    assert said == [
        "this address does not exist; /api/docs lists those of the API",
        "this address does not support this method",
        "the request body cannot be read; expected JSON or a form",
    ]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/v1/jobs", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("PATCH", "/api/v1/jobs/1", {"DELETE", "GET", "HEAD", "OPTIONS"}),
        ("GET", "/api/v1/jobs/1/cancel", {"OPTIONS", "POST"}),
        ("POST", "/api/v1/options", {"GET", "HEAD", "OPTIONS"}),
        ("NONSENSE", "/api/v1/options", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_unknown_methods(client: Browser, method: str, path: str, allowed: set[str]) -> None:
    response = client.open(path, method=method)
    assert (response.status_code, response.json["code"]) == (405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == allowed


def test_request_ids(client: Browser) -> None:
    given = client.get("/api/v1/jobs", headers={"X-Request-ID": "abc123"})
    assert given.headers["X-Request-ID"] == "abc123"
    made_here = {client.get("/api/v1/jobs").headers["X-Request-ID"] for _ in range(3)}
    assert len(made_here) == 3


@pytest.mark.parametrize("wrong", ["<script>", "x" * 65, "a b", "é"])
def test_request_ids_that_could_do_harm_are_replaced(client: Browser, wrong: str) -> None:
    response = client.get("/api/v1/nonsense", headers={"X-Request-ID": wrong})
    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-ID"])
    assert response.json["request_id"] == response.headers["X-Request-ID"]


def test_there_is_no_debug_mode(app: APIFlask) -> None:
    assert not app.debug
    assert not app.testing
    assert app.config["PROPAGATE_EXCEPTIONS"] is None


def test_a_database_that_does_not_answer(
    house: House, client: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RepositoryError("gone")

    monkeypatch.setattr(house.repository, "list", fail)
    monkeypatch.setattr(house.repository, "state", fail)
    monkeypatch.setattr(house.repository, "now", fail)
    for response in (client.get("/api/v1/jobs"), client.post("/api/v1/jobs", data=form())):
        assert (response.status_code, response.json["code"]) == (503, "repository_failed")
        assert response.json["retry_after_seconds"] == problems.RETRY_SECONDS
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json["failures"] == {"repository": "repository_failed"}
    assert client.get("/healthz").status_code == 200


def test_queue_full_says_when_to_come_back(app: APIFlask) -> None:
    response = raised(app, QueueFull("too many jobs are waiting", 60))
    assert response.headers["Retry-After"] == "60"
    assert response.json["retry_after_seconds"] == 60


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_for_a_request_is_no_fault_of_ours(app: APIFlask, number: int) -> None:
    response = raised(app, OSError(number, "No space left on device"))
    assert (response.status_code, response.json["code"]) == (507, "storage_full")


def test_other_errors_of_the_system_are_ours(app: APIFlask) -> None:
    assert raised(app, OSError(errno.EIO, "I/O error")).status_code == 500
