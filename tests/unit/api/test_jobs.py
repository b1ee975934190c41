"""/api/v1/jobs: a form becomes a job; the owner looks at it and controls it."""

import io
from dataclasses import asdict
from typing import Any

import pytest

from nst.controls import STEERABLE
from nst.engine_process.messages import Failed
from nst.jobs.job import JobError, JobStatus
from nst.options import StyleTransferOptions
from nst.presets import PRESETS
from nst.progress import Distances, SquaredDistances
from support.pictures import SAMPLES
from support.service_in_process import (
    CAT,
    WAVES,
    Browser,
    House,
    finishes,
    form,
    paints,
    progress,
    upload,
)

JOBS = "/api/v1/jobs"


@pytest.fixture
def client(house: House) -> Browser:
    return house.client()


def submitted(client: Browser, **fields: Any) -> dict[str, Any]:
    response = client.post(JOBS, data=form(**fields))
    assert response.status_code == 202, response.text
    job: dict[str, Any] = response.json
    return job


def problem_of(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = response.json
    assert problem["code"] == code
    return problem


# ── submit ────────────────────────────────────────────────────────────────────────────────────


def test_a_new_job(client: Browser, house: House) -> None:
    response = client.post(JOBS, data=form())
    job = response.json
    assert (response.status_code, response.location) == (202, f"{JOBS}/{job['id']}")
    assert job == client.get(response.location).json
    assert job["status"] == "queued"
    assert job["title"] == "cat in waves"
    assert (job["place_in_queue"], job["attempt"], job["cached"]) == (1, 0, False)
    assert job["pictures"] == {
        "content": {"name": "cat.png", "size": [64, 48], "format": "PNG", "sample": None},
        "styles": [{"name": "waves.png", "size": [48, 48], "format": "PNG", "sample": None}],
        "masks": [],
        "detail_map": None,
        "initial": None,
    }
    assert job["created_at"].endswith("Z")
    assert [
        job[name] for name in ("started_at", "completed_at", "progress", "error", "result")
    ] == [None] * 5
    assert house.repository.get(job["id"]).status is JobStatus.QUEUED


def test_without_words_it_is_the_default_preset(client: Browser) -> None:
    job = submitted(client, preset=None)
    assert job["preset"] == "quality"
    assert job["options"] == StyleTransferOptions.from_preset("quality").model_dump(mode="json")


@pytest.mark.parametrize("preset", PRESETS)
def test_presets(client: Browser, preset: str) -> None:
    job = submitted(client, preset=preset)
    assert job["preset"] == preset
    assert job["options"] == StyleTransferOptions.from_preset(preset).model_dump(mode="json")


def test_every_option_may_be_a_field_of_the_form(client: Browser) -> None:
    changed = {"size": "64", "style_weight": "1e5", "optimizer": "adam", "seed": "7"}
    job = submitted(client, preset="fast", **changed)
    expected = StyleTransferOptions.from_preset("fast", **changed)
    assert job["options"] == expected.model_dump(mode="json")


def test_an_option_without_effect_is_told(client: Browser) -> None:
    job = submitted(client, preset="gram", flourish="0.7", seed="3", size="64")
    assert job["notices"] == [
        "flourish has no effect with style_loss gram; it needs style_loss neighbors",
        "seed has no effect with init_method content and style_loss gram; "
        "it needs init_method random or style_loss neighbors",
    ]
    assert client.get(f"{JOBS}/{job['id']}").json["notices"] == job["notices"]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_alone_gives_no_notice(client: Browser, preset: str) -> None:
    assert submitted(client, preset=preset)["notices"] == []


@pytest.mark.parametrize(
    ("fields", "without_effect"),
    [
        ({"preset": "quality"}, {"color_amount"}),
        ({"preset": "gram", "color": "luminance"}, {"flourish"}),
        ({"preset": "draft"}, set(STEERABLE)),
    ],
)
def test_what_may_be_steered_has_an_effect(
    client: Browser, fields: dict[str, str], without_effect: set[str]
) -> None:
    assert set(STEERABLE) - set(submitted(client, **fields)["steerable"]) == without_effect


def test_steering_without_effect_is_told(client: Browser, house: House) -> None:
    job = submitted(client, preset="gram")
    house.claim()
    steered = client.post(f"{JOBS}/{job['id']}/steer", json={"flourish": 1, "strength": 0.6})
    assert steered.status_code == 202, steered.text
    (notice,) = steered.json["notices"]
    assert notice.startswith("flourish has no effect with style_loss gram")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", "31"),
        ("size", "large"),
        ("strength", "nan"),
        ("style_weight", "-1"),
        ("optimizer", "sgd"),
        ("preset", "best"),
        ("nonsense", "1"),
        ("cls", "1"),
        ("self", "1"),
        ("size", "5000"),
        ("total_iterations", "1.5"),
    ],
)
def test_wrong_options_are_named(client: Browser, field: str, value: str) -> None:
    problem = problem_of(client.post(JOBS, data=form(**{field: value})), 422, "invalid_option")
    assert problem["field"] == field
    assert problem["detail"].startswith(field)


