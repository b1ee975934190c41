"""The benchmark of learned styles: the plain loop, the verdicts, and a tiny run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.engine import machine
from benchmarks.engine.memory import Peak
from benchmarks.engine.schema import today
from benchmarks.fast_style_loop import FastStyleLoop, build_painter
from benchmarks.learning import __main__ as learning
from benchmarks.learning.__main__ import Course
from benchmarks.learning.methods import CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT, Task
from benchmarks.learning.schema import LearnedNetwork, Learning, PaintedPhoto
from benchmarks.learning.targets import verdicts
from click.testing import CliRunner
from PIL import Image

from nst.engine.device import resolve_device
from support.pictures import SAMPLES
from unit.learning import tiny


def test_the_plain_network_has_the_size_of_the_paper() -> None:
    """The programs that followed the paper count 1.7 million parameters."""
    network = build_painter()
    assert sum(each.numel() for each in network.parameters()) == 1_679_235
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 32, 48)).shape == (2, 3, 32, 48)


def test_the_plain_loop_learns() -> None:
    random = torch.Generator().manual_seed(0)
    style, photo = (255 * torch.rand(1, 3, 64, 64, generator=random) for _ in range(2))
    weights = tiny.bundled().tensors
    loop = FastStyleLoop(
        weights,
        style,
        content_weight=CONTENT_WEIGHT,
        style_weight=STYLE_WEIGHT,
        tv_weight=TV_WEIGHT,
    )
    losses = [loop.step(photo) for _ in range(6)]
    assert losses[-1] < losses[0]
    assert loop.step(torch.cat([photo, photo])) < losses[0]


def photo(method: str, minutes: float, content: float, style: float) -> PaintedPhoto:
    return PaintedPhoto(
        measured_on=today(),
        method=method,
        minutes=minutes,
        steps=10,
        content="lion",
        style="mosaic",
        content_distance=content,
        style_distance=style,
        precision=style,
        coverage=style,
    )


def network(method: str, error: float, peak_bytes: int = 3 * 10**9) -> LearnedNetwork:
    return LearnedNetwork(
        measured_on=today(),
        method=method,
        style="mosaic",
        seconds=0.1,
        frame_seconds=0.2,
        warping_error=error,
        peak_bytes=peak_bytes,
    )


def found(images: Sequence[PaintedPhoto], networks: Sequence[LearnedNetwork] = ()) -> Learning:
    return Learning(
        nst_version="0",
        machine=machine.describe(resolve_device("cpu")),
        judge="vgg19",
        size=256,
        photos=4,
        painted_size=400,
        images=tuple(images),
        networks=tuple(networks),
    )


def test_verdicts_compare_at_the_last_mark() -> None:
    images = [
        photo("draft", 0, content=0.4, style=0.5),
        photo("nst", 1, content=0.9, style=0.9),
        photo("nst", 30, content=0.3, style=0.6),
        photo("plain", 30, content=0.6, style=0.6),
    ]
    networks = [network("draft", 0.03), network("nst", 0.03), network("steady", 0.012)]
    judged = {each.what: each.measured for each in verdicts(found(images, networks))}
    assert judged == {
        "content distance after 30 minutes, nst / draft": pytest.approx(0.75),
        "style distance after 30 minutes, nst / draft": pytest.approx(1.2),
        "content distance after 30 minutes, nst / plain": pytest.approx(0.5),
        "style distance after 30 minutes, nst / plain": pytest.approx(1.0),
        "warping error, steady / draft": pytest.approx(0.4),
        "frames per second, 512 pixels wide": pytest.approx(5),
        "painting 600×400, warm": pytest.approx(0.1),
        "peak memory while learning": pytest.approx(3),
    }


def test_verdicts_compare_the_same_pairs_after_equal_minutes() -> None:
    images = [
        photo("nst", 5, content=0.2, style=0.2),
        photo("nst", 30, content=0.9, style=0.9),
        photo("nst", 5, content=0.4, style=0.4).model_copy(update={"style": "wave"}),
        photo("draft", 0, content=0.4, style=0.8),
        photo("draft", 0, content=0.8, style=0.4).model_copy(update={"style": "wave"}),
        photo("plain", 5, content=0.8, style=0.1),
    ]
    judged = {each.what: each.measured for each in verdicts(found(images))}
    assert judged["content distance after 5 minutes, nst / draft"] == pytest.approx(0.6 / 1.2)
    assert judged["style distance after 5 minutes, nst / draft"] == pytest.approx(0.6 / 1.2)
    assert judged["content distance after 5 minutes, nst / plain"] == pytest.approx(0.25)
    assert judged["style distance after 5 minutes, nst / plain"] == pytest.approx(2)


def test_the_style_that_needs_the_most_memory_counts() -> None:
    networks = [network("nst", 0.03, peak * 10**9) for peak in (2, 5, 3)]
    networks.append(network("plain", 0.03, 9 * 10**9))
    *_, verdict = verdicts(found([photo("nst", 1, 0.3, 0.3)], networks))
    assert verdict.what == "peak memory while learning"
    assert (verdict.measured, verdict.is_met) == (5, False)


def test_the_peak_is_measured_around_each_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the judge or an earlier method needed before is not the method's memory."""
    events: list[str] = []
    peaks = iter((5, 3))

    class Learner:
        steps = 1

        def learn(self, minutes: float) -> None:
            events.append(f"learn {minutes:g}")

        def paint(self, photo: Image.Image) -> Image.Image:
            return photo

    class FakeGauge:
        def __init__(self, _: torch.device) -> None:
            events.append("reset")

        def peak(self) -> Peak:
            events.append("read")
            return Peak(next(peaks), 0)

    monkeypatch.setattr(learning, "Gauge", FakeGauge)
    monkeypatch.setattr(learning, "METHODS", {"nst": lambda _: Learner()})
    monkeypatch.setattr(Course, "_network", lambda *facts: network("nst", 0, facts[-1]))
    judge: Any = None
    course = Course(("nst",), (1.0, 5.0), [], 48, 64, judge, None)
    assert list(course.run(Task(SAMPLES, None, 32, 64, judge))) == [network("nst", 0, 5)]
    assert events == ["reset", "learn 1", "read", "reset", "learn 5", "read"]


