"""Every option: its bounds, its texts, and the one error for all wrong values.

The tests iterate over the declared fields, so a new option is covered at once.
"""

import math
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import ValidationError

from nst.errors import InvalidOption
from nst.learning_options import LearningOptions
from nst.option_effects import IN_DRAFTS, NEEDS, has_effect, ignored, needs_of
from nst.option_fields import LAYER_SETS, MODELS, Group, describe_allowed, group_of
from nst.options import StyleTransferOptions
from nst.presets import PRESETS

FIELDS = StyleTransferOptions.model_fields
NUMBERS = [name for name, field in FIELDS.items() if field.annotation in (int, float)]
SEVERAL = ["style_blend"]
LAYERS = list(LAYER_SETS)
CHOICES = [name for name in FIELDS if name not in (*NUMBERS, *SEVERAL, *LAYERS)]

INSIDE_AND_OUTSIDE = {"ge": (0, -1), "le": (0, 1), "gt": (1, 0), "lt": (-1, 0)}
"""Steps from a bound to the nearest allowed and nearest forbidden whole number."""


def bounds(name: str) -> Iterator[tuple[str, float]]:
    for constraint in FIELDS[name].metadata:
        for kind in INSIDE_AND_OUTSIDE:
            if (bound := getattr(constraint, kind, None)) is not None:
                yield kind, bound


BOUNDS = [(name, kind, bound) for name in NUMBERS for kind, bound in bounds(name)]


def with_option(name: str, value: Any) -> Any:
    """Return the value as the options keep it.
    The initial image is a draft, because 0 steps are invalid with any other."""
    return getattr(StyleTransferOptions.model_validate({"init_method": "draft", name: value}), name)


def refused(**options: Any) -> InvalidOption:
    with pytest.raises(InvalidOption) as caught:
        StyleTransferOptions(**options)
    error = caught.value
    assert str(error) == f"{error.field}: {error.value!r} is invalid; expected {error.allowed}"
    assert len(str(error).splitlines()) == 1
    return error


def test_defaults_are_those_of_the_classic_method() -> None:
    classic = {
        "content_weight": 1e5,
        "style_weight": 3e4,
        "tv_weight": 1.0,
        "optimizer": "lbfgs",
        "model": "vgg19",
        "init_method": "content",
        "total_iterations": 20000,
        "learning_rate": 1.0,
    }
    assert classic.items() <= StyleTransferOptions().model_dump().items()


def test_every_field_is_a_number_or_a_choice_or_several_numbers_or_names_layers() -> None:
    assert all(FIELDS[name].annotation is str for name in LAYERS)
    assert all(get_origin(FIELDS[name].annotation) is Literal for name in CHOICES)
    assert all(get_origin(FIELDS[name].annotation) is tuple for name in SEVERAL)


# ── wrong values ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_finite_bounds(name: str) -> None:
    assert {"ge", "gt"} & {kind for kind, _ in bounds(name)}
    assert {"le", "lt"} & {kind for kind, _ in bounds(name)}


@pytest.mark.parametrize(("name", "kind", "bound"), BOUNDS)
def test_bound_divides_allowed_from_refused(name: str, kind: str, bound: float) -> None:
    inside, outside = (bound + step for step in INSIDE_AND_OUTSIDE[kind])
    if FIELDS[name].annotation is float and inside != bound:
        inside = math.nextafter(bound, inside)
    assert with_option(name, inside) == inside
    error = refused(**{name: outside})
    assert (error.field, error.value) == (name, outside)
    assert error.allowed == describe_allowed(FIELDS[name])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "nan", "inf"])
@pytest.mark.parametrize("name", NUMBERS)
def test_number_must_be_finite(name: str, value: object) -> None:
    error = refused(**{name: value})
    assert error.field == name
    assert error.value is value


@pytest.mark.parametrize("value", [None, "much", [{}], {}, b"\xff"], ids=repr)
@pytest.mark.parametrize("name", FIELDS)
def test_value_of_another_kind(name: str, value: object) -> None:
    error = refused(**{name: value})
    assert (error.field, error.value) == (name, value)
    assert error.allowed == describe_allowed(FIELDS[name])


@pytest.mark.parametrize("name", [name for name in NUMBERS if FIELDS[name].annotation is int])
def test_half_is_no_whole_number(name: str) -> None:
    assert refused(**{name: 100.5}).allowed.startswith("a whole number")


@pytest.mark.parametrize("name", CHOICES)
def test_choice_is_one_of_those_that_the_error_lists(name: str) -> None:
    allowed = refused(**{name: "another"}).allowed
    assert allowed.startswith("one of ")
    for choice in allowed.removeprefix("one of ").split(", "):
        assert with_option(name, choice) == choice
        if choice.upper() != choice:
            assert refused(**{name: choice.upper()}).field == name


