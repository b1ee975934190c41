"""Learned styles as inputs of jobs: recognition, checks and counts."""

import hashlib
from collections.abc import Sequence

from nst import learned_file
from nst.errors import InvalidOption
from nst.jobs.order import LEARNED_TYPE, Picture
from nst.learned_file import SUFFIX
from nst.learning_options import check_learned
from nst.options import StyleTransferOptions
from nst.settings.groups import Limits


def are_learned(styles: Sequence[bytes]) -> bool:
    """Return whether any of the style files is a learned style."""
    return any(map(learned_file.is_one, styles))


def preset_of(styles: Sequence[bytes], preset: str | None) -> str | None:
    """Return the preset of a job with these styles and the requested preset.
    Raises InvalidOption if a learned style does not support the requested preset."""
    return learned_file.learned_preset(preset) if are_learned(styles) else preset


def count_styles(styles: Sequence[bytes], options: StyleTransferOptions, *, has_masks: bool) -> int:
    """Return the number of styles that can be blended.
    It is the number of files, or of the styles in the file of a learned style. Raises
    InvalidStyleFile, and InvalidOption for options that a learned style does not support."""
    if not are_learned(styles):
        return len(styles)
    if len(styles) > 1:
        allowed = "one learned style alone; nst learn puts several styles into one"
        raise InvalidOption("style_image", len(styles), allowed)
    if has_masks:
        raise InvalidOption("style_mask", "a mask", "none with a learned style")
    check_learned(options)
    return len(learned_file.read(styles[0], "the file").facts.styles)


def check_accepted(data: bytes, field: str, limits: Limits) -> None:
    """Raise InvalidOption if the server takes no learned style, or none of this size."""
    if not limits.max_learned_styles_per_client:
        allowed = "an image; this server takes no learned styles"
        raise InvalidOption(field, "a learned style", allowed)
    check_size(data, field, limits)


def check_size(data: bytes, field: str, limits: Limits) -> None:
    """Raise InvalidOption if the file of a learned style is too large."""
    if len(data) > limits.max_learned_style_bytes:
        allowed = f"a file of at most {limits.max_learned_style_bytes / 1e6:g} MB"
        raise InvalidOption(field, f"{len(data) / 1e6:.1f} MB", allowed)


def picture(data: bytes, name: str, key: str) -> Picture:
    """Return a learned style as an input of a job."""
    return Picture(
        key=f"{key}{SUFFIX}",
        sha256=hashlib.sha256(data).hexdigest(),
        name=name,
        content_type=LEARNED_TYPE,
        size=(0, 0),
    )
