"""Clients that measure the answers of the service."""

import asyncio
import io
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import httpx
from PIL import Image

from benchmarks.service.engine import STEPS_PER_SECOND
from benchmarks.service.schema import Memory, Seconds, Streams, Submits, Throughput
from benchmarks.service.server import Server
from nst import samples
from nst.jobs.job import FINAL, JobStatus

JOBS = "/api/v1/jobs"
THREADS = 64
CLIENTS = 4
OPENED_AT_A_TIME = 16
"""Number of streams that are opened at a time.
A server limits the parallel requests of one address."""
SEED = "1234567890"
"""Placeholder of the seed in a form, which is made once.
The seed of each request replaces it, so that no two requests are the same order."""

seeds = count(1_000_000_000)


# ── forms ─────────────────────────────────────────────────────────────────────────────────────


class Form:
    """Form of a new job, which can be sent repeatedly."""

    def __init__(self, content: bytes, style: bytes, **options: str) -> None:
        request = httpx.Request(
            "POST",
            "http://localhost",
            files={"content_image": ("cat.jpg", content), "style_image": ("style.jpg", style)},
            data={"preset": "fast", "seed": SEED, **options},
        )
        self.headers = {"Content-Type": request.headers["Content-Type"]}
        self.body = request.read()

    def next_body(self) -> bytes:
        return self.body.replace(SEED.encode(), str(next(seeds)).encode())

    def post(self, client: httpx.Client) -> httpx.Response:
        return client.post(JOBS, content=self.next_body(), headers=self.headers)


def large_pictures() -> Iterator[bytes]:
    """Yield a photo and a painting as JPEG files of about 1 MB.
    They are enlarged samples with the noise that a camera adds."""
    for file in _sample_files():
        with Image.open(file) as image:
            sample = image.convert("RGB")
        widths = range(1600, 6000, 200)
        large = (_enlarged(sample, width) for width in widths)
        yield next(data for data in large if len(data) > 950_000)


