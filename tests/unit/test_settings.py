"""NST_* environment variables become settings; a wrong one is named."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from nst.errors import InvalidOption
from nst.settings import Settings, load_settings

VARIABLES = {
    "weights_dir": ("/srv/weights", Path("/srv/weights")),
    "cache_dir": ("~x/cache dir", Path("~x/cache dir")),
    "weights_mirror": ("https://mirror.example/vgg", "https://mirror.example/vgg"),
    "offline": ("yes", True),
}
"""Field → text in the environment, value."""


@pytest.fixture(autouse=True)
def empty_environment(quiet_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"NST_{field.upper()}", raising=False)


def test_every_setting_is_tested() -> None:
    assert set(VARIABLES) == set(Settings.model_fields)


def test_nothing_needs_to_be_set() -> None:
    unset = {"weights_dir": None, "cache_dir": None, "weights_mirror": None, "offline": False}
    assert load_settings().model_dump() == unset


@pytest.mark.parametrize("field", VARIABLES)
def test_variable_is_read(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, value = VARIABLES[field]
    unset = load_settings().model_dump()
    monkeypatch.setenv(f"NST_{field.upper()}", text)
    assert load_settings().model_dump() == unset | {field: value}


@pytest.mark.parametrize("field", VARIABLES)
def test_empty_variable_is_as_none(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unset = load_settings()
    monkeypatch.setenv(f"NST_{field.upper()}", "")
    assert load_settings() == unset


def test_variables_of_others_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    unset = load_settings()
    monkeypatch.setenv("OFFLINE", "1")
    monkeypatch.setenv("NST_SOMETHING_ELSE", "1")
    assert load_settings() == unset


def test_file_beside_the_environment_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("NST_OFFLINE=1\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings().offline is False


def test_wrong_value_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NST_OFFLINE", "perhaps")
    with pytest.raises(InvalidOption) as caught:
        load_settings()
    assert (caught.value.field, caught.value.value) == ("NST_OFFLINE", "perhaps")
    assert len(str(caught.value).splitlines()) == 1


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().offline = True
