"""Command line options, made from the fields of StyleTransferOptions."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args, get_origin

import click
from click.core import ParameterSource
from pydantic import ByteSize, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from nst.cli.command import Number, OneOf, PlainCommand, WholeNumber, as_typed, option, refused
from nst.cli.notices import remember_quiet, tell
from nst.controls import parse_change
from nst.errors import ImageRole, InvalidOption
from nst.learning_options import LearningOptions
from nst.option_effects import ignored
from nst.option_fields import Group, as_text, describe_allowed, facts_of, group_of
from nst.options import StyleTransferOptions
from nst.presets import PRESETS
from nst.progress import Change
from nst.samples import sample_file

Command = TypeVar("Command", bound=Callable[..., Any])

FIELDS = StyleTransferOptions.model_fields
PATH = click.Path(path_type=Path)

FILES = "Files"
START = "Where to start from"
MACHINE = "Machine"
TITLES: Mapping[Group, str] = {
    "picture": "Picture",
    "balance": "Photo and style",
    "method": "Method",
    "end": "Steps",
}
"""Groups of options in the help of the commands."""
LEARNING_TITLES: Mapping[Group, str] = {
    "end": "Time",
    "balance": "Photos and style",
    "network": "Network",
    "method": "Method",
}
"""Groups of options in the help of nst learn."""

FOR_STEPS = (
    *("device", "precision", "max_memory", "weights", "checkpoint_every"),
    *("changes", "stop_after"),
)
"""Options of commands, beside those of the transfer, that have no effect
on a draft."""
FOR_LEARNED = ("device", "precision")
"""Options of FOR_STEPS that have an effect with a learned style."""


def transfer_options(
    names: Iterable[str], flag: Callable[[str], str], preset: str, **others: object
) -> Callable[[Command], Command]:
    """Return a decorator that adds an option for every named field.

    The help of each option has the default of the preset, or that of `others`. An option that is
    not given has the value None: presets, and the choice of another model if none was named, can
    distinguish it from one that is given.
    """
    defaults = {name: field.default for name, field in FIELDS.items()} | dict(PRESETS[preset])
    defaults |= others

    def decorate(command: Command) -> Command:
        for name in reversed(list(names)):
            field = FIELDS[name]
            group = TITLES[group_of(field)]
            command = _field_option(flag, name, field, defaults[name], group)(command)
        return command

    return decorate


def learning_options(command: Command) -> Command:
    """Add an option for every field of LearningOptions to a command.

    An option that is not given has the value None.
    """
    for name, field in reversed(LearningOptions.model_fields.items()):
        group = LEARNING_TITLES[group_of(field)]
        command = _field_option(with_dashes, name, field, field.default, group)(command)
    return command


def _field_option(
    flag: Callable[[str], str], name: str, field: FieldInfo, default: object, group: str
) -> Callable[[Command], Command]:
    if field.annotation is bool:
        about = _description(field, flag)
        return option(flag(name), name, group=group, is_flag=True, default=None, help=about)
    return option(
        flag(name),
        name,
        group=group,
        type=_type(field),
        metavar=_metavar(field),
        help=f"{_description(field, flag)}  [default: {as_text(default)}]",
    )


def preset_option(default: str) -> Callable[[Command], Command]:
    return option(
        "--preset",
        group=START,
        type=OneOf(list(PRESETS)),
        help=f"Values of the options; each option overrides its value.  [default: {default}]",
    )


def quiet_option(command: Command) -> Command:
    """Add the option --quiet to a command; it suppresses the bar and every notice."""
    return click.option(
        "-q",
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=remember_quiet,
        is_eager=True,
        help="Print the paths of the results and errors, nothing else.",
    )(command)


class PicturePath(click.Path):
    """A path, or `sample:NAME` for an image that comes with nst."""

    def __init__(self, role: ImageRole) -> None:
        super().__init__(path_type=Path)
        self._role = role

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        return sample_file(os.fspath(value), self._role) or super().convert(value, param, ctx)


class SteeringChange(click.ParamType[Change]):
    """A change of options at a step, typed as 40:strength=0.8,tv_weight=2."""

    name = "change"

    def convert(
        self, value: str | Change, param: click.Parameter | None, ctx: click.Context | None
    ) -> Change:
        if isinstance(value, Change):
            return value
        try:
            return parse_change(value)
        except InvalidOption as error:
            raise refused(value, error.allowed, param, ctx) from error


class MemorySize(click.ParamType[int]):
    """A size in bytes, typed as 4GB, 4 GiB, 900MB or plain bytes."""

    name = "size"
    _BYTES: ClassVar[TypeAdapter[ByteSize]] = TypeAdapter(ByteSize)

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        try:
            return self._BYTES.validate_python(value)
        except (ValidationError, OverflowError) as error:
            allowed = "a size like 4GB, 900MB or 4GiB, or a number of bytes"
            raise refused(value, allowed, param, ctx) from error


class Seconds(click.ParamType[float]):
    """A number of seconds, at least 0."""

    name = "seconds"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds = math.nan
        with suppress(ValueError):
            seconds = float(value)
        if not 0 <= seconds < math.inf:
            raise refused(value, "a number of seconds, at least 0", param, ctx)
        return seconds


def with_dashes(name: str) -> str:
    return "--" + name.replace("_", "-")


def with_underscores(name: str) -> str:
    return "--" + name


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in values.items() if value is not None}


def is_given(name: str) -> bool:
    """Return whether this parameter was given on the command line.

    `name`: a parameter of the running command.
    """
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def say_ignored(options: StyleTransferOptions, *, is_learned: bool = False) -> None:
    """Print one line for each option on the command line that has no effect.

    `is_learned`: whether a learned style paints.
    """
    command = click.get_current_context().command
    assert isinstance(command, PlainCommand)
    typed = command.typed_names()
    in_use = FOR_LEARNED if is_learned else ()
    names = [name for name in (*FIELDS, *FOR_STEPS) if is_given(name) and name not in in_use]
    for sentence in ignored(
        options, names, lambda name: typed.get(name, with_dashes(name)), is_learned=is_learned
    ):
        tell(f"nst: {sentence}")


def say_ignored_steps(
    options: StyleTransferOptions, changes: Iterable[Change], stop_after: int | None
) -> None:
    """Print a line for each typed --steer and --stop-after without an effect.

    `changes`: the planned changes in the order of their steps; `stop_after`: step after which the
    transfer stops. Nothing is printed for a draft, about which `say_ignored` prints a line.
    """
    if options.is_draft:
        return
    last = min(options.total_iterations, stop_after or options.total_iterations)
    after_the_end = f"has no effect: step {last} is the last one"
    for change in changes if is_given("changes") else ():
        if change.step > last:
            tell(f"nst: {_typed_change(change.step, change.values)} {after_the_end}")
            continue
        options = options.model_copy(update=dict(change.values))
        for name, value in change.values.items():
            _say_ignored_value(options, change.step, name, value)
    if stop_after and stop_after > options.total_iterations and is_given("stop_after"):
        tell(f"nst: --stop-after {stop_after} {after_the_end}")


def _say_ignored_value(options: StyleTransferOptions, step: int, name: str, value: float) -> None:
    """Print a line if a new value of this option has no effect with these options."""
    typed = _typed_change(step, {name: value})

    def named(other: str) -> str:
        return typed if other == name else with_dashes(other)

    for sentence in ignored(options, [name], named):
        tell(f"nst: {sentence}")


def _typed_change(step: int, values: Mapping[str, float]) -> str:
    """Return a change as it is typed, such as --steer 40:strength=0.8."""
    pairs = (f"{name.replace('_', '-')}={as_text(value)}" for name, value in values.items())
    return f"--steer {step}:{','.join(pairs)}"


def _description(field: FieldInfo, flag: Callable[[str], str]) -> str:
    return as_typed(str(field.description), {other: flag(other) for other in FIELDS})


def _type(field: FieldInfo) -> click.ParamType[Any]:
    if get_origin(field.annotation) is tuple:
        return click.STRING
    if choices := get_args(field.annotation):
        return OneOf(choices)
    if field.annotation is str:
        return click.STRING
    allowed = describe_allowed(field)
    return WholeNumber(allowed) if field.annotation is int else Number(allowed)


def _metavar(field: FieldInfo) -> str | None:
    if get_origin(field.annotation) is tuple:
        return "NUMBER,NUMBER,…"
    if field.examples:
        return "|".join([*field.examples[:-1], "LAYER=WEIGHT,…"])
    unit = facts_of(field).get("unit")
    return str(unit).replace(" ", "-").upper() if unit else None
