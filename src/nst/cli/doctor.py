"""`nst doctor`."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import click
from PIL import features

from nst import __version__
from nst.bootstrap import Role, check_services, weights_store
from nst.cli.errors import debug_option
from nst.cli.serve import check_extra
from nst.errors import InvalidOption
from nst.image_files import READABLE
from nst.options import MODELS

PICTURE_FEATURES = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP", "libtiff": "TIFF", "avif": "AVIF"}


@click.command()
@click.option("--services", is_flag=True, help="Check what the service depends on instead.")
@click.option(
    "--role",
    "roles",
    type=click.Choice(get_args(Role)),
    multiple=True,
    help="With --services: process whose rights in Kafka are checked; may be repeated. "
    "[default: api and worker]",
)
@debug_option
def doctor(services: bool, roles: Sequence[Role]) -> int:
    """Say in words what nst runs on and what is missing. Exit code 1 if it cannot paint, or
    with --services if a part of the outside world does not answer."""
    if roles and not services:
        raise InvalidOption("role", ", ".join(roles), "it together with --services")
    return _report_services(roles or ("api", "worker")) if services else _report_machine()


def _report_services(roles: Sequence[Role]) -> int:
    check_extra()
    checks = list(check_services(roles))
    for check in checks:
        _say(check.part, check.words if check.is_well else f"MISSING: {check.words}")
    is_well = all(check.is_well for check in checks)
    click.echo("Ready to serve." if is_well else "Not ready: see the lines with MISSING.")
    return 0 if is_well else 1


def _report_machine() -> int:
    from nst.engine.device import describe_machine

    machine = describe_machine()
    device = machine.devices[0]
    threads = f", {machine.threads} threads" if device == "cpu" else ""
    precision = "bf16 (in hardware), fp32 to finish" if machine.has_fast_bfloat16 else "fp32"
    _say("nst", f"{__version__}, Python {platform.python_version()}, torch {machine.torch_version}")
    _say("device", f"{device} ({machine.name}{threads}); of {', '.join(machine.devices)}")
    _say("precision", precision)
    if device == "cpu":
        _say("", "A CUDA or Apple GPU would paint many times faster; none is usable here.")
    is_ready = _report_weights()
    _report_pictures()
    click.echo("Ready to paint." if is_ready else "Not ready: see the lines with MISSING.")
    return 0 if is_ready else 1


def _report_weights() -> bool:
    store = weights_store()
    found = {model: store.find(model) for model in MODELS}
    for model, file in found.items():
        hint = f"MISSING; `nst weights fetch {model}` gets them, until then vgg16 stands in"
        _say("weights", f"{model}: {file or hint}")
    writable = os.access(_nearest_existing(store.cache), os.W_OK)
    _say("cache", f"{store.cache}{'' if writable else ': MISSING permission to write there'}")
    return any(found.values())


def _report_pictures() -> None:
    known = [name for feature, name in PICTURE_FEATURES.items() if features.check(feature)]
    missing = [name for name in PICTURE_FEATURES.values() if name not in known]
    heic = "HEIC" if "HEIC" in READABLE else "HEIC with pip install 'nst[heic]'"
    lack = f"; MISSING {', '.join(missing)}" if missing else ""
    _say("pictures", f"{', '.join(known)}, {heic}{lack}")
    colour = "colour profiles are converted to sRGB"
    _say("", colour if features.check("littlecms2") else "MISSING littlecms: profiles are ignored")


def _nearest_existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())


def _say(topic: str, text: str) -> None:
    click.echo(f"{topic:<10} {text}")
