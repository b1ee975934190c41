"""Two people use one service: no answer to one has anything of the other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from apiflask import APIFlask

from support.service_in_process import (
    CAT,
    WAVES,
    Browser,
    House,
    browser,
    finishes,
    form,
    paints,
    upload,
)

JOBS = "/api/v1/jobs"
OPTIONS = {"seed": "918273", "style_weight": "41234.5"}
ORDER = ("GET", "PUT", "PATCH", "POST", "DELETE")
"""Methods in the order of requests; those that change something come last."""


@dataclass
class Person:
    """Person with a finished job, two frames and a link that shows the job."""

    client: Browser
    names: tuple[str, str]
    """Names of the person's two files."""
    job: dict[str, Any]
    share: dict[str, Any]

    @property
    def shown(self) -> set[str]:
        """Texts that only this person is shown."""
        return {*self.names, self.job["id"], self.share["id"]}

    def never_shown(self, house: House) -> set[str]:
        """Return the texts that are shown once, or to nobody."""
        cookie = self.client.get_cookie("nst_session")
        assert cookie
        owner = house.repository.get(self.job["id"]).owner
        return {self.share["url"].removeprefix("/shared/"), cookie.value, owner}


def paint(house: House, app: APIFlask, *names: str, **options: str) -> Person:
    client = browser(app)
    content, style = (
        upload(data, f"{name}.png") for data, name in zip((CAT, WAVES), names, strict=True)
    )
    data = form(content_image=content, style_image=style, **options)
    job = client.post(JOBS, data=data).json
    assert not job["cached"]
    house.work(paints(1), paints(2), finishes())
    share = client.post(f"{JOBS}/{job['id']}/shares", json={}).json
    return Person(client, (names[0], names[1]), job, share)


def requests(app: APIFlask, person: Person) -> Iterator[tuple[str, str]]:
    """Yield method and path of every possible request about this person's job."""
    values = {"job_id": person.job["id"], "share_id": person.share["id"], "step": "1"}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda part: values.get(part[1], "0"), rule.rule)
        for method in ORDER:
            # Metrics are for operators; nginx and the ingress let no visitor see them.
            if method in (rule.methods or ()) and path != "/metrics":
                yield method, path


def answer(client: Browser, method: str, path: str) -> str:
    """Return the headers and the body of an answer."""
    response = client.open(path, method=method)
    return f"{response.headers}\n{response.data.decode('latin-1')}"


@pytest.mark.parametrize("options", [{}, OPTIONS], ids=["other options", "the same order"])
def test_no_string_of_one_person_is_in_an_answer_to_another(
    house: House, options: dict[str, str]
) -> None:
    app = house.app()
    anna = paint(house, app, "anna-on-holiday", "annas-painting", **OPTIONS)
    ben = paint(house, app, "cat", "waves", **options)
    secret = anna.shown | anna.never_shown(house) | (set() if options else set(OPTIONS.values()))
    asked = [*requests(app, anna), *requests(app, ben)]
    for method, path in sorted(asked, key=lambda one: ORDER.index(one[0])):
        found = answer(ben.client, method, path)
        told = {text for text in secret if text in found and text not in path}
        assert not told, f"{method} {path}"
    # The owner of these texts does see all of them.
    seen = "".join(answer(anna.client, *one) for one in requests(app, anna) if one[0] == "GET")
    assert all(text in seen for text in anna.shown | set(OPTIONS.values()))


def test_nobody_learns_what_another_behind_the_same_address_sent(house: House) -> None:
    """Clients of the compatible routes have no cookie, so an address may stand for many people."""
    app = house.app()

    def post() -> Any:
        files = {"content_image": upload(CAT), "style_image": upload(WAVES)}
        return browser(app, use_cookies=False).post("/api/style_transfer", data=files).json

    def status(task: Any) -> Any:
        return browser(app).get(f"/api/task_status/{task['task_id']}").json["status"]

    first = post()
    model = house.repository.get(first["task_id"]).order.options.model
    house.work(finishes(model=model))
    second = post()
    assert (status(first), status(second)) == ("Finished", "Processing")
