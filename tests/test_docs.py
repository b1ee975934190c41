"""Every command and example of the README, run as it stands there."""

import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

import settings_page
from cli.test_compatible import TABLE
from conftest import REPOSITORY
from nst.api.openapi import operations
from nst.api.problems import HTTP_CODES, status_of
from nst.jobs.execute import CRASHED, FULL, GONE
from nst.options import PRESETS
from nst.settings import Settings
from patience import PROGRAM_SECONDS
from served import serve
from service import House
from unit.test_package import ERRORS

README = (REPOSITORY / "README.md").read_text()
NEEDED = (
    "Makefile", "constraints.txt", "data/content", "data/style", "neural_style_transfer.py",
    "pyproject.toml", "src", "tools",
)  # fmt: skip
API = (REPOSITORY / "docs" / "api.md").read_text()
NOT_RUN_HERE = {
    "make serve": "never ends; what it runs is looked at below",
    ".venv/bin/nst serve": "never ends; the test of its section runs it",
    "make test": "is what runs this test; .ci/run calls it, see below",
    "nst weights fetch vgg19": "needs the internet; test_nst runs it against a local server",
}


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def section(title: str, text: str = README) -> str:
    return text.split(f"\n## {title}\n")[1].split("\n## ", maxsplit=1)[0]


def commands() -> list[str]:
    """Of all sh blocks but those that need a server, and those inside sentences."""
    alone = [block for block in blocks("sh") if "curl" not in block]
    lines = [line for block in alone for line in block.strip().splitlines()]
    inline = re.findall(r"`((?:\.venv/bin/|nst weights )[^`]+)`", README)
    return list(dict.fromkeys([*lines, *inline]))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that looks like the repository, so that results do not land in the real one."""
    directory = tmp_path_factory.mktemp("clone")
    for name in NEEDED:
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).symlink_to(REPOSITORY / name)
    (directory / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (directory / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    (directory / ".venv" / "installed").touch()  # so that make does not install it from here
    return directory


def test_the_readme_has_commands() -> None:
    assert "make demo" in commands()
    assert set(NOT_RUN_HERE) <= set(commands())


@pytest.mark.parametrize("command", [c for c in commands() if c not in NOT_RUN_HERE])
def test_command(clone: Path, command: str) -> None:
    shell = ["bash", "-c", command]
    finished = subprocess.run(shell, cwd=clone, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    for picture in re.findall(r"^(\S+\.(?:png|jpg))$", finished.stdout, re.MULTILINE):
        assert (clone / picture).is_file()
    if "stylize data" in command or "demo" in command:
        assert re.search(r"^\S+\.png$", finished.stdout, re.MULTILINE)


@pytest.mark.parametrize("example", blocks("python"))
def test_python_example(clone: Path, example: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", example], cwd=clone, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert (clone / "library.png").is_file()
    assert finished.stdout.startswith("total_iterations ")


def test_the_table_of_the_compatible_command_is_the_command_s() -> None:
    for name, default in TABLE.items():
        plain = f"{default:g}" if isinstance(default, float) else str(default)
        plain = plain.replace(f"{REPOSITORY}/", "")
        assert re.search(rf"\| `--{name}` \| `?{re.escape(plain)}`? \|", README), name


def test_every_preset_is_described() -> None:
    for preset in PRESETS:
        assert f"| `{preset}`" in README


def test_the_page_of_the_settings_is_theirs() -> None:
    page = settings_page.PAGE.read_text(encoding="utf-8")
    assert page == settings_page.render(), "run `make settings`"
    for name in Settings.model_fields:
        assert page.count(f"| `NST_{name.upper()}` |") == 1, name


# ── the web service ───────────────────────────────────────────────────────────────────────────

KEY = "a long random key"
AS_FAST_AS_TYPED = """
curl() {  # a person needs a moment for every line, in which a job is taken
    for _ in $(seq 600); do
        command curl --silent --show-error --fail-with-body "$@" && return
        sleep 0.5
    done
    return 1
}
"""


def test_everything_can_be_done_with_curl_as_the_readme_says(clone: Path) -> None:
    text = section("Web service")
    script = "".join(block for block in blocks("sh", text) if "curl" in block)
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    with serve(clone / "server", NST_API_KEYS=f"me:{digest}") as server:
        address = str(server.client.base_url).rstrip("/")
        assert "http://127.0.0.1:8000" in script
        here = script.replace("http://127.0.0.1:8000", address)
        finished = subprocess.run(
            ["bash", "-euxc", AS_FAST_AS_TYPED + here],
            cwd=clone,
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_SECONDS,
        )
        assert finished.returncode == 0, finished.stderr
        assert not [line for line in server.lines() if line["level"] == "error"]
    for said in ("event: snapshot", "event: progress", "event: end", '"expires_at"', digest):
        assert said in finished.stdout, said
    with Image.open(clone / "painted-cat.png") as picture:
        assert picture.size == (256, 170)
    with Image.open(clone / "painted-cat.webp") as film:
        assert film.format == "WEBP"
    with Image.open(clone / "preview.jpg") as preview:
        assert preview.format == "JPEG"
    with zipfile.ZipFile(clone / "painted-cat.zip") as archive:
        assert "cat-in-mosaic.png" in archive.namelist()


def test_make_serve_does_what_is_said() -> None:
    command = ["make", "--no-print-directory", "--dry-run", "--always-make", "serve"]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "npm run build" in said.stdout
    assert said.stdout.rstrip().endswith("nst serve --open")


def test_every_route_is_in_the_reference() -> None:
    documented = re.findall(r"^\| `([A-Z]+) (\S+)` \|", section("Routes", API), re.MULTILINE)
    with tempfile.TemporaryDirectory() as directory:
        house = House(Path(directory))
        spec = house.client().get("/api/openapi.json").json
        house.close()
    described = {route for route, _ in operations(spec)}
    roots = ("/api", "/healthz", "/readyz", "/metrics")
    written = {
        f"{method} {path if path.startswith(roots) else f'/api/v1{path}'}"
        for method, path in documented
    }
    assert written == described


def test_every_error_is_in_the_reference() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", section("Errors", API), re.MULTILINE)
    documented = {(int(status), code) for status, code in rows}
    own = {(status_of(error).value, error.code) for error in ERRORS}
    framework = {(status.value, code) for status, code in HTTP_CODES.items()}
    others = {(400, "bad_request"), (503, "not_ready")}
    hidden = {  # of the engine and of workers: no client meets them as an answer
        error
        for error in own
        if error[1] in ("error", "lease_lost", "canceled", "video_unavailable")
    }
    of_jobs = {error for error in own if error[0] == 500}
    assert documented == (own | framework | others) - hidden - of_jobs | {(500, "internal_error")}
    said = section("Errors", API)
    for _, code in of_jobs - hidden:
        assert f"`{code}`" in said
    for error in (CRASHED, FULL, GONE):
        assert f"`{error.code}`" in said


def test_ci_calls_the_test_command_of_the_readme() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text().splitlines()
    assert "make test" in script
    assert "    make test-images test-compose" in script


def test_links_lead_somewhere() -> None:
    for document in [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
