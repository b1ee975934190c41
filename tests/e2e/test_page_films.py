"""Films: chosen, dropped, painted frame by frame, played, downloaded."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from cli.test_video import film
from support.browser import (
    choose_samples,
    complaints,
    drop,
    is_too_wide,
    nst_serve,
    saved,
    set_options,
    start,
    stop,
    violations,
    visitor,
    wait_until_finished,
    wait_until_loaded,
)
from support.pictures import picture
from support.servers import running

FRAMES = 4

EVERY_FRAME = """
HTMLVideoElement.prototype.requestVideoFrameCallback = function (look) {
  const frame = (this.seenFrames = (this.seenFrames ?? -1) + 1);
  return setTimeout(() => look(performance.now(), { mediaTime: frame / 10 }));
};
"""
"""Script by which a page sees every frame of the film.
A browser that has to wait for the processor leaves frames out, and their rate looks lower."""


@pytest.fixture(scope="module")
def holiday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a film of four frames in 0.4 s, of 96×64 pixels."""
    path = tmp_path_factory.mktemp("film") / "holiday.mp4"
    film(path, [picture(96, 64).rotate(4 * turn) for turn in range(FRAMES)], sound="aac")
    return path


def choose(page: Page, file: Path) -> None:
    """Choose a style among the samples, and this file as the content."""
    choose_samples(page)
    page.get_by_role("button", name="Remove Cat").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(file)


def video(page: Page, name: str) -> Locator:
    """Return the film with this label, once the browser can show it."""
    found = page.get_by_label(name, exact=True)
    page.wait_for_function("film => film.readyState >= 1", arg=found.element_handle())
    return found


def test_a_film_is_painted_frame_by_frame(page: Page, holiday: Path) -> None:
    choose(page, holiday)
    shown = video(page, "Film: holiday.mp4")
    assert shown.evaluate("film => [film.videoWidth, film.videoHeight]") == [96, 64]
    expect(page.get_by_text("96 × 64 · film, 0.4 s")).to_be_visible()
    expect(page.get_by_text("Every frame of this film is painted.")).to_be_visible()
    expect(page.get_by_label("Live draft")).to_be_hidden()
    expect(page.get_by_role("button", name="Paint only part")).to_be_disabled()
    assert violations(page) == []
    set_options(page, Size=64, Steps_at_most=8)
    start(page)
    wait_until_finished(page)
    expect(page.get_by_text(f"{FRAMES} frames in ")).to_be_visible()
    result = video(page, "Painted film: holiday in impasto")
    assert result.evaluate("film => [film.videoWidth, film.videoHeight]") == [64, 42]
    assert result.evaluate("film => film.duration") == pytest.approx(0.4, abs=0.1)
    assert violations(page) == []
    assert not is_too_wide(page)
    data = saved(page, page.get_by_role("link", name="Download"))
    with av.open(io.BytesIO(data), "r") as container:
        assert len(list(container.decode(video=0))) == FRAMES
        assert container.streams.audio
    page.get_by_role("radio", name="Film").click()
    video(page, "Film: holiday in impasto")


HALTING_SERVE = """
import os, sys, time
from pathlib import Path
from nst.cli.main import main
from nst.engine_process.messages import Painted
from nst.jobs.attempt import Attempt

listen, is_halted = Attempt._listen, False

def listen_until_halt(attempt, timeout_seconds=0.2):
    global is_halted
    if is_halted and not Path(os.environ["GO_ON"]).exists():
        time.sleep(timeout_seconds)
        return None
    news = listen(attempt, timeout_seconds)
    is_halted = isinstance(news, Painted) and news.progress.frame == int(os.environ["HALT"])
    return news

Attempt._listen = listen_until_halt
main(["serve", *sys.argv[1:]])
"""
"""Program that serves, and whose worker hears nothing after a frame until a file exists."""


@pytest.fixture
def go_on(tmp_path: Path) -> Path:
    """Return the file for which the worker of `halting` waits in the second pass."""
    return tmp_path / "go-on"


@pytest.fixture
def halting(browser: Browser, tmp_path: Path, go_on: Path) -> Iterator[Page]:
    """Yield a page of a service whose worker halts in the second pass of a film."""
    halt = {"HALT": str(FRAMES + 1), "GO_ON": str(go_on)}
    with (
        running(nst_serve(tmp_path, HALTING_SERVE, **halt)) as server,
        visitor(browser, server.address) as context,
    ):
        page = context.new_page()
        found = complaints(page)
        yield page
        assert found == []


