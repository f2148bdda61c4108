"""``webhook-kit sandbox``: run a local Gett, and inspect or change a running one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

import click

from webhook_kit.cli import sandbox_log, sandbox_order
from webhook_kit.cli.common import examples, hosts_option, json_option, print_table, require_replaceable
from webhook_kit.cli.sandbox_client import DEFAULT_PORT, SandboxError, ask_sandbox, sandbox_url
from webhook_kit.errors import ConfigurationError
from webhook_kit.texts import decode_file

if TYPE_CHECKING:
    from webhook_kit.sandbox.context import SavedState

__all__ = ["command"]


@click.group(
    "sandbox",
    invoke_without_command=True,
    epilog=examples(
        "webhook-kit sandbox --api-key key_sandbox",
        "webhook-kit sandbox store main --webhooks http://127.0.0.1:8000 --catalog http://127.0.0.1:8000/catalog.json",
        "webhook-kit sandbox log --follow",
    ),
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port of the sandbox (0: any free port).",
)
@click.option(
    "--api-key", envvar="GETT_API_KEY", show_envvar=True, help="API key of the partner; the first of several."
)
@click.option("--secret", default="whsec_sandbox", show_default=True, help="Secret that signs webhooks.")
@hosts_option
@click.option("--seed", default="sandbox", show_default=True, help="Random seed.")
@click.option(
    "--state", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Saved state to start from."
)
@click.pass_context
def command(
    ctx: click.Context,
    port: int,
    api_key: str | None,
    secret: str,
    hosts: tuple[str, ...],
    seed: str,
    state: Path | None,
) -> None:
    """Run a local Gett on the loopback interface until interrupted.

    The subcommands inspect or change a running one.
    """
    if ctx.invoked_subcommand is not None:
        return
    from webhook_kit.sandbox.app import create_app
    from webhook_kit.sandbox.context import SandboxContext
    from webhook_kit.sandbox.server import server

    key = (api_key or "").partition(",")[0].strip()  # during a rotation GETT_API_KEY has several, newest first
    if not key:
        raise click.UsageError("--api-key is missing; give it, or set GETT_API_KEY")
    context = SandboxContext(key, secret=secret, seed=seed, hosts=hosts)
    app = create_app(context)
    if state is not None:
        context.load(_read_state(state))
    try:
        http_server = server(app, port)
    except OSError as error:
        raise ConfigurationError(f"--port {port}: {os.strerror(error.errno or 0)}; choose another port") from error
    click.echo(f"sandbox and storefront: http://127.0.0.1:{http_server.port}")
    with http_server:
        http_server.serve_forever()


command.add_command(sandbox_log.log)
command.add_command(sandbox_order.order)


@command.command(
    epilog=examples(
        "webhook-kit sandbox fault status --status 503 --call setOrderStatus --times 3",
        "webhook-kit sandbox fault duplicate --call placeOrder --times 1",
        "webhook-kit sandbox fault delay --seconds 5 --probability 0.2",
    )
)
@sandbox_url
@click.argument("kind")
@click.option("--call", metavar="NAME", help="Name of the call or webhook, or several with commas (default: any).")
@click.option("--store", metavar="STORE", help="Gett's id of the store (default: any).")
@click.option(
    "--probability", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Probability per call."
)
@click.option("--times", type=click.IntRange(1), help="Number of times (default: no limit).")
@click.option("--status", type=click.IntRange(400, 599), help="HTTP status of the response, for KIND status.")
@click.option("--seconds", type=click.FloatRange(0, 600), help="Duration, for KIND delay.")
def fault(url: str, kind: str, **rule: Any) -> None:
    """Add a fault that makes calls or webhooks fail.

    KIND is status, delay, drop, duplicate, reorder, expired_token or wrong_signature.
    """
    given = {name: value for name, value in rule.items() if value is not None}
    _print_faults(ask_sandbox("POST", f"{url}/__sandbox/faults", {"kind": kind, **given}))


@command.command()
@sandbox_url
@click.option("--clear", is_flag=True, help="Remove all faults.")
@json_option
def faults(url: str, clear: bool, as_json: bool) -> None:
    """Show the faults in force, or remove them."""
    shown = ask_sandbox("PUT" if clear else "GET", f"{url}/__sandbox/faults", {"faults": []} if clear else None)
    if as_json:
        click.echo(json.dumps(shown["faults"]))
    else:
        _print_faults(shown)


@command.command()
@sandbox_url
@click.option("--now", help="Set the clock to this time (ISO 8601).")
@click.option("--speed", type=click.FloatRange(0), help="Set its speed, in seconds per real second; 0 stops it.")
@click.option("--advance", type=float, help="Advance the clock by seconds.")
@json_option
def clock(url: str, as_json: bool, **changes: Any) -> None:
    """Show or set the sandbox clock."""
    given = {name: value for name, value in changes.items() if value is not None}
    shown = ask_sandbox("POST" if given else "GET", f"{url}/__sandbox/clock", given or None)
    click.echo(json.dumps(shown) if as_json else f"{shown['now']}, {shown['speed']:g} seconds per real second")


@command.command()
@sandbox_url
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE]...")
@json_option
def options(url: str, changes: tuple[str, ...], as_json: bool) -> None:
    """Show or change sandbox options; a VALUE is JSON or plain text."""
    values = dict(_parse_option(change) for change in changes)
    shown = ask_sandbox("PATCH" if values else "GET", f"{url}/__sandbox/options", values or None)
    if as_json:
        click.echo(json.dumps(shown))
        return
    print_table(("option", "value"), [[name, json.dumps(value)] for name, value in shown.items()])


@command.command()
@sandbox_url
@click.option("--api-key", help="New API key of the partner.")
@click.option("--secret", help="New secret that signs webhooks.")
def credentials(url: str, api_key: str | None, secret: str | None) -> None:
    """Change the API key or the secret, to test a rotation. The earlier one is no longer used."""
    given = {name: value for name, value in (("apiKey", api_key), ("secret", secret)) if value is not None}
    if not given:
        raise click.UsageError("give --api-key, --secret or both")
    ask_sandbox("PATCH", f"{url}/__sandbox/credentials", given)
    click.echo(f"changed: {', '.join(given)}; the sandbox uses no earlier one any more")


@command.command()
@sandbox_url
@click.argument("partner_store_id", metavar="STORE")
@click.option("--id", "store_id", help="Gett's id of the store (default: derived from the partner's id).")
@click.option("--name", help="Name of the store (default: the partner's id).")
@click.option("--webhooks", default="", help="Base URL of the partner's webhooks.")
@click.option("--catalog", default="", help="URL to pull the catalog from.")
@click.option("--timezone", metavar="ZONE", default="UTC", show_default=True, help="IANA time zone of the store.")
def store(
    url: str, partner_store_id: str, store_id: str | None, name: str | None, webhooks: str, catalog: str, timezone: str
) -> None:
    """Create or replace a store, as after its registration. STORE is the partner's own id."""
    body = {
        "partnerStoreId": partner_store_id,
        "name": name or partner_store_id,
        "webhookUrl": webhooks,
        "catalogUrl": catalog,
        "timezone": timezone,
    }
    created = ask_sandbox("PUT", f"{url}/__sandbox/stores/{store_id or uuid5(NAMESPACE_URL, partner_store_id)}", body)
    click.echo(f"store {created['partnerStoreId']} has the Gett id {created['store']['storeId']}")


