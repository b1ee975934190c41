"""The catalogue: samples, options, presets, limits, estimates."""

import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image
from PIL.ExifTags import Base as ExifTag
from pydantic import TypeAdapter

from nst.image_files import READABLE
from nst.jobs.uploads import MAX_STYLES
from nst.options import StyleTransferOptions
from nst.presets import DEFAULT_PRESET, PRESETS
from nst.settings.groups import Limits
from support.pictures import SAMPLES, picture
from support.service_in_process import Browser, House, form, upload


@pytest.fixture
def client(house: House) -> Browser:
    return house.client()


@pytest.fixture
def options(client: Browser) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/v1/options").json
    return found


def test_every_option_is_described(options: dict[str, Any]) -> None:
    described = options["schema"]["properties"]
    assert list(described) == list(StyleTransferOptions.model_fields)
    for name, facts in described.items():
        default = StyleTransferOptions.model_fields[name].get_default()
        assert facts["default"] == (list(default) if isinstance(default, tuple) else default)
        assert facts["description"].endswith(".")
        assert facts["type"] in ("integer", "number", "string", "array")
    assert (described["size"]["minimum"], described["size"]["unit"]) == (32, "pixels")
    assert described["optimizer"]["enum"] == ["lbfgs", "adam"]
    assert described["learning_rate"]["exclusiveMinimum"] == 0


def test_presets_limits_and_formats(options: dict[str, Any], house: House) -> None:
    assert options["presets"] == {name: dict(values) for name, values in PRESETS.items()}
    assert options["default_preset"] == DEFAULT_PRESET
    assert "steerable" not in options  # each job has its own
    steps = {"total_iterations": None}
    assert list(options["needs"]) == list(StyleTransferOptions.model_fields)
    assert options["needs"]["size"] == []
    assert options["needs"]["scales"] == [steps]
    assert options["needs"]["flourish"] == [steps, {"style_loss": ["neighbors"]}]
    assert options["not_of_films"] == ["bit_depth", "save_every"]
    assert options["limits"] == {
        "max_upload_bytes": 64_000_000,
        "max_pixels": Limits().max_pixels,
        "max_size": Limits().max_size,
        "max_styles": MAX_STYLES,
        "max_jobs_per_client": 20,
        "max_archive_jobs": 100,
        "max_learning_minutes": 60,
        "max_learning_photos": 100,
        "max_job_seconds": 24 * 3600.0,
        "max_film_frames": 500,
        "max_film_seconds": 20.0,
        "max_film_bytes": 50_000_000,
        "max_learned_styles": 20,
        "max_learned_style_bytes": 20_000_000,
        "max_film_passes": 9,
        "max_pixel_steps_per_day": 200_000_000_000,
    }
    assert options["brands"]["avif"] == "image/avif"
    assert options["brands"]["heic"] == "image/heic"
    assert options["formats"] == [f"image/{name.lower()}" for name in READABLE]


def test_defaults_are_accepted_as_they_are_described(
    client: Browser, options: dict[str, Any]
) -> None:
    values = {
        name: str(facts["default"])
        for name, facts in options["schema"]["properties"].items()
        if facts["type"] != "array"
    }
    assert client.post("/api/v1/jobs", data=form(**values)).status_code == 202


