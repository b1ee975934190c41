"""The page, the documentation of the API, headers, and routes for operators."""

import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nst.api import page
from support.service_in_process import Browser, House, finishes, form

EVERYWHERE = (
    *("/", "/jobs/1", "/api/docs", "/api/docs/docs.js", "/api/openapi.json", "/api/v1/jobs"),
    *("/api/v1/options", "/api/v1/nonsense", "/healthz", "/metrics", "/assets/nothing.js"),
)


@pytest.fixture
def client(house: House) -> Browser:
    return house.client()


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a page as the build of the front end leaves it; return its directory."""
    directory = tmp_path / "page"
    (directory / "assets").mkdir(parents=True)
    (directory / "index.html").write_text(
        '<!doctype html><head><base href="/" /><title>the page</title></head>'
    )
    (directory / "manifest.webmanifest").write_text("{}")
    (directory / "assets" / "main-1a2b.js").write_text("console.log(1)")
    (directory / "favicon.svg").write_text("<svg/>")
    monkeypatch.setattr(page, "PAGE", directory)
    return directory


# ── headers ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_answer_is_guarded(client: Browser, path: str) -> None:
    headers = client.get(path).headers
    for name, value in page.SECURITY_HEADERS.items():
        assert headers[name] == value


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/options", "/api/task_status/1"])
def test_what_is_somebody_s_own_is_kept_nowhere(client: Browser, path: str) -> None:
    assert client.get(path).headers["Cache-Control"] == "no-store"


def test_the_policy_allows_no_other_host_and_no_scripts_inside() -> None:
    policy = page.SECURITY_HEADERS["Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'self'"
    assert "script-src" not in rules
    assert rules["frame-ancestors"] == rules["object-src"] == "'none'"
    assert rules["base-uri"] == "'self'"
    for values in rules.values():
        assert set(values.split()) <= {"'self'", "'none'", "blob:", "data:", "'unsafe-inline'"}
    assert [name for name, values in rules.items() if "unsafe" in values] == ["style-src"]


# ── the page ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path", ["/", "/studio", "/jobs", "/jobs/1", "/shared/a-b_c", "/apis", "/about/"]
)
@pytest.mark.usefixtures("built")
def test_every_path_that_is_not_the_api_s_is_the_page(client: Browser, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.content_type) == (200, "text/html; charset=utf-8")
    assert "the page" in response.text
    assert response.headers["Cache-Control"] == "no-cache, max-age=0"


@pytest.mark.usefixtures("built")
def test_a_shared_link_has_a_preview_for_messengers(client: Browser) -> None:
    text = client.get("/shared/a-b_c").text
    properties = dict(re.findall('property="([^"]+)" content="([^"]+)"', text))
    root = "http://localhost"
    assert properties["og:image"] == f"{root}/api/v1/shared/a-b_c/result?thumb=1"
    assert properties["og:url"] == f"{root}/shared/a-b_c"
    assert properties["twitter:card"] == "summary_large_image"
    for path in ("/", "/studio", '/shared/a"b', "/shared/a/b"):
        assert "og:" not in client.get(path).text, path


@pytest.mark.usefixtures("built")
def test_the_page_can_be_installed(client: Browser) -> None:
    response = client.get("/manifest.webmanifest")
    assert (response.status_code, response.content_type) == (200, "application/manifest+json")


@pytest.mark.usefixtures("built")
def test_assets_are_kept_for_ever(client: Browser) -> None:
    response = client.get("/assets/main-1a2b.js")
    assert response.status_code == 200
    assert response.mimetype in ("text/javascript", "application/javascript")
    assert "max-age=31536000" in response.headers["Cache-Control"]
    assert "immutable" in response.headers["Cache-Control"]
    assert client.get("/assets/gone-0000.js").status_code == 404
    assert client.get("/favicon.svg").mimetype == "image/svg+xml"


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    "path",
    [
        "/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/%2fetc%2fpasswd",
        "/..%5c..%5cetc",
        "/" + "x" * 3000,
        "/%00",
        "/%ff",
        "/" + "a/" * 500,
    ],
)
def test_no_other_file_is_served_and_none_can_be_probed(client: Browser, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert "the page" in response.text


@pytest.mark.parametrize("name", ["..%2f..%2fapp.py", "%2fetc%2fpasswd", "x" * 3000, "%00", ""])
@pytest.mark.parametrize("directory", ["assets", "api/docs"])
def test_no_other_file_below_a_directory(
    client: Browser, built: Path, directory: str, name: str
) -> None:
    response = client.get(f"/{directory}/{name}", follow_redirects=True)
    assert "root:" not in response.text
    assert response.status_code == 404 or "the page" in response.text


def test_without_a_built_page_it_says_so(
    client: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "nothing")
    response = client.get("/")
    assert response.status_code == 200
    assert "make page" in response.text
    assert "/api/docs" in response.text


# ── the documentation ─────────────────────────────────────────────────────────────────────────


def test_the_documentation_loads_local_files_only(client: Browser) -> None:
    html = client.get("/api/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(loaded) >= 3
    assert not re.search(r"<script>|onload=|https?:", html)
    for address in loaded:
        if not address.startswith("data:"):
            assert address.startswith("docs/")
            response = client.get(f"/api/{address}")
            assert response.status_code == 200
            assert response.mimetype in ("text/css", "text/javascript", "application/javascript")
    start = client.get("/api/docs/docs.js").text
    assert '"openapi.json"' in start
    assert "http" not in start


# ── operators ─────────────────────────────────────────────────────────────────────────────────


def values(client: Browser) -> dict[tuple[str, ...], float]:
    response = client.get("/metrics")
    assert response.content_type.startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_health(client: Browser) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"status": "ready"}


def test_metrics(client: Browser, house: House) -> None:
    client.post("/api/v1/jobs", data=form())
    client.post("/api/v1/jobs", data=form(seed="1"))
    house.work(finishes())
    found = values(client)
    assert found["nst_jobs", "queued"] == 1
    assert found["nst_jobs", "succeeded"] == 1
    assert found["nst_jobs", "failed"] == 0
    assert found["nst_queue_oldest_seconds",] >= 0
    assert found["nst_event_streams",] == 0
    assert found["nst_http_requests_total", "POST", "/api/v1/jobs", "202"] >= 2


def test_nothing_that_clients_make_up_becomes_a_label(client: Browser) -> None:
    def count() -> int:
        return len(values(client))

    client.open("/api/v1/jobs", method="MADEUP")
    client.get("/api/nonsense")
    client.get("/api/v1/jobs/1")
    before = count()
    for number in range(20):
        client.get(f"/api/nonsense/{number}")
        client.get(f"/api/v1/jobs/{number}")
        client.open("/api/v1/jobs", method=f"MADEUP{chr(65 + number)}")
    assert count() == before


def test_operators_are_not_counted_among_clients(house: House) -> None:
    client = house.client(requests_per_minute=1)
    answers: list[Any] = [client.get(path) for path in ("/healthz", "/readyz", "/metrics") * 3]
    assert {response.status_code for response in answers} == {200}
    assert all("Set-Cookie" not in response.headers for response in answers)
