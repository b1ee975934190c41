"""Checks of the language: beginnings and lengths of docstrings, phrases, terms."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from nst.options import StyleTransferOptions
from support.assets import REPOSITORY

MODULES = sorted((REPOSITORY / "src" / "nst").rglob("*.py"))
DOCUMENTS = [
    *(REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    REPOSITORY / "benchmarks" / "README.md",
]
PAGE = REPOSITORY / "frontend" / "src" / "texts.ts"
READ_BY_PEOPLE = [*DOCUMENTS, *MODULES, PAGE]

FIRST_LINE_CHARACTERS = 79
SECTION_LINES = 60

NOT_A_BEGINNING = {"As", "Of", "So", "That", "Those", "What", "Which", "Whose", "Why"}
"""First words of sentences whose noun is missing."""

BANNED = {
    r"is not possible; give": "is invalid; expected",
    r"it would have been": "produces the same image",
    r"hardly falls": "has converged",
    r"all steps done": "finished",
    r"large plans are told": "is printed before it starts",
    r"of a picture with transparency": "if it has an alpha channel",
    r"so little flickers": "reduces flicker",
    r"\bso often\b": "interval in seconds",
    r"a worker's silence": "seconds without a heartbeat",
    r"parts visitors from": "visitors lose access to",
    r"\b[Hh]ow long [^.]* says": "for … see",
    r"\bspeaks? [`a-z/.]+README": "for … see",
    r"\bshall\b": "must, will, should",
    r"paint in so many": "number of",
    r"each counting so many": "decay of",
    r"[Gg]oes back by itself": "implements the backward pass by hand",
    r"Nobody else gets there": "has no public URL",
    r"who knows it has been told": "unguessable",
    r"[Gg]one on (?:from|with)": "continued, resumed",
    r"To go on:": "To continue:",
    r"kernel turned around": "flipped kernel",
    r"Paint on\b|Turn around|Possible are": "Keep painting, Invert, Supported formats:",
    r"\b[23] Manner|whose manner": "Look, style",
    r"Where\?'": "Paint only part…",
    r"How far it is'": "Progress over time",
    r"Hold on to the photo|Take from the style": "Keep the photo, Use the style",
    r"are on the table": "loaded",
    r"[Tt]ake (?:a link )?back\b": "revoke",
    r"Do not paint it": "Remove from queue",
    r"Nothing hangs here|To the first page": "Page not found, Go to the home page",
    r"Looks taken over": "Looks imported",
    r"brushes are being laid out": "Getting ready",
    r"\(1 threads|, 1 threads": "1 thread",
}
"""Phrases that nobody would say, as regular expressions, each with a replacement."""

TERMS = {
    "canceled": r"cancell(?:ed|ing)",
    "optimizer": r"optimisers?",
    "optimise": r"optimiz(?:es|ed|ing)",
    "minimise": r"minimi[z](?:e|es|ed|ing)",
    "stylize": r"stylis(?:e|es|ed|ing)",
    "recognise": r"recogniz(?:e|es|ed|able|ing)",
    "behaviour": r"behaviors?",
    "grey": r"gray",
    "licence": r"(?-i:licenses?)",
    "neighbour": r"neighbor(?:ing|hood)?",
    "colour": r"colors?",
    "centre": r"centers?",
    "time-lapse": r"time lapses?",
    "file name": r"file-names?",
    "checkpoint": r"check-?\ points?",
    "web page": r"web-?pages?",
    "PostgreSQL": r"Postgres",
    "content image": r"content pictures?",
    "style image": r"style pictures?",
    "initial image": r"starting (?:picture|image)s?",
}
"""The one spelling of each term, and a regular expression of the others.
Names in code, which stand in `…`, are not prose."""

NOT_PROSE = re.compile(
    r"```.*?```|~~~.*?~~~|`[^`\n]*`|\]\([^)]*\)|https?://\S+|\$[^$\n]+\$|--[\w-]+|\*[^*\n]+\*",
    re.DOTALL,
)
"""Code, links, formulas, options of commands, and *titles of papers*."""
NAMES = re.compile(r"[\w.]+_\w+|\b\w+\.\w+\b|Neural Neighbor|\bcolor (?:luminance|match)")
"""Names of values and identifiers in prose."""


class Docstring(NamedTuple):
    place: str
    text: str

    @property
    def first_line(self) -> str:
        return self.text.strip().splitlines()[0]


def docstrings(path: Path) -> Iterator[Docstring]:
    """Yield the docstrings of public modules, classes, functions and attributes."""
    for node in _public(ast.parse(path.read_text(encoding="utf-8"))):
        yield Docstring(f"{path.relative_to(REPOSITORY)}:{node.lineno}", str(node.value))


def _public(scope: ast.Module | ast.ClassDef) -> Iterator[ast.Constant]:
    yield from _docstring(scope.body)
    for before, statement in zip([None, *scope.body], scope.body, strict=False):
        if isinstance(statement, ast.ClassDef) and _is_public(statement.name):
            yield from _public(statement)
        elif isinstance(statement, ast.FunctionDef) and _is_public(statement.name):
            yield from _docstring(statement.body)
        elif isinstance(before, ast.Assign | ast.AnnAssign) and _is_public(_target(before)):
            yield from _docstring([statement])


def _docstring(body: Sequence[ast.stmt]) -> Iterator[ast.Constant]:
    match body[0] if body else None:
        case ast.Expr(value=ast.Constant(value=str()) as text):
            yield text


def _target(assignment: ast.Assign | ast.AnnAssign) -> str:
    if isinstance(assignment, ast.AnnAssign):
        return ast.unparse(assignment.target)
    return ast.unparse(assignment.targets[0])


def _is_public(name: str) -> bool:
    return not name.startswith("_") or name.startswith("__")


def prose(path: Path) -> list[str]:
    """Return the paragraphs of a document, or of the docstrings of a module.
    Names and code are left out."""
    if path.suffix == ".py":
        text = "\n\n".join(found.text for found in docstrings(path))
    else:
        text = path.read_text(encoding="utf-8")
    paragraphs = NAMES.sub("", NOT_PROSE.sub("", text)).split("\n\n")
    return [" ".join(paragraph.split()) for paragraph in paragraphs]


def at(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.fixture(scope="module")
def public() -> list[Docstring]:
    found = [docstring for path in MODULES for docstring in docstrings(path)]
    assert len(found) > 1500
    return found


def test_docstrings_begin_with_a_noun_or_a_verb(public: list[Docstring]) -> None:
    wrong = [
        f"{found.place}: {found.first_line}"
        for found in public
        if re.match(r"\w*", found.text.strip())[0] in NOT_A_BEGINNING  # type: ignore[index]
    ]
    assert not wrong, "\n".join(wrong)


def test_first_lines_of_docstrings_are_short(public: list[Docstring]) -> None:
    wrong = [
        f"{found.place}: {found.first_line}"
        for found in public
        if len(found.first_line) > FIRST_LINE_CHARACTERS
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("phrase", BANNED)
def test_nothing_is_said_as_nobody_would_say_it(phrase: str) -> None:
    wrong = [
        f"{at(path)}:{number}: {line.strip()}"
        for path in READ_BY_PEOPLE
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(phrase, line)
    ]
    assert not wrong, "\n".join([f"write: {BANNED[phrase]}", *wrong])


@pytest.mark.parametrize("term", TERMS)
def test_a_term_has_one_spelling(term: str) -> None:
    other = re.compile(rf"\b(?:{TERMS[term]})\b", re.IGNORECASE)
    wrong = [
        f"{at(path)}: …{paragraph[max(0, found.start() - 40) : found.end() + 40]}…"
        for path in (*DOCUMENTS, *MODULES)
        for paragraph in prose(path)
        for found in other.finditer(paragraph)
    ]
    assert not wrong, "\n".join([f"write: {term}", *wrong])


def test_descriptions_of_options_begin_with_the_thing() -> None:
    for name, field in StyleTransferOptions.model_fields.items():
        words = (field.description or "").split()
        assert words, name
        assert words[0] not in NOT_A_BEGINNING, f"{name}: {field.description}"
        assert words[-1].endswith("."), f"{name}: {field.description}"


def test_sections_of_the_readme_fit_a_screen() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for section in re.split(r"^## ", readme, flags=re.MULTILINE):
        assert len(section.splitlines()) <= SECTION_LINES, section.splitlines()[0]
