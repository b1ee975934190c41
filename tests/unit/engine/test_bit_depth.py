"""Results with 16 bits per channel come from the float image in every case."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from nst import Inputs, NeuralStyleTransfer, Progress, StyleTransferOptions
from nst.engine.draft import run_draft
from nst.result import Result
from support.pictures import picture

TINY: dict[str, Any] = {
    "size": 40,
    "total_iterations": 4,
    "convergence_tolerance": 0,
    "model": "vgg16",
}


def paint(content: Image.Image, **options: Any) -> Result:
    transfer = NeuralStyleTransfer(StyleTransferOptions(**TINY | options), device="cpu")
    return transfer.run(Inputs(content, picture(50, 40)))


def translucent() -> Image.Image:
    content = picture()
    content.putalpha(Image.linear_gradient("L").resize(content.size))
    return content


def check_true_16_bits(result: Result) -> None:
    samples, image = result.samples, np.asarray(result.image, dtype=float)
    assert samples is not None
    assert (samples.dtype, samples.shape) == (np.uint16, image.shape)
    assert result.output is samples
    for channel in range(3):
        values = samples[..., channel]
        assert len(np.unique(values)) > 256
        assert np.mean(values % 257 == 0) < 0.1, "8-bit values times 257"
    assert np.abs(samples / 257 - image).max() <= 0.5 + 1 / 257  # both are rounded from one float


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"average": 0.9, "optimizer": "adam"},
        {"color": "match"},
        {"color": "luminance"},
        {"color": "luminance", "color_amount": 0.4, "average": 0.5},
        {"scales": 2},
    ],
    ids=str,
)
def test_a_transfer(options: dict[str, Any]) -> None:
    check_true_16_bits(paint(picture(), bit_depth=16, **options))


@pytest.mark.parametrize("color", ["style", "luminance"])
def test_a_transfer_with_transparency(color: str) -> None:
    result = paint(translucent(), bit_depth=16, color=color)
    assert result.image.mode == "RGBA"
    check_true_16_bits(result)


@pytest.mark.parametrize("content", [picture(), translucent()], ids=lambda image: image.mode)
def test_a_draft(content: Image.Image) -> None:
    options = StyleTransferOptions.from_preset("draft", size=64, bit_depth=16)
    inputs = Inputs(content, picture(50, 40))
    check_true_16_bits(run_draft(options, inputs))
    (progress,) = NeuralStyleTransfer(options).steps(inputs)
    check_true_16_bits(NeuralStyleTransfer(options).run(inputs))
    assert isinstance(progress.snapshot.output(), np.ndarray)


def test_a_draft_of_two_styles() -> None:
    options = StyleTransferOptions.from_preset("draft", size=64, bit_depth=16)
    left = Image.linear_gradient("L").rotate(90).resize((64, 48))
    styles = [picture(50, 40), picture(40, 50).rotate(180)]
    check_true_16_bits(run_draft(options, Inputs(picture(), styles, [left, None])))


def test_8_bits_are_the_default_and_the_same_picture() -> None:
    plain, deep = paint(picture()), paint(picture(), bit_depth=16)
    assert plain.samples is None
    assert plain.output is plain.image
    assert plain.image.tobytes() == deep.image.tobytes()


def test_every_step_has_16_bits_also_of_a_coarse_scale() -> None:
    options = StyleTransferOptions(**TINY, scales=2, bit_depth="16")
    transfer = NeuralStyleTransfer(options, device="cpu")
    steps = list(transfer.steps(Inputs(picture(), picture(50, 40))))
    for progress in steps:
        samples = progress.snapshot.output()
        image = np.asarray(progress.snapshot.picture(), dtype=float)
        assert isinstance(samples, np.ndarray)
        assert samples.shape == (30, 40, 3)
        assert np.abs(samples / 257 - image).max() <= 0.51


def test_a_checkpoint_goes_on_at_another_bit_depth(tmp_path: Any) -> None:
    """A checkpoint from before this option existed continues in the same way."""

    def save(progress: Progress) -> None:
        if progress.step == 2:
            progress.snapshot.save_checkpoint(tmp_path / "checkpoint.safetensors")

    def transfer(bit_depth: str) -> NeuralStyleTransfer:
        options = StyleTransferOptions(**TINY | {"bit_depth": bit_depth})
        return NeuralStyleTransfer(options, device="cpu")

    inputs = Inputs(picture(), picture(50, 40))
    whole = transfer("8").run(inputs, save)
    rest = transfer("16").run(inputs, resume_from=tmp_path)
    assert rest.image.tobytes() == whole.image.tobytes()
    check_true_16_bits(rest)
