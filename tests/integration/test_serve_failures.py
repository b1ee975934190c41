"""`nst serve` with killed processes, full disks and wrong settings.

No accepted job is lost.
"""

import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import process
from nst.bootstrap.engine import NEEDS
from nst.cli.web_server import GRACE_SECONDS
from nst.engine.device import available_devices
from nst.jobs.worker_context import WorkerContext
from support.nst_serve import CONTENT, ENDLESS, STYLE, TINY, Server, events, serve
from support.waiting import PATIENCE_SECONDS, wait_until

JOBS = "/api/v1/jobs"


def has_checkpoint(server: Server, job_id: str) -> bool:
    folder = server.directory / "data" / "pictures" / job_id / "checkpoints"
    return folder.is_dir() and any(folder.iterdir())


def is_at_step(job: dict[str, Any], step: int) -> bool:
    """Return whether the job has reached the step.
    A job has no progress before the first heartbeat, although its first checkpoint may come
    earlier."""
    return job["progress"] is not None and job["progress"]["step"] >= step


def interrupted(server: Server) -> dict[str, Any]:
    """Return a running job that has a checkpoint.
    The job has too many steps to end before the test interrupts it, however busy the machine is."""
    job = server.submit(**ENDLESS)
    wait_until(lambda: has_checkpoint(server, job["id"]))
    return server.wait(job["id"], lambda now: is_at_step(now, 1))


def is_resumed(server: Server, job: dict[str, Any]) -> None:
    """Assert that the second attempt continues from the checkpoint of the first."""
    again = server.wait(job["id"], lambda now: now["attempt"] > 1 and now["status"] == "running")
    step = again["progress"]["step"]
    server.wait(job["id"], lambda now: is_at_step(now, step + 1))
    server.client.post(f"{JOBS}/{job['id']}/cancel")
    done = server.finished(job["id"])
    assert (done["status"], done["attempt"]) == ("canceled", 2)
    # Result and progress count the steps of both attempts.
    assert done["result"]["steps"] == done["progress"]["step"] > step
    # A job that its owner has stopped keeps its checkpoint until it is deleted.
    assert done["can_resume"]
    server.client.delete(f"{JOBS}/{job['id']}").raise_for_status()
    folder = server.directory / "data" / "pictures" / job["id"]
    wait_until(lambda: not folder.exists())


# ── killed ────────────────────────────────────────────────────────────────────────────────────


def test_the_engine_is_killed(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        job = interrupted(server)
        (engine,) = server.engines()
        os.kill(engine, signal.SIGKILL)
        is_resumed(server, job)
        failures = [line for line in server.lines() if line["level"] == "error"]
        assert [line["job"] for line in failures] == [job["id"]]
        assert "exit code -9" in failures[0]["event"]


SHORT = {"NST_LEASE_SECONDS": "6"}
"""Settings with a lease short enough for a test to wait for its end.
The database must answer for as long before anything sweeps, so a machine that stands still costs
no attempt."""


def test_the_whole_server_is_killed(tmp_path: Path) -> None:
    with serve(tmp_path, **SHORT) as server:
        job = interrupted(server)
        waiting = server.submit(seed="1")
        server.kill()
        server.start()
        is_resumed(server, job)
        assert server.finished(waiting["id"])["status"] == "succeeded"


def test_a_stream_survives_the_restart_of_the_server(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        job = interrupted(server)
        with server.client.stream("GET", job["links"]["events"]) as response:
            following = events(response)
            first = next(following)
            server.process.send_signal(signal.SIGTERM)
            *_, (name, last, _) = (first, *following)
            assert name != "end"
        server.process.wait(PATIENCE_SECONDS)
        server.start()
        headers = {"Last-Event-ID": last}
        with server.client.stream("GET", job["links"]["events"], headers=headers) as response:
            following = events(response)
            assert next(following)[0] == "snapshot"
            server.client.post(f"{JOBS}/{job['id']}/cancel")
            *_, (name, *_) = following
            assert name == "end"


def test_the_process_that_answers_is_killed(tmp_path: Path) -> None:
    """The parent starts another process, and the job continues after its lease."""
    with serve(tmp_path, **SHORT) as server:
        job = interrupted(server)
        (answering,) = children(server.process.pid)
        os.kill(answering, signal.SIGKILL)
        wait_until(lambda: children(server.process.pid) not in ([], [answering]))
        wait_until(lambda: answers(server))
        is_resumed(server, job)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def answers(server: Server) -> bool:
    import httpx

    try:
        return server.client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_sigterm_gives_the_job_back_at_once(tmp_path: Path) -> None:
    with serve(tmp_path, NST_CHECKPOINT_SECONDS="1000") as server:
        job = server.submit(**ENDLESS)
        server.wait(job["id"], lambda now: is_at_step(now, 1))
        engines = server.engines()
        server.stop()
        assert server.process.returncode == 0
        assert stored_status(server, job) == "queued"
        assert has_checkpoint(server, job["id"])
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in engines))
        server.start()
        is_resumed(server, job)


