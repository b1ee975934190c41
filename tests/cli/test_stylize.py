"""`nst stylize` with valid images."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from cli.conftest import Nst, saved
from nst import Inputs, NeuralStyleTransfer, StyleTransferOptions, files, images
from nst.cli.command import as_typed
from nst.cli.options import FIELDS, MemorySize
from nst.cli.painter import Painter
from nst.cli.painting import Painting
from nst.engine import draft as preview
from nst.engine.draft import NETWORK
from nst.engine.network.files import BUNDLE
from nst.engine.pictures.protect import protect
from nst.files import sha256_of
from nst.progress import Change, Distances
from nst.recipe import PictureFile, Recipe
from support.pictures import SAMPLES, picture
from unit.engine.synthetic import random_tensors
from unit.learning import tiny

TINY = ("--size", 48, "--total-iterations", 2, "--model", "vgg16")

CHANGED: dict[str, Any] = {
    "size": 40,
    "content_weight": 5e4,
    "style_weight": 2e4,
    "strength": 0.75,
    "flourish": 0.25,
    "style_scale": 0.5,
    "style_blend": [2.0],
    "protect": "faces",
    "color": "match",
    "color_amount": 0.5,
    "tv_weight": 2.0,
    "optimizer": "adam",
    "model": "vgg16",
    "style_layers": "relu1_1=1,relu3_1=0.5",
    "content_layers": "relu2_2,conv3_1=2",
    "pooling": "average",
    "style_loss": "wasserstein",
    "padding": "zeros",
    "init_method": "style",
    "total_iterations": 3,
    "scales": 2,
    "average": 0.5,
    "learning_rate": 4.0,
    "convergence_tolerance": 0.1,
    "convergence_window": 7,
    "save_every": 1,
    "bit_depth": "16",
    "seed": 11,
}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(saved(path).convert("RGB"))


def test_it_paints_and_prints_where_the_picture_is(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    outcome = nst("stylize", content, style, "-o", "out.png", *TINY)
    assert outcome.code == 0
    assert outcome.out == "out.png\n"
    assert "48×32 pixels, 2 steps" in outcome.err
    assert "vgg16 on" in outcome.err
    assert "; finished\n" in outcome.err
    image = saved(tmp_path / "out.png")
    assert image.size == (48, 32)
    assert not np.array_equal(
        pixels(tmp_path / "out.png"), np.asarray(saved(content).resize((48, 32)))
    )
    assert [file.name for file in tmp_path.iterdir()] == ["out.png"]


def test_progress_tells_step_loss_elapsed_and_remaining(
    nst: Nst, content: Path, style: Path
) -> None:
    (first, *_) = nst("stylize", content, style, *TINY).error_lines
    assert first.startswith("Painting: step 1/2  loss ")
    assert first.endswith("remaining")
    assert "elapsed" in first


def test_without_a_name_the_result_is_called_after_both_pictures(
    nst: Nst, content: Path, style: Path
) -> None:
    assert nst("stylize", content, style, *TINY).out == "cat_impasto.png\n"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"])
def test_the_extension_says_the_format(
    nst: Nst, tmp_path: Path, content: Path, style: Path, suffix: str
) -> None:
    assert nst("stylize", content, style, "-o", f"new/out{suffix}", *TINY).code == 0
    assert saved(tmp_path / "new" / f"out{suffix}").format == files.WRITABLE[suffix]


def test_an_existing_picture_stays_unless_overwrite_is_given(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    (tmp_path / "out.png").write_bytes(b"precious")
    assert nst("stylize", content, style, "-o", "out.png", *TINY).out == "out-2.png\n"
    assert (tmp_path / "out.png").read_bytes() == b"precious"
    assert nst("stylize", content, style, "-o", "out.png", "--overwrite", *TINY).out == "out.png\n"
    assert pixels(tmp_path / "out.png").shape == (32, 48, 3)


def test_intermediate_pictures_are_numbered(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    nst(
        "stylize",
        content,
        style,
        "-o",
        "out.jpg",
        *TINY,
        "--total-iterations",
        10,
        "--save-every",
        4,
    )
    frames = sorted(file.name for file in (tmp_path / "out_frames").iterdir())
    assert frames == ["04.jpg", "08.jpg"]


def test_every_option_has_an_example_here() -> None:
    assert set(CHANGED) == set(FIELDS)


def as_arguments(name: str) -> tuple[str, str]:
    """Return the changed option as it is typed."""
    return f"--{name.replace('_', '-')}", str(CHANGED[name]).strip("[]")


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """Let `nst stylize` paint nothing; return the recipes of what it would paint."""
    found: list[Recipe] = []

    def paint(painter: Painter, painting: Painting) -> int:
        files = painting.files.seen_from(painting.output)
        options = painter.options
        model = options.model
        found.append(Recipe.of(options, model=model, weights_sha256="", distances=None, **files))
        return 0

    monkeypatch.setattr(Painter, "paint", paint)
    return found


@pytest.mark.parametrize("name", FIELDS)
def test_every_option_arrives(
    nst: Nst, content: Path, style: Path, recipes: list[Recipe], name: str
) -> None:
    for given in ((), as_arguments(name)):
        assert nst("stylize", content, style, *given).code == 0
    plain, changed = (recipe.options for recipe in recipes)
    assert plain[name] != CHANGED[name]
    assert changed == plain | {name: CHANGED[name]}


def test_all_options_arrive_in_the_recipe_of_the_picture(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    options = [part for name in FIELDS for part in as_arguments(name)]
    assert nst("stylize", content, style, "-o", "out.png", *options).code == 0
    assert Recipe.read(tmp_path / "out.png").options == CHANGED


def test_without_a_preset_it_is_quality(
    nst: Nst, content: Path, style: Path, recipes: list[Recipe]
) -> None:
    for given in ((), ("--preset", "quality")):
        assert nst("stylize", content, style, *given).code == 0
    without, quality = recipes
    assert without == quality


@pytest.mark.parametrize(
    ("preset", "steps"), [("fast", 54), ("gram", 180), ("classic", 20000), (None, 108)]
)
def test_presets(
    nst: Nst, tmp_path: Path, content: Path, style: Path, preset: str | None, steps: int
) -> None:
    given = ["--preset", preset] if preset else []
    few_steps = ("--convergence-tolerance", 0.9, "--convergence-window", 1)
    arguments = ("--size", 48, "--model", "vgg16", *few_steps, "-o", "out.png")
    outcome = nst("stylize", content, style, *given, *arguments)
    assert outcome.code == 0
    assert Recipe.read(tmp_path / "out.png").options["total_iterations"] == steps


def test_options_without_effect_are_told_in_one_line_each(
    nst: Nst, content: Path, style: Path
) -> None:
    outcome = nst(
        *("stylize", content, style, "--preset=draft", "--strength=0.7", "--size=48"),
        *("--device=cpu", "--steer=5:strength=1", "--stop-after=3"),
    )
    assert outcome.code == 0
    on_a_draft = "has no effect on a draft; choose another preset, or leave it out"
    without = ("strength", "device", "steer", "stop-after")
    *told, summary = outcome.error_lines
    assert told == [f"nst: --{name} {on_a_draft}" for name in without]
    assert "a draft in" in summary


def test_an_option_of_another_preset_is_told(nst: Nst, content: Path, style: Path) -> None:
    outcome = nst("stylize", content, style, "--preset=gram", *TINY, "--flourish=0.7")
    assert outcome.code == 0
    told = [line for line in outcome.error_lines if "no effect" in line]
    assert told == [
        "nst: --flourish has no effect with --style-loss gram; it needs --style-loss neighbors"
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--steer=2:flourish=0.9,strength=1", "--steer=500:strength=0.5", "--stop-after=900"),
            [
                "nst: --steer 2:flourish=0.9 has no effect with --style-loss gram; it needs "
                "--style-loss neighbors",
                "nst: --steer 500:strength=0.5 has no effect: step 3 is the last one",
                "nst: --stop-after 900 has no effect: step 3 is the last one",
            ],
        ),
        (
            ("--steer=3:tv-weight=2,strength=1", "--stop-after=2"),
            ["nst: --steer 3:tv-weight=2,strength=1 has no effect: step 2 is the last one"],
        ),
        (
            ("--content-weight=0", "--steer=2:content-weight=1", "--steer=3:strength=1"),
            [],
        ),
        (
            ("--content-weight=0", "--steer=1:strength=1"),
            [
                "nst: --steer 1:strength=1 has no effect with --content-weight 0; it needs "
                "--content-weight greater than 0"
            ],
        ),
        (("--steer=3:strength=1", "--stop-after=3"), []),
    ],
)
def test_steering_without_an_effect_is_told(
    nst: Nst, content: Path, style: Path, arguments: tuple[str, ...], told: list[str]
) -> None:
    three = (*TINY, "--preset=gram", "--total-iterations=3", "--convergence-tolerance=0")
    outcome = nst("stylize", content, style, "-o", "out.png", *three, *arguments)
    assert outcome.code == 0
    assert [line for line in outcome.error_lines if "no effect" in line] == told
    again = nst("stylize", "--from-image", "out.png")
    assert "no effect" not in again.err


def test_options_of_a_recipe_are_not_told(nst: Nst, content: Path, style: Path) -> None:
    """A recipe has a value for every option, but the user gave none of them."""
    nst("stylize", content, style, "-o", "out.png", "--preset=draft", "--size=48")
    again = nst("stylize", "--from-image", "out.png", "-o", "again.png")
    assert "no effect" not in again.err
    changed = nst("stylize", "--from-image", "out.png", "-o", "third.png", "--strength=0.7")
    assert changed.error_lines[0].startswith("nst: --strength has no effect on a draft")


def test_other_weights_than_those_of_the_recipe_are_said_once(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    own = tmp_path / "own.safetensors"
    save_file(random_tensors("vgg16"), own)
    nst("stylize", content, style, *TINY, "--preset=gram", "-o", "one.png")
    again = ("stylize", "--from-image", "one.png", "-o", "two.png", "--overwrite")
    assert "weights" not in nst(*again).err
    bundled = sha256_of(BUNDLE / "vgg16.safetensors")
    assert [line for line in nst(*again, "--weights", own).error_lines if "weights" in line] == [
        f"nst: the recipe has another file of weights (SHA-256 {bundled[:8]}…), so the image may "
        "differ; --weights names the file"
    ]
    assert "weights" not in nst(*again, "--total-iterations=0").err
    nst("stylize", content, style, "--preset=draft", "--size=48", "-o", "draft.png")
    further = ("--from-image", "draft.png", "--total-iterations=2", "-o", "three.png")
    assert "recipe has another" not in nst("stylize", *further).err


def test_the_draft_is_painted_without_torch(tmp_path: Path, content: Path, style: Path) -> None:
    code = """import atexit, sys
