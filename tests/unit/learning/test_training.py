"""The training loop, its checkpoints, and the objective shared with the engine."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import nst
from nst import images
from nst.engine.losses.objective import LossWeights, Objective
from nst.engine.network.encoder import Encoder
from nst.engine.network.weights import WeightsStore
from nst.engine.optimizer.optimizer import Evaluation
from nst.engine.pictures.tensors import to_tensor
from nst.errors import Diverged, InvalidCheckpoint, InvalidOption
from nst.learning.checkpoint import LearningCheckpoint
from nst.learning.objective import LearningObjective
from nst.learning.style_file import digest
from nst.learning.training_run import TrainingRun
from nst.learning_options import LearningOptions
from nst.progress import Losses
from unit.learning import tiny

CPU = torch.device("cpu")


def learned(training_run: TrainingRun) -> str:
    """Train to the end, and return a digest of the state."""
    for _ in training_run.training.run():
        pass
    return digest(training_run.training.state())


def test_learning_reduces_the_loss() -> None:
    training_run = tiny.training_run(steps=10, learning_rate=0.02)
    losses = [progress.losses.total for progress in training_run.training.run()]
    assert sum(losses[-3:]) < 0.8 * sum(losses[:3])
    assert training_run.training.step == len(losses) == 10


def test_progress_counts_steps_and_ends_with_the_last() -> None:
    progress = list(tiny.training_run().training.run())
    assert [each.step for each in progress] == [1, 2, 3]
    assert [each.is_last for each in progress] == [False, False, True]
    assert progress[0].remaining_seconds == pytest.approx(2 * progress[0].elapsed_seconds)


def test_minutes_end_learning() -> None:
    training_run = tiny.training_run(steps=0, minutes=1e-9)
    assert [each.is_last for each in training_run.training.run()] == [True]


def test_equal_seeds_learn_equal_networks() -> None:
    assert learned(tiny.training_run(seed=3)) == learned(tiny.training_run(seed=3))
    assert learned(tiny.training_run(seed=3)) != learned(tiny.training_run(seed=4))


@pytest.mark.parametrize("steady", [False, True])
def test_a_checkpoint_continues_bit_for_bit(tmp_path: Path, steady: bool) -> None:
    file = tmp_path / "checkpoint.safetensors"
    interrupted = tiny.training_run(count=2, steady=steady)
    next(iter(interrupted.training.run()))
    interrupted.save_checkpoint(file, {})
    resumed = tiny.training_run(count=2, steady=steady)
    resumed.resume(file)
    assert resumed.training.step == 1
    assert learned(resumed) == learned(tiny.training_run(count=2, steady=steady))


@pytest.mark.parametrize(
    ("change", "what"),
    [({"seed": 5}, "set of options"), ({"count": 2}, "style image")],
)
def test_a_checkpoint_continues_only_what_it_began(
    tmp_path: Path, change: dict[str, Any], what: str
) -> None:
    file = tmp_path / "checkpoint.safetensors"
    tiny.training_run().save_checkpoint(file, {})
    with pytest.raises(InvalidCheckpoint, match=f"was made from another {what}"):
        tiny.training_run(**change).resume(file)


def test_a_checkpoint_of_other_photos(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"
    tiny.training_run().save_checkpoint(file, {})
    with pytest.raises(InvalidCheckpoint, match="was made from another folder of photos"):
        tiny.training_run(photos=tiny.photos(tmp_path / "photos", 2)).resume(file)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_damaged_checkpoint(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "checkpoint.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidCheckpoint, match=r"damaged|does not exist"):
        LearningCheckpoint.read(file)


def test_a_loss_that_is_not_finite_ends_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Evaluation(Losses(math.nan, 0.0, 0.0), torch.zeros(3 * 32 * 32))
    monkeypatch.setattr(LearningObjective, "__call__", lambda *_: lost)
    with pytest.raises(Diverged, match="step 1"):
        learned(tiny.training_run())


def test_the_objective_is_the_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The content and the style share one encoder, and the gradient is the engine's.
    The seed decides which places are compared."""
    evaluated: list[Encoder] = []
    call = Objective.__call__

    def remember(self: Objective, x: torch.Tensor, weights: LossWeights) -> Evaluation:
        evaluated.append(self.encoder)
        return call(self, x, weights)

    monkeypatch.setattr(Objective, "__call__", remember)
    weights = WeightsStore().load("vgg16")
    style = images.colours(images.load(tiny.STYLES[0], "style"))
    # In a smaller image all places would be compared.
    options = LearningOptions(**{**tiny.OPTIONS, "size": 96})
    objective = LearningObjective(options, [style], weights, CPU, torch.float32)
    photo = to_tensor(Image.effect_noise((96, 96), 60).convert("RGB"), (96, 96))
    losses = [objective(photo, photo, 0, seed).losses for seed in ("one", "one", "two")]
    assert losses[0].content == pytest.approx(0, abs=1e-6)
    assert losses[0].style > 0
    assert losses[0] == losses[1] != losses[2]
    assert len(evaluated) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 40}, "size: 40 is invalid; expected .* a multiple of 16"),
        ({"channels": 6}, "channels: 6 .* a multiple of 4"),
        ({"minutes": 0, "steps": 0}, "minutes: 0 .* minutes or steps greater than 0"),
        ({"learning_rate": 0}, "learning_rate: 0 .* more than 0"),
        (
            {"nonsense": 1},
            "nonsense: 'nonsense' is invalid; expected the name of an option: minutes",
        ),
    ],
)
def test_options_that_are_not_possible(options: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        LearningOptions.model_validate(options)


def test_the_library_learns_and_paints(tmp_path: Path) -> None:
    steps: list[int] = []
    path = nst.learn(
        [tiny.STYLES[0]],
        tmp_path / "impasto.nst",
        LearningOptions(**tiny.OPTIONS),
        licence="CC0-1.0",
        on_progress=lambda progress: steps.append(progress.step),
    )
    style = nst.LearnedStyle.load(path)
    assert steps == [1, 2, 3]
    assert (style.facts.styles, style.facts.licence) == (("impasto",), "CC0-1.0")
    assert (style.facts.recipe.steps, style.facts.recipe.photos) == (3, 4)
    photo = Image.linear_gradient("L").convert("RGB")
    assert style.paint(photo, tiny_draft(64)).image.size == (64, 64)


def tiny_draft(size: int) -> nst.StyleTransferOptions:
    return nst.StyleTransferOptions.from_preset("draft", size=size)
