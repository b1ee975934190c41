"""Jobs that learn a style; they are checked, stored and queued like other jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from nst.errors import ImageRole, InvalidImage, InvalidOption
from nst.jobs.job import Job, new_id
from nst.jobs.learned_styles import LearnedStyles, checked_name
from nst.jobs.order import Learning, Order, Picture
from nst.jobs.service import Jobs
from nst.jobs.uploads import MAX_STYLES, Sender, Upload, clean_name
from nst.learning_options import LearningOptions, check_names
from nst.options import StyleTransferOptions

MAX_PHOTOS = 100
"""Maximum number of photos that a client may send for one network."""

MAX_LICENCE_CHARACTERS = 1000

MOST = {"size": 512, "batch": 4, "style_size": 1024, "channels": 96, "blocks": 10}
"""Largest values of the options that decide how much memory a worker needs."""


@dataclass(frozen=True, slots=True)
class LearningRequest:
    """A request for a job that learns."""

    styles: Sequence[Upload]
    options: LearningOptions
    names: Sequence[str] = ()
    """Names of the styles; if empty, the names of the files."""
    photos: Sequence[Upload] = ()
    """Photos to learn from; if empty, the sample photos of nst."""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class LearningJobs:
    """Submission of jobs that learn; `Jobs` does what all jobs have in common."""

    jobs: Jobs
    learned_styles: LearnedStyles

    def submit(self, sender: Sender, asked: LearningRequest) -> Job:
        """Queue a new job, or return the earlier one with the same idempotency key.
        Raises InvalidImage, InvalidOption, JobConflict, TooManyRequests, TooManyStyles,
        QueueFull, ServerBusy."""
        self._check(asked)
        names = tuple(map(checked_name, asked.names or _names(asked.styles)))
        check_names(names, len(asked.styles))
        if not self.jobs.find_submitted(sender):  # `Jobs.take` returns it, whatever the limits
            self.learned_styles.check_room(sender.owner, sender.counted_as, "style_image")
        job_id, files = new_id(), dict[str, bytes]()

        def place(upload: Upload, role: ImageRole, name: str) -> Picture:
            key = f"{job_id}/{name}"
            files[key] = upload.data
            try:
                return self.jobs.intake.inspect(upload, role, key, sender.client)
            except InvalidImage as error:  # name the file: there may be a hundred
                name = clean_name(upload.name, role)
                raise type(error)(role, f"{name}: {error.reason}") from error

        styles = [place(each, "style", f"style-{n}") for n, each in enumerate(asked.styles)]
        photos = [place(each, "photo", f"photo-{n}") for n, each in enumerate(asked.photos)]
        order = Order(
            content=styles[0],
            styles=tuple(styles),
            learning=Learning(
                options=asked.options, names=names, licence=asked.licence, photos=tuple(photos)
            ),
            options=StyleTransferOptions.from_preset("draft"),
        )
        return self.jobs.take(sender, job_id, order, files)

    def _check(self, asked: LearningRequest) -> None:
        limit, minutes = self.jobs.limits.max_learning_minutes, asked.options.minutes
        if not limit:
            allowed = "no learning on this server; use `nst learn` and upload its file"
            raise InvalidOption("minutes", minutes, allowed)
        if not 0 < minutes <= limit:
            allowed = f"more than 0 and at most {limit} minutes on this server"
            raise InvalidOption("minutes", minutes, allowed)
        for name, most in MOST.items():
            if (value := getattr(asked.options, name)) > most:
                raise InvalidOption(name, value, f"at most {most} on this server")
        if not 1 <= len(asked.styles) <= MAX_STYLES:
            raise InvalidOption("style_image", len(asked.styles), f"1 to {MAX_STYLES} pictures")
        if len(asked.photos) > MAX_PHOTOS:
            raise InvalidOption("photo", len(asked.photos), f"at most {MAX_PHOTOS} photos")
        if len(asked.licence) > MAX_LICENCE_CHARACTERS:
            allowed = f"at most {MAX_LICENCE_CHARACTERS} characters"
            raise InvalidOption("licence", f"{len(asked.licence)} characters", allowed)


def learning_schema(max_minutes: int) -> dict[str, Any]:
    """Return the JSON schema of the learning options, with the limits of a service."""
    schema = LearningOptions.model_json_schema()
    for name, most in (MOST | {"minutes": max_minutes}).items():
        schema["properties"][name]["maximum"] = most
    return schema


def _names(styles: Sequence[Upload]) -> list[str]:
    """Return a name for each style: its file name, with a number if the name is taken."""
    names = list[str]()
    for style in styles:
        stem = checked_name(clean_name(style.name, "style").rsplit(".", 1)[0].replace("_", " "))
        numbered = (f"{stem} {number}" for number in count(2))
        names.append(next(name for name in chain([stem], numbered) if name not in names))
    return names
