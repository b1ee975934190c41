"""The environment of conda, the licences, and the bills of materials."""

import json
import subprocess
import sys
from pathlib import Path

import yaml
from packaging.utils import canonicalize_name

import licences
from support.assets import REPOSITORY

BIN = Path(sys.executable).parent


def test_the_pip_part_of_the_conda_environment_resolves() -> None:
    environment = yaml.safe_load((REPOSITORY / "environment.yml").read_text())
    assert (
        f"python={sys.version_info.major}.{sys.version_info.minor}" in environment["dependencies"]
    )
    (pip,) = (part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", *pip]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_licences_are_those_of_what_is_locked() -> None:
    assert licences.PAGE.read_text() == licences.text(), "run `make licences`"


def test_every_package_has_a_licence() -> None:
    rows = [line.split(" | ") for line in licences.PAGE.read_text().splitlines() if " | " in line]
    listed = {canonicalize_name(row[0].strip("| ")): row[2].strip("| ") for row in rows[1:]}
    shipped = {canonicalize_name(name) for name in licences.locked("worker")}
    assert shipped <= set(listed)
    assert not {name for name, licence in listed.items() if licence in {"", "UNKNOWN"}}


def test_bill_of_materials_names_every_package(tmp_path: Path) -> None:
    lock = licences.LOCKS / "worker.txt"
    bill = tmp_path / "bill.json"
    subprocess.run([BIN / "cyclonedx-py", "requirements", lock, "-o", bill], check=True)
    components = json.loads(bill.read_text())["components"]
    assert {c["name"]: c["version"] for c in components} == licences.locked("worker")
    for component in components:
        (file,) = component["externalReferences"]
        assert file["hashes"]
