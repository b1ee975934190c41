"""`--from-image`: the recipe that is repeated, with the inputs that it lends."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from nst.cli.notices import tell
from nst.errors import InvalidImage, InvalidOption
from nst.files import sha256_of
from nst.learning_options import is_learned, is_style_file
from nst.options import StyleTransferOptions
from nst.recipe import PictureFile, Recipe

OF_THE_PHOTO = {"masks": "style masks", "detail_map": "detail map", "initial": "initial image"}
"""Inputs of a recipe that fit only its own photo, with their names for readers."""


def read_recipe(file: Path) -> Recipe:
    """Return the recipe in the file of --from-image. Raises InvalidOption."""
    try:
        return Recipe.read(file)
    except InvalidImage as error:
        allowed = f"an image or a recipe.json that nst saved; {error.reason}"
        raise InvalidOption("from_image", str(file), allowed) from error


def recipe_for(
    recipe: Recipe,
    content: Path,
    styles: Sequence[Path],
    file: Path,
    replaced: Collection[str],
) -> Recipe:
    """Return the recipe without the inputs that do not fit the named images.

    Prints which inputs are left out. `styles`: style images of the command line, if any; `file`:
    file with the recipe; `replaced`: names of the inputs that the command line replaces.
    """
    if _is_photo_of(recipe, content):
        return recipe if "masks" in replaced else _with_masks_for(recipe, styles, file)
    kept = recipe.initial if _is_learned(recipe.initial) else None
    other = recipe.model_copy(update={"masks": (), "detail_map": None, "initial": kept})
    left_out = [
        words
        for name, words in OF_THE_PHOTO.items()
        if getattr(recipe, name) != getattr(other, name) and name not in replaced
    ]
    if left_out:
        tell(f"nst: {file} has another photo; left out with it: {', '.join(left_out)}")
    return other


def _with_masks_for(recipe: Recipe, styles: Sequence[Path], file: Path) -> Recipe:
    """Return the recipe without its masks if they do not fit these styles; print why."""
    if not recipe.masks or not styles:
        return recipe
    if is_learned(styles):
        reason = "a learned style takes none"
    elif len(styles) != len(recipe.styles):
        named = "1 is" if len(styles) == 1 else f"{len(styles)} are"
        reason = f"they are for {len(recipe.styles)} styles, and {named} named"
    else:
        return recipe
    tell(f"nst: the style masks of {file} are left out: {reason}")
    return recipe.model_copy(update={"masks": ()})


def weights_of(recipe: Recipe, options: StyleTransferOptions) -> str | None:
    """Return the SHA-256 of the weights that painted the image of a recipe.

    Returns None if these options ask for another network, or if one that paints in a single pass
    has painted the image: it comes with nst, or its file is among the styles.
    """
    is_of_one_pass = options.is_draft or not recipe.options.get("total_iterations")
    is_other = recipe.options.get("model") != options.model
    return None if is_of_one_pass or is_other else recipe.weights_sha256


def _is_photo_of(recipe: Recipe, content: Path) -> bool:
    with suppress(OSError):
        return sha256_of(content) == recipe.content.sha256
    return True  # the reader of images reports a file that cannot be read


def _is_learned(initial: PictureFile | None) -> bool:
    """Return whether the initial image is a learned style, which paints one from any photo."""
    return initial is not None and is_style_file(Path(initial.path))
