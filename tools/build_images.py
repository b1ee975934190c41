"""Builds the container images without Docker and without an image registry.

This needs root on Debian 12, debootstrap and buildah. The images are in the directory
NST_IMAGES_DIR, from which a second run takes unchanged parts. The base image holds the
configuration with which this machine reaches Debian, PyPI and npm, so the Dockerfile need not.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIRECTORY = Path(os.environ.get("NST_IMAGES_DIR", ROOT / "build" / "images")).absolute()

BASE, NODE = "localhost/nst-base", "localhost/nst-node"
TARGETS = ("api", "worker", "page")
VIDEO_WORKER = "localhost/nst-worker-video"
"""Image of a worker with the extra for films."""

PASSED_ON = re.compile(
    r"(PIP_.+|npm_config_.+|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|(https?|no)_proxy)", re.IGNORECASE
)
"""Variables that configure the access to packages."""

STORAGE = """[storage]
driver = "overlay"
graphroot = "{directory}/storage"
runroot = "{directory}/run"
"""

ENGINE = """[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "{directory}/networks"
"""
"""Configuration with which podman runs containers without systemd."""


def environment() -> Mapping[str, str]:
    """Return an environment in which buildah and podman keep all files in DIRECTORY."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    storage, engine = DIRECTORY / "storage.conf", DIRECTORY / "containers.conf"
    storage.write_text(STORAGE.format(directory=DIRECTORY))
    engine.write_text(ENGINE.format(directory=DIRECTORY))
    return {
        **os.environ,
        "CONTAINERS_STORAGE_CONF": str(storage),
        "CONTAINERS_CONF": str(engine),
        "DISABLE_HC_SYSTEMD": "true",
    }


def buildah(*arguments: object) -> str:
    """Run buildah and return its standard output; its messages are shown."""
    command = ["buildah", *map(str, arguments)]
    output = subprocess.run(
        command, check=True, env=environment(), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    return output.stdout.strip()


def exists(image: str) -> bool:
    inspect = ["buildah", "inspect", "--type=image", image]
    found = subprocess.run(inspect, capture_output=True, env=environment(), check=False)
    return found.returncode == 0


def build_base() -> None:
    """Build the base image: Debian 12 from this machine's mirror."""
    files = DIRECTORY / "debian"
    if not files.exists():
        unfinished = DIRECTORY / "debian.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        bootstrap = ["debootstrap", "--variant=minbase", "--include=ca-certificates"]
        subprocess.run([*bootstrap, "bookworm", unfinished, mirror()], check=True)
        unfinished.rename(files)
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, files, "/")
    for source, target in configuration_files():
        buildah("copy", "--quiet", container, source, target)
    for name, value in os.environ.items():
        if PASSED_ON.fullmatch(name):
            buildah("config", f"--env={name}={value}", container)
    commit(container, BASE)


def mirror() -> str:
    asked = ["apt-get", "indextargets", "--format=$(SITE) $(CODENAME)", "Identifier: Packages"]
    listed = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    return next(line.split()[0] for line in listed.splitlines() if line.endswith(" bookworm"))


def configuration_files() -> Iterator[tuple[Path, str]]:
    """Yield the configuration files of pip and npm and their certificates.
    Each file comes with its path in the image."""
    home = Path.home()
    pip = [Path("/etc/pip.conf"), home / ".config/pip/pip.conf", home / ".pip/pip.conf"]
    found = {
        "/etc/pip.conf": pip,
        "/root/.npmrc": [npm_config("userconfig"), npm_config("globalconfig")],
        "/etc/ssl/certs/ca-certificates.crt": [Path("/etc/ssl/certs/ca-certificates.crt")],
    }
    for target, sources in found.items():
        for source in filter(Path.is_file, sources):
            yield source, target
            break


def npm_config(name: str) -> Path:
    asked = ["npm", "config", "get", name]
    return Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())


def build_node() -> None:
    """Build the base image with this machine's Node, which is newer than Debian's."""
    node, npm = (Path(shutil.which(name) or name).resolve(strict=True) for name in ("node", "npm"))
    container = buildah("from", BASE)
    buildah("copy", "--quiet", container, node, "/usr/bin/node")
    buildah("copy", "--quiet", container, npm.parent.parent, "/usr/lib/node_modules/npm")
    link = ["ln", "-s", "../lib/node_modules/npm/bin/npm-cli.js", "/usr/bin/npm"]
    buildah("run", "--isolation=chroot", container, "--", *link)
    commit(container, NODE)


def commit(container: str, image: str) -> None:
    buildah("commit", "--quiet", container, image)
    buildah("rm", container)


def build(target: str, image: str, **arguments: str) -> None:
    """Build one of the images of deploy/Dockerfile with these build arguments."""
    print(image, flush=True)
    arguments = {"TORCH_INDEX": "", **arguments}
    bases = {"debian-base": BASE, "node-base": NODE}
    buildah(
        "build",
        "--isolation=chroot",
        "--layers",
        "--format=docker",  # the OCI format has no health checks
        "--pull-never",
        *(f"--build-context={stage}=container-image://{base}" for stage, base in bases.items()),
        *(f"--build-arg={name}={value}" for name, value in arguments.items()),
        *(f"--volume={directory}:{directory}:ro" for directory in local_packages()),
        f"--target={target}",
        f"--tag={image}",
        "--file=deploy/Dockerfile",
        ROOT,
    )


def local_packages() -> Sequence[str]:
    """Return the local directories from which pip is configured to take packages."""
    pip = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(pip, check=True, capture_output=True, text=True).stdout
    named = re.findall(r"(?:file://)?(/[^\s']+)", listed)
    return sorted({name for name in named if Path(name).is_dir()})


def main() -> None:
    for image, build_it in ((BASE, build_base), (NODE, build_node)):
        if not exists(image):
            build_it()
    for target in TARGETS:
        build(target, f"localhost/nst-{target}")
    build("worker", VIDEO_WORKER, VIDEO="1")


if __name__ == "__main__":
    main()
