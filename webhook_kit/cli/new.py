"""``webhook-kit new``: the project of a new adapter."""

from __future__ import annotations

from pathlib import Path

import click

from webhook_kit.scaffold.project import write

__all__ = ["command"]


@click.command("new")
@click.argument("name")
@click.option(
    "--output-dir", type=click.Path(path_type=Path), help="The folder to write; NAME in this one when not given."
)
def command(name: str, output_dir: Path | None) -> None:
    """Write the project of a new adapter: package, entry point, contract tests, Procfile, continuous integration.

    NAME is what the adapter will be called (corner-pos). Its tests pass at once, on a placeholder of a POS.
    """
    folder = output_dir or Path(name)
    for path in write(name, folder):
        click.echo(folder / path)
    click.echo(f"\nNow: cd {folder}, and read the README: it leads from here to certified.")