@pytest.mark.parametrize("field", ["content_image", "style_image"])
def test_pictures_must_be_there(client: Browser, field: str) -> None:
    problem = problem_of(client.post(JOBS, data=form(**{field: None})), 422, "invalid_option")
    assert problem["field"] == field


@pytest.mark.parametrize("field", ["content_image", "style_image", "style_mask", "detail_map"])
def test_a_text_is_no_picture(client: Browser, field: str) -> None:
    problem = problem_of(client.post(JOBS, data=form(**{field: "cat.png"})), 422, "invalid_option")
    assert problem["field"] == field


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
def test_what_is_no_form_is_told_what_is_missing(client: Browser, content_type: str | None) -> None:
    response = client.post(JOBS, data=b'{"size": 3}', content_type=content_type)
    assert problem_of(response, 422, "invalid_option")["field"] == "content_image"


def test_several_styles_and_masks(client: Browser, house: House) -> None:
    styles = [upload(WAVES, "a.png"), upload(CAT, "b.png")]
    masks = [upload(b"", ""), upload(CAT, "mask.png")]
    job = submitted(client, style_image=styles, style_mask=masks)
    order = house.repository.get(job["id"]).order
    assert [style.name for style in order.styles] == ["a.png", "b.png"]
    assert [mask and mask.name for mask in order.masks] == [None, "mask.png"]
    assert job["title"] == "cat in a and b"
    assert len(job["links"]["styles"]) == 2


def test_an_empty_file_is_no_mask(client: Browser, house: House) -> None:
    job = submitted(client, style_mask=(io.BytesIO(b""), "none.png"))
    assert house.repository.get(job["id"]).order.masks == (None,)


def test_masks_of_an_earlier_job(client: Browser, house: House) -> None:
    styles = [upload(WAVES, "a.png"), upload(CAT, "b.png")]
    masks = [upload(b"", ""), upload(CAT, "mask.png")]
    job = submitted(client, style_image=styles, style_mask=masks)
    mask = {"name": "mask.png", "size": [64, 48], "format": "PNG", "sample": None}
    assert job["pictures"]["masks"] == [None, mask]
    earlier = {"content_from": job["id"], "styles_from": job["id"], "seed": "7"}
    sent = form(content_image=None, style_image=None, masks_from=job["id"], **earlier)
    again = client.post(JOBS, data=sent).json
    assert again["pictures"]["masks"] == [None, mask]
    assert house.storage.get(f"{again['id']}/mask-1") == CAT
    theirs = house.client().post(JOBS, data=form(masks_from=job["id"]))
    problem_of(theirs, 404, "job_not_found")


def test_masks_of_a_job_that_has_none(client: Browser) -> None:
    response = client.post(JOBS, data=form(masks_from=submitted(client)["id"]))
    assert problem_of(response, 422, "invalid_option")["field"] == "masks_from"


def test_a_detail_map_and_again_from_its_job(client: Browser, house: House) -> None:
    job = submitted(client, detail_map=upload(CAT, "detail.png"), protect="faces")
    assert job["pictures"]["detail_map"] == {
        "name": "detail.png",
        "size": [64, 48],
        "format": "PNG",
        "sample": None,
    }
    assert job["options"]["protect"] == "faces"
    again = submitted(client, detail_map_from=job["id"], seed="7")
    assert house.storage.get(f"{again['id']}/detail-map") == CAT
    assert submitted(client)["pictures"]["detail_map"] is None


