"""Results that several runs fill, and their verdicts on the targets."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from benchmarks.engine import files
from benchmarks.engine.plan import FULL, FULL_ON_GPU, QUICK, plan_for
from benchmarks.engine.report import render
from benchmarks.engine.schema import (
    Machine,
    Measured,
    Method,
    Model,
    PeakMemory,
    PresetTime,
    Results,
    StartupTime,
    WholePicture,
)
from benchmarks.engine.subjects import pairs
from benchmarks.engine.targets import Verdict, verdicts
from benchmarks.engine.timing import spread
from click import ClickException

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
    assert "### Peak memory\n\nMeasured on 2026-11-23." in found
    assert "### Draft" not in found


def test_the_sizes_are_chosen_by_the_device() -> None:
    assert plan_for("cpu", is_quick=False) == FULL
    assert plan_for("cuda", is_quick=False) == FULL_ON_GPU
    assert plan_for("cuda", is_quick=True) == QUICK


def test_the_samples_stand_in_for_pictures_that_may_not_be_shipped() -> None:
    assert [pair.number for pair in pairs(None)] == [1, 2, 3]
    assert all(pair.content.is_file() and pair.style.is_file() for pair in pairs(None))
    assert pairs(Path("elsewhere"))[0].style == Path("elsewhere/style/the_scream.jpg")
