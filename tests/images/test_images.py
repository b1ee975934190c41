"""The images of nst, built and run beside a broker, PostgreSQL, Redis and S3.

`make test-images` builds the images, which takes minutes and root, and then runs these tests.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

import build_images
from nst import images
from nst.video import Video
from support import servers
from support.assets import REPOSITORY
from support.pictures import encoded, picture
from support.waiting import PATIENCE_SECONDS, wait_until
from unit.video import films

PAGE, API, WORKER = "http://127.0.0.1:5173", "http://127.0.0.1:5000", "http://127.0.0.1:9101"
"""Default addresses of the images; containers share this machine's network."""


MODEST = [
    "--read-only",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--tmpfs=/tmp:mode=1777",
    "--network=host",
    "--ulimit=nofile=4096:4096",
    "--ulimit=nproc=4096:4096",
]
"""Options with which compose.yaml runs the images.
A machine without systemd needs some of them."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Yield the settings of a service that uses real servers of this machine."""
    with ExitStack() as stack:

        def started(server: Any) -> servers.Server:
            directory = tmp_path_factory.mktemp(server.__name__)
            running: servers.Server = stack.enter_context(server(directory))
            return running

        database = servers.new_database(started(servers.postgresql))
        redis, kafka = started(servers.redis), started(servers.kafka)
        store = started(servers.radosgw)
        yield {
            "NST_DATABASE_URL": database,
            "NST_REDIS_URL": servers.redis_url(redis),
            "NST_KAFKA_BROKERS": kafka.address,
            "NST_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
            "NST_KAFKA_HEARTBEAT_SECONDS": "1",
            "NST_STORAGE_URL": f"s3://{servers.BUCKET}",
            "NST_S3_ENDPOINT": f"http://{store.address}",
            "NST_S3_ACCESS_KEY_ID": servers.KEYS["access_key_id"],
            "NST_S3_SECRET_ACCESS_KEY": servers.KEYS["secret_access_key"],
            "NST_SECRET_KEY": "0" * 64,
            "NST_TRUSTED_PROXIES": "1",
            "NST_OFFLINE": "1",
            "NST_CHECKPOINT_SECONDS": "0.5",
        }


@pytest.fixture(scope="module")
def service(
    settings: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, "Container"]]:
    logs = tmp_path_factory.mktemp("containers")
    migrated = podman(*run(settings), "--rm", "localhost/nst-api", "migrate")
    assert "is at head" in migrated
    with (
        container("api", settings, logs, API + "/readyz") as api,
        container("worker", settings, logs, WORKER + "/metrics") as worker,
        container("page", {"API": "127.0.0.1:5000"}, logs, PAGE + "/healthz") as page,
    ):
        yield {"api": api, "worker": worker, "page": page}


