"""Owners of jobs: cookies, API keys, other sites."""

import hashlib
import re
from http.cookies import SimpleCookie

import pytest

from support.service_in_process import Browser, House, browser, finishes, form, paints

JOBS = "/api/v1/jobs"
KEYS = {name: hashlib.sha256(f"key of {name}".encode()).hexdigest() for name in ("anna", "ben")}


def cookie_of(client: Browser) -> str:
    cookie = client.get_cookie("nst_session")
    assert cookie
    return cookie.value


def paths_of(job_id: str) -> list[str]:
    below = (
        *("", "/events", "/result", "/preview", "/frames", "/frames/1", "/archive", "/timelapse"),
        *("/before-after", "/recipe", "/content", "/styles/0", "/shares"),
    )
    return [f"{JOBS}/{job_id}{path}" for path in below]


# ── cookies ───────────────────────────────────────────────────────────────────────────────────


def test_the_first_answer_sets_a_cookie_that_scripts_and_other_sites_do_not_get(
    house: House,
) -> None:
    response = house.client().get(JOBS)
    cookie = SimpleCookie(response.headers["Set-Cookie"])["nst_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["secure"]
    assert cookie["expires"]


def test_over_tls_the_cookie_stays_on_tls(house: House) -> None:
    response = house.client().get(JOBS, base_url="https://nst.example")
    assert SimpleCookie(response.headers["Set-Cookie"])["nst_session"]["secure"]


def test_the_cookie_is_set_once(house: House) -> None:
    client = house.client()
    client.get(JOBS)
    assert "Set-Cookie" not in client.get(JOBS).headers


def test_people_see_only_their_own_jobs(house: House) -> None:
    app = house.app()
    anna, ben = browser(app), browser(app)
    job = anna.post(JOBS, data=form()).json
    house.work(paints(1), finishes())
    assert [one["id"] for one in anna.get(JOBS).json["jobs"]] == [job["id"]]
    assert ben.get(JOBS).json["jobs"] == []
    for path in paths_of(job["id"]):
        assert anna.get(path).status_code == 200, path
        assert ben.get(path).status_code == 404, path
        assert ben.get(path).json["code"] == "job_not_found"
    for action in ("cancel", "resume", "retry"):
        assert ben.post(f"{JOBS}/{job['id']}/{action}").status_code == 404
    assert ben.post(f"{JOBS}/{job['id']}/steer", json={}).status_code == 404
    assert ben.post(f"{JOBS}/{job['id']}/shares", json={}).status_code == 404
    assert ben.delete(f"{JOBS}/{job['id']}").status_code == 404
    assert anna.get(f"{JOBS}/{job['id']}").status_code == 200


def test_others_and_nobody_are_answered_alike(house: House) -> None:
    """Nobody else may learn whether a job exists."""
    app = house.app()
    job = browser(app).post(JOBS, data=form()).json
    ben = browser(app)
    others, missing = ben.get(f"{JOBS}/{job['id']}").json, ben.get(f"{JOBS}/{'0' * 32}").json
    for problem, job_id in ((others, job["id"]), (missing, "0" * 32)):
        problem["detail"] = problem["detail"].replace(job_id, "ID")
        del problem["request_id"]
    assert others == missing


@pytest.mark.parametrize(
    "spoil", [lambda c: c[:-2] + "xx", lambda c: "x" + c, lambda c: "{}", str.upper]
)
def test_a_cookie_that_was_tampered_with_is_a_new_owner(house: House, spoil: object) -> None:
    assert callable(spoil)
    app = house.app()
    client = browser(app)
    job = client.post(JOBS, data=form()).json
    other = browser(app)
    other.set_cookie("nst_session", spoil(cookie_of(client)))
    response = other.get(JOBS)
    assert (response.status_code, response.json["jobs"]) == (200, [])
    assert "Set-Cookie" in response.headers
    assert other.get(f"{JOBS}/{job['id']}").status_code == 404


def test_a_cookie_of_another_secret_is_a_new_owner(house: House) -> None:
    client = house.client(secret_key="one")  # noqa: S106
    client.post(JOBS, data=form())
    other = house.client(secret_key="two")  # noqa: S106
    other.set_cookie("nst_session", cookie_of(client))
    assert other.get(JOBS).json["jobs"] == []


def test_the_cookie_is_good_in_another_process_of_the_same_secret(house: House) -> None:
    client = house.client()
    job = client.post(JOBS, data=form()).json
    other = house.client()
    other.set_cookie("nst_session", cookie_of(client))
    assert other.get(f"{JOBS}/{job['id']}").status_code == 200


def test_requests_of_a_first_visit_sent_at_once_own_their_jobs_together(house: House) -> None:
    """No request has a cookie yet; the browser keeps the cookie of the last answer."""
    app = house.app()
    visitor = {"X-Visitor": "0123456789abcdef" * 2}
    at_once = [browser(app) for _ in range(4)]
    answers = [client.post(JOBS, data=form(), headers=visitor) for client in at_once]
    jobs = {answer.json["id"] for answer in answers}
    for client in at_once:
        assert {job["id"] for job in client.get(JOBS).json["jobs"]} == jobs


def test_a_visitor_with_a_cookie_keeps_it(house: House) -> None:
    client = house.client()
    job = client.post(JOBS, data=form()).json
    answer = client.get(JOBS, headers={"X-Visitor": "0" * 32})
    assert [one["id"] for one in answer.json["jobs"]] == [job["id"]]
    assert "Set-Cookie" not in answer.headers


def test_who_reads_the_id_of_an_owner_does_not_become_that_owner(house: House) -> None:
    app = house.app()
    job = browser(app).post(JOBS, data=form(), headers={"X-Visitor": "0" * 32}).json
    owner = house.repository.get(job["id"]).owner.removeprefix("browser:")
    for header in ("0" * 31 + "1", owner):
        assert browser(app).get(JOBS, headers={"X-Visitor": header}).json["jobs"] == []


@pytest.mark.parametrize("header", ["", "me", "g" * 32, "0" * 31, "0" * 33, "A" * 32])
def test_a_visitor_that_could_be_guessed_is_refused(house: House, header: str) -> None:
    answer = house.client().get(JOBS, headers={"X-Visitor": header})
    assert (answer.status_code, answer.json["field"]) == (422, "X-Visitor")
    assert "32 hexadecimal digits" in answer.json["detail"]


# ── API keys ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer key of anna"},
        {"Authorization": "bearer  key of anna "},
        {"X-API-Key": "key of anna"},
    ],
)
def test_a_key_owns_jobs_wherever_it_comes_from(house: House, headers: dict[str, str]) -> None:
    app = house.app(api_keys=KEYS)
    mine = {"Authorization": "Bearer key of anna"}
    response = browser(app).post(JOBS, data=form(), headers=mine)
    assert "Set-Cookie" not in response.headers
    path = f"{JOBS}/{response.json['id']}"
    assert browser(app).get(path, headers=headers).status_code == 200
    assert browser(app).get(path).status_code == 404
    bens = {"X-API-Key": "key of ben"}
    assert browser(app).get(path, headers=bens).status_code == 404