def test_a_film_in_several_passes_and_how_long_it_takes(
    halting: Page, holiday: Path, go_on: Path
) -> None:
    """The page estimates the time once this server has painted a film."""
    page = halting
    page.add_init_script(EVERY_FRAME)
    page.set_viewport_size({"width": 1280, "height": 1000})
    choose(page, holiday)
    video(page, "Film: holiday.mp4")
    set_options(page, Size=48, Steps_at_most=8, Bits_per_channel=16)
    expect(page.get_by_text("Bits per channel has no effect on a film.")).to_be_visible()
    passes = page.get_by_role("radiogroup", name="Passes")
    expect(passes.get_by_role("radio", name="1")).to_be_checked()
    passes.get_by_role("radio", name="3").click()
    assert violations(page) == []
    start(page)
    expect(page.get_by_text(f"Pass 2 of 3 · Frame {FRAMES} of {FRAMES} ·")).to_be_visible()
    go_on.touch()
    wait_until_finished(page)
    expect(page.get_by_text(f"{FRAMES} frames in ")).to_be_visible()
    expect(page.get_by_text("bit_depth has no effect on a film")).to_be_visible()
    page.goto("/studio")  # the studio keeps its state
    expect(passes.get_by_role("radio", name="3")).to_be_checked()
    estimate = re.compile(rf"Takes about \d+ (s|min) .* {FRAMES} frames")
    expect(page.get_by_text(estimate)).to_be_visible()
    page.get_by_role("radio", name=re.compile("^Draft")).click()
    set_options(page, Steps_at_most=0)
    expect(page.get_by_text("A draft and a learned style have one pass.")).to_be_visible()


def test_a_film_is_dropped_and_stopped(page: Page, holiday: Path) -> None:
    choose_samples(page)
    drop(page.locator("body"), "holiday.mp4", holiday.read_bytes(), "video/mp4")
    video(page, "Film: holiday.mp4")
    set_options(page, Size=64, Steps_at_most=1_000_000, Convergence_tolerance=0, Scales=1)
    start(page)
    expect(page.get_by_text(f"Frame 1 of {FRAMES} · Step")).to_be_visible()
    wait_until_loaded(page.get_by_alt_text("First draft of holiday in impasto"))
    stop(page)
    expect(page.get_by_text("1 frame in ")).to_be_visible()
    expect(page.get_by_text("Stopped by you: these are the frames so far.")).to_be_visible()
    video(page, "Painted film: holiday in impasto")


def test_a_shared_film(page: Page, holiday: Path) -> None:
    choose(page, holiday)
    page.get_by_role("radio", name=re.compile("^Draft")).click()
    set_options(page, Size=64)
    start(page)
    wait_until_finished(page)
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Make a link").click()
    address = page.get_by_role("textbox", name=re.compile("^Link")).input_value()
    page.goto(address)
    video(page, "The painted film")
    assert violations(page) == []


def test_a_film_beyond_a_limit_is_refused_before_the_upload(page: Page, holiday: Path) -> None:
    def strict(route: Route) -> None:
        options = route.fetch().json()
        options["limits"]["max_film_seconds"] = 0.2
        route.fulfill(json=options)

    page.route("**/api/v1/options", strict)
    choose(page, holiday)
    expect(page.get_by_role("status").get_by_text("0.2 s are the most")).to_be_visible()


def test_what_the_browser_cannot_play_the_server_judges(
    context: BrowserContext, tmp_path: Path
) -> None:
    page = context.new_page()  # the console of this page reports the refusal of the server
    (tmp_path / "broken.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(60))
    choose(page, tmp_path / "broken.mp4")
    expect(page.get_by_text("The browser cannot play this film")).to_be_visible()
    page.get_by_role("button", name="Start painting").click()
    expect(page.get_by_text("the film cannot be used")).to_be_visible()


def test_a_film_is_no_style_and_where_no_films_are_taken_no_content(
    page: Page, holiday: Path
) -> None:
    page.goto("/studio")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a style").click()
    chooser.value.set_files(holiday)
    expect(page.get_by_role("status").get_by_text("is a film")).to_be_visible()

    def without_films(route: Route) -> None:
        options = route.fetch().json()
        options["limits"]["max_film_frames"] = 0
        route.fulfill(json=options)

    page.route("**/api/v1/options", without_films)
    page.goto("/studio")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(holiday)
    expect(page.get_by_role("status").get_by_text("Choose a single picture")).to_be_visible()