class Container:
    """Container that runs in the background."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self._log = log

    def execute(self, *command: str) -> str:
        return podman("exec", self.name, *command)

    def kill(self, signal: str) -> None:
        podman("kill", f"--signal={signal}", self.name)
        podman("wait", self.name)

    @property
    def lines(self) -> Sequence[str]:
        return self._log.read_text().splitlines()


@contextmanager
def container(
    image: str, settings: Mapping[str, str], logs: Path, address: str, *, name: str | None = None
) -> Iterator[Container]:
    name = name or f"nst-test-{image}"
    log = logs / f"{name}.log"
    with log.open("w") as file:
        command = podman_command(*run(settings), f"--name={name}", f"localhost/nst-{image}")
        process = subprocess.Popen(
            command, env=build_images.environment(), stdout=file, stderr=file
        )
    try:
        wait_for(address, log)
        yield Container(name, log)
    finally:
        podman("rm", "--force", "--ignore", "--time=20", name)
        process.wait()


def run(settings: Mapping[str, str]) -> Sequence[str]:
    return ["run", *MODEST, *(f"--env={name}={value}" for name, value in settings.items())]


def podman(*arguments: str) -> str:
    done = subprocess.run(
        podman_command(*arguments),
        env=build_images.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def podman_command(*arguments: str) -> Sequence[str]:
    return ["podman", "--runtime=runc", *arguments]


def wait_for(address: str, log: Path) -> None:
    def answers() -> bool:
        with suppress(requests.ConnectionError):
            return requests.get(address, timeout=PATIENCE_SECONDS).ok
        return False

    try:
        wait_until(answers)
    except AssertionError as error:
        raise AssertionError(log.read_text()[-3000:]) from error


def submit(visitor: requests.Session, **options: Any) -> dict[str, Any]:
    """Submit a job of two small images, through the port of the page."""
    content, style = picture(64, 48), picture(48, 48).rotate(90)
    files = {
        "content_image": ("cat.png", encoded(content, "PNG")),
        "style_image": ("waves.png", encoded(style, "PNG")),
    }
    asked = {"preset": "fast", "model": "vgg16", "size": 64, "total_iterations": 5, **options}
    answer = visitor.post(f"{PAGE}/api/v1/jobs", files=files, data=asked, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def finished(visitor: requests.Session, job: Mapping[str, Any]) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        now: dict[str, Any] = get(visitor, f"{PAGE}/api/v1/jobs/{job['id']}").json()
        return None if now["status"] in {"queued", "running"} else now

    return wait_until(look)


def get(visitor: requests.Session, address: str) -> requests.Response:
    return visitor.get(address, timeout=PATIENCE_SECONDS)


def test_a_photo_is_painted_through_the_port_of_the_page(
    service: Mapping[str, Container], tmp_path: Path
) -> None:
    visitor = requests.Session()
    job = submit(visitor)
    with visitor.get(
        f"{PAGE}/api/v1/jobs/{job['id']}/events", stream=True, timeout=PATIENCE_SECONDS
    ) as stream:
        events = [line for line in stream.iter_lines(decode_unicode=True) if line[:6] == "event:"]
    done = finished(visitor, job)
    assert done["status"] == "succeeded"
    assert events[0] == "event: snapshot"
    assert events[-1] == "event: end"
    result = visitor.get(f"{PAGE}/api/v1/jobs/{job['id']}/result", timeout=PATIENCE_SECONDS)
    (tmp_path / "result.png").write_bytes(result.content)
    with Image.open(tmp_path / "result.png") as painted:
        assert (painted.format, painted.size) == ("PNG", (64, 48))
    assert images.load(tmp_path / "result.png", role="content")
    other = requests.get(f"{PAGE}/api/v1/jobs/{job['id']}", timeout=PATIENCE_SECONDS)
    assert other.status_code == 404  # the job has another owner


def test_the_page_comes_with_the_headers_of_the_api(service: Mapping[str, Container]) -> None:
    page, api = (
        requests.get(f"{at}/some/deep/link", timeout=PATIENCE_SECONDS) for at in (PAGE, API)
    )
    assert page.text == api.text
    names = [name for name in api.headers if name.startswith(("X-", "C", "R", "P"))]
    ours = {"X-Request-ID", "Content-Length", "Content-Disposition", "Connection"}
    for name in sorted({*names} - ours):
        assert page.headers[name] == api.headers[name], name
    asset = next(word for word in page.text.split('"') if word.endswith(".js"))
    script = requests.get(f"{PAGE}/{asset.lstrip('./')}", timeout=PATIENCE_SECONDS)
    assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert script.headers["Content-Encoding"] == "gzip"
    assert requests.get(PAGE + "/assets/none.js", timeout=PATIENCE_SECONDS).status_code == 404


def test_metrics_are_not_for_visitors(service: Mapping[str, Container]) -> None:
    assert "nst_jobs" in requests.get(f"{API}/metrics", timeout=PATIENCE_SECONDS).text
    assert "nst_jobs" not in requests.get(f"{PAGE}/metrics", timeout=PATIENCE_SECONDS).text


@pytest.mark.parametrize("name", ["api", "worker", "page"])
def test_it_says_itself_whether_it_is_well(service: Mapping[str, Container], name: str) -> None:
    facts = json.loads(podman("inspect", f"localhost/nst-{name}"))[0]
    kind, *command = facts["Healthcheck"]["Test"]
    assert kind == "CMD"
    podman(*run({}), "--rm", f"--entrypoint={command[0]}", f"localhost/nst-{name}", *command[1:])


@pytest.mark.parametrize("name", ["api", "worker", "page"])
def test_it_is_nobody_and_has_no_tools(name: str) -> None:
    def shell(command: str) -> str:
        inside = [*run({}), "--rm", "--entrypoint=sh", f"localhost/nst-{name}", "-c", command]
        return podman(*inside).strip()

    assert shell("id -u") == "10001"
    assert shell("touch /etc/x 2>/dev/null || echo no") == "no"
    tools = "command -v gcc pip pip3 npm node git curl || echo none"
    assert shell(tools) == "none"
    assert (
        shell("ls /var/lib/apt/lists /root/.cache 2>/dev/null | grep -v ^/ | grep . || echo none")
        == "none"
    )


def test_the_api_has_neither_torch_nor_weights() -> None:
    inside = [*run({}), "--rm", "--entrypoint=sh", "localhost/nst-api", "-c"]
    found = podman(*inside, "find / -name 'torch*' -o -name '*.safetensors' 2>/dev/null || true")
    assert found == ""


def test_the_worker_without_cuda_has_none_of_its_libraries() -> None:
    inside = [*run({}), "--rm", "--entrypoint=sh", "localhost/nst-worker", "-c"]
    names = "-name 'libcudart*' -o -name 'libtorch_cuda*' -o -path '*/site-packages/nvidia'"
    assert podman(*inside, f"find / {names} 2>/dev/null || true") == ""


@pytest.mark.parametrize("name", ["api", "worker", "page"])
def test_it_is_no_larger_than_the_documentation_allows(name: str) -> None:
    row = rf"^\| `nst-{name}` \| ([\d.]+) MB \| ([\d.]+) MB \|"
    found = re.search(row, (REPOSITORY / "docs" / "operations.md").read_text(), re.MULTILINE)
    assert found
    measured, limit = map(float, found.groups())
    size = int(podman("image", "inspect", "--format={{.Size}}", f"localhost/nst-{name}")) / 1e6
    assert size <= limit
    assert size == pytest.approx(measured, rel=0.1), "say the new size in docs/operations.md"


def test_a_worker_that_is_built_for_films_paints_one(tmp_path: Path) -> None:
    shades = [Image.new("RGB", (64, 48), (60 + 40 * n, 90, 120)) for n in range(3)]
    films.write(tmp_path / "in.mp4", shades)
    picture(48, 48).rotate(90).save(tmp_path / "style.png")
    tmp_path.chmod(0o777)
    inside = [*run({"NST_OFFLINE": "1"}), "--rm", f"--volume={tmp_path}:/films", "--workdir=/films"]
    video = ["video", "in.mp4", "style.png", "-o", "out.mp4"]
    tiny = ["--preset=fast", "--model=vgg16", "--size=64"]
    podman(*inside, "--entrypoint=nst", build_images.VIDEO_WORKER, *video, *tiny)
    assert Video.inspect(tmp_path / "out.mp4").size == (64, 48)
    assert len(films.times(tmp_path / "out.mp4")) == len(shades)


def test_logs_are_one_object_on_each_line(service: Mapping[str, Container]) -> None:
    for name in ("api", "worker", "page"):
        own = [line for line in service[name].lines if "level=error msg=" not in line]
        assert own
        for line in own:
            assert isinstance(json.loads(line), dict), line


def test_a_worker_that_goes_gives_its_job_to_the_next(
    service: Mapping[str, Container], settings: Mapping[str, str], tmp_path: Path
) -> None:
    visitor = requests.Session()
    job = submit(visitor, size=384, total_iterations=100_000, seed=3)
    address = f"{PAGE}/api/v1/jobs/{job['id']}"
    wait_until(lambda: (get(visitor, address).json()["progress"] or {}).get("step"))
    service["worker"].kill("TERM")
    given_back = get(visitor, address).json()
    assert given_back["status"] == "queued"
    with container("worker", settings, tmp_path, WORKER + "/metrics", name="nst-test-next"):
        wait_until(lambda: get(visitor, address).json()["status"] == "running")
        step = get(visitor, address).json()["progress"]["step"]
        assert step >= given_back["progress"]["step"] > 0
        visitor.post(f"{address}/cancel", timeout=PATIENCE_SECONDS)
        assert finished(visitor, job)["status"] == "canceled"
