"""Forms of new jobs: files, samples and fields → a request for the service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from werkzeug.datastructures import FileStorage, MultiDict

from nst.api.service import service
from nst.controls import parse_change
from nst.errors import InvalidOption
from nst.film_options import MAX_PASSES
from nst.jobs import learned_inputs
from nst.jobs.service import Jobs
from nst.jobs.uploads import JobRequest, Upload
from nst.option_fields import MAX_STEPS
from nst.options import StyleTransferOptions
from nst.presets import DEFAULT_PRESET
from nst.samples import SampleKind, sample

MAX_DIGITS = 20
"""Maximum number of digits of a whole number, with leading zeros."""

FILE_FIELDS = ("content_image", "style_image", "style_mask", "detail_map")
PICTURE_FIELDS = (
    *FILE_FIELDS,
    "content_from",
    "styles_from",
    "masks_from",
    "detail_map_from",
    "initial_from",
    "sample_content",
    "sample_style",
    "learned_style",
    "preset",
    "steer",
    "stop_after",
    "passes",
)
"""Fields in the form of a new job that are not options."""


@dataclass(frozen=True, slots=True)
class JobForm:
    """The form of a new job."""

    jobs: Jobs
    owner: str
    fields: MultiDict[str, str]
    files: MultiDict[str, FileStorage]

    def read(self) -> JobRequest:
        """Return the request that the form makes.

        Raises InvalidOption, JobNotFound, StyleNotFound.
        """
        for name in FILE_FIELDS:
            if name in self.fields:
                raise no_file(name)
        preset = self.fields.get("preset")
        given = {name: value for name, value in self.fields.items() if name not in PICTURE_FIELDS}
        content, styles = self._content(), self._styles()
        preset = learned_inputs.preset_of([style.data for style in styles], preset)
        return JobRequest(
            content=content,
            styles=styles,
            masks=self._masks(),
            detail_map=self._detail_map(),
            initial=self._initial(),
            options=StyleTransferOptions.from_preset(preset or DEFAULT_PRESET, **given),
            preset=preset if preset or given else DEFAULT_PRESET,
            given=tuple(given),
            changes=[parse_change(text) for text in self.fields.getlist("steer")],
            stop_after=self._number("stop_after", MAX_STEPS),
            passes=self._number("passes", MAX_PASSES),
        )

    def _number(self, name: str, most: int) -> int | None:
        """Return a field as a whole number; None if the form lacks it. Raises InvalidOption."""
        text = self.fields.get(name)
        return None if text is None else whole(name, text, most)

    def _content(self) -> Upload:
        self._check_one_of("content_image", "content_from", "sample_content")
        if file := self.files.get("content_image"):
            return upload(file)
        if job_id := self.fields.get("content_from"):
            return self.jobs.uploads(self.owner, job_id)[0]
        if name := self.fields.get("sample_content"):
            return sample_upload("content", name)
        raise no_file("content_image")

    def _styles(self) -> Sequence[Upload]:
        self._check_one_of("style_image", "styles_from", "learned_style", "sample_style")
        if files := self.files.getlist("style_image"):
            return [upload(file) for file in files]
        if job_id := self.fields.get("styles_from"):
            return self.jobs.uploads(self.owner, job_id)[1]
        if style_id := self.fields.get("learned_style"):
            return [Upload(*service().learned_styles.use(self.owner, style_id))]
        if names := self.fields.getlist("sample_style"):
            return [sample_upload("style", name) for name in names]
        raise no_file("style_image")

    def _check_one_of(self, *sources: str) -> None:
        """Raise InvalidOption if more than one of these fields is given."""
        given = [name for name in sources if self.files.get(name) or self.fields.get(name)]
        if len(given) > 1:
            first, other = given[:2]
            raise InvalidOption(other, self.fields.get(other, "a file"), f"none beside {first}")

    def _masks(self) -> Sequence[Upload | None]:
        if files := self.files.getlist("style_mask"):
            masks = [upload(file) for file in files]
            return [mask if mask.data else None for mask in masks]
        if job_id := self.fields.get("masks_from"):
            return self.jobs.masks(self.owner, job_id)
        return []

    def _detail_map(self) -> Upload | None:
        if file := self.files.get("detail_map"):
            return upload(file)
        if job_id := self.fields.get("detail_map_from"):
            return self.jobs.detail_map(self.owner, job_id)
        return None

    def _initial(self) -> Upload | None:
        job_id = self.fields.get("initial_from")
        return self.jobs.result(self.owner, job_id) if job_id else None


def whole(name: str, text: str, most: int) -> int:
    """Return a text as a whole number from 1 to `most`. Raises InvalidOption."""
    # The length first, because int() refuses more than 4300 digits with another error.
    if not text.isdecimal() or len(text) > MAX_DIGITS or not 1 <= int(text) <= most:
        raise InvalidOption(name, text, f"a whole number from 1 to {most}")
    return int(text)


def no_file(field: str) -> InvalidOption:
    return InvalidOption(field, "", "an image as a file of the form")


def file_of(files: Mapping[str, FileStorage], field: str) -> FileStorage:
    """Return this file of the form. Raises InvalidOption if it is missing."""
    if field not in files:
        raise no_file(field)
    return files[field]


def sample_upload(kind: SampleKind, name: str) -> Upload:
    file = sample(kind, name)
    return Upload(file.read_bytes(), file.name)


def upload(file: FileStorage) -> Upload:
    return Upload(file.read(), file.filename or "")
