"""Actions of people on the page, in a real browser and on the real service."""

import json
import re
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from nst.recipe import Recipe
from support.browser import (
    PHONE,
    choose_samples,
    drop,
    expect_size,
    is_too_wide,
    notice,
    open_picture,
    paste,
    saved,
    set_options,
    shows,
    start,
    start_long,
    start_short,
    status,
    step_of,
    stop,
    visitor,
    wait_for_area,
    wait_for_step,
    wait_until_finished,
    wait_until_loaded,
)
from support.servers import Server
from support.waiting import wait_until


def test_the_whole_journey_by_mouse(page: Page, browser: Browser, server: Server) -> None:
    page.goto("/")
    page.get_by_role("link", name="Paint a photo").click()
    page.get_by_role("button", name="Use Cat").click()
    page.get_by_role("button", name="Use Impasto").click()
    expect(page.get_by_role("img", name="Your photo: Cat")).to_be_visible()
    set_options(page, Size=96, Steps_at_most=12, Keep_a_frame_every=3)
    start(page)
    wait_until_finished(page)
    expect_size(page.get_by_role("img", name="Finished painting: cat in impasto"), 96, 64)
    expect(page.get_by_text("12 steps in")).to_be_visible()
    expect(page).to_have_title(re.compile("^Finished · cat in impasto"))

    page.get_by_role("radio", name="Compare").click()
    page.get_by_role("slider", name="Compare photo and painting").fill("80")
    page.get_by_role("radio", name="Frames").click()
    scrub = page.get_by_role("slider", name="Go through the painting")
    scrub.fill("0")
    expect(
        page.get_by_role("img", name=re.compile("The painting after step [0-9]+"))
    ).to_be_visible()
    check_downloads(page)
    check_sharing(page, browser, server)

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/jobs")
    expect(page.get_by_role("heading", name="The wall is still bare")).to_be_visible()


def check_downloads(page: Page) -> None:
    picture = saved(page, page.get_by_role("link", name="Download", exact=True))
    assert open_picture(picture).size == (96, 64)

    def download(name: str) -> bytes:
        page.get_by_role("button", name="More downloads").click()
        return saved(page, page.get_by_role("menuitem", name=name))

    for kind, suffix in (("JPEG", "jpg"), ("WebP", "webp"), ("PNG", "png")):
        page.get_by_role("button", name="More downloads").click()
        with page.expect_download() as chosen:
            page.get_by_role("menuitem", name=f"Painting ({kind})").click()
        assert chosen.value.suggested_filename == f"cat-in-impasto.{suffix}"
        assert Recipe.read(Path(chosen.value.path())).options["size"] == 96
    names = zipfile.ZipFile(BytesIO(download("All pictures"))).namelist()
    assert "cat-in-impasto.png" in names
    assert len(names) > 2
    assert open_picture(download("Time-lapse (WebP)")).format == "WEBP"
    assert json.loads(download("Recipe"))["options"]["size"] == 96


