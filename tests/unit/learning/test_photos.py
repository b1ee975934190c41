"""The photos that a network learns from."""

import os
from pathlib import Path

import pytest
from PIL import Image

from nst.errors import InvalidOption
from nst.learning.photos import Photos, find_photos
from unit.learning import tiny


def colours(photos: Photos, count: int = 40) -> set[object]:
    parts = (photos.part(str(number), 16) for number in range(count))
    return {part.getpixel((8, 8)) for part in parts}


def test_all_photos_of_a_folder_are_drawn(tmp_path: Path) -> None:
    assert len(colours(find_photos(tiny.photos(tmp_path / "photos", 3)))) == 3


def test_a_seed_draws_the_same_part_whatever_was_drawn_before(tmp_path: Path) -> None:
    folder = tiny.photos(tmp_path / "photos", 3)
    one, other = find_photos(folder), find_photos(folder)
    colours(one)
    assert one.part("7", 20).tobytes() == other.part("7", 20).tobytes()
    assert one.part("7", 20).size == (20, 20)


def test_parts_differ_in_place_and_scale() -> None:
    photos = find_photos(None)
    assert len({photos.part(str(number), 16).tobytes() for number in range(8)}) == 8


def test_damaged_photos_are_named_once_and_passed_over(tmp_path: Path) -> None:
    folder = tiny.photos(tmp_path / "photos", 2)
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "empty.png").touch()
    damaged: list[str] = []
    photos = find_photos(folder, lambda file, reason: damaged.append(file.name))
    before = photos.part("11", 16).tobytes()
    assert len(colours(photos)) == 2
    assert sorted(damaged) == ["cut.jpg", "empty.png"]
    assert photos.part("11", 16).tobytes() == before


def test_photos_in_folders_below_count_and_hidden_files_do_not(tmp_path: Path) -> None:
    folder = tiny.photos(tmp_path / "photos", 1)
    tiny.photos(folder / "more", 2)
    tiny.photos(folder / ".thumbnails", 2)
    (folder / "notes.txt").touch()
    assert len(find_photos(folder)) == 3


def test_very_many_files_are_not_opened_until_they_are_drawn(tmp_path: Path) -> None:
    folder = tiny.photos(tmp_path / "photos", 1)
    for number in range(3000):
        os.link(folder / "0.png", folder / f"photo-{number}.png")
    photos = find_photos(folder)
    assert len(photos) == 3001
    photos.part("0", 16)
    assert photos._load.cache_info().misses == 1


@pytest.mark.parametrize("name", ["nowhere", "file.txt", "empty"])
def test_no_folder_of_photos(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidOption, match=f"photos: .*{name}.* expected a folder with photos"):
        find_photos(tmp_path / name)


def test_a_folder_of_damaged_photos_alone(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"no picture")
    with pytest.raises(InvalidOption, match="expected a folder with photos that can be read"):
        find_photos(tmp_path).part("0", 16)


def test_large_photos_are_kept_small(tmp_path: Path) -> None:
    Image.new("RGB", (600, 300)).save(tmp_path / "large.png")
    photos = find_photos(tmp_path)
    assert photos._load(photos.files[0], 64).size == (64, 32)