def test_a_picture_as_the_server_sees_it(client: Browser) -> None:
    """The PNG has orientation 6, which not every browser applies."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[ExifTag.Orientation] = 6
    picture(64, 48).save(file, "PNG", exif=exif)
    data = {"image": upload(file.getvalue())}
    response = client.post("/api/v1/upright", data=data)
    assert (response.status_code, response.content_type) == (200, "image/jpeg")
    assert response.headers["X-Picture-Size"] == "48x64"
    assert Image.open(io.BytesIO(response.data)).size == (48, 64)


@pytest.mark.parametrize(("query", "size"), [("", (1536, 2048)), ("?whole=1", (1800, 2400))])
def test_a_large_picture_is_seen_small_or_whole(
    client: Browser, query: str, size: tuple[int, int]
) -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[ExifTag.Orientation] = 6
    picture(2400, 1800).save(file, "PNG", exif=exif)
    response = client.post(f"/api/v1/upright{query}", data={"image": upload(file.getvalue())})
    assert (response.status_code, response.content_type) == (200, "image/jpeg")
    assert response.headers["X-Picture-Size"] == "1800x2400"
    assert Image.open(io.BytesIO(response.data)).size == size


def test_no_picture_to_see(client: Browser) -> None:
    assert client.post("/api/v1/upright").json["field"] == "image"
    response = client.post("/api/v1/upright", data={"image": upload(b"nonsense")})
    assert (response.status_code, response.json["code"]) == (415, "unsupported_image")
    assert response.json["field"] == "image"


@pytest.mark.parametrize("kind", ["style", "content"])
def test_samples(client: Browser, kind: str) -> None:
    listed = client.get(f"/api/v1/{kind}s").json[f"{kind}s"]
    assert [sample["name"] for sample in listed] == sorted(
        file.stem for file in (SAMPLES / kind).glob("*.jpg")
    )
    for sample in listed:
        assert sample["title"] == sample["name"].replace("_", " ").capitalize()
    whole = client.get(listed[0]["url"])
    assert whole.content_type == "image/jpeg"
    assert whole.data == (SAMPLES / kind / f"{listed[0]['name']}.jpg").read_bytes()
    thumb = client.get(listed[0]["thumb"])
    assert max(Image.open(io.BytesIO(thumb.data)).size) <= 400
    assert len(thumb.data) < 80_000
    assert "max-age" in thumb.headers["Cache-Control"]


@pytest.mark.parametrize("name", ["nonsense", "..%2F..%2FREADME", "impasto.jpg", "%00"])
@pytest.mark.parametrize("kind", ["styles", "contents"])
def test_unknown_samples(client: Browser, kind: str, name: str) -> None:
    response = client.get(f"/api/v1/{kind}/{name}")
    assert (response.status_code, response.json["code"]) == (404, "not_found")


def test_the_schema_is_one(options: dict[str, Any]) -> None:
    from openapi_schema_validator import OAS31Validator

    OAS31Validator.check_schema(options["schema"])
    OAS31Validator(options["schema"]).validate(TypeAdapter(dict[str, Any]).validate_python({}))


# ── estimate ──────────────────────────────────────────────────────────────────────────────────


def test_an_estimate_for_these_options_and_pictures(
    client: Browser, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[StyleTransferOptions, tuple[int, int], int | None]] = []

    def estimate(
        options: StyleTransferOptions, size: tuple[int, int], frames: int | None
    ) -> float | None:
        asked.append((options, size, frames))
        return 41.3 if options.size == 128 else None

    service = client.application.extensions["nst"]
    client.application.extensions["nst"] = replace(service, estimate=estimate)
    known = client.get("/api/v1/estimate?preset=fast&size=128&width=300&height=200")
    assert known.json == {"seconds": 41.3, "text": "about 40 s"}
    assert asked[-1] == (StyleTransferOptions.from_preset("fast", size=128), (300, 200), None)
    assert client.get("/api/v1/estimate").json == {"seconds": None, "text": None}
    assert asked[-1][0] == StyleTransferOptions.from_preset(DEFAULT_PRESET)
    client.get("/api/v1/estimate?sample_content=cat")
    with Image.open(SAMPLES / "content" / "cat.jpg") as cat:
        assert asked[-1][1] == cat.size
    client.get("/api/v1/estimate?width=300&height=200&frames=48&passes=3")
    assert [frames for _, _, frames in asked] == [None, None, None, 144]
    several = client.get("/api/v1/estimate?size=128&jobs=100")
    assert several.json == {"seconds": 4130.0, "text": "about 69 min"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("preset=x", "preset"),
        ("cls=1", "cls"),
        ("size=4", "size"),
        ("width=0", "width"),
        ("height=x", "height"),
        ("sample_content=x", "sample_content"),
        ("frames=0", "frames"),
        ("frames=x", "frames"),
        ("frames=5&passes=10", "passes"),
        ("jobs=101", "jobs"),
        ("width=" + "9" * 5000, "width"),
    ],
)
def test_an_estimate_of_nonsense(client: Browser, query: str, field: str) -> None:
    response = client.get(f"/api/v1/estimate?{query}")
    assert (response.status_code, response.json["field"]) == (422, field)
