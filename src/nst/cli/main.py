"""`nst`: the group of commands."""

from collections.abc import Sequence

import click

from nst import __version__
from nst.cli.batch import batch
from nst.cli.command import examples
from nst.cli.completion import completion
from nst.cli.doctor import doctor
from nst.cli.errors import run
from nst.cli.learn import learn
from nst.cli.live import live
from nst.cli.serve import migrate, serve, worker
from nst.cli.stylize import stylize
from nst.cli.video import video
from nst.cli.weights import weights


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "nst stylize photo.jpg painting.jpg",
        "nst batch photos paintings -o out",
        "nst serve --open",
    ),
)
@click.version_option(__version__, "-V", "--version", prog_name="nst")
def nst() -> None:
    """Neural style transfer: a photo and a painting in, the photo painted out."""


nst.add_command(stylize)
nst.add_command(batch)
nst.add_command(video)
nst.add_command(learn)
nst.add_command(live)
nst.add_command(serve)
nst.add_command(worker)
nst.add_command(migrate)
nst.add_command(weights)
nst.add_command(doctor)
nst.add_command(completion)


def main(arguments: Sequence[str] | None = None) -> None:
    run(nst, "nst", arguments)
