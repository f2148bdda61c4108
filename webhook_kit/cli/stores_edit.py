"""``webhook-kit stores add|edit|remove|export|rotate-keys|generate-key``: the directory by hand, and a store's metadata at Gett."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pydantic

from webhook_kit.adapter import Store
from webhook_kit.errors import ConfigurationError, Conflict, InvalidTransition
from webhook_kit.gett.models.store import StoreUpdate
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.stores.cipher import new_key
from webhook_kit.stores.file import StoreTable, as_toml

__all__ = ["add", "edit", "export", "generate_key", "remove", "rotate_keys"]

_option = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=JSON",
    help="An option for the adapter; text that is no JSON is text.",
)
_credential = click.option(
    "--credential",
    "credentials",
    multiple=True,
    metavar="NAME",
    help="A credential; its value is asked for, and not shown.",
)
_fulfillment = click.option(
    "--fulfillment", multiple=True, help="A fulfillment type that it offers; any when left out."
)


@click.command()
@click.argument("store")
@click.option("--adapter", required=True, help="A registered name, or module:Class.")
@click.option("--gett-id", help="Gett's id of the store; left out until it is onboarded.")
@click.option("--name", default="", help="What people call it.")
@click.option("--timezone", default="UTC", help="IANA zone of its opening hours.")
@_fulfillment
@_option
@_credential
def add(
    store: str, credentials: tuple[str, ...], options: tuple[str, ...], fulfillment: tuple[str, ...], **facts: Any
) -> None:
    """Add a store to the directory in Redis; STORE is the partner's own id."""
    made = _store(store, {**facts, "fulfillment_types": fulfillment or None}, _options(options))
    made = replace(made, credentials=_asked(credentials))
    Kit.from_env().stores.add(made)
    click.echo(f"store {store} is added" + ("" if made.gett_id else f"; next: webhook-kit stores onboard {store}"))


@click.command()
@click.argument("store")
@click.option("--adapter", help="A registered name, or module:Class.")
@click.option("--gett-id", help="Gett's id of the store.")
@click.option("--timezone", help="IANA zone of its opening hours.")
@_fulfillment
@_option
@_credential
@click.option("--unset", multiple=True, metavar="NAME", help="Take out an option or credential.")
@click.option("--name", help="What people call it, here and at Gett.")
@click.option("--phone", help="At Gett.")
@click.option("--logo-url", help="At Gett.")
@click.option("--description", help="At Gett.")
@click.option("--delivery/--no-delivery", "delivery_allowed", default=None, help="At Gett: whether it delivers.")
@click.option("--pickup/--no-pickup", "pickup_allowed", default=None, help="At Gett: whether orders are picked up.")
def edit(store: str, **given: Any) -> None:
    """Change a store, here or at Gett; what is left out stays as it is."""
    kit = Kit.from_env()
    before = kit.stores.known(store)
    after = _changed(before, given)
    update = _update(given)
    configured = kit.stores.is_configured(before.id)
    if configured and replace(after, name=before.name) != before:
        raise Conflict(f"store {before.id} is configured in the environment or in a file, which wins: change it there")
    at_gett = update.model_fields_set and (before.gett_id or update.model_fields_set != {"name"})
    if not at_gett and after == before:
        raise click.UsageError("nothing to change: give at least one option")
    if at_gett:  # first, because Gett may refuse
        if not before.gett_id:
            raise InvalidTransition(
                f"store {before.id} is not at Gett yet; run `webhook-kit stores onboard {before.id}`"
            )
        kit.rate_limited_client.call(lambda: kit.client.update_store(before.gett_id, update))
        click.echo(f"store {before.id} is changed at Gett")
    if after != before and not configured:
        kit.stores.change(before, after)
        click.echo(f"store {before.id} is changed here")


