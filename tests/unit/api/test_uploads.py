"""Uploaded files: all images that the command reads, with any name, nothing else."""

import io
import struct
import zipfile
import zlib
from typing import Any

import pytest
from PIL import Image
from werkzeug.test import encode_multipart

from support.pictures import encoded, picture
from support.service_in_process import CAT, Browser, House, form, limited_to, upload

JOBS = "/api/v1/jobs"
FIELDS = ("content_image", "style_image", "style_mask")


@pytest.fixture
def client(house: House) -> Browser:
    return house.client()


def png_that_says(width: int, height: int) -> bytes:
    """Return a PNG whose header claims this size, and whose body has a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.exe", "MZ")
    return file.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
NO_PICTURES = {
    "program.png": (b"\x7fELF\x02\x01\x01" + bytes(200), 415, "unsupported_image"),
    "program.jpg": (b"MZ\x90\x00" + bytes(200), 415, "unsupported_image"),
    "script.png": (b"#!/bin/sh\nrm -rf /\n", 415, "unsupported_image"),
    "page.jpg": (b"<html><script>alert(1)</script></html>", 415, "unsupported_image"),
    "vector.svg": (SVG, 415, "unsupported_image"),
    "document.pdf": (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", 415, "unsupported_image"),
    "postscript.eps": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        415,
        "unsupported_image",
    ),
    "archive.png": (zipped(), 415, "unsupported_image"),
    "icon.ico": (encoded(picture(), "ICO"), 415, "unsupported_image"),
    "cut.png": (CAT[: len(CAT) // 2], 422, "invalid_image"),
    "cut.jpg": (encoded(picture(400, 300), "JPEG")[:-1500], 422, "invalid_image"),
    "only the header.png": (CAT[:8], 415, "unsupported_image"),
    "tiny.png": (encoded(picture(64, 8), "PNG"), 422, "invalid_image"),
    "bomb.png": (png_that_says(60_000, 60_000), 413, "too_large"),
    "large.png": (png_that_says(9_000, 9_000), 413, "too_large"),
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_is_refused_by_its_content(
    client: Browser, house: House, field: str, name: str
) -> None:
    data, status, code = NO_PICTURES[name]
    response = client.post(JOBS, data=form(**{field: upload(data, name)}))
    assert (response.status_code, response.json["code"]) == (status, code)
    assert response.json["field"] == field
    assert response.json["detail"]
    assert house.storage.directories() == []


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP"])
@pytest.mark.parametrize("name", ["x.exe", "x.html", "x", ".htaccess", "x.png.php"])
def test_pictures_are_taken_whatever_they_are_called_and_served_as_what_they_are(
    client: Browser, kind: str, name: str
) -> None:
    job = client.post(JOBS, data=form(content_image=upload(encoded(picture(), kind), name))).json
    served = client.get(job["links"]["content"])
    assert served.content_type == f"image/{kind.lower()}"
    assert served.headers["X-Content-Type-Options"] == "nosniff"


def polyglots() -> dict[str, bytes]:
    """Return images that are valid files of another kind as well."""
    jpeg = encoded(
        picture(), "JPEG", comment=b"<script>alert(1)</script><?php system($_GET[0]); ?>"
    )
    return {"archive": CAT + zipped(), "script": jpeg, "page": CAT + b"<html><script>1</script>"}


@pytest.mark.parametrize("name", polyglots())
def test_a_picture_that_is_something_else_too_is_served_as_a_picture(
    client: Browser, name: str
) -> None:
    response = client.post(JOBS, data=form(content_image=upload(polyglots()[name], "x.html")))
    assert response.status_code == 202
    served = client.get(response.json["links"]["content"])
    assert served.content_type in ("image/png", "image/jpeg")
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in served.headers["Content-Security-Policy"]


def test_a_photo_of_a_phone_with_a_second_picture_is_a_jpeg(client: Browser) -> None:
    both = io.BytesIO()
    picture().save(both, "MPO", save_all=True, append_images=[picture(32, 32)])
    job = client.post(JOBS, data=form(content_image=upload(both.getvalue(), "phone.jpg"))).json
    content = job["pictures"]["content"]
    assert (content["name"], content["size"], content["format"]) == ("phone.jpg", [64, 48], "JPEG")


def test_a_turned_photo_has_the_size_that_people_see(client: Browser) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(picture(64, 48), "JPEG", exif=exif.tobytes())
    job = client.post(JOBS, data=form(content_image=upload(turned, "x.jpg"))).json
    assert job["pictures"]["content"]["size"] == [48, 64]


def test_names_are_shown_clean(client: Browser) -> None:
    name = "../../<img src=x onerror=alert(1)>猫.png"
    job = client.post(JOBS, data=form(content_image=upload(CAT, name))).json
    assert job["pictures"]["content"]["name"] == "_img src_x onerror_alert_1_猫.png"


# ── size ──────────────────────────────────────────────────────────────────────────────────────


class Untouched(io.BytesIO):
    """Body that must not be read."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("it was read")

    readline = readinto = readlines = read  # type: ignore[assignment]


