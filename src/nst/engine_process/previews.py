"""Previews: images that clients see while a job runs."""

from pathlib import Path

from PIL import Image

from nst import image_sizes, image_writer, images
from nst.jobs.job import PREVIEW

PREVIEW_SIDE_PIXELS = 1024


def save_preview(picture: Image.Image, directory: Path) -> None:
    """Write the preview of a running job, reduced to at most 1024 pixels per side."""
    if max(picture.size) > PREVIEW_SIDE_PIXELS:
        picture = images.resize(picture, image_sizes.fit(picture.size, PREVIEW_SIDE_PIXELS))
    image_writer.save(picture, directory / PREVIEW, overwrite=True)
