"""The page has a sentence for every error that it can meet."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nst.api.problems import HTTP_CODES
from nst.errors import NSTError
from nst.jobs.failures import CRASHED, GONE, TOO_LONG
from nst.options import StyleTransferOptions

LANGUAGES = {
    "English": Path("frontend/src/texts.ts").read_text(encoding="utf-8"),
    "German": Path("frontend/src/texts.de.ts").read_text(encoding="utf-8"),
}
OF_THE_PAGE_ITSELF = {"offline", "cookies_blocked", "upload_stopped", "page_failed"}


def codes_of(error: type[NSTError]) -> Iterator[str]:
    yield error.code
    for child in error.__subclasses__():
        yield from codes_of(child)


CODES = {
    *(code for code in codes_of(NSTError) if code),
    *HTTP_CODES.values(),
    "bad_request",
    CRASHED.code,
    GONE.code,
    TOO_LONG.code,
}


@pytest.fixture(scope="module", params=LANGUAGES)
def sentences(request: pytest.FixtureRequest) -> dict[str, tuple[str, str]]:
    text = LANGUAGES[request.param]
    table = re.search(r"const (?:errors: Errors|englishErrors) = \{\n(.*?)\n\};", text, re.DOTALL)
    assert table
    entry = re.compile(r"^  (\w+): \{\n\s+what: '(.+)',\n\s+todo: '(.+)',\n  \},$", re.MULTILINE)
    return {code: (what, todo) for code, what, todo in entry.findall(table[1])}


def test_every_code_has_a_sentence_and_none_is_left_over(
    sentences: dict[str, tuple[str, str]],
) -> None:
    assert set(sentences) == CODES | OF_THE_PAGE_ITSELF


def test_each_says_what_happened_and_what_to_do(sentences: dict[str, tuple[str, str]]) -> None:
    for code, (what, todo) in sentences.items():
        assert what.endswith("."), code
        assert todo.endswith("."), code
        assert what != todo, code


def test_every_option_is_explained_in_german() -> None:
    explained = re.search(
        r"^    help: \{\n(.*?)^    \},$", LANGUAGES["German"], re.DOTALL | re.MULTILINE
    )
    assert explained
    names = set(re.findall(r"^      (\w+):", explained[1], re.MULTILINE))
    assert names == set(StyleTransferOptions.model_fields)
