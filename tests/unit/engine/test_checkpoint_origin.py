"""The origin of a checkpoint that another version has written."""

from typing import Any

import pytest

from nst import StyleTransferOptions
from nst.engine.checkpoint import Origin


def origin(**options: Any) -> Origin:
    written = StyleTransferOptions(**options).model_dump(mode="json")
    return Origin(options=written, pictures={}, weights="0")


@pytest.mark.parametrize("name", StyleTransferOptions.model_fields)
def test_an_option_that_an_earlier_version_did_not_have_has_its_default(name: str) -> None:
    old = origin()
    del old.options[name]
    assert old.problem(origin()) is None
    assert origin().problem(old) is None


def test_another_value_of_a_new_option_is_named() -> None:
    old = origin()
    del old.options["flourish"]
    problem = "was made with flourish 0.0, not 0.5; give the same options"
    assert old.problem(origin(flourish=0.5)) == problem


def test_an_option_that_this_version_does_not_know_is_named() -> None:
    later = origin()
    later.options["glaze"] = 1
    assert str(later.problem(origin())).startswith("was made with glaze 1, not None")
