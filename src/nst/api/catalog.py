"""/api/v1: options, samples, estimates, recipes and upright images."""

from functools import cache
from pathlib import Path
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request, send_file, url_for
from pydantic import ConfigDict
from werkzeug.exceptions import NotFound

from nst import images
from nst.api import archive, pictures
from nst.api.forms import file_of, whole
from nst.api.service import sends, service
from nst.api.views import Options, SampleView, View
from nst.errors import InvalidImage, InvalidOption
from nst.film_options import MAX_PASSES
from nst.image_files import BRANDS
from nst.jobs.job import NOT_OF_FILMS
from nst.jobs.learning import MAX_PHOTOS, learning_schema
from nst.jobs.quota import DAY_SECONDS
from nst.jobs.uploads import CONTENT_TYPES, MAX_STYLES
from nst.option_effects import Need, needs_of
from nst.options import StyleTransferOptions
from nst.presets import DEFAULT_PRESET, PRESETS
from nst.recipe import Recipe, recipe_text
from nst.samples import SampleKind, sample, samples
from nst.speed import in_words

USUAL_SIZE = (1500, 1000)
"""Width and height assumed for an unknown content image; only their ratio counts."""
MAX_SIDE_PIXELS = MAX_FRAMES = 1_000_000

routes = APIBlueprint("catalog", __name__, tag="catalog", url_prefix="/api/v1")


class LimitsView(View):
    """Limits of this server."""

    max_upload_bytes: int
    max_pixels: int
    max_size: int
    max_styles: int
    max_jobs_per_client: int
    """Maximum number of queued or running jobs of one client."""
    max_archive_jobs: int
    """Maximum number of jobs in one archive."""
    max_job_seconds: float
    """Maximum seconds of one attempt; then the job fails and keeps the image so far."""
    max_pixel_steps_per_day: int
    """Maximum pixels of the result × steps per day, of all jobs of a client;
    a film counts all of its frames."""
    max_film_frames: int
    """Maximum number of frames of a film; 0: this server accepts no films."""
    max_film_seconds: float
    max_film_bytes: int
    max_learned_styles: int
    """Maximum number of learned styles of one client; 0: this server accepts none."""
    max_learned_style_bytes: int
    max_film_passes: int
    max_learning_minutes: int
    """Maximum minutes of learning in one job; 0: this server learns no styles."""
    max_learning_photos: int


class OptionsView(View):
    """Options, presets and limits, from which a client can build a form."""

    schema_: dict[str, Any]
    learning_schema: dict[str, Any]
    """Options of a job that learns a style, within the limits of this server."""
    presets: dict[str, Options]
    default_preset: str
    needs: dict[str, list[Need]]
    """Needs of each option: the option has an effect only if all of them are met.
    A need is met if one of its options has one of these values; null: any value greater than 0."""
    not_of_films: list[str]
    """Options that have no effect on a film."""
    limits: LimitsView
    formats: list[str]
    """Media types of the images that this server accepts."""
    brands: dict[str, str]
    """Media type of an AVIF or HEIC file by the brand at its beginning,
    accepted or not."""

    model_config = ConfigDict(alias_generator=lambda name: name.rstrip("_"), populate_by_name=True)


class EstimateView(View):
    """Estimated duration of a transfer on this machine."""

    seconds: float | None
    """Duration in seconds; null if the machine has not measured a similar transfer."""
    text: str | None
    """Duration in words, such as "about 40 s"; null if it is unknown."""


class StylesView(View):
    styles: list[SampleView]


class ContentsView(View):
    contents: list[SampleView]


@routes.get("/options")
@routes.output(OptionsView)
def options() -> OptionsView:
    """Return all options with default, bounds, unit and needs; presets; limits."""
    limits = service().jobs.limits
    return OptionsView(
        schema_=StyleTransferOptions.model_json_schema(),
        learning_schema=learning_schema(limits.max_learning_minutes),
        presets={name: dict(values) for name, values in PRESETS.items()},
        default_preset=DEFAULT_PRESET,
        needs={name: list(needs_of(name)) for name in StyleTransferOptions.model_fields},
        not_of_films=list(NOT_OF_FILMS),
        limits=LimitsView(
            max_upload_bytes=service().settings.web.max_upload_bytes,
            max_pixels=limits.max_pixels,
            max_size=limits.max_size,
            max_styles=MAX_STYLES,
            max_jobs_per_client=limits.max_jobs_per_client,
            max_archive_jobs=archive.MAX_JOBS,
            max_job_seconds=limits.max_job_seconds,
            max_pixel_steps_per_day=limits.max_pixel_steps_per_day,
            max_film_frames=limits.max_film_frames,
            max_film_seconds=limits.max_film_seconds,
            max_film_bytes=limits.max_film_bytes,
            max_learned_styles=limits.max_learned_styles_per_client,
            max_learned_style_bytes=limits.max_learned_style_bytes,
            max_film_passes=MAX_PASSES,
            max_learning_minutes=limits.max_learning_minutes,
            max_learning_photos=MAX_PHOTOS,
        ),
        formats=list(CONTENT_TYPES.values()),
        brands={brand: f"image/{name.lower()}" for brand, name in BRANDS.items()},
    )


