"""Limits of a client and of all clients: 429 and 503, and when to try again."""

import logging
from typing import Any

import pytest

from nst.api.auth import network
from nst.api.streams import Streams
from support.service_in_process import CAT, WAVES, House, browser, form, limited_to

JOBS = "/api/v1/jobs"


def refused(response: Any, status: int, code: str) -> int:
    """Assert that a request is refused; return the seconds until the next try."""
    assert (response.status_code, response.json["code"]) == (status, code)
    seconds = response.json["retry_after_seconds"]
    assert response.headers["Retry-After"] == str(seconds)
    assert str(seconds) in response.json["detail"]
    assert isinstance(seconds, int)
    return seconds


def test_requests_of_a_minute(house: House) -> None:
    client = house.client(requests_per_minute=3)
    assert [client.get(JOBS).status_code for _ in range(3)] == [200] * 3
    assert 0 < refused(client.get(JOBS), 429, "too_many_requests") <= 60
    elsewhere = {"REMOTE_ADDR": "10.0.0.2"}
    assert client.get(JOBS, environ_overrides=elsewhere).status_code == 200
    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 200


def test_a_refusal_is_no_warning_in_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    client = house.client(requests_per_minute=1)
    assert [client.get(JOBS).status_code for _ in range(2)] == [200, 429]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_new_cookie_does_not_help(house: House) -> None:
    app = house.app(requests_per_minute=3)
    statuses = [browser(app).get(JOBS).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_made_up_keys_do_not_help(house: House) -> None:
    client = house.client(requests_per_minute=3)
    statuses = [
        client.get("/api/v1/options", headers={"X-API-Key": f"guess {n}"}).status_code
        for n in range(5)
    ]
    assert statuses == [403, 403, 403, 429, 429]


def test_made_up_addresses_do_not_help_without_a_proxy(house: House) -> None:
    client = house.client(requests_per_minute=2)
    statuses = [
        client.get(JOBS, headers={"X-Forwarded-For": f"10.0.0.{n}"}).status_code for n in range(3)
    ]
    assert statuses == [200, 200, 429]


def test_behind_a_proxy_the_client_is_whom_the_proxy_names(house: House) -> None:
    client = house.client(requests_per_minute=2, trusted_proxies=1)

    def get(forwarded: str) -> Any:
        return client.get(JOBS, headers={"X-Forwarded-For": forwarded}).status_code

    assert [get(f"10.0.0.{n}") for n in range(3)] == [200, 200, 200]
    # Addresses that the client itself wrote come before the one that the proxy adds.
    assert [get(f"1.1.1.{n}, 10.0.0.9") for n in range(3)] == [200, 200, 429]


def test_a_key_is_counted_by_itself(house: House) -> None:
    import hashlib

    keys = {"anna": hashlib.sha256(b"k").hexdigest()}
    client = house.client(requests_per_minute=1, api_keys=keys)
    assert client.get(JOBS).status_code == 200
    assert client.get(JOBS, headers={"X-API-Key": "k"}).status_code == 200
    assert client.get(JOBS, headers={"X-API-Key": "k"}).status_code == 429


def test_unfinished_jobs(house: House) -> None:
    house.jobs.limits = limited_to(max_jobs_per_client=2)
    client = house.client()
    for seed in "12":
        assert client.post(JOBS, data=form(seed=seed)).status_code == 202
    refused(client.post(JOBS, data=form(seed="3")), 429, "too_many_requests")


def test_unfinished_jobs_of_an_address_whatever_the_cookies(house: House) -> None:
    house.jobs.limits = limited_to(max_jobs_per_address=2)
    app = house.app()

    def post(seed: str, address: str) -> Any:
        where = {"REMOTE_ADDR": address}
        return browser(app).post(JOBS, data=form(seed=seed), environ_overrides=where)

    addresses = ["2001:db8::1", "2001:db8::2:0:0:7", "2001:db8:0:1::1"]
    assert [post(str(n), it).status_code for n, it in enumerate(addresses)] == [202] * 3
    refused(post("3", "2001:db8::ffff:1"), 429, "too_many_requests")
    assert post("4", "2001:db8:0:2::1").status_code == 202


def test_another_try_counts_as_one_more(house: House) -> None:
    house.jobs.limits = limited_to(max_jobs_per_address=2)
    app = house.app()
    first = browser(app)
    job = first.post(JOBS, data=form(seed="1")).json
    first.post(f"{JOBS}/{job['id']}/cancel")
    for seed in "23":
        assert browser(app).post(JOBS, data=form(seed=seed)).status_code == 202
    refused(first.post(f"{JOBS}/{job['id']}/retry"), 429, "too_many_requests")


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("unknown", "unknown"),
    ],
)
def test_what_one_client_has(address: str, client: str) -> None:
    assert network(address) == client


def test_no_address_is_stored(house: House) -> None:
    job = house.client().post(JOBS, data=form()).json
    stored = house.repository.get(job["id"])
    assert len(stored.client) == 64
    assert "127.0.0.1" not in stored.model_dump_json()
    assert "client" not in job


def test_bytes_of_a_day(house: House) -> None:
    house.jobs.limits = limited_to(max_bytes_per_day=len(CAT) + len(WAVES))
    app = house.app()
    assert browser(app).post(JOBS, data=form()).status_code == 202
    response = browser(app).post(JOBS, data=form(seed="1"))
    assert refused(response, 429, "too_many_requests") > 80_000


