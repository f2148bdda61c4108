"""``webhook-kit completion``: print the shell script that completes commands, options, adapters and stores."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from webhook_kit.cli.common import examples

if TYPE_CHECKING:
    from webhook_kit.settings import Settings

__all__ = ["command", "complete_adapters", "complete_schemas", "complete_stores"]

_SHELLS = ("bash", "zsh", "fish")
_REDIS_SECONDS = 0.5
"""Seconds after which a Redis that does not answer completes nothing."""


@click.command(
    "completion",
    epilog=examples(
        'eval "$(webhook-kit completion bash)"            # in ~/.bashrc',
        'eval "$(webhook-kit completion zsh)"             # in ~/.zshrc, after compinit',
        "webhook-kit completion fish > ~/.config/fish/completions/webhook-kit.fish",
    ),
)
@click.argument("shell", type=click.Choice(_SHELLS))
def command(shell: str) -> None:
    """Print the completion script of a shell: bash (4.4 or later), zsh or fish."""
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root()
    name = root.info_name or "webhook-kit"
    completion = get_completion_class(shell)
    assert completion is not None
    variable = f"_{name}_COMPLETE".replace("-", "_").upper()
    click.echo(completion(root.command, {}, name, variable).source())


def complete_adapters(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the registered adapters. None is loaded."""
    from importlib.metadata import entry_points

    return sorted(
        point.name for point in entry_points(group="webhook_kit.adapters") if point.name.startswith(incomplete)
    )


def complete_schemas(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of the schemas."""
    from webhook_kit.gett.schemas import SCHEMAS

    return sorted(name for name in SCHEMAS if name.lower().startswith(incomplete.lower()))


def complete_stores(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the stores of this installation; none while its settings or its Redis cannot be used."""
    with suppress(Exception):  # a shell takes every line for a completion
        from webhook_kit import logs
        from webhook_kit.kit import Kit

        logs.configure("CRITICAL")
        return sorted(store.id for store in Kit(_impatient_settings()).stores if store.id.startswith(incomplete))
    return []


def _impatient_settings() -> Settings:
    """Return the settings of the environment, with a short time-out for Redis: somebody has pressed a key and waits."""
    from webhook_kit.settings import Settings

    settings = Settings.from_env()
    return settings.model_copy(update={"redis_timeout": min(settings.redis_timeout, _REDIS_SECONDS)})
