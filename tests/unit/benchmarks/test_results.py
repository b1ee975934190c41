"""Results that several runs fill, and their verdicts on the targets."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from benchmarks.engine import files
from benchmarks.engine.plan import FULL, FULL_ON_GPU, QUICK, plan_for
from benchmarks.engine.report import render
from benchmarks.engine.schema import (
    Judged,
    Machine,
    Measure,
    Measured,
    Method,
    Model,
    PeakMemory,
    PictureQuality,
    PresetTime,
    Results,
    Scaling,
    SizeTime,
    StartupTime,
    WholePicture,
)
from benchmarks.engine.subjects import pairs
from benchmarks.engine.targets import Verdict, verdicts
from benchmarks.engine.timing import spread
from click import ClickException

import nst

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


def results(cpu: str = "A CPU", weights: dict[Model, str] | None = None) -> Results:
    machine = Machine(
        cpu=cpu,
        cores=2,
        memory_bytes=2**34,
        system="Linux",
        python="3.11",
        torch="2.13",
        threads=2,
        device="cpu",
        device_name=cpu,
    )
    method = Method(
        quick=False,
        content="cat.jpg",
        style="impasto.jpg",
        warm_up=1,
        repeats=2,
        our_precision="float32",
        weights_sha256=weights or {},
    )
    return Results(nst_version="1", machine=machine, method=method)


def memory(model: Model, day: date, *, ours: float = 100) -> PeakMemory:
    return PeakMemory(
        measured_on=day,
        model=model,
        width_pixels=4,
        height_pixels=3,
        evaluations=1,
        naive_bytes=spread([200]),
        our_bytes=spread([ours]),
        ratio=200 / ours,
        naive_history_bytes=1,
        our_history_bytes=1,
    )


def days(rows: tuple[Measured, ...]) -> list[tuple[str, date]]:
    return [(row.subject[0], row.measured_on) for row in rows]


def test_new_rows_take_the_place_of_those_about_the_same_model_only() -> None:
    found = results().including("peak_memory", [memory("vgg19", MONDAY)])
    found = found.including("peak_memory", [memory("vgg16", MONDAY)])
    found = found.including("peak_memory", [memory("vgg19", TUESDAY)])
    assert days(found.peak_memory) == [("vgg16", MONDAY), ("vgg19", TUESDAY)]


def test_a_second_run_goes_on_with_the_file_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    header = results(weights={"vgg16": "a"})
    assert files.continued(path, header) == header
    files.write(header.including("peak_memory", [memory("vgg16", MONDAY)]), path)
    found = files.continued(path, results(weights={"vgg19": "b"}))
    assert days(found.peak_memory) == [("vgg16", MONDAY)]
    assert found.method.weights_sha256 == {"vgg16": "a", "vgg19": "b"}
    assert list(tmp_path.iterdir()) == [path]


def test_machines_are_not_mixed_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    files.write(results(), path)
    with pytest.raises(ClickException, match="another machine"):
        files.continued(path, results(cpu="Another CPU"))


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    path.write_text('{"schema_version": 1}')
    with pytest.raises(ClickException, match="move it away"):
        files.read(path)


@pytest.mark.parametrize(
    ("verdict", "target", "is_met"),
    [
        (Verdict("at most", 0.3, most=0.3, unit=" s"), "≤ 0.3 s", True),
        (Verdict("at most", 0.31, most=0.3), "≤ 0.3", False),
        (Verdict("at least", 0.9, least=0.9), "≥ 0.9", True),
        (Verdict("at least", 0.89, least=0.9), "≥ 0.9", False),
        (Verdict("between", 1.0, least=0.95, most=1.05), "0.95–1.05", True),
        (Verdict("between", 1.06, least=0.95, most=1.05), "0.95–1.05", False),
        (Verdict("unknown", None, most=1), "≤ 1", None),
    ],
)
def test_a_target_is_met_or_not(verdict: Verdict, target: str, is_met: bool | None) -> None:
    assert (verdict.target, verdict.is_met) == (target, is_met)


def test_the_targets_are_judged_by_what_was_measured() -> None:
    startup = StartupTime(measured_on=MONDAY, command="nst --help", seconds=spread([0.4]))
    found = (
        results()
        .including("startups", [startup])
        .including("peak_memory", [memory("vgg16", MONDAY, ours=90)])
    )
    judged = {verdict.what: verdict.is_met for verdict in verdicts(found)}
    assert judged["nst --help"] is False
    assert judged["vgg16 4×3: peak memory, ours / naive"] is True
    table = [line for line in render(found).splitlines() if line.startswith("| nst --help")]
    assert [cell.strip() for cell in table[0].split("|")[2:5]] == ["≤ 0.3 s", "0.4 s", "no"]


def test_presets_are_judged_beside_gram_and_large_pictures_by_their_minutes() -> None:
    facts: dict[str, Any] = {
        "measured_on": MONDAY,
        "model": "vgg16",
        "width_pixels": 1024,
        "height_pixels": 768,
    }
    rows = [
        PresetTime(
            **facts,
            preset=preset,
            seconds=spread([seconds]),
            ratio=spread([seconds / 60]),
            network_share=spread([0.72]),
        )
        for preset, seconds in (("gram", 60), ("quality", 66), ("fast", 20))
    ]
    picture = WholePicture(**facts, preset="quality", max_memory_bytes=6, seconds=80, peak_bytes=5)
    found = results().including("presets", rows).including("whole_pictures", [picture])
    judged = {verdict.what: verdict.is_met for verdict in verdicts(found)}
    of_preset = "vgg16 1024×768, preset"
    assert judged[f"{of_preset} quality: seconds / preset gram's"] is False
    assert judged[f"{of_preset} fast: seconds / preset gram's"] is True
    assert judged[f"{of_preset} fast: the network's share of an evaluation"] is True
    assert f"{of_preset} gram: seconds / preset gram's" not in judged
    assert judged[f"{of_preset} quality"] is True
    assert judged[f"{of_preset} quality: peak memory"] is True


def test_only_what_was_measured_has_a_table() -> None:
    found = render(results().including("peak_memory", [memory("vgg16", MONDAY)]))
    assert "### Peak memory\n\nMeasured on 2026-11-23, in single runs.\n" in found
    assert "### Draft" not in found


def test_a_target_without_rows_is_not_measured() -> None:
    judged = {each.what: each.is_met for each in verdicts(results(weights={"vgg16": "a"}))}
    assert set(judged.values()) == {None}
    assert set(judged) == {
        "time per evaluation at height 400, ours / naive",
        "preset quality: seconds / preset gram's",
        "preset fast: seconds / preset gram's",
        "vgg16: time to the naive loop's last loss, ours / naive, worst of 0 pairs",
        "vgg16: loss at equal time, automatic / float32, worst of 0 pairs",
        "vgg16: loss after equal evaluations, automatic / float32, worst of 0 pairs",
        "a preset beside the naive loop's picture, distances, ours / naive",
        "peak memory, ours / naive",
        "peak memory of a large picture",
        "1024×768, preset quality",
        "2048×1536, preset quality",
        "3840×2160, preset quality",
        "draft, warm",
        "start of a command",
        "time per evaluation, exponent of the pixels",
    }


def quality(pair: int, measure: Measure, style: float) -> PictureQuality:
    def judged(style_distance: float) -> Judged:
        return Judged(measure=measure, seconds=8, content_distance=1, style_distance=style_distance)

    return PictureQuality(
        measured_on=MONDAY,
        model="vgg19",
        pair=pair,
        content="lion",
        style="mosaic",
        width_pixels=4,
        height_pixels=3,
        preset="gram",
        judge="vgg16",
        naive_evaluations=300,
        naive=judged(1),
        ours=judged(style),
    )


def test_the_worst_pair_is_that_of_one_measure() -> None:
    rows = [quality(1, "squared", 0.8), quality(2, "transport", 1.2), quality(3, "squared", 0.9)]
    judged = {each.what: each for each in verdicts(results().including("quality", rows))}
    title = "vgg19: preset gram beside 300 evaluations, style distance"
    squared = judged[f"{title} (squared), ours / naive, worst of 2 pairs"]
    transport = judged[f"{title} (transport), ours / naive, worst of 1 pairs"]
    assert squared.measured == pytest.approx(0.9)
    assert transport.measured == pytest.approx(1.2)


def test_every_table_names_its_rounds() -> None:
    sizes = tuple(
        SizeTime(side_pixels=side, seconds=spread([1.0] * rounds))
        for side, rounds in ((128, 7), (2048, 2))
    )
    scaling = Scaling(
        measured_on=MONDAY, model="vgg16", sizes=sizes, exponent=1, segment_exponents=(1,)
    )
    startup = StartupTime(measured_on=MONDAY, command="nst", seconds=spread([1, 2, 3, 4, 5]))
    found = render(results().including("scaling", [scaling]).including("startups", [startup]))
    assert "Measured on 2026-11-23, in 2 or 7 rounds." in found
    assert "1000 ± 0 (n=7)" in found
    assert "1000 ± 0 (n=2)" in found
    assert "Measured on 2026-11-23, in 5 rounds." in found


def test_rows_of_several_versions_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The header keeps the version of the first run, and new rows have their own."""
    path = tmp_path / "engine.json"
    files.write(results().model_copy(update={"peak_memory": (memory("vgg16", MONDAY),)}), path)
    monkeypatch.setattr(nst, "__version__", "2")
    header = results().model_copy(update={"nst_version": "2"})
    found = files.continued(path, header).including("peak_memory", [memory("vgg19", TUESDAY)])
    assert found.versions == "1 and 2 (rows of several versions)"
    again = found.including("peak_memory", [memory("vgg16", TUESDAY)])
    assert again.versions == "2"
    assert render(again).startswith("nst 2:")


def test_the_sizes_are_chosen_by_the_device() -> None:
    assert plan_for("cpu", is_quick=False) == FULL
    assert plan_for("cuda", is_quick=False) == FULL_ON_GPU
    assert plan_for("cuda", is_quick=True) == QUICK


def test_the_samples_stand_in_for_pictures_that_may_not_be_shipped() -> None:
    assert [pair.number for pair in pairs(None)] == [1, 2, 3]
    assert all(pair.content.is_file() and pair.style.is_file() for pair in pairs(None))
    assert pairs(Path("elsewhere"))[0].style == Path("elsewhere/style/the_scream.jpg")
