"""Sources of weights, their order, and the errors when there are no weights."""

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from nst.engine.network import weights
from nst.engine.network.weights import (
    RELEASES,
    WeightsStore,
    file_names,
    releases,
    torch_hub_directory,
)
from nst.errors import WeightsUnavailable
from support.file_server import FileServer, serve
from unit.engine.synthetic import random_tensors, to_torchvision, write_keras


@pytest.fixture(scope="session")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("keras") / "vgg19.h5"
    write_keras(path, random_tensors("vgg19"), nested=False)
    return path.read_bytes()


@pytest.fixture
def published(keras_file: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Serve the first release from a local server; the first of its mirrors is dead."""
    keras = RELEASES[0]
    with serve({f"mirror/{keras.file_name}": keras_file}) as server:
        local = dataclasses.replace(
            keras,
            sha256=hashlib.sha256(keras_file).hexdigest(),
            mirrors=("http://127.0.0.1:9/", f"{server.url}/mirror/"),
        )
        monkeypatch.setattr(weights, "RELEASES", (local, *RELEASES[1:]))
        yield server


def write_vgg19(directory: Path, name: str = "vgg19.safetensors") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    save_file(to_torchvision(random_tensors("vgg19"), "vgg19"), directory / name)
    return directory / name


def test_a_set_is_read_again_only_if_its_file_has_changed(tmp_path: Path) -> None:
    store, tensors = WeightsStore(directory=tmp_path, offline=True), random_tensors("vgg16")
    save_file(tensors, tmp_path / "vgg16.safetensors")
    first = store.load("vgg16")
    assert store.load("vgg16").tensors is first.tensors
    save_file(tensors | {"conv1_1.bias": torch.ones(64)}, tmp_path / "vgg16.safetensors")
    assert (store.load("vgg16").tensors["conv1_1.bias"] == 1).all()


def test_releases_are_pinned_and_several_mirrors_hold_each() -> None:
    for release in RELEASES:
        assert len(release.sha256) == 64
        assert len(release.urls) >= 2
        assert all(url.startswith("https://") for url in release.urls)
        assert all(url.endswith(release.file_name) for url in release.urls)
        if release.publisher == "torchvision":  # its names carry the beginning of the hash
            assert release.sha256[:8] in release.file_name
    assert [release.publisher for release in releases("vgg19")] == ["keras", "torchvision"]


def test_the_operator_s_directory_comes_before_the_cache_and_torch_hub(tmp_path: Path) -> None:
    hub = write_vgg19(torch_hub_directory())
    store = WeightsStore(directory=tmp_path / "dir", cache=tmp_path / "cache", offline=True)
    assert store.find("vgg19") == hub
    cached = write_vgg19(tmp_path / "cache")
    assert store.find("vgg19") == cached
    own = write_vgg19(tmp_path / "dir")
    assert store.find("vgg19") == own
    assert store.load("vgg19").path == own


def test_torch_hub_s_directory_follows_torch_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert torch_hub_directory() == tmp_path / "hub" / "checkpoints"


@pytest.mark.parametrize("name", file_names("vgg19"))
def test_every_known_name_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert WeightsStore(directory=tmp_path, offline=True).find("vgg19") == tmp_path / name


def test_a_named_file_is_used_whatever_its_name_and_nothing_else_is(tmp_path: Path) -> None:
    file = write_vgg19(tmp_path, "mine.safetensors")
    assert WeightsStore(file=file).load("vgg19").path == file
    with pytest.raises(WeightsUnavailable, match=r"other.safetensors: no file of vgg19"):
        WeightsStore(file=tmp_path / "other.safetensors").load("vgg19")


def test_a_damaged_file_is_passed_over_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "vgg19.pth").write_bytes(b"<html>")
    good = write_vgg19(tmp_path / "cache")
    store = WeightsStore(directory=tmp_path / "dir", cache=tmp_path / "cache", offline=True)
    assert store.load("vgg19").path == good
    assert "skipping" in caplog.text


def test_a_published_name_with_another_hash_is_refused(tmp_path: Path) -> None:
    name = RELEASES[1].file_name
    torch.save(to_torchvision(random_tensors("vgg19"), "vgg19"), tmp_path / name)
    with pytest.raises(WeightsUnavailable, match="SHA-256 is not the published one"):
        WeightsStore(directory=tmp_path, cache=tmp_path / "none", offline=True).load("vgg19")


def test_they_are_downloaded_from_the_first_mirror_that_works(
    published: FileServer, tmp_path: Path
) -> None:
    store = WeightsStore(cache=tmp_path)
    loaded = store.load("vgg19")
    assert loaded.path == tmp_path / RELEASES[0].file_name
    assert len(published.requests) == 1
    assert store.load("vgg19").sha256 == loaded.sha256
    assert len(published.requests) == 1, "the second load takes the cache"


def test_a_mirror_of_one_s_own_comes_first(published: FileServer, tmp_path: Path) -> None:
    WeightsStore(cache=tmp_path, mirror=f"{published.url}/mirror/").fetch("vgg19")
    assert published.requests == [(f"/mirror/{RELEASES[0].file_name}", None)]


@pytest.mark.parametrize("mirror", ["nonsense.example", "http://[::", "http://host:port/"])
def test_the_bundled_model_stands_in_if_the_mirror_is_no_url(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        weights,
        "RELEASES",
        tuple(dataclasses.replace(release, mirrors=()) for release in RELEASES),
    )
    notices = []
    store = WeightsStore(
        cache=tmp_path, mirror=mirror, on_stand_in=lambda *notice: notices.append(notice)
    )
    assert store.load_or_bundled("vgg19").model == "vgg16"
    assert len(notices) == 1


def test_a_named_file_of_vgg16_stands_in_in_words_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    save_file(random_tensors("vgg16"), file)
    notices = []
    store = WeightsStore(
        file=file, cache=tmp_path, on_stand_in=lambda *notice: notices.append(notice)
    )
    assert store.load_or_bundled("vgg19").path == file
    assert notices == [(f"using vgg16: {file} holds no weights of vgg19", None)]


@pytest.mark.parametrize("data", [b"<html>", None])
def test_a_named_file_that_is_damaged_or_missing_has_no_stand_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, data: bytes | None
) -> None:
    file = tmp_path / "mine.safetensors"
    if data:
        file.write_bytes(data)
    notices = []
    store = WeightsStore(
        file=file, cache=tmp_path, on_stand_in=lambda *notice: notices.append(notice)
    )
    with pytest.raises(WeightsUnavailable, match=r"no usable weights for vgg19; .*mine"):
        store.load_or_bundled("vgg19")
    assert not notices
    assert not caplog.records


def test_offline_nothing_is_asked_for(published: FileServer, tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable, match="because offline"):
        WeightsStore(cache=tmp_path, offline=True).load("vgg19")
    assert not published.requests


def test_the_error_lists_every_place_tried_and_the_command_that_helps(
    published: FileServer, tmp_path: Path
) -> None:
    published.web_page = True
    with pytest.raises(WeightsUnavailable) as caught:
        WeightsStore(directory=tmp_path / "dir", cache=tmp_path / "cache").load("vgg19")
    message = str(caught.value)
    for part in (
        "dir: no file",
        "cache: no file",
        "checkpoints: no file",
        "127.0.0.1:9",
        "web page",
    ):
        assert part in message
    assert "`nst weights fetch vgg19`" in message
    assert len(caught.value.tried) == 5
    assert "\n" not in message


def test_a_cache_that_cannot_be_written_is_one_of_the_places_tried(
    published: FileServer, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsUnavailable, match=r"file.*exists|Not a directory"):
        WeightsStore(cache=tmp_path / "file" / "cache").load("vgg19")
