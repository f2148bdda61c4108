"""``webhook-kit stores add|edit|remove|export|rotate-keys|generate-key``: change the store directory, and a store's master data at Gett."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webhook_kit.cli.common import examples, open_kit, require_replaceable
from webhook_kit.cli.completion import complete_adapters, complete_stores
from webhook_kit.errors import ConfigurationError, InvalidTransition

if TYPE_CHECKING:
    from webhook_kit.gett.models.store import StoreUpdate
    from webhook_kit.pos.store import Store

__all__ = ["add", "edit", "export", "generate_key", "remove", "rotate_keys"]

_option = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=JSON",
    help="Option for the adapter; a value that is not JSON is text (repeatable).",
)
_credential = click.option(
    "--credential",
    "credentials",
    multiple=True,
    metavar="NAME",
    help="Credential; its value is asked for and not shown (repeatable).",
)
_fulfillment = click.option(
    "--fulfillment",
    multiple=True,
    metavar="TYPE",
    help="Fulfillment type that the store offers: Pickup, DeliveryByMerchant (repeatable; default: any).",
)


@click.command(
    epilog=examples(
        "webhook-kit stores add main --adapter bogus --timezone America/New_York",
        "webhook-kit stores add main --adapter square --option location=L1 --credential access_token",
    )
)
@click.argument("store")
@click.option(
    "--adapter",
    required=True,
    metavar="ADAPTER",
    help="Registered name, or module:Class.",
    shell_complete=complete_adapters,
)
@click.option("--gett-id", help="Gett's id of the store; not needed before onboarding.")
@click.option("--name", default="", help="Display name.")
@click.option("--timezone", default="UTC", help="IANA time zone of the opening hours.")
@_fulfillment
@_option
@_credential
def add(
    store: str, credentials: tuple[str, ...], options: tuple[str, ...], fulfillment: tuple[str, ...], **facts: Any
) -> None:
    """Add a store to Redis. STORE is the partner's own id.

    `webhook-kit adapters show ADAPTER` lists the options and credentials of an adapter.
    """
    given = {**facts, "fulfillment_types": fulfillment or None, "options": _options(options)}
    made = _store(store, {**given, "credentials": _prompt(credentials)})
    open_kit().stores.add(made)
    click.echo(f"store {made.id} is added" + ("" if made.gett_id else f"; next: webhook-kit stores onboard {made.id}"))


@click.command()
@click.argument("store", shell_complete=complete_stores)
@click.option(
    "--adapter", metavar="ADAPTER", help="Registered name, or module:Class.", shell_complete=complete_adapters
)
@click.option("--gett-id", help="Gett's id of the store.")
@click.option("--timezone", help="IANA time zone of the opening hours.")
@_fulfillment
@_option
@_credential
@click.option("--unset", multiple=True, metavar="NAME", help="Remove an option or credential.")
@click.option("--name", help="Display name, here and at Gett.")
@click.option("--phone", help="Phone number at Gett.")
@click.option("--logo-url", help="Address of the logo at Gett.")
@click.option("--description", help="Description at Gett.")
@click.option("--delivery/--no-delivery", "delivery_allowed", default=None, help="Allow or refuse delivery, at Gett.")
@click.option("--pickup/--no-pickup", "pickup_allowed", default=None, help="Allow or refuse pickup, at Gett.")
def edit(store: str, **given: Any) -> None:
    """Change a store, here or at Gett. Options that are not given stay as they are."""
    kit = open_kit(changes_gett=True)
    before = kit.stores.get(store)
    after = _changed(before, given)
    update = _update(given)
    configured = kit.stores.is_configured(before.id)
    if configured and replace(after, name=before.name) != before:
        kit.stores.require_changeable(before.id)
    at_gett = update.model_fields_set and (before.gett_id or update.model_fields_set != {"name"})
    if not at_gett and after == before:
        raise click.UsageError("no change was given; see webhook-kit stores edit --help")
    if at_gett:  # first, because Gett may refuse
        if not before.gett_id:
            raise InvalidTransition(
                f"store {before.id} is not registered at Gett yet: webhook-kit stores onboard {before.id}"
            )
        kit.rate_limited_client.call(lambda: kit.client.update_store(before.gett_id, update))
        click.echo(f"store {before.id} is changed at Gett")
    if after != before and not configured:
        kit.stores.change(before, after)
        click.echo(f"store {before.id} is changed here")


@click.command()
@click.argument("store", shell_complete=complete_stores)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def remove(store: str, yes: bool) -> None:
    """Remove a store here. Gett is not notified and its orders are refused, so pause the store first."""
    from webhook_kit.outbox.lanes import lane_name
    from webhook_kit.outbox.updates import Kind

    kit = open_kit()
    # A store whose record cannot be used is not in the directory, but has to be removable.
    removed = kit.stores.by_id(store) if store in kit.stores.unusable() else kit.stores.get(store)
    store_id = removed.id if removed else store
    if not yes:
        click.confirm(f"Remove store {store_id} and its credentials?", abort=True)
    kit.stores.remove(store_id)
    for name in kit.publisher.retire(store_id):
        click.echo(f"the published catalog {name} could not be deleted; delete it from CATALOG_BUCKET", err=True)
    keys = kit.keys
    # A store that is added under this id later starts without the state of this one.
    kit.redis.delete(
        *(key(store_id) for key in (keys.catalog, keys.pause_owner, keys.health, keys.unavailable, keys.sync))
    )
    for index in (keys.paused_stores, keys.failing_stores, keys.rejected_catalogs):
        kit.redis.zrem(index, store_id)
    for kind in (Kind.CATALOG, Kind.STORE):
        kit.lanes.discard(lane_name(kind, store_id))
    click.echo(f"store {store_id} is removed here" + ("; Gett still has it" if removed and removed.gett_id else ""))


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--without-credentials", is_flag=True, help="Leave the credentials out.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def export(file: Path, without_credentials: bool, force: bool) -> None:
    """Write every store to a file for STORES_FILE (- for standard output).

    The file contains credentials in plain text; only its owner can read it.
    """
    from webhook_kit.stores.file import as_toml

    directory = open_kit().stores
    directory.require_complete()  # a partial directory must not replace a complete file
    stores = list(directory)
    try:
        text = as_toml(stores, credentials=not without_credentials)
    except TypeError as error:
        raise ConfigurationError(f"an option cannot be written as TOML: {error}") from error
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        require_replaceable(file)
        if file.exists() and not force:
            raise click.BadParameter(f"{file} exists already; --force replaces it", param_hint="FILE")
        _write(file.resolve(), text)  # a link stays a link
    except OSError as error:
        raise click.FileError(str(file), hint=error.strerror) from error
    click.echo(f"{len(stores)} stores written to {file}")


@click.command("rotate-keys")
def rotate_keys() -> None:
    """Encrypt all credentials in Redis with the newest key of WEBHOOK_KIT_KEY."""
    click.echo(f"{open_kit().store_repository.rotate()} stores encrypted with the newest key")


@click.command("generate-key")
def generate_key() -> None:
    """Print a new key for WEBHOOK_KIT_KEY."""
    from webhook_kit.stores.cipher import new_key

    click.echo(new_key())


def _write(file: Path, text: str) -> None:
    """Write a file completely or not at all, readable only by its owner."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _store(store_id: str, facts: Mapping[str, Any]) -> Store:
    from webhook_kit.stores.table import parse_store

    try:
        return parse_store(store_id, {name: value for name, value in facts.items() if value is not None})
    except ConfigurationError as error:
        raise click.UsageError("\n".join(_as_option(store_id, mistake) for mistake in error.mistakes)) from None


