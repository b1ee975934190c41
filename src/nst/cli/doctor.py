"""Command `nst doctor`."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from PIL import features

from nst import __version__
from nst.bootstrap import Role, check_services, weights_store
from nst.cli.command import Command, OneOf, examples, usage_error
from nst.cli.errors import debug_option
from nst.cli.serve import check_extra
from nst.image_files import READABLE
from nst.image_reader import HEIC_REMEDY
from nst.option_fields import MODELS

if TYPE_CHECKING:
    from nst.engine.device import Machine

PICTURE_FEATURES = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP", "libtiff": "TIFF", "avif": "AVIF"}


@click.command(cls=Command, epilog=examples("nst doctor", "nst doctor --services --role api"))
@click.option("--services", is_flag=True, help="Check the dependencies of the service instead.")
@click.option(
    "--role",
    "roles",
    type=OneOf(get_args(Role)),
    multiple=True,
    help="With --services: role of the process whose rights in Kafka are checked; repeatable. "
    "[default: api and worker]",
)
@debug_option
def doctor(services: bool, roles: Sequence[Role]) -> int:
    """Report what nst runs on and what is missing.

    The exit code is 1 if nst cannot paint or, with --services, if a dependency does not answer.
    """
    if roles and not services:
        raise usage_error("--role needs --services")
    return _report_services(roles or ("api", "worker")) if services else _report_machine()


def _report_services(roles: Sequence[Role]) -> int:
    check_extra()
    checks = list(check_services(roles))
    for check in checks:
        state = "is well" if check.is_well else "is MISSING"
        click.echo(f"The {check.part} {state}: {check.words}.")
    is_well = all(check.is_well for check in checks)
    click.echo("Ready to serve." if is_well else "Not ready: see the lines with MISSING.")
    return 0 if is_well else 1


def _report_machine() -> int:
    from nst.engine.device import describe_machine

    machine = describe_machine()
    python = platform.python_version()
    click.echo(f"nst {__version__} runs on Python {python} with torch {machine.torch_version}.")
    click.echo(_device_in_words(machine))
    if machine.has_fast_bfloat16:
        click.echo("It computes in bf16, which this device does in hardware, and finishes in fp32.")
    else:
        click.echo("It computes in fp32.")
    is_ready = _report_weights()
    _report_pictures()
    click.echo("Ready to paint." if is_ready else "Not ready: see the lines with MISSING.")
    return 0 if is_ready else 1


def _device_in_words(machine: "Machine") -> str:
    if machine.devices[0] == "cpu":
        threads = f"{machine.threads} thread{'s' if machine.threads > 1 else ''}"
        return (
            f"It paints on the CPU ({machine.name}, {threads}). torch finds no GPU here; a CUDA or "
            "Apple GPU paints many times faster."
        )
    others = " and ".join(machine.devices[1:])
    return f"It paints on {machine.devices[0]} ({machine.name}); --device takes {others}, too."


def _report_weights() -> bool:
    store = weights_store()
    found = {model: store.find(model) for model in MODELS}
    for model, file in found.items():
        if file:
            click.echo(f"The weights of {model} are in {file}.")
        else:
            click.echo(
                f"The weights of {model} are MISSING: `nst weights fetch {model}` downloads them; "
                "until then vgg16 stands in."
            )
    if os.access(_nearest_existing(store.cache), os.W_OK):
        click.echo(f"Downloads are kept in {store.cache}.")
    else:
        click.echo(f"Downloads cannot be kept: MISSING permission to write to {store.cache}.")
    return any(found.values())


def _report_pictures() -> None:
    missing = [name for feature, name in PICTURE_FEATURES.items() if not features.check(feature)]
    readable = (name.replace("WEBP", "WebP") for name in READABLE)
    click.echo(f"It reads {', '.join(name for name in readable if name not in missing)}.")
    if missing:
        click.echo(f"Pillow is built without {', '.join(missing)}: they are MISSING.")
    if "HEIC" not in READABLE:
        click.echo(f"For HEIC photos, {HEIC_REMEDY}.")
    if features.check("littlecms2"):
        click.echo("Colour profiles are converted to sRGB.")
    else:
        click.echo("Colour profiles are ignored: littlecms is MISSING from Pillow.")


def _nearest_existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())
