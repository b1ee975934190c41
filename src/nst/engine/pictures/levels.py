"""Images as float grey levels: the form between the tensor and the file.

Levels are float32 arrays (H, W, 3), RGB 0…255, or (H, W, 4) with alpha 0…255; values outside the
range are clamped when the levels become an image. Torch is not imported here, because drafts do not
need it.
"""

import numpy as np
from PIL import Image

from nst import images

SAMPLES_PER_LEVEL = 257
"""Number of 16-bit steps per 8-bit grey level: 65535 / 255."""


def of_image(image: Image.Image) -> np.ndarray:
    """Return the levels of an image with 8 bits per channel."""
    return np.asarray(image, dtype=np.float32)


def resized(levels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the levels at this (width, height), not rounded.

    They are resampled as `images.resize` does.
    """
    height, width = levels.shape[:2]
    if (width, height) == size:
        return levels
    channels = [images.resize(Image.fromarray(channel), size) for channel in _channels(levels)]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def with_alpha_of(levels: np.ndarray, content: Image.Image) -> np.ndarray:
    """Return the levels with the alpha channel of `content`, resized.

    They are unchanged if `content` has none.
    """
    if content.mode != "RGBA":
        return levels
    height, width = levels.shape[:2]
    alpha = resized(of_image(content.getchannel("A"))[..., np.newaxis], (width, height))
    return np.concatenate([levels, alpha], axis=-1)


def to_image(levels: np.ndarray) -> Image.Image:
    """Return the levels rounded to 8 bits per channel: an RGB or RGBA image."""
    rounded = np.rint(levels)
    return Image.fromarray(rounded.clip(0, 255, out=rounded).astype(np.uint8))


def to_samples(levels: np.ndarray) -> np.ndarray:
    """Return the levels rounded to 16 bits per channel, uint16 in the same shape."""
    samples = levels * np.float32(SAMPLES_PER_LEVEL)
    np.rint(samples, out=samples)
    return samples.clip(0, 65535, out=samples).astype(np.uint16)


def _channels(levels: np.ndarray) -> list[np.ndarray]:
    """Return one (H, W) array per channel, contiguous as Pillow needs them."""
    return [np.ascontiguousarray(levels[..., index]) for index in range(levels.shape[-1])]
