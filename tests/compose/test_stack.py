"""`docker compose up` as docs/installing.md describes it.

Every service runs in its container, and the tests use them as a person does. `make test-compose`
runs these tests apart from the others, because they take minutes and root.
"""

import os
import signal
import zipfile
from collections.abc import Iterator
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

UP = ("up", "--detach", "--wait", f"--wait-timeout={2 * PATIENCE_SECONDS:.0f}", "--no-build")
DOWN_AND_FORGET = ("down", "--volumes", "--remove-orphans")
BUT_GRAFANA = ("frontend", "worker", "prometheus")
"""Services that are started; all others but Grafana come with them.
Nothing here stands in for the image of Grafana."""


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
    stack.build()
    engine = Engine(tmp_path_factory.mktemp("engine"), env_file)
    with engine.running():
        engine.compose(*DOWN_AND_FORGET)  # remove what a killed run has left
        engine.compose(*UP, *BUT_GRAFANA)
        yield engine
        engine.compose(*DOWN_AND_FORGET)


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
    address = f"postgresql://nst:{secret(env_file, 'POSTGRES_PASSWORD')}@127.0.0.1:5432/nst"
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


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
    rules = requests.get(f"{PROMETHEUS}/api/v1/rules", timeout=PATIENCE_SECONDS).json()
    assert {rule["health"] for group in rules["data"]["groups"] for rule in group["rules"]} <= {
        "ok",
        "unknown",
    }


def value(query: str) -> float | None:
    answer = requests.get(
        f"{PROMETHEUS}/api/v1/query", params={"query": query}, timeout=PATIENCE_SECONDS
    )
    found: list[Any] = answer.json()["data"]["result"]
    return float(found[0]["value"][1]) if found else None


def test_every_documented_port_answers(env_file: Path, database: psycopg.Connection) -> None:
    for address in (f"http://{PAGE}/healthz", "http://127.0.0.1:5000/readyz"):
        assert requests.get(address, timeout=PATIENCE_SECONDS).ok
    brokers = AdminClient({"bootstrap.servers": "127.0.0.1:9092"})
    topics = brokers.list_topics(timeout=PATIENCE_SECONDS).topics
    assert {"nst.jobs", "nst.jobs.dead"} <= set(topics)
    assert redis.Redis("127.0.0.1", 6379, password=secret(env_file, "REDIS_PASSWORD")).ping()
    assert database.execute("SELECT count(*) > 0 FROM jobs").fetchone() == (True,)


def test_a_worker_that_is_killed_comes_back_and_goes_on(
    engine: Engine, page: Page, database: psycopg.Connection
) -> None:
    job = start_long(page).rpartition("/")[2]
    wait_for_step(page, 1)
    os.kill(engine.facts(WORKER)["State"]["Pid"], signal.SIGKILL)
    wait_until(lambda: engine.facts(WORKER)["RestartCount"] == 1)
    attempt = "SELECT attempt FROM jobs WHERE id = %s"
    wait_until(lambda: database.execute(attempt, [job]).fetchone() == (2,))
    wait_for_step(page, 1)
    stop(page)
    expect(status(page, "Stopped")).to_be_visible()


def test_pictures_are_there_after_down_and_up(engine: Engine, page: Page) -> None:
    address = paint(page, style="Mosaic")
    engine.compose("down")
    engine.compose(*UP, *BUT_GRAFANA)
    page.goto(address)
    wait_until_finished(page)
    expect_size(page.get_by_role("img", name="Finished painting"), 64, 43)


def test_kafka_with_zookeeper_carries_jobs_too(engine: Engine, page: Page) -> None:
    engine.compose("down")
    engine.compose(*UP, *BUT_GRAFANA, overlays=["deploy/compose.zookeeper.yaml"])
    paint(page, style="Cubist")


def paint(page: Page, style: str) -> str:
    """Paint with this style; return the address of the finished job.
    Each test must use another style: an order that was painted before is answered from its
    result, and no worker hears of it."""
    choose_samples(page, style=style)
    set_options(page, Size=64, Steps_at_most=4)
    address = start(page)
    wait_until_finished(page)
    return address