def test_a_result_is_painted_on(client: Browser, house: House) -> None:
    job = submitted(client)
    house.work(paints(3), finishes())
    painted = client.get(f"{JOBS}/{job['id']}/result").data
    larger = submitted(client, initial_from=job["id"], size="128", scales="1")
    assert house.storage.get(f"{larger['id']}/initial") == painted
    assert larger["pictures"]["initial"]["name"] == "cat in waves.png"
    assert larger["pictures"]["initial"]["size"] == [64, 48]
    # Without the initial image it is another order.
    assert not submitted(client, size="128", scales="1")["cached"]
    orders = [house.repository.get(one["id"]).fingerprint for one in client.get(JOBS).json["jobs"]]
    assert len(set(orders)) == 3


@pytest.mark.parametrize("preset", ["fast", "draft"])
def test_a_result_that_cannot_be_painted_on(client: Browser, house: House, preset: str) -> None:
    """The job has no result yet, or the new job is a draft."""
    job = submitted(client)
    if preset == "draft":
        house.work(finishes())
    response = client.post(JOBS, data=form(initial_from=job["id"], preset=preset))
    assert problem_of(response, 422, "invalid_option")["field"] == "initial_from"


def test_a_result_of_somebody_else_is_not_painted_on(client: Browser, house: House) -> None:
    job = submitted(client)
    house.work(finishes())
    theirs = house.client().post(JOBS, data=form(initial_from=job["id"]))
    problem_of(theirs, 404, "job_not_found")


def test_a_detail_map_of_a_job_that_has_none(client: Browser) -> None:
    response = client.post(JOBS, data=form(detail_map_from=submitted(client)["id"]))
    assert problem_of(response, 422, "invalid_option")["field"] == "detail_map_from"


@pytest.mark.parametrize("value", ["cats", ""])
def test_only_faces_and_people_are_protected(client: Browser, value: str) -> None:
    problem = problem_of(client.post(JOBS, data=form(protect=value)), 422, "invalid_option")
    assert problem["field"] == "protect"
    assert "one of none, faces, person" in problem["detail"]


def test_nine_styles_are_too_many(client: Browser) -> None:
    response = client.post(JOBS, data=form(style_image=[upload(WAVES) for _ in range(9)]))
    assert problem_of(response, 422, "invalid_option")["field"] == "style_image"


def test_samples(client: Browser, house: House) -> None:
    job = submitted(
        client,
        content_image=None,
        style_image=None,
        sample_content="cat",
        sample_style=["impasto", "mosaic"],
    )
    assert job["title"] == "cat in impasto and mosaic"
    stored = house.storage.get(f"{job['id']}/content")
    assert stored == (SAMPLES / "content" / "cat.jpg").read_bytes()


@pytest.mark.parametrize("field", ["sample_content", "sample_style"])
@pytest.mark.parametrize("name", ["nonsense", "../README", "cat.jpg"])
def test_unknown_samples_are_named(client: Browser, field: str, name: str) -> None:
    usual = {"sample_content": "cat", "sample_style": "impasto"}
    data = form(content_image=None, style_image=None, **usual | {field: name})
    assert problem_of(client.post(JOBS, data=data), 422, "invalid_option")["field"] == field


def test_pictures_of_an_earlier_job(client: Browser, house: House) -> None:
    first = submitted(client)
    again = submitted(
        client,
        content_image=None,
        style_image=None,
        content_from=first["id"],
        styles_from=first["id"],
        seed="1",
    )
    assert again["pictures"] == first["pictures"]
    assert house.storage.get(f"{again['id']}/content") == CAT


@pytest.mark.parametrize("field", ["content_from", "styles_from"])
def test_pictures_of_others_are_not_to_be_had(client: Browser, house: House, field: str) -> None:
    others = submitted(house.client())
    left_out = {"content_from": "content_image", "styles_from": "style_image"}[field]
    data = form(**{field: others["id"], left_out: None})
    problem_of(client.post(JOBS, data=data), 404, "job_not_found")


