"""Every command and example of README and documentation runs as it is written."""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

import settings_page
from cli.test_compatible import TABLE
from nst.api.openapi import operations
from nst.api.problems import HTTP_CODES, status_of
from nst.jobs.failures import CRASHED, FULL, GONE
from nst.presets import PRESETS
from nst.settings.environment import variables
from support.assets import REPOSITORY
from support.nst_serve import serve
from support.service_in_process import House
from support.waiting import PROGRAM_SECONDS
from unit.test_package import ERRORS

DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
README, *_ = DOCUMENTS
DOCS = REPOSITORY / "docs"
COMMAND_LINE = DOCS / "tutorials" / "command-line.md"
API = (DOCS / "api.md").read_text()
NEEDED = (
    "Makefile", "constraints.txt", "data/style", "neural_style_transfer.py", "pyproject.toml",
    "src", "tools",
)  # fmt: skip
PHOTOS = "data/content"
SHARE_OF_PHOTOS = 0.25
"""Height of the strip to which a photo is cut. A command paints it in a quarter of the time."""
NOT_RUN_HERE = {
    "make serve": "never ends; what it runs is looked at below",
    ".venv/bin/nst serve": "never ends; every test of tests/integration that serves runs it",
    "nst serve": "never ends; every test of tests/integration that serves runs it",
    "nst learn painting.jpg --photos ~/Pictures -o painting.nst": "half an hour; cli/test_learn.py",
    "nst live painting.nst --open": "never ends; cli/test_live.py",
    "nst stylize photo.jpg painting.nst": "needs what the line above learns; cli/test_learn.py",
}
PAGES_OF_EXAMPLES_NOT_RUN_HERE = {
    "learning": "learns for half an hour; unit/learning runs it with a few steps"
}