def test_work_of_a_day(house: House) -> None:
    """A job that is too large alone is refused by name; other jobs have to wait.
    The work of a job is steps × pixels."""
    pixels = 64 * 48
    house.jobs.limits = limited_to(max_pixel_steps_per_day=100 * pixels)
    client = house.client()
    alone = client.post(JOBS, data=form(size="64", total_iterations="1000000"))
    assert (alone.status_code, alone.json["field"]) == (422, "total_iterations")
    assert "at most 100 at this size on this server" in alone.json["detail"]
    sized = {"size": "64", "total_iterations": "60"}
    first = client.post(JOBS, data=form(**sized))
    assert first.status_code == 202
    response = client.post(JOBS, data=form(**sized, seed="1"))
    assert refused(response, 429, "too_many_requests") > 80_000
    client.post(f"{first.json['links']['self']}/cancel")
    refused(client.post(f"{first.json['links']['self']}/retry"), 429, "too_many_requests")


def test_a_draft_counts_as_one_step(house: House) -> None:
    """Otherwise a client could have any number of large drafts painted."""
    house.jobs.limits = limited_to(max_pixel_steps_per_day=2 * 64 * 48)
    client = house.client()
    draft = {"preset": "draft", "size": "64"}
    for seed in range(2):
        assert client.post(JOBS, data=form(**draft, seed=str(seed))).status_code == 202
    response = client.post(JOBS, data=form(**draft, seed="2"))
    assert refused(response, 429, "too_many_requests") > 80_000


@pytest.mark.parametrize("preset", ["draft", "fast"])
def test_a_size_of_which_one_step_is_too_much_is_refused(house: House, preset: str) -> None:
    house.jobs.limits = limited_to(max_pixel_steps_per_day=64 * 48 - 1)
    alone = house.client().post(JOBS, data=form(preset=preset, size="64"))
    assert (alone.status_code, alone.json["field"]) == (422, "size")
    assert "a smaller size" in alone.json["detail"]


def test_the_options_tell_the_limits_of_work(house: House) -> None:
    house.jobs.limits = limited_to(max_pixel_steps_per_day=10**9, max_job_seconds=60.0)
    limits = house.client().get("/api/v1/options").json["limits"]
    assert (limits["max_pixel_steps_per_day"], limits["max_job_seconds"]) == (10**9, 60.0)


def test_a_full_queue(house: House) -> None:
    house.jobs.limits = limited_to(max_queued=1)
    app = house.app()
    assert browser(app).post(JOBS, data=form()).status_code == 202
    other = browser(app)
    refused(other.post(JOBS, data=form(seed="1")), 503, "queue_full")
    refused(other.post("/api/style_transfer", data=form(preset=None)), 503, "queue_full")


def test_limits_of_one_compatible_client_are_not_those_of_another(house: House) -> None:
    house.jobs.limits = limited_to(max_jobs_per_client=1)
    client = house.client()

    def post(address: str) -> Any:
        data = form(preset=None)
        where = {"REMOTE_ADDR": address}
        return client.post("/api/style_transfer", data=data, environ_overrides=where).status_code

    assert [post("10.0.0.1"), post("10.0.0.1"), post("10.0.0.2")] == [202, 429, 202]


@pytest.mark.parametrize(
    ("limit", "limit_per_client", "refusal"),
    [(2, 9, (503, "server_busy")), (9, 2, (429, "too_many_requests"))],
)
def test_streams(house: House, limit: int, limit_per_client: int, refusal: tuple[int, str]) -> None:
    streams = Streams(limit, limit_per_client, 300.0)
    client = house.client(streams=streams)
    job = client.post(JOBS, data=form()).json
    opened = [client.get(job["links"]["events"], buffered=False) for _ in range(2)]
    assert streams.count == 2
    refused(client.get(job["links"]["events"], buffered=False), *refusal)
    for response in reversed(opened):
        response.close()
    assert streams.count == 0
    again = client.get(job["links"]["events"], buffered=False)
    assert again.status_code == 200
    again.close()


def test_answers_that_are_being_sent(house: House) -> None:
    client = house.client(answers_per_client=2)
    job = client.post(JOBS, data=form()).json
    opened = [client.get(job["links"]["content"], buffered=False) for _ in range(2)]
    refused(client.get(job["links"]["self"]), 429, "too_many_requests")
    elsewhere = {"REMOTE_ADDR": "10.0.0.2"}
    assert client.get(job["links"]["self"], environ_overrides=elsewhere).status_code == 200
    for response in opened:
        response.close()
    assert client.get(job["links"]["self"]).status_code == 200
    assert client.get("/api/v1/jobs/none").status_code == 404
    assert client.get(job["links"]["events"], buffered=False).status_code == 200
    assert client.get(job["links"]["self"]).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/styles/impasto", "/api/v1/contents/cat", "/api/docs"])
def test_files_that_were_sent_do_not_count_any_more(house: House, path: str) -> None:
    client = house.client(answers_per_client=2)
    for _ in range(3):
        assert client.get(path).status_code == 200
    part = client.get(path, headers={"Range": "bytes=0-9"})
    assert (part.status_code, len(part.data)) == (206, 10)
    assert client.get("/api/v1/options").status_code == 200


def test_streams_of_one_client_leave_room_for_others(house: House) -> None:
    client = house.client(streams=Streams(5, 1, 300.0))
    job = client.post(JOBS, data=form()).json

    def get(address: str) -> Any:
        where = {"REMOTE_ADDR": address}
        return client.get(job["links"]["events"], environ_overrides=where, buffered=False)

    opened = [get("10.0.0.1"), get("10.0.0.1"), get("10.0.0.2")]
    assert [response.status_code for response in opened] == [200, 429, 200]
    for response in reversed(opened):
        response.close()
