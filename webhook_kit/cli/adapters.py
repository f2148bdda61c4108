"""``webhook-kit adapters``: list the installed adapters, and show what a store of one needs, read from the code."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from webhook_kit.cli.common import json_option, print_table
from webhook_kit.cli.completion import complete_adapters
from webhook_kit.pos.capabilities import Capability

if TYPE_CHECKING:
    from pydantic import BaseModel

    from webhook_kit.pos.store_config import ConfigField
    from webhook_kit.stores.adapters import Installed

__all__ = ["command"]

_GUARANTEE = "one ticket rests on"


@click.group("adapters", invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List every installed adapter, broken ones included, with its capabilities."""
    if ctx.invoked_subcommand is None:
        _list(as_json=as_json)


@command.command("show")
@click.argument("name", shell_complete=complete_adapters)
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the options, credentials and capabilities of an adapter.

    NAME is a registered name or module:Class.
    """
    from webhook_kit.pos.store_config import config_fields
    from webhook_kit.stores.adapters import load_adapter

    adapter = type(load_adapter(name))
    options, credentials = config_fields(adapter.Config), config_fields(adapter.Credentials)
    levels = {capability.value: adapter.level(capability).value for capability in Capability}
    if as_json:
        document = {
            "name": name,
            "guarantee": adapter.guarantee(),
            "capabilities": levels,
            "options": [asdict(field) for field in options],
            "credentials": [asdict(field) for field in credentials],
        }
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    click.echo(f"adapter {name} ({adapter.__module__}:{adapter.__qualname__})\n")
    print_table(["capability", "level"], levels.items())
    click.echo(f"\nguarantee of one ticket per order: {adapter.guarantee()}")
    _print_fields("options (STORE_OPTIONS, [stores.ID.options] in STORES_FILE, --option)", options, adapter.Config)
    _print_fields(
        "credentials (STORE_CREDENTIALS, [stores.ID.credentials] in STORES_FILE, --credential)",
        credentials,
        adapter.Credentials,
    )


def _list(*, as_json: bool) -> None:
    from webhook_kit.stores.adapters import installed

    columns = ["adapter", "package", "version", "health", *(capability.value for capability in Capability), _GUARANTEE]
    adapters = list(installed())
    if as_json:
        click.echo(json.dumps(list(map(_document, adapters)), ensure_ascii=False))
        return
    print_table(columns, map(_row, adapters))
    for each in adapters:
        if each.problem is not None:
            click.echo(f"\n{each.name}: {each.problem}")


def _document(each: Installed) -> dict[str, Any]:
    document = {"name": each.name, "package": each.distribution, "version": each.version}
    if each.adapter is None:
        return {**document, "usable": False, "problem": str(each.problem)}
    levels = {capability.value: each.adapter.level(capability).value for capability in Capability}
    return {**document, "usable": True, "guarantee": each.adapter.guarantee().value, "capabilities": levels}


def _row(each: Installed) -> list[str]:
    distribution = [each.name, each.distribution, each.version]
    if each.adapter is None:
        return [*distribution, "broken"]
    levels = [each.adapter.level(capability).value for capability in Capability]
    return [*distribution, "ok", *levels, each.adapter.guarantee().value]


def _print_fields(title: str, fields: list[ConfigField], model: type[BaseModel]) -> None:
    from webhook_kit.adapter import PosAdapter

    click.echo(f"\n{title}")
    if not fields:
        accepted = "any" if model in (PosAdapter.Config, PosAdapter.Credentials) else "none"
        click.echo(f"  {accepted}")
        return
    rows = [(each.name, each.type, "yes" if each.required else "", each.default, each.description) for each in fields]
    print_table(["name", "type", "required", "default", "description"], rows)
