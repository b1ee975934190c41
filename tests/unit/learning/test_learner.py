"""The learning job of a service, as the engine's process runs it."""

from pathlib import Path
from typing import Any

import pytest

from nst.engine_process.learning import Learner
from nst.jobs.job import CHECKPOINT, LEARNED, LEARNED_PAGE, PREVIEW
from nst.jobs.order import Learning, Order, Picture
from nst.learning_options import LearningOptions
from nst.options import StyleTransferOptions
from unit.learning import tiny


def learner(directory: Path, photos: int = 0, **options: Any) -> Learner:
    """Begin or continue to learn the first style on this machine's processor."""

    def picture(name: str) -> Picture:
        return Picture(
            key=f"job/{name}", sha256="0", name=name, content_type="image/png", size=(40, 36)
        )

    directory.mkdir(exist_ok=True)
    learning = Learning(
        options=LearningOptions(**tiny.OPTIONS | options),
        names=("oil",),
        photos=tuple(picture(f"photo-{number}") for number in range(photos)),
    )
    order = Order(
        content=picture("style-0"),
        styles=(picture("style-0"),),
        learning=learning,
        options=StyleTransferOptions.from_preset("draft"),
    )
    return Learner(directory, order, tiny.STYLES[:1], "cpu", tiny.Loaded())


def test_the_checkpoint_of_another_attempt_is_gone_on_from(tmp_path: Path) -> None:
    whole = learner(tmp_path / "whole", steps=4)
    assert [progress.step for progress, _ in whole.steps()] == [1, 2, 3, 4]
    whole.result()

    first = learner(tmp_path / "cut", steps=4)
    steps = first.steps()
    next(steps)
    next(steps)
    first.save_checkpoint(tmp_path / "cut" / CHECKPOINT)
    second = learner(tmp_path / "cut", steps=4)
    assert [progress.step for progress, _ in second.steps()] == [3, 4]
    result = second.result()
    assert (result.key, result.steps, result.stop_reason) == (LEARNED, 4, "total_iterations")
    ours, theirs = (_tensors(tmp_path / name / LEARNED) for name in ("whole", "cut"))
    assert ours == theirs


def _tensors(file: Path) -> str:
    from nst.learning import style_file

    return style_file.load(file)[1].tensors_sha256


def test_an_attempt_that_died_after_the_last_step_takes_no_other(tmp_path: Path) -> None:
    first = learner(tmp_path, steps=2)
    assert len(list(first.steps())) == 2
    first.save_checkpoint(tmp_path / CHECKPOINT)
    second = learner(tmp_path, steps=2)
    assert list(second.steps()) == []
    assert second.is_done
    assert second.result().steps == 2


def test_a_damaged_checkpoint_begins_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"cut short")
    assert [progress.step for progress, _ in learner(tmp_path, steps=1).steps()] == [1]
    assert "learning begins again" in caplog.text


def test_the_first_and_the_last_step_are_shown(tmp_path: Path) -> None:
    taught = learner(tmp_path, steps=3)
    found = [(files, progress.preview_step) for progress, files in taught.steps()]
    assert found == [([PREVIEW], 1), ([], 1), ([PREVIEW], 3)]
    size = taught.result().size
    assert (tmp_path / PREVIEW).exists()
    assert (tmp_path / LEARNED_PAGE).exists()
    assert size[0] > 2 * 256


def test_the_network_learns_from_the_photos_that_were_sent(tmp_path: Path) -> None:
    for number, photo in enumerate(sorted(tiny.photos(tmp_path / "photos", 2).iterdir())):
        photo.rename(tmp_path / f"photo-{number}")
    taught = learner(tmp_path, photos=2, steps=1)
    list(taught.steps())
    assert "photo-0" in {file.name for file in taught._training_run.photos.files}