from nst.cli.main import main
atexit.register(lambda: print(*sys.modules))
main()"""
    finished = subprocess.run(
        [sys.executable, "-c", code, "stylize", content, style, "--preset=draft", "-o", "out.png"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    path, modules = finished.stdout.splitlines()
    assert path == "out.png"
    assert not {"torch", "rich.progress"} & set(modules.split())
    (line,) = finished.stderr.splitlines()
    assert re.fullmatch(r"512×341 pixels, a draft in \d+\.\d s", line)
    assert [file.name for file in tmp_path.iterdir()] == ["out.png"]
    assert saved(tmp_path / "out.png").size == (512, 341)


def test_a_draft_repeats_its_own_recipe_and_can_be_painted_further(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    nst("stylize", content, style, "--preset", "draft", "--size", 60, "-o", "one.png")
    assert nst("stylize", "--from-image", "one.png", "-o", "two.png").code == 0
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert Recipe.read(tmp_path / "one.png").weights_sha256 == NETWORK.sha256
    further = ("--from-image", "one.png", "--total-iterations", 2, "-o", "three.png")
    outcome = nst("stylize", *further)
    assert "60×40 pixels, 2 steps" in outcome.err
    assert not np.array_equal(pixels(tmp_path / "one.png"), pixels(tmp_path / "three.png"))


def test_a_damaged_draft_network_is_told_in_one_line(
    nst: Nst, tmp_path: Path, content: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "NETWORK", replace(NETWORK, path=content))
    for arguments in (("--preset", "draft"), ("--init-method", "draft", *TINY)):
        outcome = nst("stylize", content, style, "-o", "out.png", *arguments)
        assert outcome.code == 1
        (line,) = outcome.error_lines
        assert "no draft can be painted" in line
        assert "--init-method content" in line
    assert not list(tmp_path.iterdir())


def test_the_help_shows_every_option_with_its_default(nst: Nst) -> None:
    text = re.sub(r"(?<=\w-) ", "", " ".join(nst("stylize", "--help").out.split()))
    flags = {name: f"--{name.replace('_', '-')}" for name in FIELDS}
    for name, field in FIELDS.items():
        assert flags[name] in text
        assert as_typed(str(field.description), flags).split(".")[0] in text
    assert "[default: 512]" in text
    assert "[default: 108]" in text


def test_transparency_is_kept(nst: Nst, tmp_path: Path, style: Path) -> None:
    content, alpha = picture(64, 48), Image.linear_gradient("L").resize((64, 48))
    content.putalpha(alpha)
    content.save(tmp_path / "a.png")
    nst("stylize", "a.png", style, "-o", "out.webp", *TINY)
    painted, expected = saved(tmp_path / "out.webp"), images.resize(alpha, (48, 36))
    assert (painted.mode, painted.size) == ("RGBA", expected.size)
    difference = np.asarray(painted.getchannel("A"), dtype=int) - np.asarray(expected)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff"])
def test_a_picture_repeats_its_own_recipe(
    nst: Nst, tmp_path: Path, content: Path, style: Path, suffix: str
) -> None:
    options = ("--init-method", "random", "--seed", 5, *TINY)
    nst("stylize", content, style, "-o", f"one{suffix}", *options)
    outcome = nst("stylize", "--from-image", f"one{suffix}", "-o", f"two{suffix}")
    assert outcome.code == 0
    assert np.array_equal(pixels(tmp_path / f"one{suffix}"), pixels(tmp_path / f"two{suffix}"))
    first, second = (Recipe.read(tmp_path / f"{name}{suffix}") for name in ("one", "two"))
    assert first == second


def test_a_recipe_can_be_changed_and_used_for_other_pictures(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    nst("stylize", content, style, "-o", "one.png", *TINY)
    picture().save(tmp_path / "other.png")
    arguments = ("other.png", style, "--from-image", "one.png", "--seed", 3, "-o", "two.png")
    assert nst("stylize", *arguments).code == 0
    recipe = Recipe.read(tmp_path / "two.png")
    assert recipe.content.path == "other.png"
    assert recipe.options["seed"] == 3
    assert recipe.options["size"] == 48


def test_several_styles_and_their_recipe(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    picture().save(tmp_path / "b.png")
    pictures = ("stylize", content, style, "b.png")
    outcome = nst(*pictures, *TINY, "--style-blend", "0.7,0.3")
    assert outcome.out == "cat_impasto_b.png\n"
    recipe = Recipe.read(tmp_path / "cat_impasto_b.png")
    assert [Path(file.path).name for file in recipe.styles] == ["sample:impasto", "b.png"]
    assert recipe.options["style_blend"] == [0.7, 0.3]
    nst("stylize", "--from-image", "cat_impasto_b.png", "-o", "again.png")
    assert np.array_equal(pixels(tmp_path / "again.png"), pixels(tmp_path / "cat_impasto_b.png"))
    nst(*pictures, *TINY, "-o", "equal.png")
    assert not np.array_equal(pixels(tmp_path / "again.png"), pixels(tmp_path / "equal.png"))


def test_masks_and_their_recipe(nst: Nst, tmp_path: Path, content: Path, style: Path) -> None:
    size = saved(content).size
    right = Image.linear_gradient("L").rotate(90).resize(size).point(lambda v: 255 * (v > 127))
    right.save(tmp_path / "right.png")
    picture().save(tmp_path / "b.png")
    pictures = ("stylize", content, style, "b.png")
    masks = ("--style-mask", "-", "--style-mask", "right.png")
    assert nst(*pictures, *TINY, *masks, "-o", "one.png").code == 0
    recipe = Recipe.read(tmp_path / "one.png")
    assert [file and file.path for file in recipe.masks] == [None, "right.png"]
    nst("stylize", "--from-image", "one.png", "-o", "two.png")
    assert np.array_equal(pixels(tmp_path / "one.png"), pixels(tmp_path / "two.png"))
    nst("stylize", "--from-image", "one.png", "-o", "three.png", "--style-mask", "right.png")
    assert not np.array_equal(pixels(tmp_path / "one.png"), pixels(tmp_path / "three.png"))
    nst(*pictures, *TINY, "-o", "everywhere.png")
    assert not np.array_equal(pixels(tmp_path / "one.png"), pixels(tmp_path / "everywhere.png"))


def test_masks_of_a_recipe_stay_with_as_many_other_styles(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    Image.linear_gradient("L").resize(saved(content).size).save(tmp_path / "mask.png")
    picture().save(tmp_path / "b.png")
    tiny.saved(tmp_path / "two.nst", ("one", "two"))
    masks = ("--style-mask", "-", "--style-mask", "mask.png")
    assert nst("stylize", content, style, "b.png", *TINY, *masks, "-o", "one.png").code == 0
    first = Recipe.read(tmp_path / "one.png").masks

    def painted(*pictures: object) -> tuple[tuple[PictureFile | None, ...], list[str]]:
        """Return the masks in the recipe of the image, and what is left out."""
        (tmp_path / "again.png").unlink(missing_ok=True)
        outcome = nst("stylize", *pictures, "--from-image", "one.png", "-o", "again.png")
        assert outcome.code == 0
        left_out = [line for line in outcome.error_lines if "left out" in line]
        return Recipe.read(tmp_path / "again.png").masks, left_out

    of = "nst: the style masks of one.png are left out:"
    assert painted(content, "b.png", style) == (first, [])
    fewer = f"{of} they are for 2 styles, and 1 is named"
    assert painted(content, style) == ((), [fewer])
    assert painted(content, style, "--style-mask=mask.png") == (first[1:], [])
    learned = f"{of} a learned style takes none"
    draft = ("--init-method=draft", "--total-iterations=0")
    assert painted(content, "two.nst", *draft) == ((), [learned])
    other = "nst: one.png has another photo; left out with it: style masks"
    assert painted(style, style, "b.png") == ((), [other])
    (tmp_path / "mask.png").unlink()
    gone = nst("stylize", content, "b.png", style, "--from-image", "one.png")
    assert gone.code == 2
    assert gone.err.endswith("nst stylize CONTENT STYLE --style-mask MASK --from-image one.png\n")


def test_a_detail_map_and_its_recipe(
    nst: Nst, tmp_path: Path, content: Path, style: Path, detail_maps: list[Image.Image | None]
) -> None:
    drawn = Image.linear_gradient("L").resize(saved(content).size)
    drawn.save(tmp_path / "map.png")
    command = ("stylize", content, style, *TINY)
    assert nst(*command, "-o", "one.png", "--detail-map", "map.png").code == 0
    recipe = Recipe.read(tmp_path / "one.png")
    assert recipe.detail_map
    assert recipe.detail_map.path == "map.png"
    assert nst("stylize", "--from-image", "one.png", "-o", "two.png").code == 0
    assert Recipe.read(tmp_path / "two.png") == recipe
    nst("stylize", "--from-image", "one.png", "-o", "three.png", "--detail-map", "map.png")
    nst("stylize", style, style, "--from-image", "one.png", "-o", "other-photo.png")
    nst(*command, "-o", "without.png")
    assert [map_ and map_.tobytes() for map_ in detail_maps] == [drawn.tobytes()] * 3 + [None, None]


def test_what_fits_only_the_photo_of_a_recipe_is_left_out_with_another(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    Image.linear_gradient("L").resize(saved(content).size).save(tmp_path / "half.png")
    picture().save(tmp_path / "start.png")
    shutil.copy(content, tmp_path / "same.jpg")
    inputs = ("--style-mask=half.png", "--detail-map=half.png", "--init-image=start.png")
    assert nst("stylize", content, style, *TINY, *inputs, "-o", "one.png").code == 0
    again = ("--from-image", "one.png")
    other = nst("stylize", style, *again, "-o", "other.png")
    left_out = "nst: one.png has another photo; left out with it: "
    assert f"{left_out}style masks, detail map, initial image" in other.error_lines
    recipe = Recipe.read(tmp_path / "other.png")
    assert (recipe.masks, recipe.detail_map, recipe.initial) == ((), None, None)
    named = nst("stylize", style, *again, "-o", "named.png", "--init-image=start.png")
    assert f"{left_out}style masks, detail map" in named.error_lines
    same = nst("stylize", "same.jpg", *again, "-o", "same.png")
    assert left_out not in same.err
    recipe, first = (Recipe.read(tmp_path / name) for name in ("same.png", "one.png"))
    assert recipe.detail_map == recipe.masks[0] == first.detail_map
    assert recipe.initial == first.initial


def test_faces_are_protected(
    nst: Nst, tmp_path: Path, style: Path, detail_maps: list[Image.Image | None]
) -> None:
    astronaut = SAMPLES / "content" / "astronaut.jpg"
    outcome = nst("stylize", astronaut, style, *TINY, "-o", "out.png", "--protect=faces")
    assert outcome.code == 0
    assert "no face" not in outcome.err
    (map_,) = detail_maps
    assert map_
    assert map_.tobytes() == protect(images.load(astronaut, "content"), "faces").tobytes()


def test_where_there_is_no_face_one_line_says_so(
    nst: Nst, content: Path, style: Path, detail_maps: list[Image.Image | None]
) -> None:
    outcome = nst("stylize", content, style, *TINY, "-o", "out.png", "--protect=faces")
    assert outcome.code == 0
    assert f"{content}: no face was found; nothing is protected\n" in outcome.err
    assert detail_maps == [None]


def test_what_was_cut_out_is_its_own_mask(nst: Nst, tmp_path: Path, style: Path) -> None:
    content = picture(96, 64)
    alpha = Image.new("L", (96, 64))
    alpha.paste(255, (0, 0, 48, 64))
    content.putalpha(alpha)
    content.save(tmp_path / "cut-out.png")
    alpha.save(tmp_path / "mask.png")
    picture().save(tmp_path / "b.png")
    command = ("stylize", "cut-out.png", style, "b.png", *TINY, "--style-mask")
    for mask in ("cut-out.png", "mask.png"):
        assert nst(*command, mask, "-o", f"with-{mask}").code == 0
    painted, expected = (saved(tmp_path / f"with-{name}.png") for name in ("cut-out", "mask"))
    assert painted.mode == expected.mode == "RGBA"
    assert painted.tobytes() == expected.tobytes()
    assert nst(*command, "-", "-o", "everywhere.png").code == 0
    assert painted.tobytes() != saved(tmp_path / "everywhere.png").tobytes()


def test_it_starts_from_any_picture_and_the_recipe_says_so(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    picture().save(tmp_path / "start.png")
    nst("stylize", content, style, "-o", "plain.png", *TINY)
    nst("stylize", content, style, "-o", "one.png", "--init-image", "start.png", *TINY)
    assert not np.array_equal(pixels(tmp_path / "one.png"), pixels(tmp_path / "plain.png"))
    nst("stylize", "--from-image", "one.png", "-o", "two.png")
    assert np.array_equal(pixels(tmp_path / "one.png"), pixels(tmp_path / "two.png"))
    nst("stylize", "--from-image", "one.png", "-o", "three.png", "--init-method", "content")
    assert np.array_equal(pixels(tmp_path / "three.png"), pixels(tmp_path / "plain.png"))


def test_a_timelapse_begins_with_the_content_and_ends_with_the_result(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    arguments = ("-o", "out.png", "--timelapse", "film.webp", "--init-method=style", *TINY)
    outcome = nst("stylize", content, style, *arguments)
    assert outcome.out == "out.png\nfilm.webp\n"
    with Image.open(tmp_path / "film.webp") as film:
        first = np.asarray(film.convert("RGB")).astype(float)
        film.seek(film.n_frames - 1)  # type: ignore[attr-defined]
        last = np.asarray(film.convert("RGB")).astype(float)
    begin = np.asarray(images.resize(saved(content), (48, 32))).astype(float)
    assert np.abs(first - begin).mean() < 10
    # The film is compressed, which changes the many small colours of so small an image most.
    loss, change = last - pixels(tmp_path / "out.png"), last - first
    assert np.abs(loss).mean() < 0.5 * np.abs(change).mean()


def test_no_recipe_leaves_no_metadata(nst: Nst, tmp_path: Path, content: Path, style: Path) -> None:
    nst("stylize", content, style, "-o", "out.png", "--no-recipe", *TINY)
    assert saved(tmp_path / "out.png").info == {}


def test_the_summary_and_the_recipe_have_the_distances(
    nst: Nst,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    content: Path,
    style: Path,
    vgg19_directory: Path,
) -> None:
    monkeypatch.setenv("NST_WEIGHTS_DIR", str(vgg19_directory))
    outcome = nst("stylize", content, style, "-o", "out.png", *TINY)
    found = Recipe.read(tmp_path / "out.png").distances
    assert isinstance(found, Distances)
    assert (
        f"Distance from the photo {found.content:.2f}, from the style {found.style:.2f} "
        f"(worst tenth {found.worst_tenth:.2f}), measured by vgg19"
    ) in outcome.err


def test_the_recipe_is_json_with_version_options_weights_and_pictures(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    nst("stylize", content, style, "-o", "out.png", *TINY)
    recipe = json.loads(images.read_recipe(tmp_path / "out.png") or "")
    assert set(recipe) == {
        *("nst", "options", "weights_sha256", "distances", "changes", "stopped_after"),
        *("content", "styles", "masks", "detail_map", "initial"),
    }
    assert set(recipe["options"]) == set(FIELDS)


def test_a_plan_is_told_before_a_picture_is_painted_in_tiles(
    nst: Nst, tmp_path: Path, content: Path
) -> None:
    Image.new("RGB", (600, 200), "teal").save(tmp_path / "wide.png")
    options = StyleTransferOptions(size=600, model="vgg16")
    whole = NeuralStyleTransfer(options, device="cpu", precision="fp32").plan(
        Inputs(tmp_path / "wide.png", content)
    )
    assert whole
    limit = whole.peak_bytes - 3 * whole.activation_bytes // 4
    arguments = ("--preset=classic", "--size=600", "--total-iterations=1", "--precision=fp32")
    memory = f"--max-memory={limit}"
    outcome = nst("stylize", "wide.png", content, *arguments, "--model=vgg16", memory)
    assert outcome.code == 0
    assert re.fullmatch(
        r"600×200 pixels in \d+ tiles of about \d+ pixels, optimizer history \d+: "
        r"about \d\.\d GB of memory",
        outcome.error_lines[0],
    )


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("4GB", 4 * 10**9),
        ("4 GiB", 4 * 2**30),
        ("900mb", 900 * 10**6),
        ("1.5G", 1_500_000_000),
        ("123456", 123456),
    ],
)
def test_amounts_of_memory(text: str, size_bytes: int) -> None:
    assert MemorySize().convert(text, None, None) == size_bytes


@pytest.mark.parametrize("text", ["lots", "-1GB", "4 apples", "", "0x10", "9" * 308 + "GB"])
def test_what_is_no_amount_of_memory(nst: Nst, content: Path, style: Path, text: str) -> None:
    outcome = nst("stylize", content, style, *TINY, f"--max-memory={text}")
    assert outcome.code == 2
    (line,) = outcome.error_lines
    assert "--max-memory" in line
    assert "4GB" in line


def test_too_little_memory_is_refused_with_the_amount_needed(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    outcome = nst("stylize", content, style, *TINY, "--max-memory=1MB")
    assert (outcome.code, outcome.out) == (2, "")
    assert not list(tmp_path.iterdir())
    (line,) = outcome.error_lines
    assert line.startswith("nst: ")
    assert re.search(r"--max-memory must be at least \d\.\d GB, which .*\(got '0\.001 GB'\)", line)


# ── recipes, steering, samples ────────────────────────────────────────────────────────────────


def test_steering_and_the_last_step_are_repeated_from_picture_and_json(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    options = (*TINY, "--total-iterations=6", "--steer=3:strength=0.9", "--stop-after=4")
    first = nst("stylize", content, style, "-o", "out.png", *options)
    assert (first.code, first.out) == (0, "out.png\n")
    assert "4 steps" in first.err
    assert "after step 4" in first.err
    recipe = Recipe.read(tmp_path / "out.png")
    assert recipe.changes == (Change(3, {"strength": 0.9}),)
    assert recipe.stopped_after == 4
    (tmp_path / "recipe.json").write_text(recipe.text())
    for source in ("out.png", "recipe.json"):
        assert nst("stylize", "--from-image", source, "-o", "again.png", "--overwrite").code == 0
        assert np.array_equal(pixels(tmp_path / "again.png"), pixels(tmp_path / "out.png"))
        assert Recipe.read(tmp_path / "again.png").changes == recipe.changes
    assert nst("stylize", "--from-image", "out.png", "-o", "x.png", "--strength=0.9").code == 0
    assert Recipe.read(tmp_path / "x.png").changes == ()
    further = ("--from-image", "out.png", "-o", "further.png", "--total-iterations=8")
    assert nst("stylize", *further).code == 0
    assert Recipe.read(tmp_path / "further.png").stopped_after is None
    plain = (*TINY, "--total-iterations=6", "--stop-after=4")
    assert nst("stylize", content, style, "-o", "plain.png", *plain).code == 0
    assert not np.array_equal(pixels(tmp_path / "plain.png"), pixels(tmp_path / "out.png"))


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("x", "like 40:strength=0.8"),
        ("0:strength=1", "--steer must be at least 1, the first step (got 0)"),
        ("3:size=5", "--size must be one of"),
        ("3:strength=5", "--strength must be a"),
    ],
)
def test_wrong_steering(nst: Nst, content: Path, style: Path, value: str, part: str) -> None:
    outcome = nst("stylize", content, style, f"--steer={value}", *TINY)
    assert outcome.code == 2
    assert part in outcome.err


def test_samples_by_name(nst: Nst, tmp_path: Path) -> None:
    outcome = nst("stylize", "sample:cat", "sample:mosaic", "--preset=draft", "--size=64")
    assert (outcome.code, outcome.out) == (0, "cat_mosaic.png\n")
    assert Recipe.read(tmp_path / "cat_mosaic.png").content.path == "sample:cat"
    wrong = nst("stylize", "sample:cat", "sample:nothing")
    assert wrong.code == 2
    assert "sample:nothing does not come with nst; name a file, or one of cubist" in wrong.err


def test_the_time_is_told_before_it_begins_once_it_was_measured(
    nst: Nst, content: Path, style: Path
) -> None:
    first, second = (nst("stylize", content, style, *TINY).error_lines[0] for _ in range(2))
    assert first.startswith("Painting: ")
    assert re.fullmatch(r"48×32 pixels: about \d+ (s|min)", second)