@pytest.mark.parametrize("key", ["nonsense", "", KEYS["anna"], "key of Anna"])
@pytest.mark.parametrize("path", [JOBS, "/api/v1/options", "/api/task_status/1"])
def test_an_unknown_key_is_refused_everywhere(house: House, key: str, path: str) -> None:
    client = house.client(api_keys=KEYS)
    response = client.get(path, headers={"X-API-Key": key})
    assert (response.status_code, response.json["code"]) == (403, "not_allowed")
    assert key not in response.text or not key


def test_keys_work_beside_cookies(house: House) -> None:
    client = house.client(api_keys=KEYS)
    browsers = client.post(JOBS, data=form()).json
    keys = client.post(JOBS, data=form(), headers={"X-API-Key": "key of anna"}).json
    assert [one["id"] for one in client.get(JOBS).json["jobs"]] == [browsers["id"]]
    found = client.get(JOBS, headers={"X-API-Key": "key of anna"}).json["jobs"]
    assert [one["id"] for one in found] == [keys["id"]]


def test_another_scheme_of_authorization_is_no_key(house: House) -> None:
    client = house.client(api_keys=KEYS)
    assert client.get(JOBS, headers={"Authorization": "Basic eDp5"}).status_code == 200


# ── other sites ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", [JOBS, "/api/style_transfer", "/api/v1/recipe"])
def test_other_sites_change_nothing_in_a_person_s_name(house: House, site: str, path: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Origin": "https://evil.example"}
    response = house.client().post(path, data=form(), headers=headers)
    assert (response.status_code, response.json["code"]) == (403, "not_allowed")
    assert house.storage.directories() == []


@pytest.mark.parametrize(
    "origin", ["http://localhost:9999", "http://evil.example", "null", "http://[", ""]
)
def test_without_the_header_of_fetch_the_origin_tells_other_sites(
    house: House, origin: str
) -> None:
    """Browsers send no Sec-Fetch-Site over plain HTTP."""
    response = house.client().post(JOBS, data=form(), headers={"Origin": origin})
    assert (response.status_code, response.json["code"]) == (403, "not_allowed")


def test_behind_a_proxy_the_origin_is_that_of_the_proxy(house: House) -> None:
    headers = {"Origin": "https://art.example", "X-Forwarded-Host": "art.example"}
    assert (
        house.client(trusted_proxies=1).post(JOBS, data=form(), headers=headers).status_code == 202
    )
    assert house.client().post(JOBS, data=form(), headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://proxy.example"},
        {"Origin": "http://localhost"},
        {"Origin": "https://LOCALHOST"},
        {"Origin": "http://art.example:8080", "Host": "art.example:8080"},
        {"Origin": "https://art.example", "Host": "art.example:443"},
    ],
)
def test_the_own_page_and_programs_may(house: House, headers: dict[str, str]) -> None:
    assert house.client().post(JOBS, data=form(), headers=headers).status_code == 202


