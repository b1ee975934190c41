"""The ablation: the comparisons that it makes, and its table."""

from pathlib import Path

import pytest
from benchmarks import quality
from benchmarks.engine import machine
from benchmarks.engine.schema import today
from benchmarks.quality import NAIVE, PRESET, SWITCHES, Ablation, Painted, render, variants
from click.testing import CliRunner

from nst import StyleTransferOptions
from nst.engine.device import resolve_device
from nst.presets import PRESETS


def test_one_part_of_the_preset_is_changed_at_a_time() -> None:
    found = variants(96, "vgg16", None)
    whole = found[PRESET]
    for name, (off, on) in SWITCHES.items():
        assert off[name] == StyleTransferOptions.model_fields[name].default
        has_it = getattr(whole, name) != off[name]
        variant = found[f"without {name}" if has_it else f"with {name} {on[name]}"]
        assert variant.model_dump() == {**whole.model_dump(), **(off if has_it else on)}
    assert {"fast", "draft"} <= set(found)
    assert found["draft"].is_draft
    assert {options.size for options in found.values()} == {96}


def test_the_preset_may_be_changed_first() -> None:
    found = variants(96, "vgg16", None, {"average": "0.8", "style_loss": "wasserstein"})
    assert found[PRESET].average == found["without style_loss"].average == 0.8
    assert found["without average"].average == 0
    assert found["fast"].average == 0


def test_steps_are_those_of_the_preset_unless_given() -> None:
    steps = PRESETS[PRESET]["total_iterations"]
    assert variants(96, "vgg16", None)[PRESET].total_iterations == steps
    assert variants(96, "vgg16", 7)["fast"].total_iterations == 7


def ablation() -> Ablation:
    def row(variant: str, content: str, seconds: float, style: float) -> Painted:
        return Painted(
            measured_on=today(),
            variant=variant,
            content=content,
            style="mosaic",
            steps=3,
            seconds=seconds,
            style_distance=style,
            content_distance=0.5,
        )

    rows = [
        row(PRESET, "cat", 1, 0.1),
        row("without scales", "cat", 2, 0.2),
        row(PRESET, "coffee", 3, 0.4),
        row("without scales", "coffee", 4, 0.2),
    ]
    return Ablation(
        nst_version="1",
        machine=machine.describe(resolve_device("cpu")),
        model="vgg16",
        judge="vgg19",
        options={},
        rows=tuple(rows),
    )


def test_the_table_has_means_over_the_pairs_and_ratios_to_the_preset() -> None:
    lines = render(ablation()).splitlines()
    assert lines[2] == "| gram | 2 (1.00) | 0.2 (1.00) | 0.5 (1.00) |"
    assert lines[3] == "| without scales | 3 (1.50) | 0.2 (1.00) | 0.5 (1.00) |"


def test_a_photo_that_no_step_has_changed_has_a_row() -> None:
    found = ablation()
    unchanged = found.rows[1].model_copy(update={"content_distance": 0.0})
    changed = found.model_copy(update={"rows": (found.rows[0], unchanged)})
    assert render(changed).splitlines()[-1].endswith("| 0 (0.00) |")


def test_results_are_read_back(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(ablation().model_dump_json())
    shown = CliRunner().invoke(quality.main, ["--show", str(tmp_path / "r.json")])
    assert shown.output == render(ablation()) + "\n"


def test_without_weights_to_judge_by_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = CliRunner().invoke(quality.main, ["--model", "vgg16"])
    assert refused.exit_code == 2
    assert "no weights of vgg19" in refused.output


def test_it_runs(vgg19_directory: Path, tmp_path: Path) -> None:
    few = ["--model=vgg16", "--size=48", "--steps=1", "--pairs=1"]
    output = tmp_path / "quality.json"
    done = CliRunner().invoke(
        quality.main, [*few, f"--weights-dir={vgg19_directory}", f"--output={output}"]
    )
    assert done.exit_code == 0, done.output
    rows = Ablation.model_validate_json(output.read_text()).rows
    steps = {row.variant: row.steps for row in rows}
    assert set(steps) == {*variants(48, "vgg16", 1), NAIVE}
    assert steps.pop(NAIVE) >= 1
    assert set(steps.values()) == {0, 1}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["quality.jpg", "quality.json"]
