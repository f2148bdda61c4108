"""Writes ``docs/command-line.md`` from the commands themselves: ``python scripts/make_commands.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from webhook_kit.cli import _cli

__all__ = ["commands", "page"]

HEAD = """# The command line

Every command, written from the commands themselves by `python scripts/make_commands.py`. `--help` behind a command shows its
options and examples.

* **Output.** Every command that only reads has `--json`. Results are on the standard output, warnings and questions on the error output.
* **Exit status.** 0: done. 1: refused or failed, with one line per reason. 2: the command line itself is wrong.
* **Which Gett.** A command that changes something at Gett first prints where, on the error output:
  `at https://api-sandbox.gett-tech.com, prefix wk:`. Production and sandbox differ in two variables only.
* **Completion** of commands, options, adapters and stores: `eval "$(webhook-kit completion bash)"` in `~/.bashrc`, the same with `zsh` in
  `~/.zshrc`, or `webhook-kit completion fish` into `~/.config/fish/completions/webhook-kit.fish`.

| command | purpose |
|---|---|
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command and every group that is a command itself, each with its name, sorted."""
    yield from _below(_cli, "")


def page() -> str:
    """Return the page as it has to be."""
    return HEAD + "".join(f"| `{_usage(name, command)}` | {_purpose(command)} |\n" for name, command in commands())


def _below(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            if not isinstance(command, click.Group) or command.invoke_without_command:
                yield f"{prefix}{name}", command
            if isinstance(command, click.Group):
                yield from _below(command, f"{prefix}{name} ")


def _usage(name: str, command: click.Command) -> str:
    arguments = [_argument(each) for each in command.params if isinstance(each, click.Argument)]
    return " ".join(["webhook-kit", name, *arguments]).replace("|", "\\|")


def _argument(argument: click.Argument) -> str:
    """Return an argument as a usage line names it. Click's own text differs from version to version."""
    if argument.metavar:
        return argument.metavar
    choices = argument.type.choices if isinstance(argument.type, click.Choice) else ()
    text = "|".join(map(str, choices)) or (argument.name or "").upper()
    return text if argument.required else f"[{text}]"


def _purpose(command: click.Command) -> str:
    """Return the first sentence of a command's help."""
    return " ".join((command.help or "").partition("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    (Path(__file__).parents[1] / "docs" / "command-line.md").write_text(page(), encoding="utf-8")