def test_ctrl_c_is_as_gentle(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        job = interrupted(server)
        server.press_ctrl_c()
        assert server.process.returncode == 0
        assert "Traceback" not in server.log.read_text()
        assert stored_status(server, job) == "queued"


def stored_status(server: Server, job: dict[str, Any]) -> str:
    """Return the status of the job in the database, while no server runs."""
    with closing(sqlite3.connect(server.directory / "data" / "jobs.db")) as database:
        query = "SELECT status FROM jobs WHERE id = ?"
        (status,) = database.execute(query, [job["id"]]).fetchone()
    return str(status)


def test_a_server_is_gone_before_service_managers_kill_it() -> None:
    """Service managers kill a process 10 s after SIGTERM."""
    (stop_seconds,) = (
        each.default for each in fields(WorkerContext) if each.name == "stop_seconds"
    )
    assert isinstance(stop_seconds, float)
    assert stop_seconds < GRACE_SECONDS < 10


# ── two servers ───────────────────────────────────────────────────────────────────────────────


def test_two_servers_on_one_directory_run_every_job_once(tmp_path: Path) -> None:
    with serve(tmp_path) as first:
        second = Server(tmp_path)
        second.log = tmp_path / "log-2"
        second.start()
        try:
            second.client.cookies = first.client.cookies
            jobs = [first.submit(seed=str(seed)) for seed in range(4)]
            done = [second_finished(second, first, job["id"]) for job in jobs]
        finally:
            second.kill()
            second.client.close()
        assert {(job["status"], job["attempt"]) for job in done} == {("succeeded", 1)}
        taken = [
            line["job"]
            for server in (first, second)
            for line in server.lines()
            if line["event"].startswith("job taken")
        ]
        assert sorted(taken) == sorted(job["id"] for job in jobs)


def second_finished(second: Server, first: Server, job_id: str) -> dict[str, Any]:
    """Wait for the end of the job, and assert that both servers report the same."""
    second.client.cookies = first.client.cookies
    done = second.finished(job_id)
    assert first.job(job_id) == done
    return done


# ── a full disk ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    disk = tmp_path / "data"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_job_that_fills_the_disk_fails_and_the_service_lives(small_disk: Path) -> None:
    # Frames fill the disk, and deleting them makes room. Checkpoints are off, because the disk
    # might be full at the moment when the database records one.
    with serve(small_disk.parent, NST_CHECKPOINT_SECONDS="100000") as server:
        ballast = small_disk / "ballast"
        leave(2_500_000, ballast)
        job = server.submit(**MANY_FRAMES)
        failed = server.finished(job["id"])
        assert (failed["status"], failed["error"]["code"]) == ("failed", "storage_full")
        fill(ballast)
        files = {"content_image": CONTENT.read_bytes(), "style_image": STYLE.read_bytes()}
        refused = server.client.post(JOBS, files=files, data=TINY)
        assert refused.status_code in (503, 507)
        assert refused.json()["code"] in ("storage_full", "repository_failed")
        assert server.client.get("/healthz").status_code == 200
        ballast.unlink()
        assert server.finished(server.submit(seed="1")["id"])["status"] == "succeeded"


MANY_FRAMES = TINY | {"size": "256", "total_iterations": "240", "save_every": "1"}
"""A job whose frames need more space than the disk has left."""


def leave(free_bytes: int, ballast: Path) -> None:
    """Fill the disk until only `free_bytes` are left."""
    disk = os.statvfs(ballast.parent)
    ballast.write_bytes(bytes(disk.f_bavail * disk.f_frsize - free_bytes))


def fill(ballast: Path) -> None:
    with ballast.open("ab") as file:
        for size in (1 << 16, 1 << 12):
            try:
                while True:
                    os.write(file.fileno(), bytes(size))
            except OSError:
                continue


# ── start ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "settings", "beginning"),
    [
        (("--port", "0"), {"NST_MAX_PIXELS": "many"}, "nst: NST_MAX_PIXELS: "),
        (("--port", "99999"), {}, "nst: --port "),
    ],
)
def test_a_process_with_wrong_settings_or_arguments_ends_with_one_line(
    tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str], beginning: str
) -> None:
    settings = {"NST_DATA_DIR": str(tmp_path), **settings}
    started = process("serve", *arguments, cwd=tmp_path, **settings)
    _, said = started.communicate(timeout=PATIENCE_SECONDS)
    assert started.returncode == 2
    assert len(said.splitlines()) == 1
    assert said.startswith(beginning)