@pytest.mark.parametrize(
    "field",
    ["content_from", "styles_from", "detail_map_from", "initial_from", "learned_style"],
)
@pytest.mark.parametrize("text", ["\0" * 32, "é", "9" * 33])
def test_what_is_no_id_does_not_reach_the_database(
    client: Browser, house: House, monkeypatch: pytest.MonkeyPatch, field: str, text: str
) -> None:
    """PostgreSQL refuses text with NUL, which would look like an outage."""
    asked = list[str]()
    for repository in (house.repository, house.repository.learned_styles):
        monkeypatch.setattr(repository, "get", asked.append)
    files = {"content_from": "content_image", "styles_from": "style_image"}
    left_out = files.get(field, "style_image")
    response = client.post(JOBS, data=form(**{field: text, left_out: None}))
    if field in ("detail_map_from", "initial_from"):
        response = client.post(JOBS, data=form(**{field: text}))
    code = "style_not_found" if field == "learned_style" else "job_not_found"
    problem_of(response, 404, code)
    assert asked == []


def test_pictures_of_a_job_that_is_being_deleted(client: Browser, house: House) -> None:
    first = submitted(client)
    house.storage.delete(f"{first['id']}/")
    data = form(content_image=None, content_from=first["id"])
    problem_of(client.post(JOBS, data=data), 404, "job_not_found")


def test_the_trace_goes_with_the_job(client: Browser, house: House) -> None:
    headers = {"traceparent": "00-1-2-01", "tracestate": "a=b", "X-Else": "1"}
    job = client.post(JOBS, data=form(), headers=headers).json
    assert house.repository.get(job["id"]).trace == {
        "traceparent": "00-1-2-01",
        "tracestate": "a=b",
    }


def test_the_same_again_is_there_at_once(client: Browser, house: House) -> None:
    first = submitted(client)
    house.work(finishes())
    again = submitted(client)
    assert again["id"] != first["id"]
    assert (again["status"], again["cached"], again["place_in_queue"]) == ("succeeded", True, None)
    assert (
        client.get(again["links"]["result"]).data == client.get(f"{JOBS}/{first['id']}/result").data
    )


# ── Idempotency-Key ───────────────────────────────────────────────────────────────────────────


def test_the_same_key_makes_one_job(client: Browser) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first, again = (client.post(JOBS, data=form(), headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json["id"] == again.json["id"]
    assert len(client.get(JOBS).json["jobs"]) == 1


def test_the_same_key_for_something_else_is_a_conflict(client: Browser) -> None:
    headers = {"Idempotency-Key": "k-1"}
    client.post(JOBS, data=form(), headers=headers)
    response = client.post(JOBS, data=form(seed="1"), headers=headers)
    problem_of(response, 409, "job_conflict")


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_keys_have_a_length(client: Browser, key: str) -> None:
    response = client.post(JOBS, data=form(), headers={"Idempotency-Key": key})
    assert problem_of(response, 422, "invalid_option")["field"] == "Idempotency-Key"


# ── reading jobs ──────────────────────────────────────────────────────────────────────────────


def test_the_list_is_newest_first_and_in_pages(client: Browser) -> None:
    ids = [submitted(client, seed=str(seed))["id"] for seed in range(5)]
    first = client.get(f"{JOBS}?limit=2").json
    second = client.get(f"{JOBS}?limit=2&before={first['next']}").json
    third = client.get(f"{JOBS}?limit=2&before={second['next']}").json
    shown = [job["id"] for page in (first, second, third) for job in page["jobs"]]
    assert shown == ids[::-1]
    assert third["next"] is None


def test_the_list_by_state(client: Browser, house: House) -> None:
    first, second = (submitted(client, seed=str(seed))["id"] for seed in range(2))
    house.work(finishes())
    for status, expected in {"succeeded": [first], "queued": [second], "failed": []}.items():
        jobs = client.get(f"{JOBS}?status={status}").json["jobs"]
        assert [job["id"] for job in jobs] == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(("status=done", "status"), ("limit=0", "limit"), ("limit=many", "limit")),
        ("before=nonsense", "before"),
    ],
)
def test_wrong_questions_are_named(client: Browser, query: str, field: str) -> None:
    problem = problem_of(client.get(f"{JOBS}?{query}"), 422, "invalid_option")
    assert problem["field"] == field


