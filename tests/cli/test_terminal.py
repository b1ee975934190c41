"""Output at a terminal: the bar, lines above it, and the rest under --quiet."""

import re
import shutil
from pathlib import Path
from typing import cast

import pytest

from cli.conftest import Nst
from cli.terminals import screens
from nst.cli.progress_bar import BatchPosition, ProgressBar, duration
from nst.engine.network.files import BUNDLE
from nst.progress import Losses, Progress, Snapshot

TINY = ("--size=48", "--scales=1", "--convergence-tolerance=0", "--precision=fp32")
BAR = re.compile("[━╸╺]+")


def bars(shown: list[list[str]], what: str = "step") -> list[str]:
    return [line for lines in shown for line in lines if BAR.search(line) and what in line]


def test_the_bar_keeps_its_width_at_80_columns(tmp_path: Path, content: Path, style: Path) -> None:
    arguments = ("stylize", content, style, *TINY, "--total-iterations=12", "--model=vgg16")
    code, shown = screens(*arguments, cwd=tmp_path)
    assert code == 0
    painting = bars(shown)
    assert re.search(r"step +\d+/12", painting[0])
    assert re.search(r"step +\d+/12", painting[-1])
    places = {(found.start(), found.end()) for line in painting if (found := BAR.search(line))}
    assert places == {(12, 32)}
    for line in painting:
        assert re.search(r" \d+:\d\d elapsed +(\d+:\d\d|–) remaining$", line)
    assert not [line for line in shown[-1] if BAR.search(line)]


def test_that_vgg16_stands_in_is_said_once_and_before_the_bar(
    tmp_path: Path, content: Path, style: Path
) -> None:
    arguments = ("stylize", content, style, *TINY, "--total-iterations=2", "-o", "out.png")
    code, shown = screens(*arguments, cwd=tmp_path, columns=200, shows_output=False)
    assert code == 0
    (notice,) = (line for line in shown[-1] if "using vgg16" in line)
    assert notice.startswith("nst: using vgg16: the weights of vgg19 are not here")
    assert notice.endswith("(This message appears once.)")
    for lines in shown:
        for line in lines:
            assert not (BAR.search(line) and "nst:" in line)  # the bar has a line of its own
    first = next(lines for lines in shown if bars([lines]))
    assert first[0] == notice
    assert BAR.search(first[1])
    for part in ("Painting", "step 2/2", "loss", "elapsed", "remaining", "━"):
        assert any(part in line for line in bars(shown)), part
    assert "with vgg16 on" in "".join(shown[-1])
    code, again = screens(*arguments, cwd=tmp_path, columns=200)
    assert code == 0
    assert "using vgg16" not in "".join(map("".join, again))
    assert "with vgg16 on" in "".join(again[-1])


def test_a_named_file_of_vgg16_is_said_each_time_and_hides_no_later_notice(
    nst: Nst, content: Path, style: Path
) -> None:
    file = BUNDLE / "vgg16.safetensors"
    arguments = ("stylize", content, style, *TINY, "--total-iterations=1")
    notice = f"nst: using vgg16: {file} holds no weights of vgg19"
    for _ in range(2):
        assert notice in nst(*arguments, "--weights", file).error_lines
    assert "the weights of vgg19 are not here" in nst(*arguments).err


def test_a_notice_that_nobody_saw_is_said_the_next_time(
    nst: Nst, content: Path, style: Path
) -> None:
    arguments = ("stylize", content, style, *TINY, "--total-iterations=1")
    assert nst(*arguments, "--quiet").err == ""
    outcome = nst(*arguments)
    assert len([line for line in outcome.error_lines if "using vgg16" in line]) == 1
    assert "with vgg16 on" in outcome.err
    assert "using vgg16" not in nst(*arguments).err


def test_quiet_leaves_only_the_path(tmp_path: Path, content: Path, style: Path) -> None:
    arguments = ("stylize", content, style, *TINY, "--total-iterations=2", "-o", "out.png")
    code, shown = screens(*arguments, "--quiet", "--seed=3", "--protect=faces", cwd=tmp_path)
    assert code == 0
    assert shown == [["out.png"]]


def test_quiet_says_errors(nst: Nst, content: Path) -> None:
    outcome = nst("stylize", content, "gone.png", "-q")
    assert outcome.code == 2
    assert outcome.error_lines == ["nst: style image: there is no file gone.png; name a picture"]


def test_a_quiet_batch(nst: Nst, tmp_path: Path, content: Path, style: Path) -> None:
    outcome = nst("batch", content, style, "-o", "out", "--preset=draft", "--size=48", "-q")
    assert outcome.out.splitlines() == ["out/cat_impasto.png", "out/contact-sheet.jpg"]
    assert outcome.err == ""


def test_a_batch_says_which_picture_it_paints_and_how_long_all_take(
    tmp_path: Path, content: Path, style: Path
) -> None:
    (tmp_path / "photos").mkdir()
    for name in "abc":
        shutil.copy(content, tmp_path / "photos" / f"{name}.jpg")
    arguments = ("batch", "photos", style, "-o", "out", *TINY, "--total-iterations=3")
    code, shown = screens(*arguments, "--model=vgg16", cwd=tmp_path, columns=160)
    assert code == 0
    for number in (1, 2):
        assert bars(shown, f"{number} of 3")
        assert all(line.endswith(" for all") for line in bars(shown, f"{number} of 3 "))
    assert not [line for line in bars(shown, "3 of 3") if "for all" in line]
    summaries = [line for line in shown[-1] if " pixels, 3 steps" in line]
    assert re.match(r"1 of 3, about \d+:\d\d left: 48×32 pixels, ", summaries[0])
    assert re.match(r"2 of 3, about \d+:\d\d left: 48×32 pixels, ", summaries[1])
    assert summaries[2].startswith("3 of 3: 48×32 pixels, ")


@pytest.mark.parametrize(("seconds_each", "seconds"), [(None, 40 + 4 * 60), (100.0, 40 + 4 * 100)])
def test_the_time_for_all_pictures(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seconds_each: float | None,
    seconds: int,
) -> None:
    """This image has taken 20 s of 60 s; four images are left after it."""
    monkeypatch.setenv("COLUMNS", "200")
    bar = ProgressBar()
    bar.place = BatchPosition(number=3, count=9, after=4, seconds_each=seconds_each)
    bar.show_progress(progress(elapsed=20, remaining=40))
    assert capsys.readouterr().err == (
        "3 of 9: step 7/120  loss 1.23e+05  0:20 elapsed  0:40 remaining  "
        f"{duration(seconds)} for all\n"
    )


def test_no_time_is_guessed_from_the_first_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    bar = ProgressBar()
    bar.place = BatchPosition(number=3, count=9, after=4, seconds_each=60.0)
    bar.show_progress(progress(elapsed=1, remaining=None))
    assert capsys.readouterr().err.endswith("  0:01 elapsed  – remaining  – for all\n")


def progress(elapsed: float, remaining: float | None) -> Progress:
    """Return the progress at step 7 of 120."""
    return Progress(
        step=7,
        total_iterations=120,
        size=(48, 32),
        evaluations=8,
        losses=Losses(123_000.0, 0.0, 0.0),
        elapsed_seconds=elapsed,
        remaining_seconds=remaining,
        share=7 / 120,
        stop_reason=None,
        memory_plan=None,
        in_force={},
        snapshot=cast("Snapshot", None),
    )
