"""A recipe repeats the image, in Chromium: steering, last step, and duration."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from nst.recipe import Recipe
from support.browser import (
    PATIENCE_MS,
    drop,
    notice,
    open_picture,
    saved,
    shows,
    start,
    start_long,
    start_short,
    status,
    stop,
    wait_for_step,
    wait_until_finished,
)

NST = "from nst.cli.main import main; main()"


def test_steering_and_the_stop_are_recorded_shown_and_repeated(page: Page, tmp_path: Path) -> None:
    start_long(page)
    wait_for_step(page, 2)
    for name in ("Use the style", "Strength", "Flourish"):
        with shows(page, "from the next step"):
            page.get_by_role("slider", name=name).fill("1")
        expect(page.get_by_text("from the next step", exact=True)).to_be_hidden()
    stop(page)
    expect(status(page, "Stopped")).to_be_visible()
    painted = saved(page, page.get_by_role("link", name="Download", exact=True))

    # recipe.json has this file name, and names the steps.
    page.get_by_role("button", name="More downloads").click()
    with page.expect_download(timeout=PATIENCE_MS) as download:
        page.get_by_role("menuitem", name="Recipe").click()
    assert download.value.suggested_filename == "recipe.json"
    text = Path(download.value.path()).read_bytes()
    recipe = Recipe.read(text)
    assert recipe.stopped_after
    steered = [list(change.values) for change in recipe.changes]
    assert steered == [["style_weight"], ["strength"], ["flourish"]]
    assert recipe == Recipe.read(painted)

    # The page shows the same changes, and names one network.
    page.get_by_role("button", name="All settings of this picture").click()
    for change in recipe.changes:
        expect(page.get_by_text(f"from step {change.step}:")).to_be_visible()
    expect(page.get_by_text(f"after step {recipe.stopped_after}", exact=True)).to_be_visible()
    expect(page.get_by_text("vgg19", exact=True)).to_have_count(0)

    # The command runs unchanged in any directory, and paints the same image.
    page.get_by_role("button", name="As a command").click()
    command = shlex.split(page.get_by_role("region", name="Command line").inner_text())
    page.keyboard.press("Escape")
    assert command[:4] == ["nst", "stylize", "sample:cat", "sample:impasto"]
    arguments = [sys.executable, "-c", NST, *command[1:]]
    as_the_server = os.environ | {"OMP_NUM_THREADS": "1", "NST_OFFLINE": "1"}
    subprocess.run(arguments, cwd=tmp_path, env=as_the_server, check=True, capture_output=True)
    again = (tmp_path / command[command.index("-o") + 1]).read_bytes()
    assert np.array_equal(np.asarray(open_picture(again)), np.asarray(open_picture(painted)))

    # The studio reads recipe.json with its images, and repeats the job.
    page.goto("/studio")
    page.get_by_role("button", name="Use Cat").wait_for()
    with notice(page, "recipe.json was painted here: its settings and pictures"):
        drop(page.locator("main"), "recipe.json", text, "application/json")
    expect(page.get_by_text(f"stops after step {recipe.stopped_after}.")).to_be_visible()
    start(page)
    wait_until_finished(page)
    again = saved(page, page.get_by_role("link", name="Download", exact=True))
    assert np.array_equal(np.asarray(open_picture(again)), np.asarray(open_picture(painted)))
    assert json.loads(Recipe.read(again).text())["changes"] == json.loads(text)["changes"]


def test_the_time_is_told_before_it_starts_once_something_was_painted(page: Page) -> None:
    start_short(page)
    wait_until_finished(page)
    page.goto("/studio")
    # The studio has kept both choices; choosing them again must not remove them.
    for name in ("Use Cat", "Use Impasto"):
        sample = page.get_by_role("button", name=name)
        sample.click()
        expect(sample).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("img", name="Your photo: Cat")).to_be_visible()
    expect(
        page.get_by_text(re.compile(r"Takes about \d+ (s|min|h) on this server"))
    ).to_be_visible()
    page.get_by_role("button", name="Remove Cat").click()
    expect(page.get_by_text(re.compile("^Takes about"))).to_be_hidden()


@pytest.mark.parametrize(
    ("query", "notice"),
    [
        ("remix=0123456789abcdef", "Pictures are removed after a while."),
        ("learned=0123456789abcdef", "This learned style is not on the server"),
    ],
)
def test_the_studio_opens_without_a_deleted_job_or_style(
    context: BrowserContext, query: str, notice: str
) -> None:
    page = context.new_page()
    page.goto(f"studio?{query}")
    expect(page.get_by_text(notice)).to_be_visible()
    expect(page.get_by_role("button", name="Use Impasto")).to_be_visible()
    page.wait_for_url("**/studio")