def test_a_page_after_a_deleted_job_has_the_older_ones(client: Browser) -> None:
    oldest, deleted, _ = (submitted(client, seed=str(seed))["id"] for seed in range(3))
    first = client.get(f"{JOBS}?limit=2").json
    assert client.delete(f"{JOBS}/{deleted}").status_code == 204
    second = client.get(f"{JOBS}?limit=2&before={first['next']}").json
    assert [job["id"] for job in second["jobs"]] == [oldest]


def test_a_running_job(client: Browser, house: House) -> None:
    job = submitted(client)
    house.claim()
    house.repository.heartbeat(job["id"], 1, 30, progress(4))
    seen = client.get(f"{JOBS}/{job['id']}").json
    assert (seen["status"], seen["attempt"], seen["place_in_queue"]) == ("running", 1, None)
    assert seen["started_at"]
    assert seen["progress"] == {
        "step": 4,
        "total_iterations": 10,
        "frame": None,
        "percent": 40.0,
        "size": [64, 48],
        "elapsed_seconds": 4.0,
        "remaining_seconds": 6.0,
        "preview_step": 4,
        "losses": {
            "content": 1.0,
            "style": 2.0,
            "total_variation": 0.5,
            "temporal": 0.0,
            "total": 3.5,
        },
        "in_force": {"style_weight": 30000.0},
        "changes": [],
    }
    assert seen["links"]["preview"] == f"{JOBS}/{job['id']}/preview?step=4"


def test_a_finished_job(client: Browser, house: House) -> None:
    job = submitted(client)
    house.work(paints(5), finishes())
    seen = client.get(f"{JOBS}/{job['id']}").json
    assert seen["status"] == "succeeded"
    assert seen["result"] == {
        "size": [64, 48],
        "content_type": "image/png",
        "frames": None,
        "steps": 10,
        "evaluations": 12,
        "stop_reason": "total_iterations",
        "model": "vgg16",
        "device": "cpu",
        "precision": "fp32",
        "changes": [],
        "stopped_after": None,
        "distances": None,
        "notice": None,
    }
    assert seen["completed_at"] < seen["expires_at"]


def test_a_finished_job_has_its_distances(client: Browser, house: House) -> None:
    distances = Distances("vgg19", 0.21, 0.3, 0.25, 0.3, 0.52, 0.06)
    job = submitted(client)
    house.work(finishes(distances=distances))
    seen = client.get(f"{JOBS}/{job['id']}").json
    assert seen["result"]["distances"] == asdict(distances)


def test_distances_of_nst_0_1_are_not_shown_as_what_they_are_not(
    client: Browser, house: House
) -> None:
    job = submitted(client)
    house.work(finishes(distances={"judge": "vgg19", "content": 0.75, "style": 0.0625}))
    kept = house.repository.get(job["id"]).result
    assert kept is not None
    assert kept.distances == SquaredDistances("vgg19", 0.75, 0.0625)
    assert client.get(f"{JOBS}/{job['id']}").json["result"]["distances"] is None


def test_a_failed_job_says_why(client: Browser, house: House) -> None:
    job = submitted(client)
    house.work(Failed(JobError(code="out_of_memory", message="try a smaller size")))
    seen = client.get(f"{JOBS}/{job['id']}").json
    assert seen["error"] == {"code": "out_of_memory", "message": "try a smaller size"}
    assert seen["links"]["result"] is None


BELOW = {
    "GET": (
        *(
            "",
            "/events",
            "/result",
            "/preview",
            "/frames",
            "/frames/1",
            "/archive",
            "/timelapse",
            "/before-after",
        ),
        *("/recipe", "/content", "/styles/0", "/shares"),
    ),
    "POST": ("/cancel", "/resume", "/retry", "/steer", "/shares"),
    "DELETE": ("", "/shares/1"),
}


@pytest.mark.parametrize("job_id", ["0" * 32, "nonsense", "a b", "x" * 300])
def test_unknown_ids(client: Browser, job_id: str) -> None:
    for method, paths in BELOW.items():
        for path in paths:
            body: dict[str, Any] | None = {} if path in ("/steer", "/shares") else None
            response = client.open(f"{JOBS}/{job_id}{path}", method=method, json=body)
            problem_of(response, 404, "job_not_found")


# ── cancel, steer, retry, delete ──────────────────────────────────────────────────────────────


def test_cancel(client: Browser) -> None:
    job = submitted(client)
    response = client.post(f"{JOBS}/{job['id']}/cancel")
    assert (response.status_code, response.json["status"]) == (202, "canceled")