@pytest.mark.parametrize("name", [*NUMBERS, *CHOICES, *LAYERS])
@pytest.mark.parametrize("value", ["", [1]], ids=repr)
def test_one_value_is_not_several_and_not_none(name: str, value: object) -> None:
    assert refused(**{name: value}).allowed == describe_allowed(FIELDS[name])


@pytest.mark.parametrize(
    "value", ["0.7,-0.3", "1e308,1e308", "0.7;0.3", "1,,2", ",", [1, "x"], ["nan"], 5]
)
def test_one_wrong_share_is_told_with_all_of_them(value: object) -> None:
    error = refused(style_blend=value)
    assert (error.field, error.value) == ("style_blend", value)
    assert error.allowed == "a number from 0 to 1000000 for each style, with commas between"


def test_one_share_must_count() -> None:
    assert refused(style_blend="0,0").allowed == "a share greater than 0"


@pytest.mark.parametrize("value", ["3, 1", [3, 1], (3, 1), ("3", "1"), [0.75, 0.25]], ids=repr)
def test_shares_are_read_from_text_and_lists_and_add_up_to_one(value: object) -> None:
    options = StyleTransferOptions.model_validate({"style_blend": value})
    assert options.style_shares(2) == (0.75, 0.25)


@pytest.mark.parametrize("value", ["", []], ids=repr)
def test_without_shares_all_styles_are_equal(value: object) -> None:
    options = StyleTransferOptions.model_validate({"style_blend": value})
    assert options.style_shares(4) == (0.25,) * 4


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("value", ["classic", "relu1_1", "conv4_2=2", "relu1_1=1e-3,relu5_4=.5"])
def test_layers_stay_as_they_are_written(name: str, value: str) -> None:
    assert with_option(name, value) == value


def test_layers_may_be_written_with_spaces() -> None:
    assert with_option("style_layers", "relu1_1 = 1, relu2_1") == "relu1_1=1,relu2_1"


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    "value",
    [
        *("relu1_1=", "relu1_1=-1", "relu1_1=nan", "relu1_1=inf", "relu1_1=1=1", "relu1_1\n"),
        *("relu1_1,", "relu1_1;relu2_1", "classic,relu1_1", "Classic", "relu11", "pool1"),
    ],
)
def test_wrong_layers_are_answered_with_an_example(name: str, value: str) -> None:
    error = refused(**{name: value})
    assert (error.field, error.value) == (name, value)
    assert error.allowed == describe_allowed(FIELDS[name])
    assert "or layers with weights greater than 0, like relu1_1=1,relu4_1=0.5" in error.allowed


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    ("model", "value", "allowed"),
    [
        ("vgg16", "relu9_9", "layers that vgg16 has, conv1_1 … relu5_3; it has no relu9_9"),
        ("vgg16", "relu1_1,relu3_4", "layers that vgg16 has, conv1_1 … relu5_3; it has no relu3_4"),
        ("vgg19", "relu5_5=2", "layers that vgg19 has, conv1_1 … relu5_4; it has no relu5_5"),
        ("vgg16", "relu1_1,relu2_1,relu1_1=2", "each layer once; relu1_1 is there twice"),
        ("vgg16", "relu1_1=0", "finite weights greater than 0; that of relu1_1 is 0"),
        ("vgg16", "relu1_1=1e999", "finite weights greater than 0; that of relu1_1 is inf"),
    ],
)
def test_wrong_layer_is_named(name: str, model: str, value: str, allowed: str) -> None:
    error = refused(**{name: value, "model": model})
    assert (error.field, error.value, error.allowed) == (name, value, allowed)


def test_only_style_layers_can_be_dense() -> None:
    assert with_option("style_layers", "dense") == "dense"
    assert refused(content_layers="dense").allowed.startswith("classic, or layers")


def test_unknown_option_is_answered_with_the_nearest_name_or_all() -> None:
    error = refused(styleweight=3)
    assert (error.field, error.value) == ("styleweight", "styleweight")
    assert error.allowed == "the name of an option, such as style_weight"
    assert refused(x=3).allowed == "the name of an option: " + ", ".join(FIELDS)


def test_something_else_than_options() -> None:
    with pytest.raises(InvalidOption, match=r"options: 5 is invalid; expected names of options"):
        StyleTransferOptions.model_validate(5)


def test_one_of_content_and_style_must_count() -> None:
    error = refused(content_weight=0, style_weight=0)
    assert (error.field, error.value) == ("style_weight", 0)
    for weight in ("content_weight", "style_weight"):
        assert with_option(weight, 0) == 0


