"""A job: its title, its fingerprint, and its round trip through JSON."""

import json
from typing import Any

import pytest

from nst.jobs.job import FINAL, RETRYABLE, Job, JobStatus, new_id, public_facts
from nst.jobs.order import Order, Picture
from nst.options import StyleTransferOptions


def picture(name: str = "cat.jpg", sha256: str = "a" * 64) -> Picture:
    return Picture(
        key="1/content", sha256=sha256, name=name, content_type="image/jpeg", size=(64, 48)
    )


def order(**facts: Any) -> Order:
    options = StyleTransferOptions.from_preset("quality")
    pictures: dict[str, Any] = {"content": picture(), "styles": (picture("x.png"),)}
    return Order(**{"options": options, **pictures, **facts})


@pytest.mark.parametrize(
    ("content", "styles", "title"),
    [
        ("cat.jpg", ["impasto.jpg"], "cat in impasto"),
        ("my_cat.of.2024.png", ["star_night.webp"], "my cat.of.2024 in star night"),
        ("cat.jpg", ["a.jpg", "b.jpg"], "cat in a and b"),
        ("Katze 猫.jpg", ["Öl.jpg"], "Katze 猫 in Öl"),
        ("___.jpg", [".jpg"], "picture in picture"),
    ],
)
def test_title_is_made_from_the_names(content: str, styles: list[str], title: str) -> None:
    assert order(content=picture(content), styles=tuple(map(picture, styles))).title == title


def test_same_order_same_fingerprint_whatever_the_files_are_called() -> None:
    assert order().fingerprint("1") == order(content=picture("other.jpg")).fingerprint("1")


def different_orders() -> dict[str, tuple[Order, str]]:
    options = StyleTransferOptions.from_preset("quality", seed=1)
    named = StyleTransferOptions.from_preset("quality", model="vgg19")
    other = picture(sha256="b" * 64)
    return {
        "content": (order(content=other), "1"),
        "style": (order(styles=(other,)), "1"),
        "another style": (order(styles=(picture(), picture())), "1"),
        "mask": (order(masks=(other,)), "1"),
        "detail map": (order(detail_map=other), "1"),
        "what is protected": (
            order(options=StyleTransferOptions.from_preset("quality", protect="faces")),
            "1",
        ),
        "option": (order(options=options), "1"),
        "a model asked for by name": (order(options=named), "1"),
        "version of nst": (order(), "2"),
    }


@pytest.mark.parametrize("name", different_orders())
def test_what_changes_the_picture_changes_the_fingerprint(name: str) -> None:
    other, version = different_orders()[name]
    assert other.fingerprint(version) != order().fingerprint("1")


def test_whether_the_model_was_named_survives_json() -> None:
    for model in ({}, {"model": "vgg19"}):
        options = StyleTransferOptions.from_preset("quality", **model)
        made = order(options=options)
        again = Order.model_validate(json.loads(made.model_dump_json()))
        assert again == made
        assert again.options.names_model is bool(model)


def test_ids_cannot_be_guessed() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(one) for one in ids} == {32}
    bits = [format(int(one, 16), "0128b") for one in ids]
    assert all(300 < sum(bit[place] == "1" for bit in bits) < 700 for place in range(128))


def test_states() -> None:
    final = {status.value for status in JobStatus if status.is_final}
    assert final == {"succeeded", "failed", "canceled"}
    assert RETRYABLE < FINAL
    assert JobStatus.SUCCEEDED not in RETRYABLE


def test_facts_for_the_log_show_no_picture_and_no_person() -> None:
    job = Job(id="1" * 32, owner="browser:1", order=order(), fingerprint="f")
    assert public_facts(job) == {"job": "1" * 32, "attempt": 0, "status": "queued"}