def test_cancel_what_runs(client: Browser, house: House) -> None:
    job = submitted(client)
    house.claim()
    seen = client.post(f"{JOBS}/{job['id']}/cancel").json
    assert (seen["status"], seen["cancel_requested"]) == ("running", True)


def test_cancel_what_is_finished(client: Browser, house: House) -> None:
    job = submitted(client)
    house.work(finishes())
    problem_of(client.post(f"{JOBS}/{job['id']}/cancel"), 409, "job_conflict")


@pytest.mark.parametrize("name", STEERABLE)
def test_steer(client: Browser, house: House, name: str) -> None:
    job = submitted(client)
    house.claim()
    response = client.post(f"{JOBS}/{job['id']}/steer", json={name: 0.5})
    assert response.status_code == 202
    assert house.repository.get(job["id"]).steering == {name: 0.5}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"style_weight": -1}, "style_weight"),
        ({"style_weight": "much"}, "style_weight"),
        ({"size": 100}, "size"),
        ({"style_weight": 0, "content_weight": 0}, "style_weight"),
    ],
)
def test_wrong_steering(client: Browser, house: House, wrong: dict[str, Any], field: str) -> None:
    job = submitted(client)
    house.claim()
    response = client.post(f"{JOBS}/{job['id']}/steer", json=wrong)
    assert problem_of(response, 422, "invalid_option")["field"] == field


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'"x"', b'{"style_weight": NaN}'])
def test_steering_that_is_no_json(client: Browser, house: House, body: bytes) -> None:
    job = submitted(client)
    house.claim()
    response = client.post(f"{JOBS}/{job['id']}/steer", data=body, content_type="application/json")
    assert 400 <= response.status_code < 500
    assert response.content_type == "application/problem+json"


def test_steer_what_does_not_run(client: Browser) -> None:
    job = submitted(client)
    response = client.post(f"{JOBS}/{job['id']}/steer", json={"style_weight": 1})
    problem_of(response, 409, "job_conflict")


def test_retry(client: Browser) -> None:
    job = submitted(client)
    client.post(f"{JOBS}/{job['id']}/cancel")
    response = client.post(f"{JOBS}/{job['id']}/retry")
    assert (response.status_code, response.json["status"]) == (202, "queued")
    problem_of(client.post(f"{JOBS}/{job['id']}/retry"), 409, "job_conflict")


def test_resume(client: Browser, house: House) -> None:
    job = submitted(client)
    problem_of(client.post(f"{JOBS}/{job['id']}/resume"), 409, "job_conflict")
    house.work(paints(3, checkpoint=b"state"), finishes(JobStatus.CANCELED, steps=3))
    assert client.get(f"{JOBS}/{job['id']}").json["can_resume"]
    response = client.post(f"{JOBS}/{job['id']}/resume")
    assert (response.status_code, response.json["status"]) == (202, "queued")
    assert not response.json["can_resume"]
    assert response.json["progress"]["step"] == 3
    problem_of(client.post(f"{JOBS}/{job['id']}/resume"), 409, "job_conflict")


def test_delete(client: Browser, house: House) -> None:
    job = submitted(client)
    response = client.delete(f"{JOBS}/{job['id']}")
    assert (response.status_code, response.data) == (204, b"")
    problem_of(client.get(f"{JOBS}/{job['id']}"), 404, "job_not_found")
    problem_of(client.delete(f"{JOBS}/{job['id']}"), 404, "job_not_found")
    assert house.storage.directories() == []


def test_a_job_that_another_version_stored_does_not_hide_the_others(
    client: Browser, house: House
) -> None:
    unreadable, healthy = submitted(client), submitted(client, seed="2")
    house.store_unknown_option(unreadable["id"])
    listed = {job["id"]: job for job in client.get(JOBS).json["jobs"]}
    assert set(listed) == {unreadable["id"], healthy["id"]}
    assert listed[healthy["id"]] == healthy | {"place_in_queue": 2}
    assert listed[unreadable["id"]]["error"]["code"] == "unreadable_job"
    assert listed[unreadable["id"]]["title"] == "cat in waves"
    assert client.delete(f"{JOBS}/{unreadable['id']}").status_code == 204
