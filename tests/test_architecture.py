"""docs/architecture.md agrees with the code."""

import re
import tomllib

import imports
from support.assets import REPOSITORY

PAGE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGE = REPOSITORY / "src" / "nst"

MOST_LINES = 300
LONG_FILES = {
    "errors.py": "the whole tree of errors, which is read as one",
}
"""Files that may have more lines, each with the reason; at most two."""
SHORTER_FILES = {"engine/style_transfer.py": 250}
"""Files that must have fewer lines: the method is read from its beginning to its end."""


def test_the_layers_are_those_that_import_linter_checks() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (checked,) = (
        contract["layers"] for contract in contracts if contract["name"] == "Who may import whom"
    )
    (shown,) = re.findall(r"^```\n(cli\n.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    assert shown.splitlines() == [layer.replace("nst.", "") for layer in checked]


def test_every_module_outside_the_engine_is_kept_from_computing() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (kept,) = (
        contract["source_modules"]
        for contract in contracts
        if contract["name"] == "Only the engine and learning compute"
    )
    modules = {
        f"nst.{path.stem}"
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    computing = {"nst.engine", "nst.engine_process", "nst.learning", "nst.deep_pixels"}
    assert set(kept) == modules - computing - {"nst.__init__"}


def test_every_module_of_the_package_is_in_the_tree() -> None:
    (tree,) = re.findall(r"^```\nsrc/nst/\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    for path in PACKAGE.iterdir():
        if path.suffix == ".py" or (path / "__init__.py").is_file():
            name = f"{path.name}/" if path.is_dir() else path.name
            assert re.search(
                rf"^├── {re.escape(name)}|^└── {re.escape(name)}", tree, re.MULTILINE
            ), name


def test_the_picture_of_the_imports_is_the_code_s() -> None:
    assert imports.PICTURE.read_text() == imports.svg(), "run tools/imports.py"


def test_no_file_is_long_without_a_reason() -> None:
    assert len(LONG_FILES) <= 2
    for path in PACKAGE.rglob("*.py"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        name = path.relative_to(PACKAGE).as_posix()
        most = SHORTER_FILES.get(name, MOST_LINES)
        assert lines <= most or name in LONG_FILES, f"{name} has {lines} lines; split it"
