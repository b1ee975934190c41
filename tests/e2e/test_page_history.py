"""The visitor's list of jobs, in a real browser and on the real service."""

from playwright.sync_api import Page, expect

from support.waiting import wait_until

PAGE_SIZE = 24
DRAFT = {"sample_content": "cat", "sample_style": "impasto", "preset": "draft", "size": "64"}


def paint_draft(page: Page) -> None:
    """Paint the draft; all but the first come from the cache."""
    response = page.request.post("/api/v1/jobs", multipart=dict(DRAFT))
    assert response.status == 202, response.text()
    job = response.json()["links"]["self"]
    wait_until(lambda: page.request.get(job).json()["status"] == "succeeded")


def test_older_jobs_are_listed_below_the_newest(page: Page) -> None:
    for _ in range(PAGE_SIZE + 3):
        paint_draft(page)
    page.goto("/jobs")
    cards = page.get_by_role("list", name="My pictures").get_by_role("listitem")
    expect(cards).to_have_count(PAGE_SIZE)
    page.get_by_role("button", name="Show older").click()
    expect(cards).to_have_count(PAGE_SIZE + 3)
    expect(page.get_by_role("button", name="Show older")).to_be_hidden()
