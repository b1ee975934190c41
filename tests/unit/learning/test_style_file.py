"""Files of learned styles: valid files survive a round trip, others are refused."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from nst.errors import InvalidStyleFile
from nst.learned_file import FORMAT, KEY, StyleFacts
from nst.learning import style_file
from unit.learning import tiny


def facts_of(file: Path) -> dict[str, Any]:
    facts: dict[str, Any] = style_file.load(file)[1].model_dump(mode="json")
    return facts


def test_a_network_comes_back(tmp_path: Path) -> None:
    file = tiny.saved(tmp_path / "two.nst", ("one", "two"))
    network, facts = style_file.load(file)
    assert (facts.styles, facts.licence, facts.format) == (("one", "two"), "CC0-1.0", FORMAT)
    expected = tiny.network(2).state_dict()
    assert all(torch.equal(each, expected[name]) for name, each in network.state_dict().items())


def test_an_existing_file_stays(tmp_path: Path) -> None:
    first, second = (tiny.saved(tmp_path / "one.nst") for _ in range(2))
    assert (first.name, second.name) == ("one.nst", "one-2.nst")
    assert style_file.load(second)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "does not exist"),
        (b"", "is damaged, cut short or no learned style"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is damaged, cut short or no learned style"),
        (pickle.dumps({"weight": 1}), "is damaged, cut short or no learned style"),
        (b"\xff" * 64, "is damaged, cut short or no learned style"),
    ],
)
def test_what_is_no_such_file(tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "bad.nst"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidStyleFile, match=reason):
        style_file.load(file)


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InvalidStyleFile, match="no learned style"):
        style_file.load(tmp_path)


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    file = tiny.saved(tmp_path / "cut.nst")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InvalidStyleFile, match="cut short"):
        style_file.load(file)


def test_a_changed_number_is_found_by_its_hash(tmp_path: Path) -> None:
    file = tiny.saved(tmp_path / "bad.nst")
    data = bytearray(file.read_bytes())
    data[-2] ^= 1
    file.write_bytes(data)
    with pytest.raises(InvalidStyleFile, match="has another SHA-256 than it says"):
        style_file.load(file)


def test_safetensors_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "other.nst"
    save_file({"weight": torch.zeros(3)}, file)
    with pytest.raises(InvalidStyleFile, match="holds no learned style"):
        style_file.load(file)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"format": 9, "nst": "9.0"},
            r"by nst 9\.0 in format 9; this version reads formats 2 to 3",
        ),
        ({"format": 1}, r"in format 1; .* or learn the style again"),
        ({"channels": 8}, r"tensor blocks.0.first.convolution.weight as F32 4×4×3×3"),
        ({"styles": ["one", "two"]}, r"tensor .*norm\.\w+ as F32 1×4, which should be F32 2×4"),
        ({"blocks": 2}, r"tensor blocks\.1\..* as missing, which should be F32"),
        ({"channels": 10**6}, r"unusable metadata \(channels\)"),
        ({"blocks": 10**6}, r"unusable metadata \(blocks\)"),
        ({"styles": []}, r"unusable metadata \(styles\)"),
        ({"extra": 1}, r"unusable metadata \(extra\)"),
        ({"format": None}, r"unusable metadata \(format\)"),
    ],
)
def test_metadata_that_does_not_fit(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    file = tiny.saved(tmp_path / "bad.nst")
    facts = facts_of(file) | change
    save_file(load_file(file), file, {KEY: json.dumps(facts)})
    with pytest.raises(InvalidStyleFile, match=reason):
        style_file.load(file)


def test_metadata_that_is_no_json(tmp_path: Path) -> None:
    file = tiny.saved(tmp_path / "bad.nst")
    save_file(load_file(file), file, {KEY: "{"})
    with pytest.raises(InvalidStyleFile, match="unusable metadata"):
        style_file.load(file)


def rewritten(file: Path, tensors: dict[str, torch.Tensor], **changes: Any) -> Path:
    """Write the file anew with other tensors, their correct hash, and changed facts."""
    changes["tensors_sha256"] = style_file.digest(tensors)
    facts = StyleFacts(**facts_of(file) | changes)
    save_file(tensors, file, {KEY: facts.model_dump_json()})
    return file


def test_numbers_that_are_not_finite(tmp_path: Path) -> None:
    file = tiny.saved(tmp_path / "bad.nst")
    tensors = load_file(file)
    tensors["paint.bias"][0] = torch.nan
    with pytest.raises(InvalidStyleFile, match="numbers that are not finite"):
        style_file.load(rewritten(file, tensors))


@pytest.mark.parametrize("name", ["paint.bias", "unknown"])
def test_tensors_of_another_type_or_name(tmp_path: Path, name: str) -> None:
    file = tiny.saved(tmp_path / "bad.nst")
    tensors = load_file(file) | {name: torch.zeros(3, dtype=torch.float64)}
    with pytest.raises(InvalidStyleFile, match=f"tensor {name} as F64 3, which should be"):
        style_file.load(rewritten(file, tensors))