def test_only_the_same_measurement_is_continued() -> None:
    before = found([photo("nst", 1, 0.3, 0.3)], [network("nst", 0.03)])
    assert found([]).model_copy(update={"nst_version": "1"}).continues(before)
    other = machine.describe(resolve_device("cpu")).model_copy(update={"cpu": "another"})
    for change in (
        {"size": 128},
        {"photos": 5},
        {"painted_size": 300},
        {"judge": "vgg16"},
        {"machine": other},
    ):
        assert not found([]).model_copy(update=change).continues(before), change


def test_what_was_not_measured_is_no_verdict() -> None:
    assert {each.is_met for each in verdicts(found([photo("nst", 1, 0.3, 0.3)]))} == {None}


def test_without_a_judge_it_says_so(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(learning.main, [f"--weights-dir={tmp_path}"])
    assert outcome.exit_code == 2
    assert "name --weights-dir" in outcome.output


def test_the_samples_are_not_painted(
    vgg19_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NST_TEST_ASSETS", raising=False)
    outcome = CliRunner().invoke(learning.main, [f"--weights-dir={vgg19_directory}"])
    assert outcome.exit_code == 2
    assert "name --pictures" in outcome.output


def test_a_style_that_is_not_there(vgg19_directory: Path, tmp_path: Path) -> None:
    arguments = (f"--weights-dir={vgg19_directory}", f"--pictures={SAMPLES}", "--style=none")
    outcome = CliRunner().invoke(learning.main, arguments)
    assert outcome.exit_code == 2
    assert "--style none is not there; expected one of cubist" in outcome.output


def test_it_runs(vgg19_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "TIMED_SIZE", (60, 40))
    for kind in ("content", "style"):
        (tmp_path / kind).mkdir()
        Image.effect_noise((64, 48), 70).convert("RGB").save(tmp_path / kind / f"{kind}.png")
    output = tmp_path / "learning.json"
    arguments = (
        *("--minutes=0.0001", "--minutes=0.0002", "--size=32", "--style-size=64"),
        *(
            "--painted-size=48",
            "--film-width=64",
            f"--pictures={tmp_path}",
            f"--keep={tmp_path / 'kept'}",
        ),
        *(f"--weights-dir={vgg19_directory}", f"--output={output}"),
    )
    done = CliRunner().invoke(learning.main, arguments)
    assert done.exit_code == 0, done.output
    rows = Learning.model_validate_json(output.read_text())
    marks = [0.0001, 0.0002]
    assert [(each.method, each.minutes) for each in rows.images] == [
        ("draft", 0),
        *((name, minutes) for name in ("nst", "steady", "plain") for minutes in marks),
    ]
    assert [each.method for each in rows.networks] == ["draft", "nst", "steady", "plain"]
    assert len(list((tmp_path / "kept").glob("*.png"))) == 7
    with Image.open(tmp_path / "kept" / "sheet.jpg") as sheet:
        assert sheet.width > 7 * 48
    assert "content distance after 0.0002 minutes, nst / plain" in done.output
    shown = CliRunner().invoke(learning.main, ["--show", str(output)])
    assert shown.output == done.output[done.output.index("Parts of") :]
    again = CliRunner().invoke(learning.main, [*arguments, "--method=draft"])
    assert again.exit_code == 0, again.output
    kept = Learning.model_validate_json(output.read_text())
    assert sorted(map(repr, kept.images)) == sorted(map(repr, rows.images))
    assert [each.method for each in kept.networks] == ["nst", "steady", "plain", "draft"]
    text = output.read_text()
    other = CliRunner().invoke(learning.main, [*arguments, "--painted-size=56"])
    assert other.exit_code == 2
    assert "was measured with other options or elsewhere" in other.output
    assert output.read_text() == text