def _enlarged(sample: Image.Image, width: int) -> bytes:
    large = sample.resize((width, width * sample.height // sample.width))
    noise = Image.effect_noise(large.size, 12).convert("RGB")
    file = io.BytesIO()
    Image.blend(large, noise, 0.1).save(file, "JPEG", quality=90)
    return file.getvalue()


def small_pictures() -> Iterator[bytes]:
    for color in ("navy", "orange"):
        file = io.BytesIO()
        picture = Image.new("RGB", (64, 64), color)
        picture.paste("white", (0, 0, 32, 32))  # a style of one colour would be refused
        picture.save(file, "PNG")
        yield file.getvalue()


# ── measures ──────────────────────────────────────────────────────────────────────────────────


def measure_rates(
    server: Server, rates_per_second: Sequence[float], seconds: float
) -> Iterator[Submits]:
    """Submit at increasing rates, up to the first one that is not sustained."""
    form = Form(*large_pictures())
    for per_second in rates_per_second:
        submits = _submit_steadily(server, form, per_second, seconds)
        yield submits
        if not submits.is_sustained:
            return


def _submit_steadily(server: Server, form: Form, per_second: float, seconds: float) -> Submits:
    """Submit at a constant rate.
    A request that is delayed by previous ones counts as slow."""
    began = time.perf_counter() + 0.5
    due = [began + number / per_second for number in range(round(per_second * seconds))]
    # The server may close a kept connection at the moment when it is used again.
    limits = httpx.Limits(max_connections=THREADS, max_keepalive_connections=0)
    with (
        httpx.Client(base_url=server.address, timeout=300, limits=limits) as client,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        client.get(JOBS)

        def post(at: float) -> tuple[float, bool]:
            time.sleep(max(0.0, at - time.perf_counter()))
            status = form.post(client).status_code
            return time.perf_counter() - at, status == httpx.codes.ACCEPTED

        answers = list(threads.map(post, due))
    return Submits.of(per_second, len(form.body), answers)


def measure_streams(server: Server, streams: int, seconds: float) -> Streams:
    steps = round(seconds * STEPS_PER_SECOND)
    form = Form(*small_pictures(), total_iterations=str(10_000))
    with httpx.Client(base_url=server.address) as client:
        path = form.post(client).json()["links"]["events"]
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        delays = asyncio.run(_listen_to_all(server.address, path, cookie, streams, steps))
        client.post(path.replace("/events", "/cancel"))
    return Streams(
        streams=streams,
        events_per_second=STEPS_PER_SECOND,
        events_expected=streams * steps,
        events_received=len(delays),
        delay=Seconds.of(delays),
    )


async def _listen_to_all(
    address: str, path: str, cookie: str, streams: int, steps: int
) -> list[float]:
    all_are_open, opening = asyncio.Event(), asyncio.Semaphore(OPENED_AT_A_TIME)
    left = count(streams - 1, -1)

    async def listen() -> list[float]:
        async with opening:
            reader, writer = await _opened(address, path, cookie)
            await reader.readuntil(b"event: snapshot")
        if next(left) == 0:
            all_are_open.set()
        await all_are_open.wait()
        delays = await _delays(reader, steps)
        writer.close()
        return delays

    found = await asyncio.gather(*(listen() for _ in range(streams)))
    return [delay for delays in found for delay in delays]


async def _opened(
    address: str, path: str, cookie: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n".encode())
    return reader, writer


async def _delays(reader: asyncio.StreamReader, steps: int) -> list[float]:
    """Return the delays of the progress of this number of steps.
    The first step that counts is one that all streams can receive."""
    first, delays = None, list[float]()
    while True:
        line = await reader.readline()
        arrived_at = time.time()
        if not line.startswith(b"data: "):
            continue
        progress = json.loads(line[len(b"data: ") :])["progress"]
        if not progress:
            continue
        first = first or progress["step"] + 2
        if progress["step"] >= first + steps:
            return delays
        if progress["step"] >= first:
            delays.append(arrived_at - progress["elapsed_seconds"])


def measure_throughput(server: Server, workers: int, jobs: int) -> Throughput:
    form = Form(*small_pictures(), total_iterations="1")
    began = time.perf_counter()
    with (
        httpx.Client(base_url=server.address, timeout=300) as client,
        ThreadPoolExecutor(CLIENTS) as threads,
    ):
        client.get(JOBS)
        answers = list(threads.map(lambda _: form.post(client), range(jobs)))
        assert {answer.status_code for answer in answers} == {202}
        while not have_succeeded(client):
            time.sleep(0.02)
    return Throughput(
        clients=CLIENTS, workers=workers, jobs=jobs, seconds=time.perf_counter() - began
    )


def have_succeeded(client: httpx.Client) -> bool:
    """Return whether all jobs of this client have ended.
    Raises RuntimeError if a job ended without a result, which would take less time."""

    def has(status: JobStatus) -> bool:
        answer = client.get(JOBS, params={"status": status.value, "limit": 1})
        return bool(answer.raise_for_status().json()["jobs"])

    if any(has(status) for status in JobStatus if not status.is_final):
        return False
    for status in FINAL - {JobStatus.SUCCEEDED}:
        if has(status):
            raise RuntimeError(f"not every job has a result: one is {status}")
    return True


def measure_memory(server: Server, warm_up: int, requests: int) -> Memory:
    """Measure memory before and after many common requests.
    These are a job, the list of jobs, the options and a thumbnail."""
    form = Form(*(Path(file).read_bytes() for file in _sample_files()))
    with httpx.Client(base_url=server.address, timeout=300) as client:
        job = form.post(client).json()
        small = job["links"]["content"] + "?thumb=1"
        paths = (job["links"]["self"], JOBS, "/api/v1/options", small)

        def ask(times: int) -> int:
            for number in range(times):
                client.get(paths[number % len(paths)]).raise_for_status()
            return server.resident_bytes()

        before = ask(warm_up)
        after = ask(requests)
    return Memory(
        warm_up_requests=warm_up, requests=requests, before_bytes=before, after_bytes=after
    )


def _sample_files() -> Sequence[Path]:
    return samples.sample("content", "cat"), samples.sample("style", "impasto")
