"""Every knob of a transfer, declared once.

The command line, the compatible command, the HTTP form and the docs are made from the fields of
`StyleTransferOptions`; the defaults are those of the classic method.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from nst.layers import layer_weights, layers_pattern

MAX_SIZE = 16_000
"""Longest side of a result in pixels."""

MAX_WEIGHT = 10**12
"""Largest weight of a loss: far beyond any use, and
products of weights stay finite."""

MAX_SHARE = 10**6
"""Largest share of a style: sums of shares stay finite,
and no share vanishes beside another."""

ModelName = Literal["vgg19", "vgg16"]
MODELS: tuple[str, ...] = get_args(ModelName)

# What a machine computes with: no part of the recipe, so no field below.
DEVICES = ("auto", "cuda", "mps", "cpu")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def _split(value: Any) -> Any:
    """As a form and the command line write several numbers: "0.7,0.3"."""
    if isinstance(value, str):
        return value.split(",") if value else ()
    return value


Shares = Annotated[tuple[Annotated[float, Field(ge=0, le=MAX_SHARE)], ...], BeforeValidator(_split)]

LAYER_SETS = {"style_layers": ("classic", "dense"), "content_layers": ("classic",)}
"""Words for sets of layers that the engine chooses, by
option; anything else names layers."""


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


Group = Literal["picture", "balance", "method", "end"]
"""Group of an option; the help of the commands shows a group together."""


def _in(group: Group, **facts: str | bool) -> dict[str, JsonValue]:
    """Return metadata of an option: its group and, where it has one, its unit; and whether
    it is `steerable`: the engine takes over a new value before its next step."""
    return {"group": group, **facts}


def group_of(field: FieldInfo) -> Group:
    """Return the group of an option."""
    return cast("Group", _facts(field)["group"])


def _facts(field: FieldInfo) -> Mapping[str, JsonValue]:
    """Return the metadata of an option, as `_in` made it."""
    assert isinstance(field.json_schema_extra, dict)
    return field.json_schema_extra


BitDepth = Annotated[Literal["8", "16"], BeforeValidator(_as_text)]


class StyleTransferOptions(BaseModel):
    """Options of one transfer.

    The defaults of the fields are the classic method and its 20000 steps: they are what options
    meant before they existed, in recipes and jobs. `from_preset()` has the defaults of `nst
    stylize`. Raises InvalidOption, which names the field, the value and what is allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    size: int = Field(
        default=512,
        ge=32,
        le=MAX_SIZE,
        description="Longest side of the result; the content image's aspect ratio is kept.",
        json_schema_extra=_in("picture", unit="pixels"),
    )
    content_weight: float = Field(
        default=1e5,
        ge=0,
        le=MAX_WEIGHT,
        description="Weight of the content loss: the similarity to the content image.",
        json_schema_extra=_in("balance", steerable=True),
    )
    style_weight: float = Field(
        default=3e4,
        ge=0,
        le=MAX_WEIGHT,
        description="Weight of the style loss: the similarity to the style image.",
        json_schema_extra=_in("balance", steerable=True),
    )
    strength: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Strength of the style: 0 is the photo with a breath of brush, 1 is the style "
        "at its strongest. It multiplies the content weight by 10 000 at 0 and divides it by "
        "10 000 at 1; with style_loss neighbors by 10.",
        json_schema_extra=_in("balance", steerable=True),
    )
    flourish: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Amount of large forms of the style where the photo is empty: 0 is calm, 1 is "
        "wild.",
        json_schema_extra=_in("balance", steerable=True),
    )
    style_scale: float = Field(
        default=1.0,
        ge=0.1,
        le=10,
        description="Size of the style image, and with it of the brush strokes; 1 is the height of "
        "the result.",
        json_schema_extra=_in("picture"),
    )
    style_blend: Shares = Field(
        default=(),
        description="Shares of several styles in their order, such as 0.7,0.3; equal shares if "
        "omitted.",
        json_schema_extra=_in("balance"),
    )
    protect: Literal["none", "faces", "person"] = Field(
        default="none",
        description="Keep more of the photo where a network finds faces, or the person in front. A "
        "detail map marks such places by hand.",
        json_schema_extra=_in("picture"),
    )
    color: Literal["style", "match", "luminance"] = Field(
        default="style",
        description="Colours of the result. style: the style's colours. match: recolour the style "
        "to the content's palette first. luminance: stylize luminance only and keep the content's "
        "chroma.",
        json_schema_extra=_in("picture"),
    )
    color_amount: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of the content's chroma that is kept with color luminance.",
        json_schema_extra=_in("picture", steerable=True),
    )
    tv_weight: float = Field(
        default=1.0,
        ge=0,
        le=MAX_WEIGHT,
        description="Weight of the total variation loss, which smooths noise.",
        json_schema_extra=_in("balance", steerable=True),
    )
    optimizer: Literal["lbfgs", "adam"] = Field(
        default="lbfgs",
        description="L-BFGS needs fewer steps, Adam less memory.",
        json_schema_extra=_in("method"),
    )
    model: ModelName = Field(
        default="vgg19",
        description="Network that compares images. If the option is omitted and the weights of "
        "vgg19 are not available, the bundled vgg16 is used.",
        json_schema_extra=_in("method"),
    )
    style_layers: StyleLayers = Field(
        default="classic",
        description="Layers whose statistics are compared: classic, one in each block; dense, "
        "about twice as many, which fits the style better; or names with relative weights "
        "(1 if omitted).",
        json_schema_extra=_in("method"),
    )
    content_layers: ContentLayers = Field(
        default="classic",
        description="Layers whose features are compared with the content's: classic, the classic "
        "programs' layer; or names with relative weights (1 if omitted).",
        json_schema_extra=_in("method"),
    )
    pooling: Literal["max", "average"] = Field(
        default="max",
        description="Pooling of the network: the maximum of each window, as in its training, or "
        "the average.",
        json_schema_extra=_in("method"),
    )
    style_loss: Literal["gram", "wasserstein", "neighbors"] = Field(
        default="gram",
        description="Comparison of the image with the style. gram: by Gram matrices, as in the "
        "classic programs. wasserstein: by the distance that features must move until their "
        "mean and covariance are the style's. neighbors: each place of the photo is matched with "
        "the place of the style that looks most like it.",
        json_schema_extra=_in("method"),
    )
    padding: Literal["zeros", "replicate"] = Field(
        default="zeros",
        description="Padding of the network at the border of the image: zeros, as in the classic "
        "programs, or copies of the border, which leave fewer marks there.",
        json_schema_extra=_in("method"),
    )
    init_method: Literal["content", "random", "style", "draft"] = Field(
        default="content",
        description="Initial image: the content, Gaussian noise, the style, or the draft of a "
        "feed-forward network, which is the result if total_iterations is 0.",
        json_schema_extra=_in("method"),
    )
    total_iterations: int = Field(
        default=20000,
        ge=0,
        le=10**6,
        description="Maximum number of optimizer steps.",
        json_schema_extra=_in("end"),
    )
    scales: int = Field(
        default=1,
        ge=1,
        le=8,
        description="Number of pyramid scales, which share the steps; each doubles the resolution.",
        json_schema_extra=_in("method"),
    )
    average: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Decay of the iterate average over the steps of the last scale; 0 disables it.",
        json_schema_extra=_in("method"),
    )
    learning_rate: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        description="Step size of Adam; L-BFGS finds its own.",
        json_schema_extra=_in("method", unit="grey levels"),
    )
    convergence_tolerance: float = Field(
        default=0.005,
        ge=0,
        lt=1,
        description="Stop when the loss falls by less than this share within the window; 0 "
        "disables it.",
        json_schema_extra=_in("end"),
    )
    convergence_window: int = Field(
        default=50,
        ge=1,
        le=10**6,
        description="Number of steps over which the convergence tolerance is measured.",
        json_schema_extra=_in("end", unit="steps"),
    )
    save_every: int = Field(
        default=100,
        ge=0,
        le=10**6,
        description="Interval at which intermediate images are kept, in steps; 0 disables it.",
        json_schema_extra=_in("end", unit="steps"),
    )
    bit_depth: BitDepth = Field(
        default="8",
        description="Bits per channel of the result; 16 needs a PNG or TIFF file. Intermediate "
        "images always have 8.",
        json_schema_extra=_in("picture"),
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**63,
        description="Same seed, same machine: same picture.",
        json_schema_extra=_in("method"),
    )

    @model_validator(mode="wrap")
    @classmethod
    def _raise_invalid_option(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            options = handler(data)
        except PydanticValidationError as error:
            raise invalid_option(error.errors()[0], data, cls.model_fields) from error
        if options.content_weight == options.style_weight == 0:
            raise InvalidOption("style_weight", 0, "greater than 0, unless content_weight is")
        if options.total_iterations == 0 and options.init_method != "draft":
            raise InvalidOption("total_iterations", 0, "at least 1; 0 is for init_method draft")
        if options.is_draft and options.protect != "none":
            raise InvalidOption("protect", options.protect, "none with a draft")
        if options.style_blend and not any(options.style_blend):
            raise InvalidOption("style_blend", options.style_blend, "a share greater than 0")
        for name, sets in LAYER_SETS.items():
            if (layers := getattr(options, name)) not in sets:
                layer_weights(name, layers, options.model)
        return options

    @classmethod
    def from_preset(cls, preset: str | None = None, **overrides: Any) -> Self:
        """The options of a preset, by default that of `nst stylize`, with the named ones
        changed. Raises InvalidOption."""
        preset = DEFAULT_PRESET if preset is None else preset
        if not isinstance(preset, str) or preset not in PRESETS:
            raise InvalidOption("preset", preset, f"one of {', '.join(PRESETS)}")
        return cls(**{**PRESETS[preset], **overrides})

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show the options that somebody set, not all of them."""
        fields = type(self).model_fields
        return ((name, getattr(self, name)) for name in fields if name in self.model_fields_set)

    @property
    def content_weight_in_force(self) -> float:
        """The content weight, multiplied by what the strength says."""
        decades = DECADES_OF_STRENGTH[self.style_loss]
        return float(self.content_weight * 10 ** (decades - 2 * decades * self.strength))

    def style_shares(self, count: int) -> tuple[float, ...]:
        """Return the shares of this many styles; their sum is 1. Raises InvalidOption."""
        blend = self.style_blend or (1.0,) * count
        if len(blend) != count:
            raise InvalidOption("style_blend", blend, f"as many shares as styles, here {count}")
        return tuple(share / sum(blend) for share in blend)

    @property
    def is_matched(self) -> bool:
        """Whether places of the content are matched with places of the style."""
        return self.style_loss == "neighbors"

    @property
    def names_model(self) -> bool:
        """Whether somebody asked for the model by name, so that no other may stand in."""
        return "model" in self.model_fields_set

    @property
    def is_16_bit(self) -> bool:
        """Whether the result has 16 bits per channel."""
        return self.bit_depth == "16"

    @property
    def is_draft(self) -> bool:
        """Whether the draft is the result, and nothing is optimised."""
        return self.total_iterations == 0


DECADES_OF_STRENGTH: Mapping[str, int] = {"gram": 4, "wasserstein": 4, "neighbors": 1}
"""By style_loss: strength 0 multiplies the content weight by 10 to this power,
strength 1 divides by it."""

LATER_SHARES: Mapping[str, int] = {"neighbors": 14, "gram": 10, "wasserstein": 10}
"""Steps of the first frame of a film for each step of a later frame, by
style_loss: a later frame begins nearly done. Its steps are steps at full size;
with them it takes less than a quarter of a single picture's time."""

MAX_PASSES = 9
"""Maximum number of times that a film is painted."""
ONCE_FOR_DRAFTS = "1 with a draft or a learned style, where no frame continues the one before"

_NEIGHBORS: Mapping[str, Any] = {
    "size": 512,
    "style_loss": "neighbors",
    "content_weight": 6e3,
    "style_weight": 1e4,
    "tv_weight": 0.0,
    "flourish": 0.75,
    "scales": 4,
    "padding": "replicate",
    "total_iterations": 120,
    "save_every": 0,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "quality": _NEIGHBORS,
    "fast": {**_NEIGHBORS, "flourish": 0.5, "total_iterations": 40, "model": "vgg16"},
    "gram": {
        "size": 512,
        "content_weight": 1.85e5,
        "style_layers": "dense",
        "scales": 3,
        "average": 0.9,
        "padding": "replicate",
        "total_iterations": 180,
        "save_every": 0,
    },
    "draft": {
        "size": 512,
        "init_method": "draft",
        "total_iterations": 0,
        "save_every": 0,
        "model": "vgg16",
    },
    "classic": {},
}
"""Named starting points;
`quality` is the default of `nst stylize`, `classic` of the compatible command.
Options that are given replace those of the preset."""

DEFAULT_PRESET = "quality"
"""The preset of `nst stylize`, the page and the API if none is named."""

Need = Mapping[str, Sequence[str] | None]
"""Options with the values that satisfy the need; one of the options is enough.
None: any value greater than 0."""

_STEPS: Need = {"total_iterations": None}

IN_DRAFTS = (
    "size",
    "bit_depth",
    "color",
    "color_amount",
    "style_blend",
    "protect",
    "init_method",
    "total_iterations",
)
"""Options that a draft obeys or refuses.
All others have an effect on the steps of the optimizer alone, and a draft
takes none."""

NEEDS: Mapping[str, Need] = {
    "strength": {"content_weight": None},
    "flourish": {"style_loss": ["neighbors"]},
    "color_amount": {"color": ["luminance"]},
    "style_layers": {"style_loss": ["gram", "wasserstein"]},
    "content_layers": {"style_loss": ["gram", "wasserstein"]},
    "learning_rate": {"optimizer": ["adam"]},
    "convergence_window": {"convergence_tolerance": None},
    "seed": {"init_method": ["random"], "style_loss": ["neighbors"]},
}
"""Needs of an option to have an effect, beside the steps."""


def steerable() -> tuple[str, ...]:
    """Return the names of the options that may change while a transfer runs."""
    fields = StyleTransferOptions.model_fields.items()
    return tuple(name for name, field in fields if "steerable" in _facts(field))


def needs_of(name: str) -> Sequence[Need]:
    """Return all that an option needs to have an effect. An unknown name needs steps."""
    steps = () if name in IN_DRAFTS else (_STEPS,)
    return (*steps, NEEDS[name]) if name in NEEDS else steps


Naming = Callable[[str], str]
"""How an option is called where a sentence is read:
style_weight, or --style-weight."""


def describe_need(need: Need, named: Naming = str) -> str:
    """Return the need in words: "init_method random or style_loss neighbors"."""
    return " or ".join(
        f"{named(other)} {'greater than 0' if values is None else ' or '.join(values)}"
        for other, values in need.items()
    )


def later_options(first: StyleTransferOptions, steps: int | None = None) -> StyleTransferOptions:
    """Return the options of a frame that continues another one.
    `first`: the options of the first frame. `steps`: optimizer steps of every
    later frame; None: a share of the first frame's."""
    if steps is None:
        steps = -(-first.total_iterations // LATER_SHARES[first.style_loss])
    changed = {"total_iterations": steps, "scales": 1}
    return StyleTransferOptions(**first.model_dump(exclude_unset=True) | changed)


def has_effect(options: StyleTransferOptions, name: str) -> bool:
    """Return whether another value of this option could change the image."""
    return _unmet(options, name) is None


def ignored(options: StyleTransferOptions, given: Iterable[str], named: Naming = str) -> list[str]:
    """Return a sentence for each of the given names that has
    no effect with these options."""
    unmet = {name: _unmet(options, name) for name in given}
    return [
        _no_effect(options, name, need, named) for name, need in unmet.items() if need is not None
    ]


def _unmet(options: StyleTransferOptions, name: str) -> Need | None:
    return next((need for need in needs_of(name) if not _is_met(options, need)), None)


def _is_met(options: StyleTransferOptions, need: Need) -> bool:
    return any(
        getattr(options, other) > 0 if values is None else getattr(options, other) in values
        for other, values in need.items()
    )


def _no_effect(options: StyleTransferOptions, name: str, need: Need, named: Naming) -> str:
    if need is _STEPS:
        return f"{named(name)} has no effect on a draft; choose another preset, or leave it out"
    now = " and ".join(f"{named(other)} {_plain(getattr(options, other))}" for other in need)
    return f"{named(name)} has no effect with {now}; it needs {describe_need(need, named)}"


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _in_short(number: float) -> str:
    """Return a number as text, one of many digits like 1e12."""
    return f"{number:.0e}".replace("+", "") if number == MAX_WEIGHT else str(number)


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


def invalid_option(
    error: ErrorDetails, data: Any, fields: Mapping[str, FieldInfo]
) -> InvalidOption:
    """Return what is wrong with the data of a model with these fields, for people."""
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