@command.command()
@sandbox_url
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
def save(url: str, file: Path) -> None:
    """Save the whole state to FILE."""
    state = json.dumps(ask_sandbox("GET", f"{url}/__sandbox/state"), indent=1)
    file = file.resolve()  # a link stays a link
    part = file.with_name(f"{file.name}.part")
    try:
        require_replaceable(file)
        part.write_text(state, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        raise click.FileError(str(file), hint=error.strerror) from error
    click.echo(f"saved to {file}")


@command.command()
@sandbox_url
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def load(url: str, file: Path) -> None:
    """Load a state that was saved to FILE."""
    ask_sandbox("PUT", f"{url}/__sandbox/state", _read_state(file).to_data())
    click.echo(f"loaded {file}")


@command.command()
@sandbox_url
def reset(url: str) -> None:
    """Delete everything but options, clock and seed."""
    ask_sandbox("POST", f"{url}/__sandbox/reset")


def _read_state(file: Path) -> SavedState:
    import pydantic

    from webhook_kit.sandbox.context import SavedState

    if not file.is_file():
        raise SandboxError(f"{file} is not a regular file")
    try:
        return SavedState.model_validate_json(decode_file(file.read_bytes()))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "$"
        raise SandboxError(f"{file} is not a saved sandbox: {place}: {first['msg']}") from error
    except OSError as error:
        raise SandboxError(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise SandboxError(f"{file} is not a saved sandbox: {error}") from error


def _parse_option(change: str) -> tuple[str, Any]:
    name, equals, value = change.partition("=")
    if not equals:
        raise click.UsageError(f"{change!r} is not valid; write NAME=VALUE")
    try:
        return name, json.loads(value)
    except RecursionError:
        raise click.UsageError(f"{name}: is nested too deeply") from None
    except ValueError:
        return name, value


def _print_faults(shown: dict[str, Any]) -> None:
    if not shown["faults"]:
        click.echo("no faults")
    for rule in shown["faults"]:
        click.echo(", ".join(f"{name} {value}" for name, value in rule.items()))