@pytest.mark.parametrize("init_method", ["content", "random", "style"])
def test_only_a_draft_does_without_steps(init_method: str) -> None:
    error = refused(init_method=init_method, total_iterations=0)
    assert (error.field, error.value) == ("total_iterations", 0)
    assert error.allowed == "at least 1; 0 is for init_method draft"
    assert StyleTransferOptions(init_method="draft", total_iterations=0).is_draft
    assert not StyleTransferOptions(init_method="draft", total_iterations=1).is_draft


def test_text_of_a_form_is_read_as_a_number() -> None:
    options = StyleTransferOptions.model_validate({"size": "640", "style_weight": "2.5e4"})
    assert (options.size, options.style_weight) == (640, 2.5e4)


def test_options_are_frozen() -> None:
    options = StyleTransferOptions()
    for name in FIELDS:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(options, name, getattr(options, name))


# ── texts ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("size", "a whole number from 32 to 16000"),
        ("learning_rate", "a number from more than 0 to 1000"),
        ("style_weight", "a number from 0 to 1e12"),
        ("convergence_tolerance", "a number from 0 to less than 1"),
        ("seed", "a whole number from 0 to 9223372036854775807"),
        ("optimizer", "one of lbfgs, adam"),
        ("model", "one of vgg19, vgg16"),
        (
            "style_layers",
            "classic, dense, or layers with weights greater than 0, like relu1_1=1,relu4_1=0.5",
        ),
    ],
)
def test_allowed_values_in_words(name: str, words: str) -> None:
    assert describe_allowed(FIELDS[name]) == words


def test_every_field_has_a_group() -> None:
    fields = [*FIELDS.values(), *LearningOptions.model_fields.values()]
    assert {group_of(field) for field in fields} == set(get_args(Group))


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_described_in_the_schema(name: str) -> None:
    description = StyleTransferOptions.model_json_schema()["properties"][name]["description"]
    assert description.endswith(".")
    assert len(description.splitlines()) == 1


@pytest.mark.parametrize(("name", "kind", "bound"), BOUNDS)
def test_bounds_stand_in_the_schema(name: str, kind: str, bound: float) -> None:
    keyword = {
        "ge": "minimum",
        "gt": "exclusiveMinimum",
        "le": "maximum",
        "lt": "exclusiveMaximum",
    }[kind]
    assert StyleTransferOptions.model_json_schema()["properties"][name][keyword] == bound


# ── presets ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_sets_what_it_names_and_nothing_else(preset: str) -> None:
    changes = PRESETS[preset]
    assert set(changes) <= set(FIELDS)
    expected = StyleTransferOptions().model_dump() | dict(changes)
    assert StyleTransferOptions.from_preset(preset).model_dump() == expected


def test_given_options_replace_those_of_the_preset() -> None:
    options = StyleTransferOptions.from_preset("fast", size=100, seed=7)
    assert (options.size, options.seed) == (100, 7)
    assert options.total_iterations == PRESETS["fast"]["total_iterations"]
    with pytest.raises(InvalidOption, match="size: 5 is invalid"):
        StyleTransferOptions.from_preset("fast", size=5)


def test_unknown_preset() -> None:
    with pytest.raises(InvalidOption) as caught:
        StyleTransferOptions.from_preset("best")
    assert (caught.value.field, caught.value.value) == ("preset", "best")
    assert caught.value.allowed == "one of " + ", ".join(PRESETS)


def test_gram_is_what_quality_was_in_version_0_1() -> None:
    assert PRESETS["gram"] == {
        "size": 512,
        "content_weight": 1.85e5,
        "style_layers": "dense",
        "scales": 3,
        "average": 0.9,
        "padding": "replicate",
        "total_iterations": 180,
        "save_every": 0,
    }
    assert StyleTransferOptions.from_preset("gram").style_loss == "gram"
    assert PRESETS["classic"] == {}


def test_fast_is_quality_with_fewer_steps_less_flourish_and_the_bundled_network() -> None:
    quality, fast = (dict(PRESETS[preset]) for preset in ("quality", "fast"))
    assert fast.pop("model") == "vgg16"
    assert fast.pop("total_iterations") < quality.pop("total_iterations")
    assert 0 < fast.pop("flourish") < quality.pop("flourish")
    assert quality == fast
    assert quality["style_loss"] == "neighbors"


# ── strength ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("style_loss", "most", "least"),
    [("gram", 10_000, 10_000), ("wasserstein", 10_000, 10_000), ("neighbors", 100, 10)],
)
def test_strength_moves_the_content_weight_as_its_help_says(
    style_loss: Any, most: float, least: float
) -> None:
    def weight(strength: float) -> float:
        options = StyleTransferOptions(style_loss=style_loss, strength=strength)
        return options.content_weight_in_force / options.content_weight

    assert [weight(0), weight(0.5), weight(1)] == pytest.approx([most, 1, 1 / least])
    for factor in (most, least):
        assert f"by {factor:,}".replace(",", " ") in str(FIELDS["strength"].description)


