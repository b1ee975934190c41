"""Sources of a model's weights: bundled, local, cached, downloaded.

Torch is imported only when weights are read, because a draft needs none.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from nst.engine.network.download import OnDownload, download
from nst.engine.network.files import BUNDLE, CAFFE_FILE_NAMES, CAFFE_PTH, UnusableWeights
from nst.errors import InvalidOption, WeightsUnavailable
from nst.files import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)


OnStandIn = Callable[[str, Path | None], object]
"""Callback with the warning that VGG-16 stands in, and the download directory.
The directory is None if a named file holds VGG-16."""


@dataclass(frozen=True, slots=True)
class Release:
    """A published file of weights."""

    model: str
    publisher: str
    file_name: str
    megabytes: int
    sha256: str
    mirrors: tuple[str, ...]
    """Addresses to which the file name is appended, tried in this order."""

    @property
    def urls(self) -> list[str]:
        return [mirror + self.file_name for mirror in self.mirrors]


_KERAS_MIRRORS = (
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/",
    "https://github.com/fchollet/deep-learning-models/releases/download/v0.1/",
)
_TORCHVISION_MIRRORS = (
    "https://download.pytorch.org/models/",
    "https://s3.amazonaws.com/pytorch/models/",
)

RELEASES = (
    Release(
        model="vgg19",
        publisher="keras",
        file_name="vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        megabytes=80,
        sha256="bde7da0dfd621cbf86e11ce04e4946a9a42634c2cfd21318bba090d860699e35",
        mirrors=_KERAS_MIRRORS,
    ),
    Release(
        model="vgg19",
        publisher="torchvision",
        file_name="vgg19-dcbb9e9d.pth",
        megabytes=575,
        sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        mirrors=_TORCHVISION_MIRRORS,
    ),
    Release(
        model="vgg16",
        publisher="torchvision",
        file_name="vgg16-397923af.pth",
        megabytes=553,
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        mirrors=_TORCHVISION_MIRRORS,
    ),
)
"""Published files; the first of a model is fetched unless another is requested."""

BUNDLED_SHA256 = "5b8d2ee44fcaa23f4ecc470e2fb2154f47bdc6ec95bae5d56676017fdfb408aa"


@dataclass(frozen=True, slots=True)
class Weights:
    """A converted set of weights (see `conversion`)."""

    model: str
    tensors: "Mapping[str, Tensor]"
    path: Path
    sha256: str
    """SHA-256 of the file from which the set was read."""


class WeightsStore:
    """Store that finds, checks and if necessary downloads weights."""

    def __init__(
        self,
        *,
        file: Path | None = None,
        directory: Path | None = None,
        cache: Path | None = None,
        mirror: str | None = None,
        offline: bool = False,
        on_download: OnDownload | None = None,
        on_stand_in: OnStandIn | None = None,
    ) -> None:
        """Create a store.

        `file`: used whatever its name, and nothing else is tried. `directory`: searched before the
        default places. `cache`: directory of downloads, by default the user's. `mirror`: an address
        with the published file names below it, tried before the published addresses. `on_stand_in`:
        called with the warning that VGG-16 stands in; without it the warning is logged.
        """
        self._file = file
        self._directory = directory
        self.cache = cache or user_cache_path("nst") / "weights"
        self._mirror = mirror
        self._offline = offline
        self._on_download = on_download
        self._on_stand_in = on_stand_in

    def load(self, model: str) -> Weights:
        """Return the converted set from the first place that has one.

        Raises WeightsUnavailable.
        """
        tried: list[str] = []
        if usable := self._usable(model, tried):
            return usable
        if self._file:
            raise WeightsUnavailable(model, tried)
        return read(self._download(releases(model)[0], tried), model)

    def load_or_bundled(self, model: str) -> Weights:
        """Return what `load` returns, or VGG-16 with a warning: bundled, or in `file`.

        Raises WeightsUnavailable.
        """
        try:
            return self.load(model)
        except WeightsUnavailable as error:
            try:
                stand_in = self.load("vgg16")
            except WeightsUnavailable:
                raise error from None
            self._warn_of_stand_in(model)
            return stand_in

    def _warn_of_stand_in(self, model: str) -> None:
        reason = (
            f"{self._file} holds no weights of {model}"
            if self._file
            else f"the weights of {model} are not here and could not be downloaded "
            f"(`nst weights fetch {model}` says why)"
        )
        notice = f"using vgg16: {reason}"
        if self._on_stand_in:
            self._on_stand_in(notice, None if self._file else self.cache)
        else:
            logger.warning(notice)

    def load_local(self, model: str) -> Weights | None:
        """Return the set from any place but `file`, or None; download nothing."""
        try:
            return WeightsStore(directory=self._directory, cache=self.cache, offline=True).load(
                model
            )
        except WeightsUnavailable:
            return None

    def find(self, model: str) -> Path | None:
        """Return the file that `load` would try first; None if it would download one."""
        return next(self.files(model), None)

    def files(self, model: str) -> Iterator[Path]:
        """Yield all files that should hold the model, in the order of `load`."""
        return self._files(model, [])

    def fetch(self, model: str, publisher: str | None = None) -> Path:
        """Return the path of usable weights, or download a release into the cache.

        `publisher`: its release is downloaded unless it is cached, whatever other weights are here.
        Raises WeightsUnavailable, and InvalidOption if the publisher has no release of the model.
        """
        tried: list[str] = []
        if publisher is None and (usable := self._usable(model, tried)):
            return usable.path
        found = releases(model, publisher)
        if not found:
            publishers = " or ".join(release.publisher for release in releases(model))
            raise InvalidOption("publisher", publisher, f"{publishers} for {model}")
        return self._download(found[0], tried)

    def _usable(self, model: str, tried: list[str]) -> Weights | None:
        """Return the first usable set that is here, and note what is not usable in `tried`."""
        for path in self._files(model, tried):
            try:
                return read(path, model)
            except UnusableWeights as error:
                tried.append(f"{path}: {error}")
                if not self._file:  # of which the caller hears in any case
                    logger.warning("skipping %s: %s", path, error)
        return None

    def _files(self, model: str, tried: list[str]) -> Iterator[Path]:
        """Yield files as `files` does, and note places without any in `tried`."""
        if self._file:
            places = [[self._file]]
        else:
            bundle = BUNDLE if model == "vgg16" else None
            directories = (self._directory, bundle, self.cache, torch_hub_directory())
            places = [[d / name for name in file_names(model)] for d in directories if d]
        for files in places:
            found = [file for file in files if file.is_file()]
            yield from found
            if not found:
                place = self._file or files[0].parent
                tried.append(f"{place}: no file of {model}")

    def _download(self, release: Release, tried: list[str]) -> Path:
        if self._offline:
            raise WeightsUnavailable(release.model, [*tried, "no download, because offline"])
        target = self.cache / release.file_name
        mirrors = [f"{self._mirror.rstrip('/')}/{release.file_name}"] if self._mirror else []
        for url in (*mirrors, *release.urls):
            try:
                download(url, target, release.sha256, self._on_download)
                return target
            except OSError as error:  # also if the cache cannot be written
                tried.append(f"{url}: {error}")
        raise WeightsUnavailable(release.model, tried)


def read(path: Path, model: str) -> Weights:
    """Return the converted set in this file.

    Its hash is checked if one is published. Raises UnusableWeights.
    """
    from nst.engine.network.conversion import read_weights

    try:
        sha256 = sha256_of(path)
    except OSError as error:
        raise UnusableWeights(str(error)) from error
    if not sha256.startswith(_published_sha256(path)):
        raise UnusableWeights("it is damaged: its SHA-256 is not the published one; remove it")
    return Weights(model, read_weights(path, model, sha256), path, sha256)


def releases(model: str, publisher: str | None = None) -> list[Release]:
    """Return the releases of a model, the preferred release first."""
    return [r for r in RELEASES if r.model == model and publisher in (None, r.publisher)]


def file_names(model: str) -> list[str]:
    """Return the file names by which a directory is searched for a model's weights."""
    published = [release.file_name for release in releases(model)]
    plain = [f"{model}{suffix}" for suffix in (".safetensors", ".pth", ".h5")]
    return [plain[0], *published, CAFFE_FILE_NAMES[model], *plain[1:]]


def torch_hub_directory() -> Path:
    """Return the directory where torch keeps its downloads for other programs."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


def _published_sha256(path: Path) -> str:
    """Return how the SHA-256 of a file of this name must begin; empty if unknown."""
    if path.parent == BUNDLE:
        return BUNDLED_SHA256
    for name, prefix in zip(CAFFE_FILE_NAMES.values(), CAFFE_PTH, strict=True):
        if path.name == name:
            return prefix
    return next((r.sha256 for r in RELEASES if r.file_name == path.name), "")
