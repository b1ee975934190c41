"""`python neural_style_transfer.py`, as users of the classic programs know it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Nst, saved
from nst.cli.compatible import command
from support.assets import REPOSITORY
from support.pictures import SAMPLES

TABLE = {  # the published table of options and defaults
    "content_image_path": SAMPLES / "content" / "cat.jpg",
    "style_image_path": SAMPLES / "style" / "impasto.jpg",
    "content_weight": 1e5,
    "style_weight": 3e4,
    "tv_weight": 1e0,
    "optimizer": "lbfgs",
    "model": "vgg19",
    "init_method": "content",
    "total_iterations": 20000,
    "learning_rate": 1.0,
    "height": 400,
    "output_file": "output_image.jpg",
}


def test_it_has_exactly_the_options_of_the_table() -> None:
    parameters = {parameter.name: parameter for parameter in command(SAMPLES).params}
    assert set(parameters) == set(TABLE)
    assert all(parameters[name].opts == [f"--{name}"] for name in TABLE)


def test_its_choices_are_those_of_the_table(compatible: Nst) -> None:
    text = compatible("--help").out
    for choices in ("[lbfgs|adam]", "[vgg19|vgg16]", "[random|content|style]"):
        assert choices in text


def test_its_help_shows_exactly_the_defaults_of_the_table(compatible: Nst) -> None:
    text = compatible("--help").out
    for name, default in TABLE.items():
        entry = text.split(f"--{name} ")[1].split("  --")[0]
        plain = f"{default:g}" if isinstance(default, float) else str(default)
        # The help breaks lines at spaces and at hyphens, wherever the directory has one.
        assert "".join(f"[default: {plain}]".split()) in "".join(entry.split())


@pytest.mark.parametrize(("width", "height"), [(451, 300), (300, 451), (333, 333)])
@pytest.mark.parametrize("wanted", [32, 57, 100])
def test_the_result_has_exactly_the_height_asked_for(
    compatible: Nst, tmp_path: Path, content: Path, width: int, height: int, wanted: int
) -> None:
    saved(content).resize((width, height)).save(tmp_path / "a.png")
    arguments = ("--content_image_path=a.png", "--model=vgg16", "--total_iterations=1")
    outcome = compatible(*arguments, f"--height={wanted}")
    result = saved(tmp_path / outcome.out.strip())
    assert result.size == (round(width * wanted / height), wanted)


def test_pictures_go_where_they_always_went(compatible: Nst, tmp_path: Path) -> None:
    arguments = ("--model=vgg16", "--height=32", "--output_file=final.png", "--tv_weight=0")
    outcome = compatible(*arguments, "--total_iterations=200")
    directory = tmp_path / "data" / "output" / "combined_cat_impasto"
    assert outcome.code == 0
    assert outcome.out == "data/output/combined_cat_impasto/final.png\n"
    assert {file.name for file in directory.iterdir()} == {"100.png", "200.png", "final.png"}


def test_a_second_run_does_not_touch_the_first(compatible: Nst, tmp_path: Path) -> None:
    arguments = ("--model=vgg16", "--height=32", "--total_iterations=1")
    assert compatible(*arguments).out == "data/output/combined_cat_impasto/output_image.jpg\n"
    assert compatible(*arguments).out == "data/output/combined_cat_impasto-2/output_image.jpg\n"


def test_the_script_runs_from_the_root_of_the_repository_without_a_hint_of_torch_for_help() -> None:
    script = REPOSITORY / "neural_style_transfer.py"
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", script, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert "--content_image_path" in finished.stdout
    assert "torch" not in finished.stderr


def test_a_python_without_nst_is_told_what_to_do(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-I", "-S", REPOSITORY / "neural_style_transfer.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert "run `make setup`" in finished.stderr


def test_a_rate_that_lbfgs_does_not_use_is_told(compatible: Nst) -> None:
    outcome = compatible(
        "--model=vgg16", "--height=32", "--total_iterations=1", "--learning_rate=2"
    )
    assert outcome.code == 0
    first, *others = outcome.error_lines
    assert first == (
        "nst: --learning_rate has no effect with --optimizer lbfgs; it needs --optimizer adam"
    )
    assert "no effect" not in "".join(others)