def blocks(language: str, document: Path) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)```", document.read_text(), re.DOTALL | re.MULTILINE)


def section(title: str, text: str) -> str:
    return text.split(f"\n## {title}\n")[1].split("\n## ", maxsplit=1)[0]


def commands() -> list[tuple[Path, str]]:
    """Return the commands of all sh blocks but those that need a server.
    Commands inside sentences of the README are included."""
    alone = [
        (document, line)
        for document in DOCUMENTS
        for block in blocks("sh", document)
        if "curl" not in block
        for line in block.strip().splitlines()
    ]
    inline = re.findall(r"`(\.venv/bin/[^`]+)`", README.read_text())
    return list(dict.fromkeys([*alone, *((README, command) for command in inline)]))


def named(value: Path | str) -> str:
    return value.stem if isinstance(value, Path) else value.splitlines()[0]


def to_run() -> list[tuple[Path, str]]:
    return [(page, command) for page, command in commands() if command not in NOT_RUN_HERE]


def examples() -> list[tuple[Path, str]]:
    return [
        (document, block)
        for document in DOCUMENTS
        if document.stem not in PAGES_OF_EXAMPLES_NOT_RUN_HERE
        for block in blocks("python", document)
    ]


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Return a function that makes a directory like the repository for a document.
    The results of the document's commands are in that directory."""

    @cache
    def clone_for(document: Path) -> Path:
        return like_the_repository(tmp_path_factory.mktemp(document.stem))

    return clone_for


def like_the_repository(directory: Path) -> Path:
    for name in NEEDED:
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).symlink_to(REPOSITORY / name)
    (directory / PHOTOS).mkdir()
    for photo in (REPOSITORY / PHOTOS).iterdir():
        cut_strip(photo, directory / PHOTOS / photo.name)
    (directory / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (directory / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    (directory / ".venv" / "installed").touch()  # keeps make from installing the environment again
    return directory


def cut_strip(photo: Path, target: Path) -> None:
    with Image.open(photo) as picture:
        height = round(SHARE_OF_PHOTOS * picture.height)
        top = (picture.height - height) // 2
        picture.crop((0, top, picture.width, top + height)).save(target)


def run(program: list[str], directory: Path) -> str:
    """Run a program where `nst` is found as after `source .venv/bin/activate`."""
    path = f"{directory / '.venv' / 'bin'}:{os.environ['PATH']}"
    finished = subprocess.run(
        program,
        cwd=directory,
        env={**os.environ, "PATH": path, "NST_DATA_DIR": str(directory / "jobs")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_readme_and_documentation_have_commands() -> None:
    found = commands()
    assert (README, "make demo") in found
    assert (COMMAND_LINE, "nst doctor") in found
    assert set(NOT_RUN_HERE) <= {command for _, command in found}


@pytest.mark.parametrize(("document", "command"), to_run(), ids=named)
def test_command(clones: Callable[[Path], Path], document: Path, command: str) -> None:
    clone = clones(document)
    said = run(["bash", "-c", command], clone)
    for picture in re.findall(r"^(\S+\.(?:png|jpg))$", said, re.MULTILINE):
        assert (clone / picture).is_file()
    if re.search(r"stylize (?!--help)|demo|batch", command):
        assert re.search(r"^\S+\.(?:png|jpg)$", said, re.MULTILINE)


@pytest.mark.parametrize(("document", "example"), examples(), ids=named)
def test_python_example(clones: Callable[[Path], Path], document: Path, example: str) -> None:
    clone = clones(document)
    for earlier in clone.glob("*.png"):
        earlier.unlink()
    said = run([sys.executable, "-c", example], clone)
    assert said
    assert list(clone.glob("*.png"))
    if document == README:
        assert said.startswith("total_iterations ")


def test_the_table_of_the_compatible_command_is_the_command_s() -> None:
    page = (DOCS / "compatible.md").read_text()
    for name, default in TABLE.items():
        plain = f"{default:g}" if isinstance(default, float) else str(default)
        plain = plain.replace(f"{REPOSITORY}/", "")
        assert re.search(rf"\| `--{name}` \| `?{re.escape(plain)}`? \|", page), name


@pytest.mark.parametrize("document", [README, COMMAND_LINE], ids=lambda path: path.name)
def test_every_preset_is_described(document: Path) -> None:
    for preset in PRESETS:
        assert f"| `{preset}`" in document.read_text()


def test_the_page_of_the_settings_is_theirs() -> None:
    page = settings_page.PAGE.read_text(encoding="utf-8")
    assert page == settings_page.render(), "run `make settings`"
    for name in variables():
        assert page.count(f"| `{name}` |") == 1, name


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


def test_everything_can_be_done_with_curl_as_the_tutorial_says(
    clones: Callable[[Path], Path],
) -> None:
    tutorial = DOCS / "tutorials" / "api.md"
    clone = clones(tutorial)
    script = "".join(block for block in blocks("sh", tutorial) if "curl" in block)
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
        assert picture.size == (256, 43)
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
    hidden = {  # errors of the engine and of workers, which no client gets
        error
        for error in own
        if error[1]
        in ("error", "lease_lost", "canceled", "disk_full", "queue_failed", "feed_failed")
    }
    of_jobs = {error for error in own if error[0] == 500}
    assert documented == (own | framework | others) - hidden - of_jobs | {(500, "internal_error")}
    said = section("Errors", API)
    for _, code in of_jobs - hidden:
        assert f"`{code}`" in said
    for error in (CRASHED, FULL, GONE):
        assert f"`{error.code}`" in said


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """The build of the site checks links to the pages that it makes."""
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]+))?\)", document.read_text())
    for target, anchor in links:
        if target.startswith("../reference/"):
            continue
        there = document.parent / target if target else document
        assert there.exists(), f"{document.name}: {target}"
        assert not anchor or anchor in anchors(there), f"{document.name}: {target}#{anchor}"


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub and the site make of the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_the_readme_fits_a_few_screens() -> None:
    assert len(README.read_text().splitlines()) <= 140