@pytest.mark.parametrize("command", [("worker",), ("serve", "--port", "0")])
def test_a_device_that_is_not_here_refuses_to_start(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    absent = next(device for device in ("cuda", "mps") if device not in available_devices())
    started = process(*command, cwd=tmp_path, NST_WORKER_DEVICE=absent)
    _, said = started.communicate(timeout=PATIENCE_SECONDS)
    assert started.returncode == 2
    assert len(said.splitlines()) == 1
    assert said.startswith(f"nst: NST_WORKER_DEVICE: '{absent}' is invalid; expected auto, or")
    assert NEEDS[absent] in said


def test_an_api_without_workers_needs_no_device(tmp_path: Path) -> None:
    with serve(tmp_path, "--workers", "0", NST_WORKER_DEVICE="cuda") as server:
        assert server.client.get("/healthz").json() == {"status": "ok"}


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    started = process(
        "serve", "--port", "0", cwd=tmp_path, NST_DATA_DIR=str(tmp_path / "file/data")
    )
    _, said = started.communicate(timeout=PATIENCE_SECONDS)
    assert started.returncode == 1
    assert len(said.splitlines()) == 1
    assert str(tmp_path / "file/data") in said


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        started = process(
            "serve", "--port", port, cwd=tmp_path, NST_DATA_DIR=str(tmp_path / "data")
        )
        _, said = started.communicate(timeout=PATIENCE_SECONDS)
    assert started.returncode == 2
    said_before, _, free = said.rstrip().rpartition(" ")
    assert said_before == (
        f"nst: --port must be a port that is not in use (got {port}); the next free one is"
    )
    assert int(free) > int(port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::1"])  # noqa: S104
def test_the_address_is_said_as_a_browser_takes_it(tmp_path: Path, host: str) -> None:
    if host == "::1" and not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with serve(tmp_path, "--host", host, "--workers", "0") as server:
        assert server.client.get("/healthz").json() == {"status": "ok"}
        server.stop()
        assert server.process.returncode == 0


def test_one_line_on_start(tmp_path: Path) -> None:
    with serve(tmp_path, NST_LOG_FORMAT="console") as server:
        wait_until(server.engines)
        server.stop()
        (line,) = server.log.read_text().splitlines()
        address = str(server.client.base_url).rstrip("/")
        assert line == f"Open {address} – Ctrl-C stops"


def test_what_lies_in_the_data_directory_is_private(tmp_path: Path) -> None:
    with serve(tmp_path, "--workers", "0") as server:
        server.submit()
        data = tmp_path / "data"
        assert data.stat().st_mode & 0o777 == 0o700
        assert (data / "secret-key").stat().st_mode & 0o777 == 0o600
        assert len((data / "secret-key").read_text()) == 64


# ── logs ──────────────────────────────────────────────────────────────────────────────────────


def test_every_event_of_a_job_is_a_line_that_names_it(tmp_path: Path) -> None:
    with serve(tmp_path, NST_SECRET_KEY="a secret that nobody may read") as server:  # noqa: S106
        job = server.submit()
        # The worker logs the end of the job after it has stored it.
        wait_until(lambda: server.lines()[-1]["event"] == "job finished")
        server.client.delete(f"{JOBS}/{job['id']}")
        wait_until(lambda: server.lines()[-1]["event"] == "job deleted")
        lines = [line for line in server.lines() if line.get("job") == job["id"]]
        text = server.log.read_text()
    assert [line["event"].split(" by ")[0] for line in lines] == [
        *("job submitted", "job taken", "job finished", "job deleted")
    ]
    assert [line["status"] for line in lines] == ["queued", "running", "succeeded", "succeeded"]
    for line in lines:
        assert {"timestamp", "level", "logger", "attempt"} <= set(line)
    assert "a secret" not in text
