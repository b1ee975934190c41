"""Writes docs/settings.md from nst/settings: groups, defaults and docstrings."""

import ast
import inspect
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from nst.settings.environment import Settings, variables

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """# Settings

All settings are environment variables that are read once, when a process starts. A process with an
invalid value does not start and names the variable.
"""


def render() -> str:
    """Return the page in Markdown, one table per group."""
    page = HEAD
    for group, heading in docstrings(Settings):
        page += f"\n## {heading}\n\n| variable | default | meaning |\n| --- | --- | --- |\n"
        page += "".join(rows(group))
    return page


def rows(group: str) -> Iterator[str]:
    """Yield a row of the table for each field of a group."""
    kind = Settings.model_fields[group].annotation
    assert isinstance(kind, type)
    sentences = dict(docstrings(kind))
    for variable, (its_group, field, declared) in variables().items():
        if its_group == group:
            meaning = " ".join(sentences[field].split()) + choices(declared)
            yield f"| `{variable}` | {default(declared)} | {meaning} |\n"


def default(field: Any) -> str:
    """Return the default as users type it; empty if the meaning states it."""
    if field.default_factory or field.default in (None, (), {}, ""):
        return ""
    if isinstance(field.default, timedelta):
        return f"`{field.default.days}d`"
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"


def choices(field: Any) -> str:
    """Return the sentence that lists the allowed words.
    It is empty if other values are allowed."""
    annotations = (field.annotation, *get_args(field.annotation))
    literals = (each for each in annotations if get_origin(each) is Literal)
    words = [f"`{word}`" for literal in literals for word in get_args(literal)]
    return f" One of {', '.join(words)}." if words else ""


def docstrings(kind: type) -> Iterator[tuple[str, str]]:
    """Yield each field of a class with the string below it."""
    (declaration,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(declaration, ast.ClassDef)
    for attribute, below in pairwise(declaration.body):
        if isinstance(attribute, ast.AnnAssign) and isinstance(below, ast.Expr):
            assert isinstance(attribute.target, ast.Name)
            yield attribute.target.id, ast.literal_eval(below.value)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