@routes.get("/styles")
@routes.output(StylesView)
def styles() -> StylesView:
    """List the built-in style images."""
    return StylesView(styles=_views("style"))


@routes.get("/contents")
@routes.output(ContentsView)
def contents() -> ContentsView:
    """List the built-in photos."""
    return ContentsView(contents=_views("content"))


@routes.get("/styles/<name>")
@routes.doc(responses=sends("image/jpeg", "The picture."))
def style(name: str) -> Response:
    """Return a built-in style image."""
    return _send("style", name)


@routes.get("/contents/<name>")
@routes.doc(responses=sends("image/jpeg", "The picture."))
def content(name: str) -> Response:
    """Return a built-in photo."""
    return _send("content", name)


@routes.get("/estimate")
@routes.output(EstimateView)
@routes.doc(responses=[422])
def estimate() -> EstimateView:
    """Estimate the duration of a transfer from the measurements of this machine.

    The query has the fields of the form that creates a job: preset and options and, in place of the
    content image, sample_content, or the width and height of the image in pixels. For a film it
    also has the number of frames, and passes. For several equal jobs that run one after another,
    jobs is their number.
    """
    given = request.args.to_dict()
    preset, size = given.pop("preset", None), _content_size(given)
    paintings = _paintings(given)
    jobs = whole("jobs", given.pop("jobs", "1"), archive.MAX_JOBS)
    options = StyleTransferOptions.from_preset(preset, **given)
    seconds = service().estimate(options, size, paintings)
    if seconds is None:
        return EstimateView(seconds=None, text=None)
    return EstimateView(seconds=jobs * seconds, text=in_words(options, jobs * seconds))


@routes.post("/recipe")
@routes.doc(responses=sends("application/json", "The recipe.", 415, 422))
def recipe() -> Response:
    """Return the recipe in a finished image or in a recipe.json.

    Send the image or the recipe.json as the file `image` of the form.
    """
    file = file_of(request.files, "image")
    with pictures.uploading.one(service().client()):
        data = file.read()
        text = recipe_text(data) or service().decoder.recipe(data, client=service().client())
    return Response(Recipe.parse(text).text(), content_type="application/json")


@routes.post("/upright")
@routes.doc(responses=sends("image/jpeg", "The picture.", 415, 422))
def upright() -> Response:
    """Return an image as it will be painted, as a JPEG of at most 2048 pixels.

    Send the image as the file `image` of the form. The JPEG is in sRGB and rotated upright as its
    EXIF orientation says; with ?whole=1 it has the full size. The header X-Picture-Size has the
    width and height of the whole image in pixels, such as 3000x2000.
    """
    file = file_of(request.files, "image")
    decoder, client = service().decoder, service().client()
    with pictures.uploading.one(client):
        data, limit = file.read(), service().jobs.limits.max_pixels
        try:
            width, height = decoder.inspect(data, "content", max_pixels=limit, client=client).size
            if pictures.is_asked("whole"):
                picture = decoder.convert(data, "JPEG", client=client)
            else:
                picture = decoder.small(data, pictures.SHARED_SIDE_PIXELS, client=client)
        except InvalidImage as error:  # the role whose field is image
            raise type(error)("initial", error.reason) from error
    return Response(
        picture, content_type="image/jpeg", headers={"X-Picture-Size": f"{width}x{height}"}
    )


def _content_size(given: dict[str, str]) -> tuple[int, int]:
    """Remove the size of the content image from a query and return it.

    A side that the query lacks is that of sample_content, or else of USUAL_SIZE. Raises
    InvalidOption.
    """
    name = given.pop("sample_content", None)
    default = _sample_size(name) if name else USUAL_SIZE
    width, height = (
        _side(side, given.pop(side, str(pixels)))
        for side, pixels in zip(("width", "height"), default, strict=True)
    )
    return width, height


def _paintings(given: dict[str, str]) -> int | None:
    """Remove the frames of a film from a query and return their number in all passes.

    Returns None for an image. Raises InvalidOption.
    """
    frames, passes = given.pop("frames", None), given.pop("passes", "1")
    count = whole("passes", passes, MAX_PASSES)
    return None if frames is None else count * whole("frames", frames, MAX_FRAMES)


def _side(name: str, text: str) -> int:
    return whole(name, text, MAX_SIDE_PIXELS)


@cache
def _sample_size(name: str) -> tuple[int, int]:
    return images.stored_size(sample("content", name).read_bytes())


def _views(kind: SampleKind) -> list[SampleView]:
    return [
        SampleView(
            name=name,
            title=name.replace("_", " ").capitalize(),
            url=url_for(f"catalog.{kind}", name=name),
            thumb=url_for(f"catalog.{kind}", name=name, thumb=1),
        )
        for name in samples(kind)
    ]


def _send(kind: SampleKind, name: str) -> Response:
    try:
        file = sample(kind, name)
    except InvalidOption as error:
        raise NotFound(str(error)) from error
    if not pictures.is_asked("thumb"):
        return send_file(file, mimetype="image/jpeg", max_age=DAY_SECONDS)
    response = Response(_thumb(file), content_type="image/jpeg")
    response.cache_control.max_age = DAY_SECONDS
    return response


@cache
def _thumb(file: Path) -> bytes:
    return images.small(file.read_bytes(), pictures.THUMB_SIDE_PIXELS)
