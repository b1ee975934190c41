"""Cost of one submission, part by part.

`python -m benchmarks.service.cost REQUESTS` measures it. One request follows another in a process
in which nothing else runs. Each part is also carried out alone, with the same images, through the
objects that the service itself uses.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from flask import Flask, request
from flask.testing import FlaskClient

from benchmarks.service.client import JOBS, Form, large_pictures
from benchmarks.service.schema import Cost
from benchmarks.service.server import environment
from nst import bootstrap
from nst.decoding import Decoder
from nst.jobs.job import JobStatus, new_id


def measure_cost(requests: int) -> Cost:
    """Measure the cost in a separate process, with a temporary directory."""
    with TemporaryDirectory(prefix="nst-benchmark-") as directory:
        run = subprocess.run(
            [sys.executable, "-m", __name__, str(requests)],
            env=environment(Path(directory)),
            check=True,
            stdout=subprocess.PIPE,
        )
    return Cost.model_validate_json(run.stdout)


def cost_here(requests: int) -> Cost:
    """Return the cost of a submission to the service that the environment describes.
    Values are medians of all requests except the first."""
    content, style = large_pictures()
    form = Form(content, style)
    bootstrap.migrate()
    with bootstrap.ports() as ports:
        app = bootstrap.web_application(
            ports, bootstrap.event_streams(), sys.maxsize, has_workers=False
        )
        parts = _parts(app, ports, form, content, style)
        seconds = [{name: _seconds(part) for name, part in parts.items()} for _ in range(requests)]
    return Cost(
        requests=requests,
        body_bytes=len(form.body),
        **{name: median(each[name] for each in seconds[1:] or seconds) for name in parts},
    )


def _parts(
    app: Flask, ports: bootstrap.Ports, form: Form, content: bytes, style: bytes
) -> Mapping[str, Callable[[], object]]:
    client, decoder = app.test_client(), Decoder()
    pictures = {"content": content, "style": style}
    job_id = _post(client, form)
    job = ports.repository.get(job_id)

    def parse() -> None:
        with app.test_request_context(JOBS, method="POST", data=form.body, headers=form.headers):
            for file in request.files.values():
                file.read()

    def decode() -> None:
        decoder.inspect(content, "content")
        decoder.inspect(style, "style")

    def store() -> None:
        directory = new_id()
        for name, data in pictures.items():
            ports.storage.put(f"{directory}/{name}", data)

    def use_database() -> None:
        assert ports.repository.state().jobs[JobStatus.QUEUED]
        ports.repository.unfinished(job.owner)
        ports.repository.add(job.model_copy(update={"id": new_id()}))

    return {
        "whole_seconds": lambda: _post(client, form),
        "parsing_seconds": parse,
        "decoding_seconds": decode,
        "hashing_seconds": lambda: [hashlib.sha256(data) for data in pictures.values()],
        "storing_seconds": store,
        "database_seconds": use_database,
    }


def _post(client: FlaskClient, form: Form) -> str:
    answer = client.post(JOBS, data=form.next_body(), headers=form.headers)
    assert answer.status_code == 202, answer.text
    return str(answer.get_json()["id"])


def _seconds(part: Callable[[], object]) -> float:
    began = time.perf_counter()
    part()
    return time.perf_counter() - began


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print(cost_here(int(sys.argv[1])).model_dump_json())
