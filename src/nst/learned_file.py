"""The .nst file of a learned style: its facts, and checks of its whole content.

It is a safetensors file: a header in JSON, then the numbers. It is read here without torch, numpy
and safetensors, so that the API checks an upload as strictly as the worker that paints with it.
"""

import hashlib
import math
import struct
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import pydantic_core
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

import nst
from nst.errors import InvalidOption, InvalidStyleFile

SUFFIX = ".nst"
"""Extension of the files of learned styles."""

PRESET = "draft"
"""Preset whose options are those of a learned style: nothing is optimised."""

FORMAT = 3
"""Version of the file format that is written.
In format 1, networks kept the colours of the photo. In format 2, they had no colour grade."""

READABLE = (2, FORMAT)
"""Versions that are read; others are refused."""

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
"""Matrix of a colour grade that changes nothing, row by row."""

KEY = "nst-style"
"""Key of the JSON in the metadata of the header."""

MAX_CHANNELS = 256
MAX_BLOCKS = 32
MAX_STYLES = 64
"""Limits of a network that is created or loaded.
A file cannot request more memory than these limits allow."""

MAX_BYTES = 200_000_000
"""Maximum size of a file in bytes, which no network within these limits reaches."""

LENGTH_BYTES = 8
"""Number of bytes at the beginning of a file that hold the length of its header."""

MAX_HEADER_BYTES = 200_000
FLOAT_BYTES = 4

NO_STYLE = "is damaged, cut short or no learned style; name a file of nst learn"


class NetworkShape(NamedTuple):
    """Sizes that determine the shapes of all tensors of a network."""

    styles: int
    channels: int
    """Number of channels of the residual blocks, a multiple of 4."""
    blocks: int
    """Number of residual blocks."""

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each tensor, by name."""
        half, quarter = self.channels // 2, self.channels // 4
        layers = {"down_1": (3, half, 5), "down_2": (half, self.channels, 3)}
        for block in range(self.blocks):
            for part in ("first", "second"):
                layers[f"blocks.{block}.{part}"] = (self.channels, self.channels, 3)
        layers |= {"up_1": (self.channels, half, 3), "up_2": (half, quarter, 3)}
        shapes: dict[str, tuple[int, ...]] = {}
        for name, (channels_in, channels, side) in layers.items():
            shapes[f"{name}.convolution.weight"] = (channels, channels_in, side, side)
            shapes[f"{name}.norm.scale"] = shapes[f"{name}.norm.shift"] = (self.styles, channels)
        shapes["colours.scale"] = shapes["colours.shift"] = (self.styles, 3)
        shapes |= {"paint.weight": (3, quarter, 5, 5), "paint.bias": (3,)}
        return shapes | self.grade()

    def grade(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the colour grade's tensors, which files of format 2 lack."""
        return {"grade.matrix": (self.styles, len(IDENTITY)), "grade.shift": (self.styles, 3)}


class LearningRecipe(BaseModel):
    """Recipe of a network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    options: dict[str, Any]
    """Options of `LearningOptions`, by name."""
    styles_sha256: tuple[str, ...]
    """SHA-256 of the pixels of the style images."""
    photos: int
    """Number of photos in the collection."""
    weights_sha256: str
    """SHA-256 of the weights of the network that compared images while learning."""
    steps: int
    seconds: float
    """Seconds spent on the steps."""


class StyleFacts(BaseModel):
    """Facts that a file states about its network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    nst: str = nst.__version__
    """Version of nst that wrote the file."""
    styles: tuple[str, ...] = Field(min_length=1, max_length=MAX_STYLES)
    """Names of the styles, in their order."""
    channels: int = Field(ge=4, le=MAX_CHANNELS, multiple_of=4)
    blocks: int = Field(ge=1, le=MAX_BLOCKS)
    licence: str = ""
    """Terms under which the network may be used; empty if none were given."""
    recipe: LearningRecipe
    tensors_sha256: str
    """SHA-256 of the names, shapes and bytes of all tensors."""

    @property
    def shape(self) -> NetworkShape:
        return NetworkShape(len(self.styles), self.channels, self.blocks)

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each tensor in the file, by name."""
        lacking = self.shape.grade() if self.format < FORMAT else {}
        return {name: sides for name, sides in self.shape.tensors().items() if name not in lacking}


@dataclass(frozen=True, slots=True)
class LearnedFile:
    """File of a learned style that has been checked."""

    facts: StyleFacts
    tensors: Mapping[str, memoryview]
    """Bytes of the network's tensors, by name: float32, little-endian.
    Tensors that the format lacks are added."""


def learned_preset(given: str | None) -> str:
    """Return the preset of learned styles.
    Raises InvalidOption if another one was given."""
    if given not in (None, PRESET):
        raise InvalidOption("preset", given, "none, or draft, with a learned style")
    return PRESET


def is_one(data: bytes) -> bool:
    """Return whether the data begin like a safetensors file."""
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    return data[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{" and length <= MAX_HEADER_BYTES


def read(data: bytes, name: str) -> LearnedFile:
    """Return a learned style whose header, facts, tensors and hash are checked.
    Types, shapes and numbers of the tensors are checked. `name`: name of the file, for messages.
    Raises InvalidStyleFile."""
    header = _Header.of(data, name)
    facts = _facts(name, header.metadata.get(KEY))
    shapes = facts.tensors()
    _check_shapes(name, shapes, header.tensors)
    tensors = {each: header.bytes_of(each, data) for each in header.tensors}
    if any(len(tensors[each]) != FLOAT_BYTES * math.prod(shapes[each]) for each in shapes):
        raise InvalidStyleFile(name, NO_STYLE)
    if digest({each: (shapes[each], tensors[each]) for each in shapes}) != facts.tensors_sha256:
        raise InvalidStyleFile(name, "has another SHA-256 than it says; copy it again")
    if not all(map(_are_finite, tensors.values())):
        raise InvalidStyleFile(name, "holds numbers that are not finite; learn it again")
    return LearnedFile(facts, _unchanged_colours(len(facts.styles)) | tensors)


def _unchanged_colours(styles: int) -> dict[str, memoryview]:
    """Return the tensors of a colour grade that changes nothing."""
    return {
        "grade.matrix": memoryview(struct.pack(f"<{len(IDENTITY)}f", *IDENTITY) * styles),
        "grade.shift": memoryview(bytes(FLOAT_BYTES * 3 * styles)),
    }


def digest(tensors: Mapping[str, tuple[tuple[int, ...], bytes | memoryview]]) -> str:
    """Return the SHA-256 of the tensors' names, shapes and bytes."""
    sha256 = hashlib.sha256()
    for name, (shape, data) in sorted(tensors.items()):
        sha256.update(f"{name} {shape} ".encode())
        sha256.update(data)
    return sha256.hexdigest()


