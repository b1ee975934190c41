"""The page in German: no action of a visitor shows a word of English."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from nst.options import StyleTransferOptions
from support.assets import REPOSITORY
from support.browser import (
    choose_samples,
    complaints,
    is_too_wide,
    saved,
    status,
    violations,
    visitor,
)
from support.servers import Server

PHONE: ViewportSize = {"width": 390, "height": 844}
WIDE: ViewportSize = {"width": 1280, "height": 860}

SHOWN = """() => {
  const within = selector => [...document.querySelectorAll(selector)];
  const names = ['aria-label', 'title', 'placeholder', 'alt'];
  return [
    ...within('body *').flatMap(element => names.map(name => element.getAttribute(name))),
    ...within('body *:not([lang=en], script, style)').flatMap(element => [...element.childNodes])
      .filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data),
    document.title,
  ].filter(Boolean).map(text => text.trim().replace(/\\s+/g, ' '));
}"""
"""Script that returns all text to read or hear, but for the switch to English."""

CUT_OFF = """() => {
  const isCutOff = element => {
    const {left, right} = element.getBoundingClientRect();
    const isInline = getComputedStyle(element).display === 'inline';
    const isTooLong = !isInline && element.scrollWidth > element.clientWidth + 1;
    return isTooLong || left < -1 || right > innerWidth + 1;
  };
  return [...document.querySelectorAll('button, a, label, [role=radio], h1, h2, h3, legend')]
    .filter(element => element.checkVisibility() && !element.matches('.sr-only, .sr-only *'))
    .filter(isCutOff).map(element => element.innerText || element.ariaLabel);
}"""
"""Script that returns the names of buttons, links and headings that are cut off."""


def literals(name: str) -> set[str]:
    """Return the texts between quotation marks in a source file of the page."""
    text = (REPOSITORY / "frontend" / "src" / name).read_text(encoding="utf-8")
    return set(re.findall(r"'([^'\n]{3,})'", text))


def english() -> set[str]:
    """Return the page's texts in English only, and the server's help for the options."""
    helps = {field.description or "" for field in StyleTransferOptions.model_fields.values()}
    return {
        " ".join(text.split()) for text in helps | literals("texts.ts") - literals("texts.de.ts")
    }


ENGLISH = english()


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def german(browser: Browser, server: Server, request: pytest.FixtureRequest) -> Iterator[Page]:
    with visitor(browser, server.address, locale="de-DE", viewport=request.param) as context:
        page = context.new_page()
        found = complaints(page)
        yield page
        assert found == []


def check(page: Page, where: str) -> None:
    """Assert that the whole page is German, accessible, and not cut off."""
    assert set(page.evaluate(SHOWN)) & ENGLISH == set(), where
    assert not is_too_wide(page), where
    assert page.evaluate(CUT_OFF) == [], where
    assert violations(page) == [], where


def test_english_would_be_found(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your photo, painted.")
    shown = set(page.evaluate(SHOWN))
    assert {"Your photo, painted.", "My pictures", "Paint a photo"} <= shown & ENGLISH
    assert len(shown & ENGLISH) > 20


def test_every_page_is_german(german: Page) -> None:
    for address, heading in (
        ("/", "Aus Fotos werden Gemälde."),
        ("/about", "Wie aus einem Foto ein Gemälde wird"),
        ("/jobs", "Die Wand ist noch leer"),
        ("/studio", "Atelier"),
        ("/nothing", "Seite nicht gefunden"),
    ):
        german.goto(address)
        title = german.get_by_role("heading", level=1).filter(has_text=heading)
        expect(title).to_be_attached()
        german.wait_for_load_state("networkidle")
        expect(german.locator("html")).to_have_attribute("lang", "de")
        check(german, address)


def test_the_whole_journey_in_german(german: Page) -> None:
    page = german
    page.goto("/")
    page.get_by_role("link", name="Foto malen lassen").click()
    page.get_by_role("button", name="Katze verwenden").click()
    page.get_by_role("button", name="Impasto verwenden").click()
    expect(page.get_by_role("img", name="Foto: Katze")).to_be_visible()
    page.wait_for_load_state("networkidle")
    check(page, "studio, filled")
    _set_options(
        page,
        {"Größe": 96, "Höchstzahl der Schritte": 12, "Zwischenbild alle": 3, "Schwung": "0,25"},
    )
    page.get_by_role("button", name="Malen starten").click()
    page.wait_for_url("**/jobs/*")
    expect(status(page, "Fertig")).to_be_visible()
    expect(page.get_by_text("12 Schritte in")).to_be_visible()
    page.get_by_role("button", name="Alle Einstellungen dieses Bildes").click()
    expect(page.get_by_text("0,25", exact=True)).to_be_visible()
    check(page, "job, finished")
    for view in ("Vergleich", "Verlauf"):
        page.get_by_role("radio", name=view).click()
        check(page, view)
    for opener in ("Genauer ansehen", "Teilen", "Als Befehl"):
        page.get_by_role("button", name=opener, exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        check(page, opener)
        page.keyboard.press("Escape")
    assert saved(page, page.get_by_role("link", name="Herunterladen", exact=True))
    page.goto("/jobs")
    expect(page.get_by_role("list", name="Meine Bilder")).to_be_visible()
    check(page, "history")
    page.get_by_role("button", name="Fertige löschen").click()
    check(page, "clear?")
    page.get_by_role("alertdialog").get_by_role("button", name="Alle löschen").click()
    expect(page.get_by_role("heading", name="Die Wand ist noch leer")).to_be_visible()


def _set_options(page: Page, values: dict[str, Any]) -> None:
    page.get_by_role("button", name="Alle Einstellungen").click()
    dialog = page.get_by_role("dialog", name="Alle Einstellungen")
    for label, value in values.items():
        field = dialog.get_by_label(label, exact=True)
        field.fill(str(value))
        field.press("Tab")
    check(page, "all settings")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_switch_keeps_what_was_chosen_and_is_remembered(page: Page) -> None:
    choose_samples(page)
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("img", name="Foto: Katze")).to_be_visible()
    expect(page.get_by_role("img", name="Stil: Impasto")).to_be_visible()
    expect(page.get_by_role("button", name="Deutsch")).to_be_focused()
    expect(page).to_have_title("Atelier – nst")
    page.reload()
    expect(page.get_by_role("button", name="Malen starten")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("img", name="Your photo: Cat")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_only_those_who_read_german_load_it(page: Page) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto("/")
    page.wait_for_load_state("networkidle")
    assert not [url for url in loaded if "texts.de" in url]
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Aus Fotos werden Gemälde.")
    assert len([url for url in loaded if "texts.de" in url]) == 1
