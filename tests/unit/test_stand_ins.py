"""A run without Apache Kafka fails where its jars exist; the jars are downloaded as a whole."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import apache_kafka
from support.assets import REPOSITORY

NEEDS_KAFKA = "tests/contract/test_kafka_rights.py::test_the_rights_are_documented"
NO_KAFKA = """
from pathlib import Path
from support import apache_kafka
apache_kafka.jars = lambda: None
apache_kafka.DOWNLOADS = Path("/nowhere")
"""


@pytest.mark.parametrize(
    ("has_jars", "code", "workers"), [(True, 1, 0), (False, 0, 0), (True, 1, 1)]
)
def test_a_run_with_the_light_broker(
    tmp_path: Path, has_jars: bool, code: int, workers: int
) -> None:
    (tmp_path / "without_kafka.py").write_text(NO_KAFKA)
    jars = tmp_path / "services" / "kafka-0.1.2" / "libs"
    jars.mkdir(parents=True)
    if has_jars:
        (jars / "kafka_2.13-0.1.2.jar").touch()
    paths = os.pathsep.join([str(tmp_path), str(REPOSITORY / "tests"), str(REPOSITORY / "src")])
    options = ["-p", "without_kafka", "-p", "no:cacheprovider", f"--numprocesses={workers}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, NEEDS_KAFKA],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": paths, "NST_TEST_ASSETS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Not real in this run: Apache Kafka" in done.stdout
    assert (f"there are jars in {jars}" in done.stdout) is has_jars


MAVEN = """#!/bin/sh
echo "$*" >>"$0.calls"
for option; do
    case $option in -DoutputDirectory=*) directory=${option#*=} ;; esac
done
mkdir -p "$directory"
touch "$directory/kafka_2.13.jar"
test -e "$0.finishes" || exit 1
touch "$directory/zookeeper.jar"
"""


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace all sources of jars by a Maven, and return its program.
    It stops after the first jar unless the file `mvn.finishes` exists beside it."""
    program = tmp_path / "bin" / "mvn"
    program.parent.mkdir()
    for name, script in (("mvn", MAVEN), ("docker", "#!/bin/sh\nexit 1\n")):
        program.with_name(name).write_text(script)
        program.with_name(name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr(apache_kafka, "ASSETS", tmp_path / "assets")
    monkeypatch.setattr(apache_kafka, "DOWNLOADS", tmp_path / "build")
    return program


@pytest.mark.parametrize("version", [apache_kafka.VERSION, apache_kafka.VERSION_WITH_ZOOKEEPER])
def test_an_interrupted_download_leaves_no_jars(maven: Path, version: str) -> None:
    assert apache_kafka._downloaded(version) is None
    assert apache_kafka.all_jars() == []
    maven.with_name("mvn.finishes").touch()
    directory = apache_kafka._downloaded(version)
    assert directory is not None
    assert {jar.name for jar in directory.iterdir()} == {"kafka_2.13.jar", "zookeeper.jar"}
    assert apache_kafka._downloaded(version) == directory
    first, second = maven.with_name("mvn.calls").read_text().splitlines()
    for call in (first, second):
        assert f"-Dkafka.version={version}" in call
        assert ("!tools" in call) is (version != apache_kafka.VERSION)


def test_a_run_that_cannot_start_compose_ends_with_what_is_missing(maven: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/compose"],
        cwd=REPOSITORY,
        env={**os.environ, "NST_TEST_ASSETS": str(maven.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    reason = "takes root|docker.io/versity/versitygw:v1.8.0"
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(rf"NOT CHECKED: compose.yaml was not started: .*({reason}).*", last)