# ── options without effect ────────────────────────────────────────────────────────────────────

OF_NEED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "strength": (
        "with content_weight 0; it needs content_weight greater than 0",
        {"content_weight": 0},
        {"content_weight": 0.1},
    ),
    "flourish": (
        "with style_loss gram; it needs style_loss neighbors",
        {"style_loss": "gram"},
        {"style_loss": "neighbors"},
    ),
    "color_amount": (
        "with color match; it needs color luminance",
        {"color": "match"},
        {"color": "luminance"},
    ),
    "style_layers": (
        "with style_loss neighbors; it needs style_loss gram or wasserstein",
        {"style_loss": "neighbors"},
        {"style_loss": "wasserstein"},
    ),
    "content_layers": (
        "with style_loss neighbors; it needs style_loss gram or wasserstein",
        {"style_loss": "neighbors"},
        {"style_loss": "gram"},
    ),
    "learning_rate": (
        "with optimizer lbfgs; it needs optimizer adam",
        {"optimizer": "lbfgs"},
        {"optimizer": "adam"},
    ),
    "convergence_window": (
        "with convergence_tolerance 0; it needs convergence_tolerance greater than 0",
        {"convergence_tolerance": 0},
        {"convergence_tolerance": 0.1},
    ),
    "seed": (
        "with init_method content and style_loss gram; "
        "it needs init_method random or style_loss neighbors",
        {},
        {"init_method": "random"},
    ),
}
"""The end of the sentence, options without an effect, and options with one."""


def test_every_need_has_an_example_here() -> None:
    assert set(OF_NEED) == set(NEEDS)


@pytest.mark.parametrize("name", OF_NEED)
def test_an_option_without_effect_is_told_with_what_it_needs(name: str) -> None:
    end, without, with_effect = OF_NEED[name]
    assert ignored(StyleTransferOptions(**without), [name]) == [f"{name} has no effect {end}"]
    assert ignored(StyleTransferOptions(**with_effect), [name]) == []
    assert has_effect(StyleTransferOptions(**with_effect), name)
    assert not has_effect(StyleTransferOptions(**without), name)


def test_one_of_several_needs_is_enough() -> None:
    assert has_effect(StyleTransferOptions(style_loss="neighbors"), "seed")


@pytest.mark.parametrize("name", FIELDS)
def test_a_draft_has_few_options(name: str) -> None:
    color = "luminance" if name == "color_amount" else "style"
    sentences = ignored(StyleTransferOptions.from_preset("draft", color=color), [name])
    if name in IN_DRAFTS:
        assert sentences == []
    else:
        end = "has no effect on a draft; choose another preset, or leave it out"
        assert sentences == [f"{name} {end}"]


def test_only_given_names_are_told_in_their_order() -> None:
    options = StyleTransferOptions()
    assert ignored(options, []) == []
    given = ["learning_rate", "size", "flourish"]
    assert [line.split()[0] for line in ignored(options, given)] == ["learning_rate", "flourish"]


@pytest.mark.parametrize("name", FIELDS)
def test_needs_name_options_and_their_choices(name: str) -> None:
    for need in needs_of(name):
        for other, values in need.items():
            if values is None:
                assert other in NUMBERS
            else:
                assert set(values) <= set(get_args(FIELDS[other].annotation))


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_sets_what_has_no_effect(preset: str) -> None:
    names = set(PRESETS[preset]) - {"model", "save_every"}  # a draft only reports these
    assert ignored(StyleTransferOptions.from_preset(preset), names) == []


# ── model, round trip ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("model", MODELS)
def test_model_is_named_only_if_it_is_given(model: str) -> None:
    assert not StyleTransferOptions().names_model
    assert not StyleTransferOptions.from_preset("quality", size=100).names_model
    assert StyleTransferOptions.model_validate({"model": model}).names_model


def test_options_survive_json() -> None:
    options = StyleTransferOptions(
        size=100,
        style_weight=1 / 3,
        optimizer="adam",
        seed=2**63 - 1,
        style_blend=(1 / 3, 0),
        style_layers="relu1_1=0.5,conv4_2",
    )
    assert StyleTransferOptions.model_validate_json(options.model_dump_json()) == options


def test_bit_depth_is_taken_as_a_number_too() -> None:
    for deep in (16, "16"):
        options = StyleTransferOptions.from_preset("fast", bit_depth=deep)
        assert (options.bit_depth, options.is_16_bit) == ("16", True)
    assert not StyleTransferOptions().is_16_bit
    for wrong in (True, 12, 16.0, 16.5):
        assert refused(bit_depth=wrong).allowed == "one of 8, 16"
