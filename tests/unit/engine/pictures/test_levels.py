"""Float levels: nothing is rounded between the tensor and the file."""

import numpy as np
from PIL import Image

from nst import images
from nst.engine.pictures import levels
from support.pictures import picture


def noise(height: int = 40, width: int = 30, channels: int = 3) -> np.ndarray:
    random = np.random.default_rng(5)
    return random.uniform(-40, 300, (height, width, channels)).astype(np.float32)


def test_levels_of_an_image_are_its_numbers() -> None:
    image = picture()
    assert levels.to_image(levels.of_image(image)).tobytes() == image.tobytes()


def test_8_bits_are_rounded_and_clamped() -> None:
    found = np.asarray(levels.to_image(noise()))
    assert np.array_equal(found, np.clip(np.rint(noise().astype(float)), 0, 255))


def test_16_bits_are_rounded_and_clamped() -> None:
    samples = levels.to_samples(noise(channels=4))
    assert samples.dtype == np.uint16
    expected = np.clip(noise(channels=4).astype(float), 0, 255) / 255 * 65535
    assert np.abs(samples - expected).max() <= 0.51
    assert (samples.min(), samples.max()) == (0, 65535)


def test_neither_changes_the_levels() -> None:
    given = noise()
    levels.to_image(given)
    levels.to_samples(given)
    assert np.array_equal(given, noise())


def test_resizing_is_that_of_images_but_not_rounded() -> None:
    given = levels.of_image(picture())
    found = levels.resized(given, (90, 31))
    assert found.shape == (31, 90, 3)
    expected = np.asarray(images.resize(picture(), (90, 31)), dtype=float)
    assert np.abs(found.clip(0, 255) - expected).max() <= 1.5
    assert np.any(found % 1)
    assert levels.resized(given, picture().size) is given


def test_alpha_comes_resized_from_the_content() -> None:
    content = picture(128, 96)
    content.putalpha(Image.linear_gradient("L").resize(content.size))
    found = levels.with_alpha_of(levels.of_image(picture()), content)
    assert found.shape == (48, 64, 4)
    assert np.array_equal(found[..., :3], levels.of_image(picture()))
    alpha = np.asarray(images.resize(content.getchannel("A"), (64, 48)), dtype=float)
    assert np.abs(found[..., 3] - alpha).max() <= 1


def test_an_opaque_content_adds_no_alpha() -> None:
    given = noise()
    assert levels.with_alpha_of(given, picture()) is given
