"""Command `nst completion`."""

import click
from click.shell_completion import get_completion_class

from nst.cli.command import Command, OneOf, examples
from nst.cli.errors import debug_option

SHELLS = ("bash", "zsh", "fish")


@click.command(
    cls=Command,
    epilog=examples(
        'eval "$(nst completion bash)"      # in ~/.bashrc',
        'eval "$(nst completion zsh)"       # in ~/.zshrc',
        "nst completion fish > ~/.config/fish/completions/nst.fish",
    ),
)
@click.argument("shell", type=OneOf(SHELLS))
@debug_option
def completion(shell: str) -> None:
    """Print a script that lets SHELL complete commands, options and values with Tab.

    SHELL is bash, zsh or fish.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, "nst", "_NST_COMPLETE").source())