@click.command()
@click.argument("store")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(store: str, yes: bool) -> None:
    """Forget a store here. Gett is told nothing: its orders would be refused, so pause it first."""
    kit = Kit.from_env()
    found = kit.stores.known(store)
    if not yes:
        click.confirm(f"Forget store {found.id}, its credentials included?", abort=True)
    kit.stores.remove(found.id)
    kit.publisher.forget(found.id)
    keys = kit.keys
    # Whoever adds a store under this id again begins anew.
    kit.redis.delete(*(key(found.id) for key in (keys.menu, keys.pause_owner, keys.monitor, keys.out, keys.sync)))
    for kind in (Kind.CATALOG, Kind.STORE):
        kit.lanes.discard(lane_name(kind, found.id))
    click.echo(f"store {found.id} is forgotten here" + ("; Gett still has it" if found.gett_id else ""))


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--without-credentials", is_flag=True, help="Leave them out.")
@click.option("--force", is_flag=True, help="Replace the file if there is one.")
def export(file: Path, without_credentials: bool, force: bool) -> None:
    """Write every store to a file for STORES_FILE (- for standard output); it holds credentials in clear, for you alone."""
    directory = Kit.from_env().stores
    directory.require_complete()  # half a directory must not replace a whole one
    stores = list(directory)
    try:
        text = as_toml(stores, credentials=not without_credentials)
    except TypeError as error:
        raise ConfigurationError(f"an option cannot be written as TOML: {error}") from error
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    if file.exists() and not force:
        raise click.BadParameter(f"{file} already exists; nothing was written (--force replaces it)", param_hint="FILE")
    try:
        _write(file, text)
    except OSError as error:
        raise click.FileError(str(file), hint=error.strerror) from error
    click.echo(f"{len(stores)} stores written to {file}")


@click.command("rotate-keys")
def rotate_keys() -> None:
    """Encrypt all credentials in Redis with the newest key of WEBHOOK_KIT_KEY."""
    click.echo(f"{Kit.from_env().store_repository.rotate()} stores encrypted with the newest key")


@click.command("generate-key")
def generate_key() -> None:
    """Make a key for WEBHOOK_KIT_KEY."""
    click.echo(new_key())


def _write(file: Path, text: str) -> None:
    """Whole or not at all, and readable for its owner alone (which a temporary file is from the start)."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _store(store_id: str, facts: Mapping[str, Any], options: Mapping[str, Any]) -> Store:
    given = {name: value for name, value in facts.items() if value is not None}
    try:
        return StoreTable.model_validate({**given, "options": dict(options)}).as_store(store_id)
    except pydantic.ValidationError as error:
        mistakes = error.errors(include_input=False)
        raise click.UsageError(
            "\n".join(
                f"--{str(e['loc'][0]).replace('_', '-')}: {e['msg'].removeprefix('Value error, ')}" for e in mistakes
            )
        ) from None


def _changed(before: Store, given: Mapping[str, Any]) -> Store:
    without = given["unset"]
    if unknown := set(without) - {*before.options, *before.credentials}:
        raise click.BadParameter(
            f"store {before.id} has no option or credential {', '.join(sorted(unknown))}", param_hint="--unset"
        )
    table = StoreTable.of(before).plain()
    options = {**before.options, **_options(given["options"])}
    credentials = {**before.credentials, **_asked(given["credentials"])}
    facts = {name: given[name] for name in ("adapter", "gett_id", "timezone", "name") if given[name] is not None}
    if given["fulfillment"]:
        facts["fulfillment_types"] = given["fulfillment"]
    kept = {name: value for name, value in options.items() if name not in without}
    after = _store(before.id, {**table, **facts}, kept)
    return replace(after, credentials={name: value for name, value in credentials.items() if name not in without})


def _update(given: Mapping[str, Any]) -> StoreUpdate:
    names = ("name", "phone", "logo_url", "description", "delivery_allowed", "pickup_allowed")
    try:
        return StoreUpdate(**{name: given[name] for name in names if given[name] is not None})
    except pydantic.ValidationError as error:
        mistakes = error.errors(include_input=False)
        raise click.UsageError("\n".join(e["msg"].removeprefix("Value error, ") for e in mistakes)) from None


def _options(pairs: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{pair!r}: write NAME=VALUE", param_hint="--option")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
        if found[name] is None:
            raise click.BadParameter(f"{name}: null is no value; use --unset {name}", param_hint="--option")
    return found


def _asked(names: tuple[str, ...]) -> dict[str, str]:
    # Never on the command line, which every user of the machine and the shell's history can read.
    return {name: click.prompt(name, hide_input=True, err=True) for name in names}