def _as_option(store_id: str, mistake: str) -> str:
    """Return a mistake of a store's table with the name of the option in place of the field's."""
    field, _, what = mistake.removeprefix(f"{store_id}.").partition(": ")
    name, *inside = field.split(".")
    option = {"fulfillment_types": "fulfillment", "credentials": "credential", "options": "option"}.get(name, name)
    return f"--{option.replace('_', '-')}{''.join(f' {part}' for part in inside)}: {what}"


def _changed(before: Store, given: Mapping[str, Any]) -> Store:
    from webhook_kit.stores.table import as_table

    unset = given["unset"]
    if unknown := set(unset) - {*before.options, *before.credentials}:
        raise click.BadParameter(
            f"store {before.id} has no option or credential {', '.join(sorted(unknown))}", param_hint="--unset"
        )
    table = as_table(before)
    options = {**before.options, **_options(given["options"])}
    credentials = {**before.credentials, **_prompt(given["credentials"])}
    facts = {name: given[name] for name in ("adapter", "gett_id", "timezone", "name") if given[name] is not None}
    if given["fulfillment"]:
        facts["fulfillment_types"] = given["fulfillment"]
    for name in unset:
        options.pop(name, None)
        credentials.pop(name, None)
    return _store(before.id, {**table, **facts, "options": options, "credentials": credentials})


def _update(given: Mapping[str, Any]) -> StoreUpdate:
    import pydantic

    from webhook_kit.gett.models.store import StoreUpdate

    names = ("name", "phone", "logo_url", "description", "delivery_allowed", "pickup_allowed")
    try:
        return StoreUpdate(**{name: given[name] for name in names if given[name] is not None})
    except pydantic.ValidationError as error:
        mistakes = error.errors(include_input=False)
        raise click.UsageError("\n".join(e["msg"].removeprefix("Value error, ") for e in mistakes)) from None


def _options(pairs: tuple[str, ...]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{pair!r}: write NAME=VALUE", param_hint="--option")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
        except RecursionError:
            raise click.BadParameter(f"{name}: is nested too deeply", param_hint="--option") from None
        if options[name] is None:
            raise click.BadParameter(f"{name}: null is not a value; use --unset {name}", param_hint="--option")
    return options


def _prompt(names: tuple[str, ...]) -> dict[str, str]:
    # Not on the command line, which other users of the machine and the shell's history can read.
    return {name: click.prompt(name, hide_input=True, err=True) for name in names}
