"""Painting an area with fingers, in Chromium."""

from playwright.sync_api import Page

from support.browser import choose_samples, wait_for_area
from support.waiting import wait_until

OPACITY = """(canvas, [x, y]) =>
  canvas.getContext('2d').getImageData(x * canvas.width, y * canvas.height, 1, 1).data[3]"""


def test_a_tap_paints_a_dot(phone: Page) -> None:
    choose_samples(phone)
    phone.get_by_role("button", name="in the style of Impasto").click()
    canvas = wait_for_area(phone)
    phone.get_by_role("application").tap()
    wait_until(lambda: canvas.evaluate(OPACITY, [0.5, 0.5]))
    assert not canvas.evaluate(OPACITY, [0.5, 0.9])