class _Tensor(BaseModel):
    """Tensor as the header describes it."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]
    """Offsets of the first byte and of the one after the last, from the header's end."""


_TENSORS = TypeAdapter(dict[str, _Tensor])
_METADATA = TypeAdapter(dict[str, str])


@dataclass(frozen=True, slots=True)
class _Header:
    metadata: Mapping[str, str]
    tensors: Mapping[str, _Tensor]
    end: int
    """Offset of the first number."""

    @classmethod
    def of(cls, data: bytes, name: str) -> "_Header":
        """Return the header of a file.
        Raises InvalidStyleFile unless the tensors fill everything after the header."""
        end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
        try:
            if not is_one(data) or end > len(data):
                raise ValueError("no header")
            written = pydantic_core.from_json(data[LENGTH_BYTES:end])
            metadata = _METADATA.validate_python(written.pop("__metadata__", {}))
            tensors = _TENSORS.validate_python(written)
            places = sorted(tensor.data_offsets for tensor in tensors.values())
            joints = [(0, 0), *places, (len(data) - end, 0)]
            if any(before[1] != after[0] for before, after in pairwise(joints)):
                raise ValueError("gaps")
        except (ValueError, AttributeError) as error:
            raise InvalidStyleFile(name, NO_STYLE) from error
        return cls(metadata, tensors, end)

    def bytes_of(self, name: str, data: bytes) -> memoryview:
        start, stop = self.tensors[name].data_offsets
        return memoryview(data)[self.end + start : self.end + stop]


class _Format(BaseModel):
    """Facts that every version of the format states."""

    format: int
    nst: str = "of an unknown version"


def _facts(name: str, text: str | None) -> StyleFacts:
    if text is None:
        raise InvalidStyleFile(name, "holds no learned style; name a file of nst learn")
    try:
        written = _Format.model_validate_json(text)
        if written.format not in READABLE:
            reason = f"was written by nst {written.nst} in format {written.format}; this version "
            reason += f"reads formats {READABLE[0]} to {FORMAT}, "
            reason += "use that version or learn the style again"
            raise InvalidStyleFile(name, reason)
        return StyleFacts.model_validate_json(text)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"])) or "JSON"
        reason = f"has unusable metadata ({field}); learn the style again"
        raise InvalidStyleFile(name, reason) from error


def _check_shapes(
    name: str, shapes: Mapping[str, tuple[int, ...]], found: Mapping[str, _Tensor]
) -> None:
    there = {each: _as_text(tensor.dtype, tensor.shape) for each, tensor in found.items()}
    needed = {each: _as_text("F32", sides) for each, sides in shapes.items()}
    for each in sorted({*needed, *there}):
        if needed.get(each) != there.get(each):
            reason = f"has the tensor {each} as {there.get(each, 'missing')}, which should be "
            reason += f"{needed.get(each, 'missing')}; learn the style again"
            raise InvalidStyleFile(name, reason)


def _as_text(dtype: str, shape: tuple[int, ...]) -> str:
    return f"{dtype} {'×'.join(map(str, shape))}"


def _are_finite(data: memoryview) -> bool:
    numbers = array("f")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    # The sum of finite float32 fits into a float64; one infinity or NaN makes it non-finite.
    return math.isfinite(sum(numbers))
