"""Classes of commands and options: grouped help, examples, and errors.
Errors name the options of the command line as they are typed."""

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from nst.errors import InvalidOption
from nst.option_fields import as_text

Function = TypeVar("Function", bound=Callable[..., Any])

OPTION_OF_ARGUMENT = {"masks": "style_mask", "max_memory_bytes": "max_memory"}
"""Option of the command line by argument of the library, if the names differ."""

OTHERS = "Other options"
"""Group of the options that name no group; it comes last."""


class Option(click.Option):
    """An option that belongs to a group of the help."""

    def __init__(self, *arguments: Any, group: str = OTHERS, **facts: Any) -> None:
        super().__init__(*arguments, **facts)
        self.group = group


def option(*names: str, group: str = OTHERS, **facts: Any) -> Callable[[Function], Function]:
    """Declare an option like `click.option`, with a group."""
    return click.option(*names, cls=Option, group=group, **facts)


class PlainCommand(click.Command):
    """A command whose errors name options as they are typed."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; called by click."""
        with errors_as_typed():
            return super().invoke(ctx)

    def typed_names(self) -> Mapping[str, str]:
        """Return each parameter as it is typed, by the field that it sets.

        For example, style_weight is typed as --style-weight, and contents as CONTENTS. A parameter
        has its own name here, too: changes is typed as --steer.
        """
        typed = {str(each.name): _typed(each) for each in self.params}
        return typed | {name.lstrip("-").replace("-", "_").lower(): name for name in typed.values()}


class Command(PlainCommand):
    """A command whose help shows its options in groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each group of options; called by click.

        The groups come in the order of their options.
        """
        groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record and isinstance(parameter, click.Option):
                groups[getattr(parameter, "group", OTHERS)].append(record)
        last = groups.pop(OTHERS)  # it always has --help
        for group, records in [*groups.items(), (OTHERS, last)]:
            with formatter.section(group):
                formatter.write_dl(records)


@contextmanager
def errors_as_typed() -> Iterator[None]:
    """Reword each InvalidOption that passes, with names as they are typed."""
    try:
        yield
    except InvalidOption as error:
        context = click.get_current_context(silent=True)
        command = context.command if context else None
        names = command.typed_names() if isinstance(command, PlainCommand) else {}
        field = OPTION_OF_ARGUMENT.get(error.field, error.field)
        if field in names:
            allowed = as_typed(error.allowed, names)
            error.args = (must_be(names[field], error.value, allowed),)
        raise


@contextmanager
def renamed(**fields: str) -> Iterator[None]:
    """Give each InvalidOption that passes the name of the option that sets its field."""
    try:
        yield
    except InvalidOption as error:
        error.field = fields.get(error.field, error.field)
        raise


def usage_error(message: str) -> click.UsageError:
    """Return an error about the use of the running command."""
    return click.UsageError(message, click.get_current_context())


def as_typed(text: str, names: Mapping[str, str]) -> str:
    """Replace each field in a text that has an underscore by the option as typed.

    Fields of one word are left unchanged: "model" and "size" are words, too.
    """
    return re.sub(r"\b[a-z]+(?:_[a-z]+)+\b", lambda found: names.get(found[0], found[0]), text)


def must_be(name: str, value: object, allowed: str) -> str:
    """Return the sentence of an error.

    For example: "--size must be a whole number from 32 to 16000 (got 4)".
    """
    condition, *rest = allowed.split("; ", 1)
    return "; ".join([f"{name} must be {condition} (got {_quoted(value)})", *rest])


def examples(*lines: str) -> str:
    """Return examples as an epilog that click does not wrap."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def refused(
    value: object, allowed: str, param: click.Parameter | None, ctx: click.Context | None
) -> click.UsageError:
    """Return the error of an option type that rejects this value."""
    return click.UsageError(must_be(_typed(param) if param else "it", value, allowed), ctx)


class _OptionType(click.ParamType[Any]):
    """A type whose errors name the option as it is typed, and what is allowed."""

    allowed: str

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert a value; called by click."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            raise refused(value, self.allowed + self.hint(value), param, ctx) from None

    def hint(self, value: str) -> str:  # noqa: ARG002 - for the types below
        """Return a hint about this value, to be added to the error."""
        return ""


class OneOf(_OptionType, click.Choice[str]):
    """One of several words; the nearest one is suggested."""

    @property
    def allowed(self) -> str:  # type: ignore[override]
        return f"one of {', '.join(self.choices)}"

    def hint(self, value: str) -> str:
        """Return the nearest of the words as a suggestion; empty if none is near."""
        near = difflib.get_close_matches(value, self.choices, n=1)
        return f"; did you mean {near[0]}?" if near else ""


class WholeNumber(_OptionType, click.types.IntParamType):
    """A whole number; its limits are checked elsewhere."""

    def __init__(self, allowed: str) -> None:
        self.allowed = allowed


class Number(_OptionType, click.types.FloatParamType):
    """A number; its limits are checked elsewhere."""

    def __init__(self, allowed: str) -> None:
        self.allowed = allowed


class WholeNumberBetween(_OptionType, click.IntRange):
    """A whole number from `min` to `max`, both included."""

    @property
    def allowed(self) -> str:  # type: ignore[override]
        return f"a whole number from {self.min} to {self.max}"


def _typed(parameter: click.Parameter) -> str:
    """Return an option with its dashes, an argument as in the usage line."""
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return parameter.human_readable_name.strip("[].")


def _quoted(value: object) -> str:
    """Return a value as it is typed; text that is no number has quotes."""
    is_text = isinstance(value, str) and not re.fullmatch(r"-?[\d.]+", value)
    return repr(value) if is_text else as_text(value)
