"""`nst serve` refuses wrong settings and arguments in one line, before it serves."""

import pytest

from cli.conftest import Nst
from nst import bootstrap
from nst.settings.environment import variables

WRONG = {
    "NST_MAX_PIXELS": "many",
    "NST_LEASE_SECONDS": "1",
    "NST_RETENTION": "soon",
    "NST_API_KEYS": "anna",
    "NST_LOG_FORMAT": "xml",
    "NST_DATABASE_URL": "mysql://db/nst",
    "NST_WORKER_DEVICE": "tpu",
    "NST_TRUSTED_PROXIES": "-1",
}


@pytest.fixture(autouse=True)
def never_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test whose command is not refused; otherwise it would serve without end."""
    monkeypatch.setattr(bootstrap, "prepare_database", lambda: pytest.fail("it was not refused"))


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_refuse_to_start_and_are_named(
    nst: Nst, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert name in variables()
    monkeypatch.setenv(name, WRONG[name])
    outcome = nst("serve", "--port", "0")
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1
    assert outcome.err.startswith(f"nst: {name}: ")


def test_a_key_instead_of_its_hash_is_not_shown(nst: Nst, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NST_API_KEYS", "anna:my-very-secret-key")
    outcome = nst("serve", "--port", "0")
    assert outcome.code == 2
    assert "NST_API_KEYS" in outcome.err
    assert "my-very-secret-key" not in outcome.out + outcome.err


@pytest.mark.parametrize(
    "arguments", [("--port", "99999"), ("--workers", "-1"), ("--port", "x"), ("--nonsense",)]
)
def test_wrong_arguments_are_one_line(nst: Nst, arguments: tuple[str, ...]) -> None:
    outcome = nst("serve", *arguments)
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1


def test_help_names_the_options(nst: Nst) -> None:
    outcome = nst("serve", "--help")
    assert outcome.code == 0
    for option in ("--host", "--port", "--workers", "--open"):
        assert option in outcome.out
