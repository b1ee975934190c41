"""The package: modules that importing it loads, its public names, its errors."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nst
from nst import errors
from nst.errors import NSTError
from support.waiting import PATIENCE_SECONDS

# ── import ────────────────────────────────────────────────────────────────────────────────────


def modules_after(statement: str) -> set[str]:
    program = f"{statement}; import sys; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    answer = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    return set(answer.stdout.split())


def test_import_is_light() -> None:
    loaded = modules_after("import nst")
    assert "nst" in loaded
    assert not loaded & {"torch", "onnxruntime", "numpy", "PIL", "pydantic", "click", "rich"}


def test_pictures_and_options_do_without_torch() -> None:
    loaded = modules_after("import nst.images, nst.options, nst.progress, nst.recipe, nst.settings")
    assert {"PIL", "pydantic"} <= loaded
    assert not loaded & {"torch", "onnxruntime", "numpy", "click", "nst.engine"}


@pytest.mark.parametrize("name", nst.__all__)
def test_public_name_is_there(name: str) -> None:
    assert getattr(nst, name) is not None
    assert name in dir(nst)


def test_public_names_have_homes() -> None:
    assert set(nst.__all__) == {*nst._HOMES, "__version__"}
    assert len(set(nst.__all__)) == len(nst.__all__)


def test_other_names_are_missing() -> None:
    with pytest.raises(AttributeError, match="module 'nst' has no attribute 'nonsense'"):
        _ = nst.nonsense


# ── errors ────────────────────────────────────────────────────────────────────────────────────

FACTS: dict[type[NSTError], dict[str, object]] = {
    errors.InvalidOption: {"field": "size", "value": 5, "allowed": "a whole number"},
    errors.InvalidImage: {"role": "style", "reason": "no.jpg is gone; check the path"},
    errors.InvalidCheckpoint: {"name": "out_checkpoint", "reason": "is damaged; start again"},
    errors.InvalidStyleFile: {"name": "painting.nst", "reason": "is damaged; learn it again"},
    errors.JobNotFound: {"job_id": "1a2b"},
    errors.StyleNotFound: {"style_id": "1a2b"},
    errors.PictureNotFound: {"reason": "there is no picture yet"},
    errors.JobConflict: {"job_id": "1a2b", "reason": "the job has failed"},
    errors.TooManyStyles: {"reason": "you keep 20 learned styles; delete one first"},
    errors.TooManyShares: {"job_id": "1a2b", "most": 50},
    errors.NotAllowed: {"reason": "this API key is unknown"},
    errors.TooManyRequests: {"reason": "600 requests in a minute", "retry_after_seconds": 7},
    errors.UnreadableJob: {"job_id": "1a2b", "reason": "it has an unknown option"},
    errors.LeaseLost: {"job_id": "1a2b", "attempt": 2},
    errors.OutOfMemory: {"size": (3000, 2000), "device": "cuda"},
    errors.Diverged: {"step": 7},
    errors.WeightsUnavailable: {"model": "vgg19", "tried": ("the cache", "the mirror")},
    errors.DraftUnavailable: {"path": Path("draft.onnx"), "reason": "it is damaged"},
    errors.NetworkUnavailable: {"path": Path("faces.onnx"), "reason": "it is damaged"},
    errors.TransferCanceled: {},
    errors.StorageError: {"path": Path("x.png"), "reason": "I/O error", "action": "read"},
    errors.DiskFull: {"path": Path("x"), "reason": "3 MB are free"},
    errors.RepositoryError: {"reason": "connection refused"},
    errors.QueueError: {"reason": "no broker"},
    errors.FeedError: {"reason": "no server"},
    errors.VideoUnavailable: {"library": "OpenCV"},
}


def subclasses(parent: type[NSTError]) -> Iterator[type[NSTError]]:
    for child in parent.__subclasses__():
        yield child
        yield from subclasses(child)


ERRORS: list[type[NSTError]] = [NSTError, *subclasses(NSTError)]


def test_every_error_with_a_message_of_its_own_is_tested() -> None:
    assert set(FACTS) == {error for error in ERRORS if "__init__" in vars(error)}


@pytest.mark.parametrize("error_class", ERRORS)
def test_error_has_a_code_of_its_own(error_class: type[NSTError]) -> None:
    assert re.fullmatch("[a-z]+(_[a-z]+)*", error_class.code)
    assert [other for other in ERRORS if other.code == error_class.code] == [error_class]


@pytest.mark.parametrize(("error_class", "facts"), FACTS.items())
def test_error_keeps_its_facts_and_says_them_in_one_line(
    error_class: type[NSTError], facts: dict[str, object]
) -> None:
    error = error_class(**facts)
    assert vars(error) == facts
    assert len(str(error).splitlines()) == 1


def test_out_of_memory_proposes_a_smaller_size() -> None:
    error = errors.OutOfMemory((3000, 2000), "cuda")
    assert str(error).startswith("3000×2000 pixels need more memory than cuda has")
    proposed = re.search(r"for example (\d+)", str(error))
    assert proposed
    assert 0 < int(proposed[1]) < 3000


def test_tree_at_the_top_of_the_errors_is_true() -> None:
    lines = re.findall(r"^([│├└─ ]*)(\w+) {2,}(.*)$", errors.__doc__ or "", re.MULTILINE)
    drawn, path = {}, ["Exception"]
    for branch, name, facts in lines:
        path[1 + len(branch) // 3 :] = [name]
        drawn[name] = path[-2]
        assert all(fact in facts for fact in FACTS.get(getattr(errors, name), {}))
    assert drawn == {error.__name__: error.__mro__[1].__name__ for error in ERRORS}