@pytest.mark.parametrize("path", [JOBS, "/api/style_transfer", "/api/v1/recipe"])
def test_what_is_too_large_is_refused_before_it_is_read(house: House, path: str) -> None:
    client = house.client(max_upload_bytes=200_000)
    body = {
        "wsgi.input": Untouched(),
        "CONTENT_LENGTH": "400000",
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
    }
    response = client.post(path, environ_overrides=body)
    assert (response.status_code, response.json["code"]) == (413, "too_large")


def test_pictures_just_below_the_limit_are_taken(house: House) -> None:
    noise = Image.effect_noise((300, 300), 90).convert("RGB")
    data = encoded(noise, "PNG")
    client = house.client(max_upload_bytes=len(data) + 1000)
    assert client.post(JOBS, data=form(content_image=upload(data))).status_code == 202
    both = form(content_image=upload(data), style_image=upload(CAT + bytes(150_000)))
    assert client.post(JOBS, data=both).status_code == 413


def encoded_form(fields: dict[str, Any]) -> tuple[bytes, str]:
    """Encode a form in memory: the client's own temporary file would not be closed."""
    boundary, body = encode_multipart(fields)
    return body, f"multipart/form-data; boundary={boundary}"


def test_a_form_of_many_fields_is_refused(client: Browser) -> None:
    many = {f"field-{number}": "x" for number in range(2000)}
    response = client.post(JOBS, data=form(**many))
    assert response.status_code == 413
    assert response.content_type == "application/problem+json"


def test_a_large_text_field_is_refused(client: Browser) -> None:
    body, content_type = encoded_form(form(preset="x" * 600_000))
    response = client.post(JOBS, data=body, content_type=content_type)
    assert (response.status_code, response.json["code"]) == (413, "too_large")


def test_the_pixel_limit_is_the_deployment_s(house: House) -> None:
    house.jobs.limits = limited_to(max_pixels=1000)
    response = house.client().post(JOBS, data=form())
    assert (response.status_code, response.json["field"]) == (413, "content_image")


@pytest.mark.parametrize("address", ["/api/v1/jobs", "/api/style_transfer"])
def test_nobody_waits_for_a_slot_to_decode_while_something_outside_is_slow(
    house: House, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Thumbnails need the slots, for example while the broker is down."""
    held: dict[str, set[int]] = {}
    slots = house.jobs._decoder._slots

    def watched(port: object, name: str) -> None:
        method = getattr(port, name)

        def call(*arguments: Any, **options: Any) -> Any:
            held.setdefault(name, set()).add(slots.count)
            return method(*arguments, **options)

        monkeypatch.setattr(port, name, call)

    for port, name in (
        (house.queue, "publish"),
        (house.storage, "put"),
        (house.jobs._decoder, "_run"),
    ):
        watched(port, name)
    watched(house.repository, "add")
    assert house.client().post(address, data=form()).status_code == 202
    assert held == {"publish": {0}, "put": {0}, "add": {0}, "_run": {1}}
