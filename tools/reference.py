"""Generates the documentation's reference pages from the code, in its build."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import mkdocs_gen_files
from prometheus_client.core import Metric

import nst.metrics
from nst.api.problems import status_of
from nst.cli.errors import exit_code
from nst.errors import NSTError
from nst.option_effects import describe_need, needs_of
from nst.option_fields import describe_allowed, facts_of
from nst.options import StyleTransferOptions
from nst.presets import PRESETS


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def commands() -> str:
    return (
        "# Commands\n\n::: mkdocs-click\n    :module: nst.cli.main\n    :command: nst\n"
        "    :depth: 1\n    :style: table\n    :list_subcommands: true\n"
    )


def options() -> str:
    rows = [
        (
            f"`{name}`",
            f"`{field.default}`",
            _allowed(name),
            _unit(field),
            _needs(name),
            field.description,
        )
        for name, field in StyleTransferOptions.model_fields.items()
    ]
    names = list(dict.fromkeys(option for values in PRESETS.values() for option in values))
    presets = [
        (f"`{preset}`", *(values.get(name, "") for name in names))
        for preset, values in PRESETS.items()
    ]
    return (
        "# Options\n\nThe same everywhere: on the command line with dashes, in forms and JSON as "
        "they stand here.\n\n"
        + table(("option", "default", "allowed", "unit", "has an effect with", "meaning"), rows)
        + "\n## Presets\n\nWhat is empty is the default.\n\n"
        + table(("preset", *(f"`{name}`" for name in names)), presets)
    )


def _allowed(name: str) -> str:
    return describe_allowed(StyleTransferOptions.model_fields[name])


def _needs(name: str) -> str:
    return ", and ".join(describe_need(need) for need in needs_of(name))


def _unit(field: Any) -> str:
    return str(facts_of(field).get("unit", ""))


def errors() -> str:
    rows = [
        (f"`{cls.code}`", cls.__name__, int(status_of(cls)), _exit_code(cls), cls.__doc__)
        for cls in _subclasses(NSTError)
    ]
    return (
        "# Errors\n\nEvery error has a stable code. Over HTTP it comes as problem JSON "
        "([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with this status; a command ends "
        "with this exit code.\n\n"
        + table(("code", "class", "HTTP status", "exit code", "meaning"), rows)
    )


def _exit_code(cls: type[NSTError]) -> int:
    return exit_code(cls.__new__(cls))


def _subclasses(cls: type[NSTError]) -> Iterator[type[NSTError]]:
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)


def metrics() -> str:
    rows = [
        (f"`{_metric_name(family)}`", family.type, family.unit, family.documentation)
        for family in nst.metrics.describe()
    ]
    return (
        "# Metrics\n\n`nst serve` has them at `/metrics`, `nst worker` at the port "
        "`NST_WORKER_METRICS_PORT`. Of a histogram there are `_bucket`, `_sum` and `_count`.\n\n"
        + table(("metric", "kind", "unit", "meaning"), rows)
    )


def _metric_name(family: Metric) -> str:
    return family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")


def routes() -> str:
    spec = _specification()
    rows = [
        (f"`{method.upper()} {path}`", operation.get("summary", ""), _answers(operation))
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
    ]
    return (
        "# HTTP routes\n\nA running server has the whole description at `/api/openapi.json` and a "
        "page to try it at `/api/docs`.\n\n" + table(("route", "what it does", "answers"), rows)
    )


def _answers(operation: dict[str, Any]) -> str:
    return ", ".join(operation.get("responses", ()))


def _specification() -> dict[str, Any]:
    from nst.api.app import specification

    return specification()


PAGES: dict[str, Callable[[], str]] = {
    "commands": commands,
    "options": options,
    "routes": routes,
    "metrics": metrics,
    "errors": errors,
}

for name, page in PAGES.items():
    with mkdocs_gen_files.open(f"reference/{name}.md", "w") as file:
        file.write(page())
