"""Intake of requests: inspects uploads, checks limits and creates orders."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nst import image_masks, image_sizes, images
from nst.controls import planned
from nst.decoding import Decoder
from nst.errors import ImageRole, ImageTooLarge, InvalidImage, InvalidOption, UnsupportedImage
from nst.film_options import MAX_PASSES, ONCE_FOR_DRAFTS
from nst.image_files import is_image
from nst.jobs import learned_inputs
from nst.jobs.job import CONTENT, CONTENT_FRAME, DETAIL_MAP, INITIAL
from nst.jobs.limits import film_limits
from nst.jobs.order import Film, Order, Picture
from nst.jobs.uploads import CONTENT_TYPES, MAX_STYLES, JobRequest, Upload, clean_name
from nst.settings.groups import Limits
from nst.video import START_BYTES, FilmFacts, media_type

NO_FILMS = "this server takes no films; send a picture, or paint the film with `nst video`"


@dataclass(frozen=True, slots=True)
class Intake:
    """Inspection of uploads and creation of orders."""

    decoder: Decoder
    limits: Limits

    def inspect(
        self, upload: Upload, role: ImageRole, key: str, client: str, *, needs_texture: bool = False
    ) -> Picture:
        """Decode an image in a guarded process; return it as an input of a job.
        Raises InvalidImage, TooManyRequests, ServerBusy."""
        found = self.decoder.inspect(
            upload.data, role, max_pixels=self.limits.max_pixels, client=client
        )
        if needs_texture and found.is_plain:
            raise InvalidImage(role, images.NO_TEXTURE)
        return upload.picture(role, key, CONTENT_TYPES[found.format], found.size)

    def order(
        self, request: JobRequest, job_id: str, client: str
    ) -> tuple[Order, Mapping[str, bytes]]:
        """Return the order of a request, and the files of the job by their keys.
        Raises InvalidImage, InvalidOption, InvalidStyleFile, ServerBusy."""
        _check(request, self.limits)
        inputs = _Inputs(self, request, job_id, client)
        content, film = inputs.place_content()
        order = Order(
            content=content,
            film=film,
            styles=tuple(
                inputs.place(style, "style", f"style-{n}") for n, style in enumerate(request.styles)
            ),
            masks=tuple(
                inputs.place_any(mask, "mask", f"mask-{n}") for n, mask in enumerate(request.masks)
            ),
            detail_map=inputs.place_any(request.detail_map, "detail map", DETAIL_MAP),
            initial=inputs.place_any(request.initial, "initial", INITIAL),
            options=request.options,
            preset=request.preset,
            given=tuple(request.given),
            changes=tuple(planned(request.options, request.changes)),
            stop_after=request.stop_after,
        )
        _check_shapes(order, self.limits.max_size)
        return order, inputs.files


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Input files of one job, collected while its order is created."""

    intake: Intake
    request: JobRequest
    job_id: str
    client: str
    files: dict[str, bytes] = field(default_factory=dict)

    def place_content(self) -> tuple[Picture, Film | None]:
        """Inspect the content and return it; the second value is None for an image."""
        content, passes = self.request.content, self.request.passes
        found = self._inspect_film(content)
        if found is None:
            if passes and passes > 1:
                raise InvalidOption("passes", passes, "1 with a picture; only films have more")
            return self.place(content, "content", CONTENT), None
        _check_film(self.request)
        facts, first = found
        key, first_frame = f"{self.job_id}/{CONTENT}", f"{self.job_id}/{CONTENT_FRAME}"
        self.files[key], self.files[first_frame] = content.data, first
        film = Film(
            frames=facts.frames, seconds=facts.seconds, first_frame=first_frame, passes=passes or 1
        )
        return content.picture("content", key, facts.content_type, facts.size), film

    def place_any(self, upload: Upload | None, role: ImageRole, name: str) -> Picture | None:
        return self.place(upload, role, name) if upload else None

    def place(self, upload: Upload, role: ImageRole, name: str) -> Picture:
        key = f"{self.job_id}/{name}"
        if role == "style" and learned_inputs.are_learned([upload.data]):
            learned_inputs.check_accepted(upload.data, "style_image", self.intake.limits)
            picture = learned_inputs.picture(upload.data, clean_name(upload.name, role), key)
        else:
            needs_texture = role == "style" and self.request.options.is_matched
            picture = self.intake.inspect(
                upload, role, key, self.client, needs_texture=needs_texture
            )
        self.files[picture.key] = upload.data
        return picture

    def _inspect_film(self, upload: Upload) -> tuple[FilmFacts, bytes] | None:
        """Return the facts of a film and its first frame; None if the file is not a film. Raises
        InvalidImage."""
        start, limits = upload.data[:START_BYTES], film_limits(self.intake.limits)
        kind = media_type(start)
        if is_image(start) or (kind is None and not limits.max_frames):
            return None
        if not limits.max_frames:
            raise UnsupportedImage("content", NO_FILMS)
        if len(upload.data) > limits.max_bytes:
            reason = (
                f"the film has more than {limits.max_bytes / 1e6:g} MB, the most that are taken"
            )
            raise ImageTooLarge("content", f"{reason}; cut it shorter")
        try:
            return self.intake.decoder.inspect_film(upload.data, limits, client=self.client)
        except UnsupportedImage:
            if kind:
                raise
            return None  # the image decoder reports what is wrong


def _check(request: JobRequest, limits: Limits) -> None:
    """Raise InvalidOption for errors that can be found without decoding an image."""
    styles, masks, options = request.styles, request.masks, request.options
    if not 1 <= len(styles) <= MAX_STYLES:
        raise InvalidOption("style_image", len(styles), f"1 to {MAX_STYLES} pictures")
    if len(masks) > len(styles):
        raise InvalidOption("style_mask", len(masks), "no more masks than styles")
    if request.detail_map and options.is_draft:
        raise InvalidOption("detail_map", request.detail_map.name, "no detail map with a draft")
    options.style_shares(
        learned_inputs.count_styles(request.style_files, options, has_masks=any(masks))
    )
    if options.size > limits.max_size:
        raise InvalidOption("size", options.size, f"at most {limits.max_size} on this server")
    if request.initial and options.is_draft:
        name = request.initial.name
        raise InvalidOption("initial_from", name, "no picture to start from with a draft")


def _check_film(request: JobRequest) -> None:
    """Raise InvalidOption for options that only a single image has, and for an invalid number of
    passes."""
    for name, value in (
        ("style_mask", next((mask.name for mask in request.masks if mask), None)),
        ("detail_map", request.detail_map and request.detail_map.name),
        ("initial_from", request.initial and request.initial.name),
        ("steer", request.changes and len(request.changes)),
        ("stop_after", request.stop_after),
    ):
        if value:
            raise InvalidOption(name, value, "none with a film; it is for single pictures")
    passes = request.passes
    if passes is None:
        return
    if not 1 <= passes <= MAX_PASSES:
        raise InvalidOption("passes", passes, f"a whole number from 1 to {MAX_PASSES}")
    if passes > 1 and request.is_one_pass:
        raise InvalidOption("passes", passes, ONCE_FOR_DRAFTS)


def _check_shapes(order: Order, max_size: int) -> None:
    """Raise InvalidImage if the result is too narrow, or a mask or the detail map has another
    aspect ratio than the content image."""
    content = order.content.size
    image_sizes.check_result_size(content, order.options.size, max_size)
    for mask in filter(None, order.masks):
        image_masks.check_drawn_over(mask.size, content, "mask")
    if order.detail_map:
        image_masks.check_drawn_over(order.detail_map.size, content, "detail map")
