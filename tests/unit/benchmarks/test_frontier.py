"""Methods at equal content distance: verdicts, results kept and refused."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmarks.engine import machine
from benchmarks.engine.schema import today
from benchmarks.frontier import __main__ as frontier
from benchmarks.frontier import methods
from benchmarks.frontier.curves import Comparison
from benchmarks.frontier.gallery import Gallery, Kept, Pair
from benchmarks.frontier.methods import AUTHORS, Method
from benchmarks.frontier.report import comparisons_of, render, summary
from benchmarks.frontier.schema import Frontier, Painted
from benchmarks.frontier.targets import verdicts
from click.testing import CliRunner

from nst import images
from nst.engine.device import resolve_device
from nst.engine.network.weights import WeightsStore
from nst.presets import DEFAULT_PRESET
from support.pictures import picture

FEW = ("--size=48", "--steps=1")

# ── the tables ────────────────────────────────────────────────────────────────────────────────


def row(method: str, pair: tuple[str, str], content: float, style: float) -> Painted:
    return Painted(
        measured_on=today(),
        method=method,
        strength=content,
        content=pair[0],
        style=pair[1],
        width_pixels=4,
        height_pixels=3,
        seconds=1,
        content_distance=content,
        style_distance=style,
        precision=style,
        coverage=style / 2,
        worst_tenth=2 * style,
        gram=0,
    )


def results() -> Frontier:
    first, second = ("lion", "mosaic"), ("wawel", "shipwreck")
    rows = [
        *(row("new", first, content, 0.18) for content in (0.1, 0.2, 0.3)),
        *(row("old", first, content, 0.2) for content in (0.2, 0.3, 0.4)),
        *(row("new", second, content, 0.1) for content in (0.1, 0.2)),
        *(row("old", second, content, 0.2) for content in (0.3, 0.4)),
    ]
    return Frontier(
        nst_version="1",
        machine=machine.describe(resolve_device("cpu")),
        model="vgg16",
        judge="vgg19",
        size=4,
        methods=("new", "old"),
        rows=tuple(rows),
    )


def test_pairs_whose_curves_are_apart_are_shown_and_not_counted() -> None:
    text = re.sub(" +", " ", render(results()))
    assert "| lion + mosaic | 0.900 | 0.900 | overlap |" in text
    assert "| wawel + shipwreck | 0.500 | 0.500 | apart by 0.100: the two nearest points" in text
    assert "1 of 2 pairs overlap. Style distance: mean 0.900, worst 0.900 (lion + mosaic)." in text
    assert text.count("| old |") == 5


def test_the_default_preset_is_judged_beside_gram() -> None:
    pairs = [("lion", "mosaic"), ("wawel", "shipwreck")]
    rows = [
        row(method, pair, content, style)
        for pair, factor in zip(pairs, (0.85, 1.05), strict=True)
        for method, contents, style in (
            (DEFAULT_PRESET, (0.1, 0.2, 0.5), factor * 0.2),
            ("gram", (0.2, 0.3, 0.5), 0.2),
        )
        for content in contents
    ]
    found = results().model_copy(update={"methods": (DEFAULT_PRESET, "gram"), "rows": tuple(rows)})
    judged = list(verdicts(found, "gram", comparisons_of(found, DEFAULT_PRESET, "gram")))
    # Style: mean, worst pair, worst tenth; content at strength 0.5: mean, worst pair.
    assert [each.measured for each in judged] == pytest.approx([0.95, 1.05, 0.95, 1, 1])
    assert [each.is_met for each in judged] == [False] * 5
    assert f"{DEFAULT_PRESET} / gram, worst of 2 of 2 pairs" in render(found)


def test_a_verdict_says_how_many_pairs_count() -> None:
    def renamed(method: str) -> str:
        return DEFAULT_PRESET if method == "new" else "gram"

    rows = [each.model_copy(update={"method": renamed(each.method)}) for each in results().rows]
    update = {"methods": (DEFAULT_PRESET, "gram"), "rows": tuple(rows)}
    found = results().model_copy(update=update)
    judged = list(verdicts(found, "gram", comparisons_of(found, DEFAULT_PRESET, "gram")))
    assert [each.what.rsplit(", ", 1)[1] for each in judged] == [
        "mean of 1 of 2 pairs",
        "worst of 1 of 2 pairs",
        "mean of 1 of 2 pairs",
        "mean of 0 of 2 pairs",
        "worst of 0 of 2 pairs",
    ]
    assert [each.measured for each in judged[:3]] == pytest.approx([0.9, 0.9, 0.9])
    assert [each.is_met for each in judged[3:]] == [None, None]


@pytest.mark.parametrize(("theirs", "count"), [("gram", 5), (AUTHORS, 1)])
def test_without_any_overlap_no_target_is_met(theirs: str, count: int) -> None:
    found = results().model_copy(update={"methods": (DEFAULT_PRESET, theirs)})
    judged = list(verdicts(found, theirs, {"a + b": Comparison(0.5, 0.5, 0.1)}))
    assert [each.is_met for each in judged] == [None] * count
    assert judged[0].what.endswith("mean of 0 of 1 pairs")


def test_without_any_overlap_nothing_is_claimed() -> None:
    found = summary({"a + b": Comparison(0.5, 0.5, 0.1)}, "new", "old")
    assert found.startswith("0 of 1 pairs overlap: new and old cannot be compared")


def test_results_are_read_back(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(results().model_dump_json())
    shown = CliRunner().invoke(frontier.main, ["--show", str(tmp_path / "r.json")])
    assert shown.output == render(results()) + "\n"


# ── repeated painting ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    store = WeightsStore(offline=True)
    return Gallery(tmp_path / "kept", store, store.load("vgg16"))


@pytest.fixture
def pair(content: Path, style: Path) -> Pair:
    return Pair(content, style)


def name_of(gallery: Gallery, pair: Pair, **changes: Any) -> str:
    facts: dict[str, Any] = {"name": "quality", "strength": 0.5, "model": "vgg16", "size": 48}
    pictures = (images.load(file, "content") for file in (pair.content, pair.style))
    return gallery._notes(Method(**(facts | changes)), "x", *pictures).name


def test_everything_that_changes_the_image_changes_its_name(
    gallery: Gallery, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"name": "classic"},
        {"name": AUTHORS},
        {"name": AUTHORS, "strength": 0.2},
        {"name": AUTHORS, "steps": 3},
        {"strength": 0.4},
        {"model": "vgg19"},
        {"size": 50},
        {"steps": 3},
    ]
    found = [name_of(gallery, pair, **each) for each in changes]
    assert len(set(found)) == len(found)
    assert name_of(gallery, pair) == found[0]
    assert name_of(gallery, Pair(pair.content, pair.content)) not in found
    monkeypatch.setattr(methods, "hash_of_sources", lambda _: "another engine")
    assert name_of(gallery, pair) not in found


def test_the_judge_is_no_part_of_the_engine_s_version() -> None:
    names = {file.name for file in methods._engine_files()}
    assert "encoder.py" in names
    assert "distance.py" not in names


def test_an_image_is_painted_once(
    gallery: Gallery, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = Method("classic", 0.5, "vgg16", 48, steps=1)
    first = gallery.get(method, pair)
    monkeypatch.setattr(Method, "paint", None)
    monkeypatch.setattr(Gallery, "_distances", None)
    assert gallery.get(method, pair) == first
    assert first[1] == (48, 32)


def test_another_version_paints_again_unless_the_method_is_trusted(
    gallery: Gallery, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = Method("classic", 0.5, "vgg16", 48, steps=1)
    kept = gallery.get(method, pair)
    monkeypatch.setattr(methods, "hash_of_sources", lambda _: "another engine")
    trusting = replace(gallery, trusted=["classic"])
    monkeypatch.setattr(Gallery, "_judge_version", kept[0].judged_by)
    assert trusting.get(method, pair) == kept
    assert len(list(gallery.directory.glob("*.png"))) == 1
    gallery.get(method, pair)
    assert len(list(gallery.directory.glob("*.png"))) == 2


def test_another_judge_judges_the_kept_image_again(
    gallery: Gallery, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = Method("classic", 0.5, "vgg16", 48, steps=1)
    kept, _ = gallery.get(method, pair)
    (notes,) = gallery.directory.glob("*.json")
    older = kept.model_copy(update={"judged_by": "nobody", "seconds": 7})
    notes.write_text(older.model_dump_json())
    monkeypatch.setattr(Method, "paint", None)
    again, _ = gallery.get(method, pair)
    assert again == kept.model_copy(update={"seconds": 7})
    assert Kept.model_validate_json(notes.read_text()) == again


# ── the command ───────────────────────────────────────────────────────────────────────────────


def refused(*arguments: str) -> str:
    outcome = CliRunner().invoke(frontier.main, arguments)
    assert outcome.exit_code == 2
    return outcome.output


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    said = refused(f"--pictures={tmp_path / 'nothing'}")
    assert "there are no pictures in" in said
    assert "--pictures" in said


def test_samples_are_painted_if_no_other_pictures_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NST_TEST_ASSETS", raising=False)
    assert "expected one of astronaut+cubist, " in " ".join(refused("--pair=no+no").split())


def test_bad_requests_are_refused(tmp_path: Path) -> None:
    for kind in ("content", "style"):
        (tmp_path / kind).mkdir()
        picture().save(tmp_path / kind / f"{kind}.png")
    assert "expected one of content+style" in refused(f"--pictures={tmp_path}", "--pair=cat+dog")
    assert "name --method twice" in refused("--method=quality", "--method=quality")
    assert "3 times" in refused("--strength=0.1", "--strength=0.2")
    assert "vgg16" in refused("--method=authors", "--method=classic", "--model=vgg19")


def test_it_runs(vgg19_directory: Path, content: Path, style: Path, tmp_path: Path) -> None:
    for kind, file in (("content", content), ("style", style)):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / file.name).write_bytes(file.read_bytes())
    output = tmp_path / "frontier.json"
    done = CliRunner().invoke(
        frontier.main,
        [
            *FEW,
            *("--method=classic", f"--method={AUTHORS}"),
            *(f"--pictures={tmp_path}", f"--cache={tmp_path / 'kept'}"),
            *(f"--weights-dir={vgg19_directory}", f"--output={output}"),
        ],
    )
    assert done.exit_code == 0, done.output
    found = Frontier.model_validate_json(output.read_text())
    assert [(each.method, each.strength) for each in found.rows] == [
        *(("classic", strength) for strength in frontier.STRENGTHS),
        *((AUTHORS, alpha) for alpha in frontier.ALPHAS),
    ]
    assert len(list((tmp_path / "kept").glob("*.png"))) == 6
    assert "of 1 pairs overlap" in done.output