def test_cross_origin_requests_are_not_answered_unless_configured(house: House) -> None:
    origin = {"Origin": "https://else.example"}
    for path in (JOBS, "/api/v1/options", "/api/openapi.json"):
        response = house.client().get(path, headers=origin)
        assert not [name for name, _ in response.headers if name.startswith("Access-Control")]
    asked = house.client().options(JOBS, headers=origin | {"Access-Control-Request-Method": "POST"})
    assert "Access-Control-Allow-Origin" not in asked.headers


def test_configured_origins_may_use_the_api_and_no_others(house: House) -> None:
    client = house.client(cors_origins=("http://localhost:3000",))
    mine = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}
    response = client.post("/api/style_transfer", data=form(), headers=mine)
    assert response.status_code == 202
    assert response.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    asked = client.options(JOBS, headers=mine | {"Access-Control-Request-Method": "POST"})
    assert asked.status_code == 200
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    others = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    refused = client.post(JOBS, data=form(), headers=others)
    assert refused.status_code == 403
    assert "Access-Control-Allow-Origin" not in refused.headers


# ── unguessable names ─────────────────────────────────────────────────────────────────────────


def test_ids_and_tokens_are_long_and_random(house: House) -> None:
    client = house.client()
    job = client.post(JOBS, data=form()).json
    assert re.fullmatch("[0-9a-f]{32}", job["id"])
    house.work(finishes())
    share = client.post(f"{JOBS}/{job['id']}/shares", json={}).json
    assert re.fullmatch(r"/shared/[\w-]{32}", share["url"])
