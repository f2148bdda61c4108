"""``webhook-kit new``: the project of a new adapter."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("new")
@click.argument("name")
@click.option("--output-dir", type=click.Path(path_type=Path), help="Folder to write (default: NAME).")
def command(name: str, output_dir: Path | None) -> None:
    """Write the project of a new adapter: package, entry point, contract tests, Procfile and CI workflow.

    NAME is the name of the adapter (corner-pos). The tests of the project pass at once, with a placeholder POS.
    """
    from webhook_kit.scaffold.project import write

    folder = output_dir or Path(name)
    for path in write(name, folder):
        click.echo(folder / path)
    click.echo(f"\nNext: cd {folder} and follow its README.md.")
