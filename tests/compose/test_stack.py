"""`docker compose up` as docs/installing.md and docs/operations.md describe it.

Every service runs in its container, and the tests use them as a person does. `make test-compose`
runs these tests apart from the others, because they take minutes and root.
"""

import json
import os
import re
import signal
import socket
import zipfile
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import requests
from confluent_kafka.admin import AdminClient
from playwright.sync_api import Browser, Page, expect, sync_playwright

import new_env
from compose import stack
from compose.stack import Engine
from support.assets import REPOSITORY
from support.browser import (
    choose_samples,
    complaints,
    expect_size,
    launch,
    open_picture,
    saved,
    set_options,
    start,
    start_long,
    start_short,
    status,
    step_of,
    stop,
    visitor,
    wait_for_step,
    wait_until_finished,
)
from support.waiting import PATIENCE_SECONDS, wait_until

PAGE = "127.0.0.1:5173"
PROMETHEUS = "http://127.0.0.1:9090"
WORKER = "nst-worker-1"

IPV6_ADDRESSES = Path("/proc/net/if_inet6")
TENTATIVE = 0x40
"""Flag of an address that is being checked for duplicates (Linux, <linux/if_addr.h>)."""

INSTALLING = (REPOSITORY / "docs" / "installing.md").read_text()
OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()
RULES = [REPOSITORY / "deploy" / "prometheus" / name for name in ("rules.yml", "alerts.yml")]
ZOOKEEPER, GPU = "deploy/compose.zookeeper.yaml", "deploy/compose.gpu.yaml"

(DOCUMENTED,) = re.findall(r"`docker compose (up [^`]+)`", INSTALLING)
UP = (
    *("--no-build" if word == "--build" else word for word in DOCUMENTED.split()),
    f"--wait-timeout={2 * PATIENCE_SECONDS:.0f}",
)
"""Documented command that starts everything.
`make test-compose` has built the images."""
DOWN_AND_FORGET = ("down", "--volumes", "--remove-orphans")
BUT_GRAFANA = ("frontend", "worker", "prometheus")
"""Services that are started; all others but Grafana come with them.
Nothing here stands in for the image of Grafana."""
LEFT_OUT = {"grafana"}

Answers = Mapping[int, Callable[[], bool]]


@pytest.fixture(scope="module")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("env") / ".env"
    new_env.main(REPOSITORY / ".env.example", file)
    with file.open("a") as settings:
        settings.write("NST_LEASE_SECONDS=6\n")  # the lease of a killed worker expires soon
    return file


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, env_file: Path) -> Iterator[Engine]:
    if missing := stack.missing():
        pytest.skip(f"compose.yaml was not started: {missing}")
    engine = Engine(tmp_path_factory.mktemp("engine"), env_file)
    with engine.running():
        engine.compose(*DOWN_AND_FORGET, overlays=[ZOOKEEPER])  # remove what a killed run has left
        engine.compose(*UP, *BUT_GRAFANA)
        yield engine
        engine.compose(*DOWN_AND_FORGET, overlays=[ZOOKEEPER])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(engine: Engine, browser: Browser) -> Iterator[Page]:
    wait_until(addresses_are_settled)
    with visitor(browser, PAGE) as context:
        yield context.new_page()


def addresses_are_settled() -> bool:
    """Return whether all IPv6 addresses of this machine have been checked for duplicates.

    The check ends a second or two after a container's interface came up. The address changes then,
    and Chromium aborts all requests when an address changes.
    """
    addresses = IPV6_ADDRESSES.read_text().splitlines() if IPV6_ADDRESSES.exists() else []
    return not any(int(line.split()[4], 16) & TENTATIVE for line in addresses)


@pytest.fixture
def database(engine: Engine, env_file: Path) -> Iterator[psycopg.Connection]:
    with connect(env_file) as connection:
        yield connection


def connect(env_file: Path) -> psycopg.Connection:
    address = f"postgresql://nst:{secret(env_file, 'POSTGRES_PASSWORD')}@127.0.0.1:5432/nst"
    return psycopg.connect(address, autocommit=True)


def secret(env_file: Path, name: str) -> str:
    lines = dict(line.split("=", 1) for line in env_file.read_text().splitlines() if "=" in line)
    return lines[name]


def test_a_photo_is_painted_through_all_of_it(page: Page) -> None:
    found = complaints(page)
    start_short(page)
    wait_until_finished(page)
    picture = saved(page, page.get_by_role("link", name="Download", exact=True))
    assert open_picture(picture).size == (64, 43)
    page.get_by_role("button", name="More downloads").click()
    archive = saved(page, page.get_by_role("menuitem", name="All pictures"))
    names = zipfile.ZipFile(BytesIO(archive)).namelist()
    assert "cat-in-impasto.png" in names
    assert len(names) > 2
    assert found == []


def test_prometheus_sees_api_and_worker(page: Page) -> None:
    """Prometheus finds both services by their names in the network."""
    wait_until(lambda: value('up{job="nst-api"}') == value('up{job="nst-worker"}') == 1)
    wait_until(lambda: value('sum(nst_jobs{status="succeeded"})'))
    text = "".join(file.read_text() for file in RULES)
    names = re.findall(r"- (?:record|alert): (\S+)", text)
    assert names
    assert set(health_of_rules()) == set(names)
    wait_until(lambda: "unknown" not in health_of_rules().values())  # each was evaluated once
    assert health_of_rules() == dict.fromkeys(names, "ok")


def health_of_rules() -> dict[str, str]:
    groups = get(f"{PROMETHEUS}/api/v1/rules").json()["data"]["groups"]
    return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}