def check_sharing(page: Page, browser: Browser, server: Server) -> None:
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_role("textbox", name=re.compile("^Link")).input_value()
    with visitor(browser, server.address) as friend:
        theirs = friend.new_page()
        theirs.goto(link)
        expect(theirs.get_by_role("heading", name="A painting")).to_be_visible()
        expect_size(theirs.get_by_role("img", name="The painting"), 96, 64)
        theirs.goto(page.url)
        expect(theirs.get_by_role("heading", name="not here any more")).to_be_visible()
        page.get_by_role("button", name="Revoke the link").click()
        expect(page.get_by_text("There is no link yet.")).to_be_visible()
        theirs.goto(link)
        expect(theirs.get_by_role("heading", name="does not work any more")).to_be_visible()
    page.keyboard.press("Escape")


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, as people without a mouse do."""
    for _ in range(120):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {target}")


def set_options_by_keyboard(page: Page, **options: object) -> None:
    tab_to(page, page.get_by_role("button", name="All settings"))
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="All settings")
    expect(dialog).to_be_visible()
    for label, value in options.items():
        tab_to(page, dialog.get_by_label(label.replace("_", " "), exact=True))
        page.keyboard.press("Control+a")
        page.keyboard.type(str(value))
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_whole_journey_by_keyboard(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("link", name="Paint a photo"))
    page.keyboard.press("Enter")
    for sample in ("Use Cat", "Use Mosaic"):
        button = page.get_by_role("button", name=sample)
        button.wait_for()
        tab_to(page, button)
        page.keyboard.press("Space")
        expect(button).to_have_attribute("aria-pressed", "true")
    tab_to(page, page.get_by_role("radio", name=re.compile("^Best")))
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("radio", name=re.compile("^Quick"))).to_be_checked()
    tab_to(page, page.get_by_role("slider", name="Detail"))
    page.keyboard.press("Home")
    expect(page.get_by_text("128 pixels")).to_be_visible()
    set_options_by_keyboard(page, Steps_at_most=1_000_000, Convergence_tolerance=0)
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/jobs/*")

    wait_for_step(page, 1)
    page.keyboard.press("Escape")
    dialog = page.get_by_role("alertdialog", name="Stop painting?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("Escape")
    tab_to(page, dialog.get_by_role("button", name="Stop", exact=True))
    page.keyboard.press("Enter")
    expect(status(page, "Stopped")).to_be_visible()

    page.keyboard.down("o")
    expect(page.get_by_role("img", name="The photo of cat in mosaic")).to_be_visible()
    page.keyboard.up("o")
    expect(page.get_by_role("img", name="The photo of cat in mosaic")).to_be_hidden()
    page.keyboard.press("c")
    compare = page.get_by_role("slider", name="Compare photo and painting")
    tab_to(page, compare)
    page.keyboard.press("End")
    assert compare.input_value() == "100"
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    tab_to(page, page.get_by_role("link", name="Download", exact=True))


def test_a_phone(phone: Page, photo: Path) -> None:
    for address in ("/", "/about", "/jobs", "/studio"):
        phone.goto(address)
        phone.wait_for_load_state("networkidle")
        assert not is_too_wide(phone), address
    assert phone.viewport_size == PHONE
    start_button = phone.get_by_role("button", name="Start painting")
    expect(start_button).to_be_in_viewport()
    expect(start_button).to_be_disabled()
    with phone.expect_file_chooser() as chooser:
        phone.get_by_role("button", name="Choose a photo").tap()
    chooser.value.set_files(photo)
    expect(phone.get_by_text("600 × 400 · JPEG · 105 kB")).to_be_visible()
    phone.get_by_role("button", name="Use Watercolour").tap()
    set_options(phone, Size=64, Steps_at_most=6, Keep_a_frame_every=1)
    assert not is_too_wide(phone)
    start_button.tap()
    phone.wait_for_url("**/jobs/*")
    wait_until_finished(phone)
    assert not is_too_wide(phone)
    phone.get_by_role("button", name="Share").tap()
    expect(phone.get_by_role("dialog")).to_be_in_viewport()


def test_drop_and_paste(page: Page, photo: Path) -> None:
    style = photo.parent.parent / "style" / "cubist.jpg"
    page.goto("/studio")
    slot = page.get_by_role("group", name="Drop a painting here")
    slot.wait_for()
    drop(slot, "cubist.jpg", style.read_bytes(), "image/jpeg")
    expect(page.get_by_text("768 × 1024 · JPEG · 512 kB")).to_be_visible()
    expect(page.locator(".fixed.border-dashed")).to_have_count(0)  # frame while a file is dragged
    paste(page, "coffee.jpg", photo.read_bytes(), "image/jpeg")
    expect(page.get_by_role("img", name="Your photo: coffee.jpg")).to_be_visible()
    # Once there is a photo, the next image is one more style.
    drop(page.locator("main"), "another.jpg", photo.read_bytes(), "image/jpeg")
    expect(page.get_by_role("slider", name="Part of another.jpg")).to_have_attribute(
        "aria-valuetext", "50 %"
    )


def test_a_finished_picture_brings_its_settings_back(
    page: Page, browser: Browser, server: Server
) -> None:
    start_short(page, Style_scale=0.5)
    wait_until_finished(page)
    picture = saved(page, page.get_by_role("link", name="Download", exact=True))
    with visitor(browser, server.address) as friend:
        theirs = friend.new_page()
        theirs.goto("/studio")
        theirs.get_by_role("button", name="Use Cat").wait_for()
        with notice(theirs, "painted.png was painted here"):
            drop(theirs.locator("main"), "painted.png", picture)
        expect(theirs.get_by_text("64 pixels")).to_be_visible()
        brush = theirs.get_by_role("slider", name="Brush")
        expect(brush).to_have_attribute("aria-valuetext", "× 0.5")
        # The samples of nst are restored, too.
        expect(theirs.get_by_role("img", name=re.compile("^Your photo"))).to_be_visible()


def test_a_look_is_kept_saved_and_sent_to_a_friend(
    page: Page, browser: Browser, server: Server, tmp_path: Path
) -> None:
    page.goto("/studio")
    page.get_by_role("slider", name="Strength").fill("0.8")
    page.get_by_role("radio", name="Matched").click()
    page.get_by_role("button", name="My looks").click()
    page.get_by_role("textbox", name="Name of the look").fill("Bold")
    page.get_by_role("button", name="Keep", exact=True).click()
    file = tmp_path / "bold.nst.json"
    file.write_bytes(saved(page, page.get_by_role("button", name="Save the look Bold as a file")))
    page.reload()
    page.get_by_role("button", name="My looks").click()
    expect(page.get_by_role("button", name="Use the look Bold")).to_be_visible()
    with visitor(browser, server.address) as friend:
        theirs = friend.new_page()
        theirs.goto("/studio")
        theirs.get_by_role("button", name="My looks").click()
        theirs.get_by_label("Open a saved look").set_input_files(file)
        strength = theirs.get_by_role("slider", name="Strength")
        expect(strength).to_have_attribute("aria-valuetext", "80 %")
        expect(theirs.get_by_role("radio", name="Matched")).to_be_checked()


RECORD_FORMS = """() => {
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (form) {
    window.sent = Object.groupBy([...form], ([name]) => name);
    for (const name in sent) sent[name] = sent[name].map(([, value]) => value);
    return send.call(this, form);
  };
}"""


def test_two_styles_one_of_them_in_part_of_the_picture(page: Page) -> None:
    choose_samples(page)
    page.get_by_role("button", name="Add Mosaic").click()
    page.get_by_role("slider", name="Part of Mosaic").fill("25")
    page.get_by_role("button", name="in the style of Impasto").click()
    brush_across(page)
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    page.get_by_role("button", name="Use this area").click()
    assert 0.1 < white_share(page.get_by_role("img", name="in part of the picture")) < 0.4
    set_options(page, Size=64, Steps_at_most=4)
    page.evaluate(RECORD_FORMS)
    address = start(page)
    assert page.evaluate("sent.style_mask.map(mask => mask.size > 100)") == [True, False]
    job = page.request.get(f"/api/v1/jobs/{address.rsplit('/', 1)[1]}").json()
    assert job["options"]["style_blend"] == [0.67, 0.33]
    wait_until_finished(page)


def test_an_area_is_painted_in_colour_with_a_hard_or_soft_brush(page: Page) -> None:
    choose_samples(page)
    masks: dict[str, Any] = {}
    for softness in ("0", "100"):
        page.get_by_role("button", name="in the style of Impasto").click()
        canvas = wait_for_area(page)
        if masks:
            wait_until_drawn(canvas)
        page.get_by_role("button", name="Nothing", exact=True).click()
        assert canvas.evaluate(OVERLAY) == {"colours": [], "soft": 0}
        page.get_by_role("slider", name="Softness of its edge").fill(softness)
        brush_across(page)
        masks[softness] = canvas.evaluate(OVERLAY)
        page.get_by_role("button", name="Undo").click()
        assert canvas.evaluate(OVERLAY) == {"colours": [], "soft": 0}
        brush_across(page)
        page.get_by_role("button", name="Use this area").click()
        assert 0.03 < white_share(page.get_by_role("img", name="in part of the picture")) < 0.3
    assert masks["0"]["colours"] == masks["100"]["colours"] == ["214,0,122"]
    assert masks["0"]["soft"] < 0.05
    assert masks["100"]["soft"] > 0.3
    page.get_by_role("button", name="in the style of Impasto").click()
    again = page.get_by_role("application").locator("canvas")
    expect(again).to_be_visible()
    wait_until(lambda: again.evaluate(OVERLAY) == masks["100"])


OVERLAY = """canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  let painted = 0, soft = 0;
  for (let index = 0; index < data.length; index += 4) {
    const alpha = data[index + 3];
    if (alpha === 255) colours.add(data.slice(index, index + 3).join());
    painted += alpha > 0;
    soft += alpha > 8 && alpha < 247;
  }
  return {colours: [...colours], soft: painted && soft / painted};
}"""


def wait_until_drawn(canvas: Locator) -> None:
    """Wait until the area shows the mask that was drawn before it was opened."""
    wait_until(lambda: canvas.evaluate(OVERLAY)["colours"])


def brush_across(page: Page) -> None:
    """Draw one stroke through the middle of the open image."""
    wait_for_area(page)
    box = page.get_by_role("application").bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"], steps=5)
    page.mouse.up()


def white_share(mask: Locator) -> float:
    wait_until_loaded(mask)
    return float(mask.evaluate(WHITE_SHARE))


WHITE_SHARE = """image => {
  const canvas = Object.assign(document.createElement('canvas'),
    {width: image.naturalWidth, height: image.naturalHeight});
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let index = 0; index < data.length; index += 4) sum += data[index];
  return sum / 255 / (data.length / 4);
}"""


def test_a_brush_marks_where_more_of_the_photo_is_kept(page: Page) -> None:
    choose_samples(page)
    page.get_by_role("button", name="Keep more of the photo").click()
    brush_across(page)
    page.get_by_role("button", name="Use this area").click()
    drawn = white_share(page.get_by_role("img", name="more of the photo is kept here"))
    assert 0.02 < drawn < 0.4
    page.get_by_role("radio", name="Faces").click()
    set_options(page, Size=64, Steps_at_most=4)
    page.evaluate(RECORD_FORMS)
    address = start(page)
    assert page.evaluate("sent.detail_map.map(map => map.size > 100)") == [True]
    job = page.request.get(f"/api/v1/jobs/{address.rsplit('/', 1)[1]}").json()
    assert job["pictures"]["detail_map"]
    assert job["options"]["protect"] == "faces"
    wait_until_finished(page)


def test_a_painting_is_stopped_goes_on_where_it_stopped_and_begins_anew(page: Page) -> None:
    start_long(page)
    wait_for_step(page, 3)
    dialog = page.get_by_role("alertdialog", name="Stop painting?")
    page.get_by_role("button", name="Stop and keep the picture").click()
    dialog.get_by_role("button", name="Keep painting").click()
    expect(dialog).to_be_hidden()
    page.keyboard.press("Escape")
    dialog.get_by_role("button", name="Stop", exact=True).click()
    expect(status(page, "Stopped")).to_be_visible()
    expect_size(page.get_by_role("img", name="What was painted of"), 128, 85)
    expect(page.get_by_role("link", name="Download", exact=True)).to_be_visible()

    job = page.request.get(f"api/v1/jobs/{page.url.rsplit('/', 1)[1]}").json()
    stopped_after = job["result"]["stopped_after"]
    page.get_by_role("button", name="Keep painting").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    wait_for_step(page, 1)
    assert step_of(page) >= stopped_after
    wait_for_step(page, stopped_after + 1)
    stop(page)
    expect(status(page, "Stopped")).to_be_visible()
    expect(page.get_by_role("button", name="Keep painting")).to_be_visible()

    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    wait_for_step(page, 1)
    stop(page)
    expect(status(page, "Stopped")).to_be_visible()


def test_a_result_is_painted_on_at_twice_its_size(page: Page) -> None:
    address = start_short(page)
    wait_until_finished(page)
    page.get_by_role("button", name="Larger", exact=True).click()
    page.wait_for_url(lambda url: url != address)
    # Until the page has the new job, it shows the finished job before.
    larger = f"api/v1/jobs/{page.url.rsplit('/', 1)[1]}"
    wait_until(lambda: page.request.get(larger).json()["status"] == "succeeded")
    wait_until_finished(page)
    job = page.request.get(larger).json()
    assert job["pictures"]["initial"]["size"] == [64, 43]
    assert job["result"]["size"] == [128, 85]


def test_steering_is_followed(page: Page) -> None:
    start_long(page)
    wait_for_step(page, 2)
    slider = page.get_by_role("slider", name="Use the style")
    before = slider.get_attribute("aria-valuetext")
    with shows(page, "from the next step"):
        slider.fill("1")
    expect(page.get_by_text("from the next step", exact=True)).to_be_hidden()
    assert slider.get_attribute("aria-valuetext") != before
    stop(page)
    expect(status(page, "Stopped")).to_be_visible()


def test_a_reload_loses_nothing(page: Page) -> None:
    start_long(page)
    wait_for_step(page, 4)
    page.reload()
    wait_for_step(page, 5)
    expect(page.get_by_role("img", name=re.compile("^Progress over time"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("as it is after step"))).to_be_visible()
    expect(page).to_have_title(re.compile(r"^\d+ % · cat in impasto"))
    stop(page)
    expect(status(page, "Stopped")).to_be_visible()


def test_waiting_in_line(page: Page) -> None:
    first = start_long(page)
    second = start_long(page)
    expect(status(page, "Waiting")).to_be_visible()
    expect(page.get_by_text("Next in line.")).to_be_visible()
    page.get_by_role("button", name="Remove from queue").click()
    expect(page.get_by_text("stopped before the first step")).to_be_visible()
    assert first != second
    page.goto(first)
    stop(page)
    expect(status(page, "Stopped")).to_be_visible()


@pytest.fixture
def painted(page: Page) -> Page:
    """Return the page of a job after it has painted one image."""
    start_short(page)
    wait_until_finished(page)
    return page


def test_history(painted: Page) -> None:
    page = painted
    page.get_by_role("link", name="My pictures").click()
    cards = page.get_by_role("list", name="My pictures").get_by_role("listitem")
    expect(cards).to_have_count(1)
    page.reload()
    expect(cards).to_have_count(1)
    page.get_by_role("radio", name="Failed").click()
    expect(page.get_by_text("Nothing here is “Failed”.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("radio", name="Failed")).to_be_checked()
    page.get_by_role("radio", name="Finished").click()
    expect(cards).to_have_count(1)

    page.get_by_role("button", name="Paint again: cat in impasto").click()
    page.wait_for_url("**/jobs/*")
    # The job is painted anew: the bundled network stood in, and better weights may exist by now.
    wait_until_finished(page)

    page.get_by_role("link", name="Change and repaint").click()
    expect(page.get_by_role("img", name="Your photo: cat.jpg")).to_be_visible()
    expect(page.get_by_role("img", name="Style: impasto.jpg")).to_be_visible()
    expect(page.get_by_text("64 pixels")).to_be_visible()
    page.get_by_role("button", name="Add Mosaic").click()
    start(page)
    wait_until_finished(page)
    expect(page.get_by_role("heading", name="cat in impasto and mosaic")).to_be_visible()

    page.get_by_role("link", name="My pictures").click()
    expect(cards).to_have_count(3)
    for card in cards.all():
        wait_until_loaded(card.get_by_role("img").first)  # a deleted job has no thumbnail
    page.get_by_role("button", name="Delete: cat in impasto and mosaic").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(cards).to_have_count(2)
    page.get_by_role("button", name="Clear finished").click()
    page.get_by_role("button", name="Delete all").click()
    expect(page.get_by_role("heading", name="The wall is still bare")).to_be_visible()


def test_the_commands_do_the_same(painted: Page) -> None:
    page = painted
    page.get_by_role("button", name="As a command").click()
    command = page.get_by_role("region", name="Command line").inner_text()
    assert re.fullmatch(
        r"nst stylize sample:cat sample:impasto -o \S+ --preset quality .*", command
    )
    assert "--size 64" in command
    curl = page.get_by_role("region", name="API (curl)").inner_text()
    assert "-F size=64" in curl


def test_the_curl_command_of_the_studio_works(page: Page) -> None:
    choose_samples(page)
    set_options(page, Size=64, Steps_at_most=4)
    page.get_by_role("button", name="The same as a command").click()
    command = page.get_by_role("region", name="API (curl)").inner_text()
    answer = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    job = json.loads(answer.stdout)
    assert job["title"] == "cat in impasto"
    assert job["options"]["size"] == 64
    assert job["preset"] == "quality"


RECORD_SLIDER = """
window.values = [];
requestAnimationFrame(function look() {
  const slider = document.querySelector('input[type=range]');
  if (slider) window.values.push(slider.value);
  requestAnimationFrame(look);
});"""
"""Script that records the value of the slider in each frame that the browser draws."""


def test_the_hero_moves_unless_one_asked_for_calm(browser: Browser, server: Server) -> None:
    for wish, moves in (("no-preference", True), ("reduce", False)):
        with visitor(browser, server.address, reduced_motion=wish) as context:
            page = context.new_page()
            page.add_init_script(RECORD_SLIDER)
            page.goto("/")
            page.get_by_role("slider", name="Compare photo and painting").wait_for()
            page.wait_for_function("() => window.values.length >= 30")
            values = set(page.evaluate("window.values"))
            assert "50" in values
            assert (len(values) > 1) is moves


def test_the_colours_can_be_chosen(page: Page) -> None:
    page.goto("/")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    is_dark = f"light => {paper} !== light"
    page.get_by_role("button", name="Colours: as the system").click()
    page.get_by_role("button", name="Colours: light").click()
    page.wait_for_function(is_dark, arg=light)
    page.reload()
    page.get_by_role("button", name="Colours: dark").wait_for()
    page.wait_for_function(is_dark, arg=light)
