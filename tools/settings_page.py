"""Writes docs/settings.md from nst/settings.py: groups, defaults, docstrings of the fields."""

import ast
import inspect
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import nst.settings
from nst.settings import Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """# Settings

All settings are environment variables that are read once, when a process starts. A process with an
invalid value does not start and names the variable.
"""


def render() -> str:
    """Return the page in Markdown, one table per group."""
    sentences = dict(docstrings())
    page, group = HEAD, ""
    for name, its_group in groups_of_fields():
        if its_group != group:
            group = its_group
            page += f"\n## {group[0].upper()}{group[1:]}\n\n"
            page += "| variable | default | meaning |\n| --- | --- | --- |\n"
        field = Settings.model_fields[name]
        meaning = " ".join(sentences[name].split()) + choices(field)
        page += f"| `NST_{name.upper()}` | {default(field)} | {meaning} |\n"
    return page


def default(field: Any) -> str:
    """Return the default as a person types it; empty where the meaning says it."""
    if field.default_factory or field.default in (None, (), {}, ""):
        return ""
    if isinstance(field.default, timedelta):
        return f"`{field.default.days}d`"
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"


def choices(field: Any) -> str:
    """Return the sentence that lists the allowed words, empty where other values are allowed."""
    annotations = (field.annotation, *get_args(field.annotation))
    literals = (each for each in annotations if get_origin(each) is Literal)
    words = [f"`{word}`" for literal in literals for word in get_args(literal)]
    return f" One of {', '.join(words)}." if words else ""


def groups_of_fields() -> Iterator[tuple[str, str]]:
    """Return each field with its group: the comment line above, `# ── storage ──`."""
    group = ""
    for line in inspect.getsource(Settings).splitlines():
        if found := re.match(r"    # ── (.+) ──$", line):
            group = found[1]
        elif (found := re.match(r"    (\w+): ", line)) and found[1] in Settings.model_fields:
            yield found[1], group


def docstrings() -> Iterator[tuple[str, str]]:
    """Return each field with the string below it."""
    tree = ast.parse(inspect.getsource(nst.settings))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for attribute, below in pairwise(classes["Settings"].body):
        if isinstance(attribute, ast.AnnAssign) and isinstance(below, ast.Expr):
            assert isinstance(attribute.target, ast.Name)
            yield attribute.target.id, ast.literal_eval(below.value)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
