"""Options of a transfer, declared once.

The command line, the compatible command, the HTTP form and the docs are made from the fields of
`StyleTransferOptions`; the defaults are those of the classic method.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import Field

from nst.errors import InvalidOption
from nst.layers import layer_weights
from nst.option_fields import (
    LAYER_SETS,
    MAX_SIZE,
    MAX_STEPS,
    MAX_WEIGHT,
    BitDepth,
    ContentLayers,
    ModelName,
    Options,
    Shares,
    StyleLayers,
    in_group,
)
from nst.presets import DEFAULT_PRESET, PRESETS


class StyleTransferOptions(Options):
    """Options of one transfer.

    The defaults of the fields are those of the classic method with 20000 steps; recipes and jobs
    that are older than an option get its default. `from_preset()` has the defaults of `nst
    stylize`. Raises InvalidOption, which names the field, the value and what is allowed.
    """

    size: int = Field(
        default=512,
        ge=32,
        le=MAX_SIZE,
        description="Longest side of the result; the content image's aspect ratio is kept.",
        json_schema_extra=in_group("picture", unit="pixels"),
    )
    content_weight: float = Field(
        default=1e5,
        ge=0,
        le=MAX_WEIGHT,
        description="Weight of the content loss: the similarity to the content image.",
        json_schema_extra=in_group("balance", steerable=True),
    )
    style_weight: float = Field(
        default=3e4,
        ge=0,
        le=MAX_WEIGHT,
        description="Weight of the style loss: the similarity to the style image.",
        json_schema_extra=in_group("balance", steerable=True),
    )
    strength: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Strength of the style: 0 is the photo with a hint of brushwork, 1 is the "
        "style at its strongest. It multiplies the content weight by 10 000 at 0 and divides it by "
        "10 000 at 1; with style_loss neighbors by 100 and by 10.",
        json_schema_extra=in_group("balance", steerable=True),
    )
    flourish: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Amount of large forms of the style where the photo is empty: 0 is calm, 1 is "
        "wild.",
        json_schema_extra=in_group("balance", steerable=True),
    )
    style_scale: float = Field(
        default=1.0,
        ge=0.1,
        le=10,
        description="Size of the style image, and with it of the brush strokes; 1 is the height of "
        "the result.",
        json_schema_extra=in_group("picture"),
    )
    style_blend: Shares = Field(
        default=(),
        description="Shares of several styles in their order, such as 0.7,0.3; equal shares if "
        "omitted.",
        json_schema_extra=in_group("balance"),
    )
    protect: Literal["none", "faces", "person"] = Field(
        default="none",
        description="Keep more of the photo where a network finds faces, or the person in front. A "
        "detail map marks such places by hand.",
        json_schema_extra=in_group("picture"),
    )
    color: Literal["style", "match", "luminance"] = Field(
        default="style",
        description="Colours of the result. style: the style's colours. match: recolour the style "
        "to the content's palette first. luminance: stylize luminance only and keep the content's "
        "chroma.",
        json_schema_extra=in_group("picture"),
    )
    color_amount: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of the content's chroma that is kept with color luminance.",
        json_schema_extra=in_group("picture", steerable=True),
    )
    tv_weight: float = Field(
        default=1.0,
        ge=0,
        le=MAX_WEIGHT,
        description="Weight of the total variation loss, which smooths noise.",
        json_schema_extra=in_group("balance", steerable=True),
    )
    optimizer: Literal["lbfgs", "adam"] = Field(
        default="lbfgs",
        description="L-BFGS needs fewer steps, Adam less memory.",
        json_schema_extra=in_group("method"),
    )
    model: ModelName = Field(
        default="vgg19",
        description="Network that compares images. If the option is omitted and the weights of "
        "vgg19 are not available, the bundled vgg16 is used.",
        json_schema_extra=in_group("method"),
    )
    style_layers: StyleLayers = Field(
        default="classic",
        description="Layers whose statistics are compared: classic, one in each block; dense, "
        "about twice as many, which fits the style better; or names with relative weights "
        "(1 if omitted).",
        json_schema_extra=in_group("method"),
    )
    content_layers: ContentLayers = Field(
        default="classic",
        description="Layers whose features are compared with the content's: classic, the classic "
        "programs' layer; or names with relative weights (1 if omitted).",
        json_schema_extra=in_group("method"),
    )
    pooling: Literal["max", "average"] = Field(
        default="max",
        description="Pooling of the network: the maximum of each window, as in its training, or "
        "the average.",
        json_schema_extra=in_group("method"),
    )
    style_loss: Literal["gram", "wasserstein", "neighbors"] = Field(
        default="gram",
        description="Comparison of the image with the style. gram: by Gram matrices, as in the "
        "classic programs. wasserstein: by the distance that features must move until their "
        "mean and covariance are the style's. neighbors: each place of the photo is matched with "
        "the place of the style that looks most like it.",
        json_schema_extra=in_group("method"),
    )
    padding: Literal["zeros", "replicate"] = Field(
        default="zeros",
        description="Padding of the network at the border of the image: zeros, as in the classic "
        "programs, or copies of the border, which leave fewer marks there.",
        json_schema_extra=in_group("method"),
    )
    init_method: Literal["content", "random", "style", "draft"] = Field(
        default="content",
        description="Initial image: the content, Gaussian noise, the style, or the draft of a "
        "feed-forward network, which is the result if total_iterations is 0.",
        json_schema_extra=in_group("method"),
    )
    total_iterations: int = Field(
        default=20000,
        ge=0,
        le=MAX_STEPS,
        description="Maximum number of optimizer steps.",
        json_schema_extra=in_group("end"),
    )
    scales: int = Field(
        default=1,
        ge=1,
        le=8,
        description="Number of pyramid scales, which share the steps; each doubles the resolution. "
        "With style_loss neighbors and more than 1, each doubling of the size beyond 512 adds one.",
        json_schema_extra=in_group("method"),
    )
    average: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Decay of the iterate average over the steps of the last scale; 0 disables it.",
        json_schema_extra=in_group("method"),
    )
    learning_rate: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        description="Step size of Adam; L-BFGS finds its own.",
        json_schema_extra=in_group("method", unit="grey levels"),
    )
    convergence_tolerance: float = Field(
        default=0.005,
        ge=0,
        lt=1,
        description="Stop when the loss falls by less than this share within the window; 0 "
        "disables it.",
        json_schema_extra=in_group("end"),
    )
    convergence_window: int = Field(
        default=50,
        ge=1,
        le=10**6,
        description="Number of steps over which the convergence tolerance is measured; a scale "
        "without more steps runs to its end.",
        json_schema_extra=in_group("end", unit="steps"),
    )
    save_every: int = Field(
        default=100,
        ge=0,
        le=10**6,
        description="Steps between kept intermediate images. 0: none; the service keeps about 24.",
        json_schema_extra=in_group("end", unit="steps"),
    )
    bit_depth: BitDepth = Field(
        default="8",
        description="Bits per channel of the result; 16 needs a PNG or TIFF file. Intermediate "
        "images always have 8.",
        json_schema_extra=in_group("picture"),
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**63,
        description="Same seed, same machine: same picture.",
        json_schema_extra=in_group("method"),
    )

    def _check(self) -> None:
        if self.content_weight == self.style_weight == 0:
            raise InvalidOption("style_weight", 0, "greater than 0, unless content_weight is")
        if self.total_iterations == 0 and self.init_method != "draft":
            raise InvalidOption("total_iterations", 0, "at least 1; 0 is for init_method draft")
        if self.is_draft and self.protect != "none":
            raise InvalidOption("protect", self.protect, "none with a draft or a learned style")
        if self.style_blend and not any(self.style_blend):
            raise InvalidOption("style_blend", self.style_blend, "a share greater than 0")
        for name, sets in LAYER_SETS.items():
            if (layers := getattr(self, name)) not in sets:
                layer_weights(name, layers, self.model)

    @classmethod
    def from_preset(cls, /, preset: str | None = None, **overrides: Any) -> Self:
        """Return the options of a preset with these overrides. Raises InvalidOption.
        None: the preset of `nst stylize`."""
        preset = DEFAULT_PRESET if preset is None else preset
        if not isinstance(preset, str) or preset not in PRESETS:
            raise InvalidOption("preset", preset, f"one of {', '.join(PRESETS)}")
        return cls(**{**PRESETS[preset], **overrides})

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Return only the options that were set explicitly."""
        fields = type(self).model_fields
        return ((name, getattr(self, name)) for name in fields if name in self.model_fields_set)

    @property
    def content_weight_in_force(self) -> float:
        """Content weight multiplied by the factor that follows from the strength."""
        decades = DECADES_OF_STRENGTH[self.style_loss][0 if self.strength < 0.5 else 1]
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
        """Whether the model was set explicitly, so that no other model may replace it."""
        return "model" in self.model_fields_set

    @property
    def is_16_bit(self) -> bool:
        """Whether the result has 16 bits per channel."""
        return self.bit_depth == "16"

    @property
    def is_draft(self) -> bool:
        """Whether the draft is the result, and nothing is optimised."""
        return self.total_iterations == 0


DECADES_OF_STRENGTH: Mapping[str, tuple[int, int]] = {
    "gram": (4, 4),
    "wasserstein": (4, 4),
    "neighbors": (2, 1),
}
"""Exponents of the strength's factor, below and above half, by style_loss.
The content weight is multiplied by 10 to the first at 0, and divided by 10 to the second at 1."""
