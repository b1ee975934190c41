"""The recipe inside an image: written, read back, and its images found again."""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

import nst
from nst import image_writer, images
from nst.errors import InvalidImage
from nst.files import relative_path
from nst.options import StyleTransferOptions
from nst.progress import Change, Distances, SquaredDistances
from nst.recipe import PictureFile, Recipe
from nst.samples import samples
from support.pictures import encoded, picture

EXTENSIONS = [".png", ".jpg", ".webp", ".tiff"]
OPTIONS = StyleTransferOptions(size=100, style_weight=1 / 3, seed=2**63 - 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Create a content image, a map and a style image; return their directory."""
    for name in ("photos/Zoë & ich.png", "photos/map.png", "stile/水.png"):
        image_writer.save(picture(), tmp_path / "work" / name)
    return tmp_path / "work"


def recipe_of(folder: Path, result: Path) -> Recipe:
    return Recipe.of(
        OPTIONS,
        model="vgg16",
        weights_sha256="ab" * 32,
        distances=Distances("vgg19", 0.21, 0.3, 0.25, 0.3, 0.5, 0.0625),
        content=PictureFile.of(folder / "photos" / "Zoë & ich.png", result),
        styles=[PictureFile.of(folder / "stile" / "水.png", result)],
        detail_map=PictureFile.of(folder / "photos" / "map.png", result),
    )


def painted(folder: Path, extension: str = ".png") -> Path:
    result = folder / "out" / f"gemälde{extension}"
    return image_writer.save(picture(), result, recipe=recipe_of(folder, result).text())


# ── version 0.1 ───────────────────────────────────────────────────────────────────────────────

OF_VERSION_0_1 = {
    "size": 512,
    "content_weight": 185000.0,
    "style_weight": 30000.0,
    "strength": 0.6,
    "style_scale": 1.0,
    "style_blend": [],
    "color": "style",
    "color_amount": 1.0,
    "tv_weight": 1.0,
    "optimizer": "lbfgs",
    "model": "vgg16",
    "style_layers": "dense",
    "style_loss": "gram",
    "padding": "replicate",
    "init_method": "content",
    "total_iterations": 180,
    "scales": 3,
    "average": 0.9,
    "learning_rate": 1.0,
    "convergence_tolerance": 0.005,
    "convergence_window": 50,
    "save_every": 0,
    "seed": 0,
}
"""Options that version 0.1 wrote for its preset quality with --strength 0.6."""


def test_a_recipe_of_version_0_1_means_what_it_meant(folder: Path) -> None:
    result = folder / "out.png"
    old = recipe_of(folder, result).model_dump(mode="json")
    for name in ("detail_map", "changes", "stopped_after"):
        del old[name]
    image_writer.save(picture(), result, recipe=json.dumps(old | {"options": OF_VERSION_0_1}))
    options = StyleTransferOptions(**Recipe.read(result).options)
    defaults = StyleTransferOptions().model_dump(mode="json")
    assert options.model_dump(mode="json") == defaults | OF_VERSION_0_1
    assert (options.flourish, options.protect) == (0.0, "none")
    assert (Recipe.read(result).changes, Recipe.read(result).stopped_after) == ((), None)
    assert options == StyleTransferOptions.from_preset("gram", model="vgg16", strength=0.6)
    assert options.content_weight_in_force == 185000 * 10 ** (4 - 8 * 0.6)  # equal to the last bit


# ── round trip ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_recipe_is_read_back_from_the_picture(folder: Path, extension: str) -> None:
    result = painted(folder, extension)
    assert Recipe.read(result) == recipe_of(folder, result)
    assert images.load(result, "content").size == picture().size


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_transparent_picture_carries_a_recipe_too(tmp_path: Path, extension: str) -> None:
    image = picture()
    image.putalpha(77)
    path = image_writer.save(image, tmp_path / f"x{extension}", recipe="{}")
    assert images.read_recipe(path) == "{}"


def test_recipe_says_what_is_needed_to_paint_again(folder: Path) -> None:
    recipe = Recipe.read(painted(folder))
    content = (folder / "photos" / "Zoë & ich.png").read_bytes()
    assert recipe.nst == nst.__version__
    assert recipe.weights_sha256 == "ab" * 32
    assert recipe.content.path == "../photos/Zoë & ich.png"
    assert recipe.content.sha256 == hashlib.sha256(content).hexdigest()
    assert [style.path for style in recipe.styles] == ["../stile/水.png"]
    assert recipe.detail_map
    assert recipe.detail_map.path == "../photos/map.png"


def test_options_come_back_with_the_model_that_was_used(folder: Path) -> None:
    options = StyleTransferOptions(**Recipe.read(painted(folder)).options)
    assert options == OPTIONS.model_copy(update={"model": "vgg16"})
    assert options.names_model


def test_text_is_ascii(folder: Path) -> None:
    text = recipe_of(folder, folder / "x.png").text()
    assert text.isascii()
    assert json.loads(text)["content"]["path"] == "photos/Zoë & ich.png"


@pytest.mark.parametrize("distances", [None, {"judge": "vgg19", "content": 0.75, "style": 0.0625}])
def test_recipe_of_nst_0_1_keeps_its_own_distances(
    folder: Path, distances: dict[str, float] | None
) -> None:
    path = painted(folder)
    old = json.loads(recipe_of(folder, path).text()) | {"distances": distances}
    image_writer.save(picture(), path, recipe=json.dumps(old), overwrite=True)
    recipe = Recipe.read(path)
    assert recipe.distances == (distances and SquaredDistances("vgg19", 0.75, 0.0625))
    assert json.loads(recipe.text())["distances"] == distances


CHANGES = (Change(7, {"strength": 0.8}), Change(9, {"strength": 0.2, "tv_weight": 3.0}))


def test_steering_and_the_last_step_come_back(folder: Path) -> None:
    result = folder / "x.png"
    recipe = recipe_of(folder, result).model_copy(update={"changes": CHANGES, "stopped_after": 11})
    read = Recipe.read(image_writer.save(picture(), result, recipe=recipe.text()))
    assert (read.changes, read.stopped_after) == (CHANGES, 11)
    assert read.changes_without(["strength"]) == (Change(9, {"tv_weight": 3.0}),)


def test_a_file_recipe_json_is_read_as_the_picture_is(folder: Path) -> None:
    recipe, file = recipe_of(folder, folder / "recipe.json"), folder / "recipe.json"
    file.write_text(json.dumps(json.loads(recipe.text()), indent=2))
    assert Recipe.read(file) == Recipe.read(file.read_bytes()) == recipe
    assert recipe.content.locate(file, "content") == folder / "photos" / "Zoë & ich.png"
    file.write_text('{"looks": []}')
    no_recipe(file)


def test_pictures_that_come_with_nst_are_named_as_samples(tmp_path: Path) -> None:
    cat = tmp_path / "mine.jpg"
    shutil.copy(samples("content")["cat"], cat)
    file = PictureFile.of(cat, tmp_path / "x.png")
    assert file.path == "sample:cat"
    cat.unlink()
    assert file.locate(tmp_path / "x.png", "content") == samples("content")["cat"]
    with pytest.raises(InvalidImage, match="sample:dog does not come with nst; name a file, or"):
        PictureFile(path="sample:dog", sha256="").locate(tmp_path / "x.png", "content")


# ── finding the images ────────────────────────────────────────────────────────────────────────


def test_pictures_are_found_after_the_folder_moved(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = painted(folder).relative_to(folder)
    moved = tmp_path / "elsewhere" / "moved"
    shutil.move(folder, moved)
    monkeypatch.chdir(moved)
    for seen in (moved / result, result):
        recipe = Recipe.read(seen)
        assert recipe.content.locate(seen, "content") == moved / "photos" / "Zoë & ich.png"
        assert recipe.styles[0].locate(seen, "style") == moved / "stile" / "水.png"


def test_relative_names_are_taken_from_the_working_directory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "photos")
    file = PictureFile.of(Path("Zoë & ich.png"), Path("../out/x.png"))
    assert file.path == "../photos/Zoë & ich.png"


def remove(file: Path) -> None:
    file.unlink()


def change(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


def replace_by_a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("happens", "problem"),
    [
        (remove, "no longer exists"),
        (change, "has changed since"),
        (replace_by_a_directory, "no longer exists"),
    ],
)
def test_picture_that_is_gone_or_another_one(
    folder: Path, happens: Callable[[Path], None], problem: str
) -> None:
    result = painted(folder)
    file = folder / "stile" / "水.png"
    happens(file)
    with pytest.raises(InvalidImage) as caught:
        Recipe.read(result).styles[0].locate(result, "style")
    assert caught.value.role == "style"
    assert caught.value.reason.startswith(f"{file}, from which {result} was made, {problem}; name")
    assert caught.value.reason.endswith(f"nst stylize CONTENT STYLE --from-image {result}")
    assert len(str(caught.value).splitlines()) == 1


def test_name_that_no_system_takes(folder: Path) -> None:
    result = painted(folder)
    for path in ("n" * 5000, "no\0name.jpg"):
        with pytest.raises(InvalidImage, match="from which"):
            PictureFile(path=path, sha256="").locate(result, "content")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep names as Unicode")
def test_name_that_is_not_utf_8_does_not_cost_the_picture(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9.png")
    picture().save(file)
    kept = PictureFile.of(file, tmp_path / "x.png")
    assert kept.path == "caf\N{REPLACEMENT CHARACTER}.png"
    with pytest.raises(InvalidImage, match="no longer exists"):
        kept.locate(tmp_path / "x.png", "content")


# ── images of other programs ──────────────────────────────────────────────────────────────────


def no_recipe(path: Path) -> None:
    with pytest.raises(InvalidImage) as caught:
        Recipe.read(path)
    assert caught.value.role == "initial"
    assert caught.value.reason.startswith(f"{path} carries no recipe; only pictures that nst")


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_picture_without_a_recipe(tmp_path: Path, extension: str) -> None:
    path = image_writer.save(picture(), tmp_path / f"x{extension}")
    assert images.read_recipe(path) is None
    no_recipe(path)


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize(
    "text",
    ["OLYMPUS DIGITAL CAMERA", "{}", "[]", "null", '{"prompt": "a cat"}', "[" * 5000, '"\\ud800"'],
)
def test_metadata_of_others(tmp_path: Path, extension: str, text: str) -> None:
    no_recipe(image_writer.save(picture(), tmp_path / f"x{extension}", recipe=text))


def test_recipe_without_a_style(folder: Path) -> None:
    path = painted(folder)
    text = json.dumps(json.loads(recipe_of(folder, path).text()) | {"styles": []})
    no_recipe(image_writer.save(picture(), path, recipe=text, overwrite=True))


def test_compressed_text_of_another_program(tmp_path: Path) -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt("nst-recipe", "Grüße", zip=True)
    path = tmp_path / "x.png"
    picture().save(path, pnginfo=chunks)
    no_recipe(path)


def test_description_that_is_no_text(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = 5
    path = tmp_path / "x.jpg"
    path.write_bytes(encoded(picture(), "JPEG", exif=exif))
    no_recipe(path)


@pytest.mark.parametrize("content", [b"", b"text", encoded(picture(), "PNG")[:60]])
def test_damaged_picture(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    for read in (images.read_recipe, Recipe.read):
        with pytest.raises(InvalidImage, match=r"initial image: .*x\.png"):
            read(path)


def test_missing_picture(tmp_path: Path) -> None:
    with pytest.raises(InvalidImage, match="there is no file"):
        Recipe.read(tmp_path / "no.png")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
fields = st.fixed_dictionaries({}, optional=dict.fromkeys(Recipe.model_fields, json_values))


@given(st.text() | fields.map(json.dumps))
def test_any_other_text_is_no_recipe(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "read_recipe", lambda _: text)
        no_recipe(Path("x.png"))


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tiff"])
def test_an_image_is_saved_even_if_its_recipe_is_too_large_for_it(
    tmp_path: Path, extension: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = image_writer.save(picture(), tmp_path / f"a{extension}", recipe="x" * 70_000)
    assert images.load(file, "content").size == picture().size
    is_too_large = extension == ".jpg"
    assert images.read_recipe(file) == (None if is_too_large else "x" * 70_000)
    assert ("saved without its recipe" in caplog.text) == is_too_large


def test_the_largest_recipe_of_a_jpeg_file_is_kept(tmp_path: Path) -> None:
    for length in range(65_400, 65_540):
        file = image_writer.save(picture(), tmp_path / "a.jpg", recipe="x" * length, overwrite=True)
        if images.read_recipe(file) is None:
            break
    assert 65_450 < length < 65_530


def test_a_file_on_another_drive_has_an_absolute_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def relpath(*_: object) -> str:
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    monkeypatch.setattr(os.path, "relpath", relpath)
    file = folder / "photos" / "map.png"
    found = PictureFile.of(file, folder / "out" / "a.png")
    assert found.path == file.as_posix()
    assert found.locate(folder / "out" / "a.png", "content") == file
    assert relative_path(Path("map.png")) == Path("map.png").absolute()