def value(query: str) -> float | None:
    found: list[Any] = get(f"{PROMETHEUS}/api/v1/query", query=query).json()["data"]["result"]
    return float(found[0]["value"][1]) if found else None


def test_all_ports_answer(engine: Engine, answers: Answers) -> None:
    assert_all_ports_answer(engine, answers)


def assert_all_ports_answer(engine: Engine, answers: Answers, *overlays: str) -> None:
    for port in published_ports(engine, *overlays):
        assert answers[port](), port
        assert re.search(rf"\b{port}\b", OPERATIONS), port


def published_ports(engine: Engine, *overlays: str) -> set[int]:
    services = json.loads(engine.compose("config", "--format=json", overlays=overlays))["services"]
    started = [service for name, service in services.items() if name not in LEFT_OUT]
    return {int(port["published"]) for service in started for port in service.get("ports", ())}


@pytest.fixture
def answers(env_file: Path) -> Answers:
    """Return, by port, functions that ask the service there; they return whether it answers."""
    password = secret(env_file, "REDIS_PASSWORD")
    return {
        5173: lambda: get(f"http://{PAGE}/healthz").ok,
        5000: lambda: get("http://127.0.0.1:5000/readyz").ok,
        9090: lambda: get(f"{PROMETHEUS}/-/ready").ok,
        9092: lambda: {"nst.jobs", "nst.jobs.dead"} <= topics("127.0.0.1:9092"),
        6379: lambda: bool(redis.Redis("127.0.0.1", 6379, password=password).ping()),
        5432: lambda: has_jobs(env_file),
        2181: lambda: "Mode: standalone" in zookeeper_says("srvr", ("127.0.0.1", 2181)),
    }


def get(address: str, **parameters: str) -> requests.Response:
    return requests.get(address, params=parameters, timeout=PATIENCE_SECONDS)


def has_jobs(env_file: Path) -> bool:
    with connect(env_file) as database:
        return database.execute("SELECT count(*) > 0 FROM jobs").fetchone() == (True,)


def topics(address: str) -> set[str]:
    brokers = AdminClient({"bootstrap.servers": address})
    return set(brokers.list_topics(timeout=PATIENCE_SECONDS).topics)


def zookeeper_says(word: str, address: tuple[str, int]) -> str:
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(word.encode())
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode()


def test_a_worker_that_is_killed_comes_back_and_goes_on(
    engine: Engine, page: Page, database: psycopg.Connection
) -> None:
    job = start_long(page).rpartition("/")[2]
    wait_for_step(page, 1)
    os.kill(engine.facts(WORKER)["State"]["Pid"], signal.SIGKILL)
    wait_until(lambda: engine.facts(WORKER)["RestartCount"] == 1)
    wait_until(lambda: progress(database, job)[0] >= 2)
    # From now on the killed attempt, of which the page shows the last step, could not write.
    _, step = progress(database, job)
    wait_until(lambda: progress(database, job)[1] != step)
    wait_for_step(page, step_of(page) + 1)
    stop(page)
    expect(status(page, "Stopped")).to_be_visible()


def progress(database: psycopg.Connection, job: str) -> tuple[int, int | None]:
    """Return the number of the last attempt of the job and the last step that it has reported."""
    query = "SELECT attempt, (progress ->> 'step')::int FROM jobs WHERE id = %s"
    row: tuple[int, int | None] | None = database.execute(query, [job]).fetchone()
    assert row
    return row


def test_pictures_are_there_after_down_and_up(engine: Engine, page: Page) -> None:
    address = paint(page, style="Mosaic")
    before = result(page, address)
    engine.compose("down")
    engine.compose(*UP, *BUT_GRAFANA)
    assert result(page, address) == before
    page.goto(address)
    wait_until_finished(page)
    expect_size(page.get_by_role("img", name="Finished painting"), 64, 43)


def result(page: Page, address: str) -> bytes:
    """Return the result of the job, with the cookies of the page.
    Such a request never uses the cache of the browser, which keeps results for a year."""
    job = address.rpartition("/")[2]
    answer = page.context.request.get(f"api/v1/jobs/{job}/result")
    assert answer.ok
    return answer.body()


def test_kafka_with_zookeeper_carries_jobs_too(
    engine: Engine, page: Page, answers: Answers
) -> None:
    assert f"`docker compose -f compose.yaml -f {ZOOKEEPER} up " in OPERATIONS
    engine.compose("down")
    engine.compose(*UP, *BUT_GRAFANA, overlays=[ZOOKEEPER])
    paint(page, style="Cubist")
    assert_all_ports_answer(engine, answers, ZOOKEEPER)


def test_a_worker_for_gpus_says_that_there_is_none(engine: Engine) -> None:
    assert f"`docker compose -f compose.yaml -f {GPU} up " in OPERATIONS
    engine.compose("up", "--detach", "--no-build", "--no-deps", "worker", overlays=[GPU])
    refusal = "NST_WORKER_DEVICE: 'cuda' is invalid; expected auto, or what is here: cpu."
    wait_until(lambda: refusal in engine.compose("logs", "worker", overlays=[GPU]))
    assert engine.facts(WORKER)["ImageName"] == "docker.io/library/nst-worker-cuda:latest"


def paint(page: Page, style: str) -> str:
    """Paint with this style; return the address of the finished job.
    Each test must use another style: an order that was painted before is answered from its
    result, and no worker hears of it."""
    choose_samples(page, style=style)
    set_options(page, Size=64, Steps_at_most=4)
    address = start(page)
    wait_until_finished(page)
    return address
