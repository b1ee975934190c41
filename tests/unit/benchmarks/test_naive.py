"""The naive loop and nst, written independently, agree."""

import pytest
import torch
from benchmarks.engine.subjects import CONTENT, STYLE, Subject, store_for

from nst.engine.inputs import Inputs


@pytest.fixture
def subject() -> Subject:
    store = store_for("vgg16", None)
    return Subject("vgg16", 32, store, torch.device("cpu"), precision="fp32")


def test_both_start_from_the_same_picture(subject: Subject) -> None:
    task = subject.ours._prepare(Inputs(CONTENT, STYLE)).task
    assert torch.equal(task.start, subject.naive.start)


def test_both_have_the_same_loss_and_gradient_at_the_start(subject: Subject) -> None:
    task = subject.ours._prepare(Inputs(CONTENT, STYLE)).task
    ours = task.evaluate(task.start.flatten())
    image = subject.naive.start.clone().requires_grad_()
    assert subject.naive.evaluate(image) == pytest.approx(ours.loss, rel=1e-5)
    assert image.grad is not None
    difference = (image.grad.flatten() - ours.gradient).norm()
    # Rounding may switch a ReLU or a pooling, where the gradient jumps.
    assert difference < 1e-2 * ours.gradient.norm()


def test_a_run_reports_every_evaluation_with_time_and_loss(subject: Subject) -> None:
    heard: list[int] = []
    points = subject.naive.run(5, lambda point: heard.append(point.evaluation))
    assert heard == [point.evaluation for point in points]
    assert heard[:5] == [1, 2, 3, 4, 5]
    seconds = [point.seconds for point in points]
    assert seconds == sorted(seconds)
    assert points[-1].loss < points[0].loss
