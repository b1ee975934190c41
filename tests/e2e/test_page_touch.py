"""Painting an area with fingers, in Chromium."""

from typing import TypeAlias

from playwright.sync_api import CDPSession, Locator, Page

from support.browser import choose_samples, wait_for_area
from support.waiting import wait_until

Place: TypeAlias = tuple[float, float]
"""Horizontal and vertical position on the photo, as shares of its width and height."""

OPACITY = """(canvas, [x, y]) =>
  canvas.getContext('2d').getImageData(x * canvas.width, y * canvas.height, 1, 1).data[3]"""


class Fingers:
    """Fingers on the photo, numbered from 0."""

    def __init__(self, page: Page, photo: Locator) -> None:
        box = photo.bounding_box()
        assert box
        self._box = box
        self._session: CDPSession = page.context.new_cdp_session(page)

    def do(self, kind: str, *places: Place) -> None:
        """Send a touch event, such as touchMove, with all fingers that touch the photo."""
        box = self._box
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": number}
            for number, (x, y) in enumerate(places)
        ]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_tap_paints_a_dot(phone: Page) -> None:
    choose_samples(phone)
    phone.get_by_role("button", name="in the style of Impasto").click()
    canvas = wait_for_area(phone)
    phone.get_by_role("application").tap()
    wait_until(lambda: canvas.evaluate(OPACITY, [0.5, 0.5]))
    assert not canvas.evaluate(OPACITY, [0.5, 0.9])


def test_one_finger_paints_until_it_is_lifted_or_lost(phone: Page) -> None:
    choose_samples(phone)
    phone.get_by_role("button", name="in the style of Impasto").click()
    canvas = wait_for_area(phone)
    fingers = Fingers(phone, phone.get_by_role("application"))

    def is_painted(place: Place) -> bool:
        return bool(canvas.evaluate(OPACITY, list(place)))

    fingers.do("touchStart", (0.1, 0.1))
    fingers.do("touchStart", (0.1, 0.1), (0.9, 0.9))
    fingers.do("touchMove", (0.1, 0.1), (0.9, 0.8))
    fingers.do("touchMove", (0.3, 0.1), (0.9, 0.8))
    wait_until(lambda: is_painted((0.3, 0.1)))
    fingers.do("touchEnd")
    assert not is_painted((0.5, 0.5))
    assert not is_painted((0.9, 0.8))

    fingers.do("touchStart", (0.1, 0.9))
    wait_until(lambda: is_painted((0.1, 0.9)))
    fingers.do("touchCancel")
    photo = phone.get_by_role("application")
    photo.hover()  # in the middle
    fingers.do("touchStart", (0.9, 0.1))
    wait_until(lambda: is_painted((0.9, 0.1)))
    fingers.do("touchEnd")
    assert not is_painted((0.5, 0.5))
