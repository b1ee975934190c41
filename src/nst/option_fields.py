"""Parts of options: base class, value types, groups, allowed values in words."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, cast, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ModelWrapValidatorHandler,
    model_validator,
)
from pydantic import ValidationError as PydanticValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from nst.errors import InvalidOption
from nst.layers import layers_pattern

MAX_WEIGHT = 10**12
"""Maximum weight of a loss.
It is far beyond any use, and products of weights stay finite."""

MAX_SHARE = 10**6
"""Maximum share of a style.
Sums of shares stay finite, and no share vanishes next to another."""

MAX_SIZE = 16_000
"""Maximum of the longest side of a result, in pixels."""

MAX_STEPS = 10**6
"""Maximum number of optimizer steps of a transfer."""

ModelName = Literal["vgg19", "vgg16"]
MODELS: tuple[str, ...] = get_args(ModelName)

# Facts of the machine: not part of the recipe, and therefore not options of a transfer.
DEVICES = ("auto", "cuda", "mps", "cpu")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def _split(value: Any) -> Any:
    """Split a list of numbers from a form or the command line: "0.7,0.3"."""
    if isinstance(value, str):
        return value.split(",") if value else ()
    return value


Shares = Annotated[tuple[Annotated[float, Field(ge=0, le=MAX_SHARE)], ...], BeforeValidator(_split)]

LAYER_SETS = {"style_layers": ("classic", "dense"), "content_layers": ("classic",)}
"""Names of layer sets that the engine defines, by option.
Any other value lists layers."""


def _layers(option: str) -> Any:
    examples = [*LAYER_SETS[option], "relu1_1=1,relu4_1=0.5"]
    return Field(pattern=layers_pattern(LAYER_SETS[option]), examples=examples)


def _without_spaces(value: Any) -> Any:
    return value.replace(" ", "") if isinstance(value, str) else value


StyleLayers = Annotated[str, BeforeValidator(_without_spaces), _layers("style_layers")]
ContentLayers = Annotated[str, BeforeValidator(_without_spaces), _layers("content_layers")]


def _as_text(value: Any) -> Any:
    """Return a whole number as the text of a choice: 16 as "16"."""
    return str(value) if type(value) is int else value


BitDepth = Annotated[Literal["8", "16"], BeforeValidator(_as_text)]


class Options(BaseModel):
    """Options whose invalid values raise InvalidOption."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _raise_invalid_option(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            options = handler(data)
        except PydanticValidationError as error:
            raise _invalid_option(error.errors()[0], data, cls.model_fields) from error
        options._check()
        return options

    def _check(self) -> None:
        """Raise InvalidOption if valid fields contradict each other."""


Group = Literal["picture", "balance", "method", "end", "network"]
"""Group of an option; the help of the commands lists each group together."""


def in_group(group: Group, **facts: str | bool) -> dict[str, JsonValue]:
    """Return the metadata of an option: group, unit, and whether it is `steerable`.
    The engine applies a new value of a steerable option before its next step."""
    return {"group": group, **facts}


def group_of(field: FieldInfo) -> Group:
    """Return the group of an option."""
    return cast("Group", facts_of(field)["group"])


def facts_of(field: FieldInfo) -> Mapping[str, JsonValue]:
    """Return the metadata of an option, which `in_group` made."""
    assert isinstance(field.json_schema_extra, dict)
    return field.json_schema_extra


def _in_short(number: float) -> str:
    """Return a number as text; MAX_WEIGHT as 1e12."""
    return f"{number:.0e}".replace("+", "") if number == MAX_WEIGHT else str(number)


def as_text(value: object) -> str:
    """Return the value of an option as it is typed, such as 1e+12 or 0.7,0.3."""
    if isinstance(value, tuple):
        return ",".join(map(as_text, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def describe_allowed(field: FieldInfo) -> str:
    """Return what a field accepts, in words: "a whole number from 32 to 16000"."""
    if get_origin(field.annotation) is tuple:
        return f"a number from 0 to {MAX_SHARE} for each style, with commas between"
    if choices := get_args(field.annotation):
        return "one of " + ", ".join(choices)
    if field.annotation is bool:
        return "true or false"
    if field.examples:
        *sets, example = field.examples
        return f"{', '.join(sets)}, or layers with weights greater than 0, like {example}"
    kind = "a whole number" if field.annotation is int else "a number"
    multiple = _bound(field, "multiple_of")
    of_steps = f", a multiple of {multiple}" if multiple else ""
    return f"{kind} {_least(field)} {_most(field)}{of_steps}"


def _least(field: FieldInfo) -> str:
    if (above := _bound(field, "gt")) is not None:
        return f"from more than {_in_short(above)}"
    return f"from {_in_short(_bound(field, 'ge') or 0)}"


def _most(field: FieldInfo) -> str:
    if (below := _bound(field, "lt")) is None:
        return f"to {_in_short(_bound(field, 'le') or 0)}"
    return f"to {below - 1}" if field.annotation is int else f"to less than {_in_short(below)}"


def _bound(field: FieldInfo, kind: str) -> float | None:
    """Return the bound of this kind (ge, gt, le, lt), if the field has one."""
    bounds = (getattr(constraint, kind, None) for constraint in field.metadata)
    return next((bound for bound in bounds if bound is not None), None)


def _invalid_option(
    error: ErrorDetails, data: Any, fields: Mapping[str, FieldInfo]
) -> InvalidOption:
    """Return the error in the data of a model with these fields as InvalidOption."""
    if not error["loc"]:
        return InvalidOption("options", error["input"], "names of options with their values")
    name = str(error["loc"][0])
    field = fields.get(name)
    if field is None:
        near = difflib.get_close_matches(name, fields, n=1)
        known = f", such as {near[0]}" if near else f": {', '.join(fields)}"
        return InvalidOption(name, name, f"the name of an option{known}")
    value = data[name] if len(error["loc"]) > 1 else error["input"]  # one number of several
    return InvalidOption(name, value, describe_allowed(field))
