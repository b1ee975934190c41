"""`--help` and Tab: groups of options, examples that run, completion."""

import re
import shlex
import subprocess
from collections.abc import Iterator

import click
import pytest

from cli.conftest import NST, Nst
from nst.cli.command import OTHERS, Command
from nst.cli.completion import SHELLS
from nst.cli.main import nst as group
from nst.cli.options import FIELDS, LEARNING_TITLES, MACHINE, TITLES
from nst.learning_options import LearningOptions
from nst.option_fields import group_of


def all_commands(command: click.Command = group) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from all_commands(child)


def examples_of(command: click.Command) -> list[str]:
    lines = (command.epilog or "").splitlines()[2:]
    return [line.strip() for line in lines]


EXAMPLES = [line for command in all_commands() for line in examples_of(command)]


def sections(text: str) -> dict[str, str]:
    """Return the groups of a help text, each with its contents."""
    parts = re.split(r"^(\S.*):$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", ["stylize", "batch", "video"])
def test_options_stand_in_groups(nst: Nst, name: str) -> None:
    found = sections(nst(name, "--help").out)
    assert list(found)[-1] == OTHERS
    assert "--help" in found[OTHERS]
    assert "--device" in found[MACHINE]
    command = group.commands[name]
    for field in {parameter.name for parameter in command.params} & set(FIELDS):
        assert f"--{field.replace('_', '-')} " in found[TITLES[group_of(FIELDS[field])]]


def test_options_of_learning_stand_in_groups(nst: Nst) -> None:
    found = sections(nst("learn", "--help").out)
    assert list(found)[-1] == OTHERS
    assert "--max-memory" not in found[MACHINE]
    for name, field in LearningOptions.model_fields.items():
        group = LEARNING_TITLES[group_of(field)]
        assert f"--{name.replace('_', '-')} " in found[group]


@pytest.mark.parametrize("name", ["stylize", "batch", "video", "learn"])
def test_only_what_belongs_nowhere_has_no_group(name: str) -> None:
    command = group.commands[name]
    left = {
        parameter.name
        for parameter in command.params
        if isinstance(parameter, click.Option) and getattr(parameter, "group", OTHERS) == OTHERS
    }
    assert left == {"quiet", "debug"}


def test_help_names_options_as_they_are_typed(nst: Nst) -> None:
    for name in ("stylize", "batch", "video", "learn"):
        assert not re.findall(r"\b[a-z]+_[a-z]+\b", nst(name, "--help").out.split("Examples:")[0])


@pytest.mark.parametrize(
    ("name", "default"), [("stylize", "512"), ("video", "that of VIDEO"), ("live", "480")]
)
def test_the_default_size_is_that_of_the_command(nst: Nst, name: str, default: str) -> None:
    (help_of_size,) = re.findall(r"--size PIXELS(.*?)\n  --", nst(name, "--help").out, re.DOTALL)
    assert " ".join(help_of_size.split()).endswith(f"[default: {default}]")


@pytest.mark.parametrize(
    "name", ["stylize", "batch", "video", "learn", "serve", "doctor", "completion"]
)
def test_there_are_examples(nst: Nst, name: str) -> None:
    command = group.commands[name]
    assert isinstance(command, Command)
    shown = nst(name, "--help").out
    for example in examples_of(command):
        assert f"    {example}\n" in shown


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_understood(example: str) -> None:
    words = shlex.split(re.sub(r"^eval \"\$\((.*)\)\".*", r"\1", example), comments=True)
    words = words[: words.index(">")] if ">" in words else words
    assert words[0] == "nst"
    group.commands[words[1]].make_context(words[1], words[2:])


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_printed(nst: Nst, shell: str) -> None:
    outcome = nst("completion", shell)
    assert outcome.code == 0
    assert "_NST_COMPLETE" in outcome.out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("nst sty", {"stylize"}),
        ("nst stylize --style-", {"--style-mask", "--style-weight", "--style-scale"}),
        ("nst stylize a.jpg b.jpg --preset ", {"quality", "fast", "draft"}),
        ("nst weights fetch vgg1", {"vgg16", "vgg19"}),
    ],
)
def test_tab_in_bash(typed: str, offered: set[str]) -> None:
    """The script that `nst completion bash` prints completes words in bash."""
    words = typed.split(" ")
    script = f"""
        PATH={shlex.quote(NST.rpartition("/")[0])}:$PATH
        eval "$(nst completion bash)"
        COMP_WORDS=({shlex.join(words[:-1])} {words[-1]!r}) COMP_CWORD={len(words) - 1}
        _nst_completion nst
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert offered <= set(said.stdout.split())


def test_without_a_shell_of_that_name_the_nearest_is_suggested(nst: Nst) -> None:
    outcome = nst("completion", "bsh")
    assert outcome.code == 2
    assert "SHELL must be one of bash, zsh, fish (got 'bsh'); did you mean bash?" in outcome.err


def test_a_command_that_is_not_there(nst: Nst) -> None:
    outcome = nst("stylise", "a.jpg", "b.jpg")
    assert outcome.code == 2
    assert "Did you mean 'stylize'?" in outcome.err
