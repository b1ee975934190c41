"""Commands `nst weights list`, `fetch`, `verify` and `path`."""

import click

from nst.bootstrap import weights_store
from nst.cli.command import OneOf, PlainCommand
from nst.cli.errors import debug_option
from nst.cli.progress_bar import ProgressBar
from nst.option_fields import MODELS

MODEL = OneOf(MODELS)


@click.group()
def weights() -> None:
    """List, download and check the weights of the networks."""


@weights.command("list")
def list_() -> None:
    """List the weights on this machine and those that can be downloaded."""
    from nst.engine.network.weights import RELEASES

    store = weights_store()
    for model in MODELS:
        click.echo(f"{model}  {store.find(model) or 'not here'}")
    click.echo("\nCan be fetched:")
    for release in RELEASES:
        command = f"nst weights fetch {release.model} --publisher {release.publisher}"
        click.echo(f"  {command:<55} {release.megabytes} MB, {release.file_name}")


@weights.command(cls=PlainCommand)
@click.argument("model", type=MODEL)
@click.option("--publisher", type=OneOf(["keras", "torchvision"]), help="Publisher of the file.")
@debug_option
def fetch(model: str, publisher: str | None) -> None:
    """Download the weights of MODEL, resuming an interrupted download.

    Prints the path of the file. Weights that are already here are only downloaded if a publisher is
    named; vgg16 is bundled.
    """
    with ProgressBar() as bar:
        store = weights_store(on_download=bar.show_download)
        path = store.fetch(model, publisher)
    click.echo(path)


@weights.command()
@click.argument("models", type=MODEL, nargs=-1)
@debug_option
def verify(models: tuple[str, ...]) -> int:
    """Check hash, shapes and numbers of all files of MODELS, by default of both."""
    from nst.engine.network.files import UnusableWeights
    from nst.engine.network.weights import read

    store, all_good = weights_store(), True
    for model in models or MODELS:
        files = list(store.files(model))
        if not files:
            click.echo(f"{model}  not here; get it with `nst weights fetch {model}`")
            all_good = all_good and not models
        for file in files:
            try:
                click.echo(f"{model}  good  {file}  SHA-256 {read(file, model).sha256}")
            except UnusableWeights as error:
                click.echo(f"{model}  BAD   {file}: {error}")
                all_good = False
    return 0 if all_good else 1


@weights.command()
@click.argument("model", type=MODEL, required=False)
@debug_option
def path(model: str | None) -> None:
    """Print the path of the weights of MODEL, or the directory of downloads.

    Without MODEL it prints the directory.
    """
    store = weights_store()
    if model is None:
        click.echo(store.cache)
    elif file := store.find(model):
        click.echo(file)
    else:
        raise click.ClickException(f"no {model} here; get it with `nst weights fetch {model}`")
