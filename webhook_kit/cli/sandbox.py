"""``webhook-kit sandbox``: a Gett of your own, and a hand on one that runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import click
import requests

from webhook_kit.cli.common import print_table
from webhook_kit.errors import ConfigurationError, WebhookKitError
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.context import SandboxContext, SavedState
from webhook_kit.sandbox.server import server

__all__ = ["command"]

_DEFAULT_PORT = 8090
_TIMEOUT = 60.0


class _Refused(WebhookKitError):
    """The sandbox would not do it."""


_at = click.option(
    "--url",
    envvar="SANDBOX_URL",
    default=f"http://127.0.0.1:{_DEFAULT_PORT}",
    show_default=True,
    show_envvar=True,
    help="The sandbox that runs.",
)


@click.group("sandbox", invoke_without_command=True)
@click.option("--port", type=click.IntRange(0, 65535), default=_DEFAULT_PORT, show_default=True, help="0: a free one.")
@click.option("--api-key", envvar="GETT_API_KEY", show_envvar=True, help="The partner's key.")
@click.option("--secret", default="whsec_sandbox", show_default=True, help="What webhooks are signed with.")
@click.option("--seed", default="sandbox", show_default=True, help="Of ids, tokens and the chance of faults.")
@click.option(
    "--state", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Go on from what was saved."
)
@click.pass_context
def command(ctx: click.Context, port: int, api_key: str | None, secret: str, seed: str, state: Path | None) -> None:
    """Play Gett on the loopback until interrupted; the subcommands steer one that runs."""
    if ctx.invoked_subcommand is not None:
        return
    if not api_key:
        raise click.UsageError("--api-key, or GETT_API_KEY, is missing: the key that the partner calls with")
    context = SandboxContext(api_key, secret=secret, seed=seed)
    app = create_app(context)
    if state is not None:
        context.load(_saved(state))
    try:
        listening = server(app, port)
    except OSError as failure:
        raise ConfigurationError(f"--port {port}: {os.strerror(failure.errno or 0)}") from failure
    click.echo(f"A local Gett listens on http://127.0.0.1:{listening.port}; a browser finds its storefront there")
    with listening:
        listening.serve_forever()


@command.command()
@_at
@click.option("--after", default=0, help="Only what came after this entry.")
@click.option("--follow", is_flag=True, help="Go on until interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Whole entries, one JSON object a line.")
def log(url: str, after: int, follow: bool, as_json: bool) -> None:
    """Everything that went over the wire."""
    while True:
        entries = _ask("GET", f"{url}/__sandbox/log?after={after}&wait={20 if follow else 0}")["entries"]
        for entry in entries:
            click.echo(json.dumps(entry) if as_json else _line(entry))
            after = entry["number"]
        if not follow and not entries:
            return


@command.command()
@_at
@click.argument("kind")
@click.option("--call", help="The call or webhook it is for; any unless given.")
@click.option("--store", help="Gett's id of the store it is for.")
@click.option("--probability", type=click.FloatRange(0, 1), default=1.0, show_default=True)
@click.option("--times", type=click.IntRange(1), help="How many times; without end unless given.")
@click.option("--status", type=click.IntRange(400, 599), help="What to answer, for KIND status.")
@click.option("--seconds", type=click.FloatRange(0, 600), help="How long, for KIND delay.")
def fault(url: str, kind: str, **rule: Any) -> None:
    """Let calls or webhooks fail.

    KIND is status, delay, drop, duplicate, reorder, expired_token or wrong_signature.
    """
    given = {name: value for name, value in rule.items() if value is not None}
    _print_faults(_ask("POST", f"{url}/__sandbox/faults", {"kind": kind, **given}))


@command.command()
@_at
@click.option("--clear", is_flag=True, help="Let nothing fail any more.")
def faults(url: str, clear: bool) -> None:
    """The faults in force."""
    _print_faults(_ask("PUT" if clear else "GET", f"{url}/__sandbox/faults", {"faults": []} if clear else None))


@command.command()
@_at
@click.option("--now", help="Set it to this moment (ISO 8601).")
@click.option("--speed", type=click.FloatRange(0), help="Its seconds per real second; 0 stops it.")
@click.option("--advance", type=float, help="Put it on by so many seconds.")
def clock(url: str, **changes: Any) -> None:
    """What the clock shows, or shall show."""
    given = {name: value for name, value in changes.items() if value is not None}
    shown = _ask("POST" if given else "GET", f"{url}/__sandbox/clock", given or None)
    click.echo(f"{shown['now']}, {shown['speed']:g} seconds a second")


@command.command()
@_at
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE]...")
def options(url: str, changes: tuple[str, ...]) -> None:
    """How it behaves, and shall behave; a VALUE is JSON, or plain text."""
    wanted = dict(_change(change) for change in changes)
    shown = _ask("PATCH" if wanted else "GET", f"{url}/__sandbox/options", wanted or None)
    print_table(("option", "value"), [[name, json.dumps(value)] for name, value in shown.items()])


@command.command()
@_at
@click.argument("partner_store_id")
@click.option("--id", "store_id", help="Gett's id of it; derived from the partner's unless given.")
@click.option("--name", help="Its name; the partner's id unless given.")
@click.option("--webhooks", default="", help="Base URL of its partner's webhooks.")
@click.option("--catalog", default="", help="Where its menu is pulled from.")
@click.option("--timezone", default="UTC", show_default=True)
def store(
    url: str, partner_store_id: str, store_id: str | None, name: str | None, webhooks: str, catalog: str, timezone: str
) -> None:
    """Make a store as it would be after its registration."""
    body = {
        "partnerStoreId": partner_store_id,
        "name": name or partner_store_id,
        "webhookUrl": webhooks,
        "catalogUrl": catalog,
        "timezone": timezone,
    }
    made = _ask("PUT", f"{url}/__sandbox/stores/{store_id or uuid5(NAMESPACE_URL, partner_store_id)}", body)
    click.echo(f"{made['partnerStoreId']} is {made['store']['storeId']} at Gett")


@command.command()
@_at
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
def save(url: str, file: Path) -> None:
    """Write all it knows to FILE."""
    state = json.dumps(_ask("GET", f"{url}/__sandbox/state"), indent=1)
    beside = file.with_name(f"{file.name}.part")
    try:
        beside.write_text(state, encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        raise click.FileError(str(file), hint=error.strerror) from error
    click.echo(f"saved to {file}")


@command.command()
@_at
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def load(url: str, file: Path) -> None:
    """Go on from what was saved in FILE."""
    _ask("PUT", f"{url}/__sandbox/state", _saved(file).to_data())
    click.echo(f"loaded {file}")


@command.command()
@_at
def reset(url: str) -> None:
    """Forget everything but settings, clock and seed."""
    _ask("POST", f"{url}/__sandbox/reset")


def _ask(method: str, url: str, body: Any = None) -> Any:
    """A call of the control room.

    :raises _Refused: with what the sandbox says, or that there is none.
    """
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.request(method, url, json=body, timeout=_TIMEOUT)
    except requests.exceptions.RequestException as failure:
        raise _Refused(
            f"no sandbox answers at {url.partition('/__sandbox')[0]} ({type(failure).__name__})"
        ) from failure
    if response.status_code >= 400:
        raise _Refused(*_mistakes(response))
    return response.json() if response.content else None


def _mistakes(response: requests.Response) -> list[str]:
    try:
        problem = response.json()
        errors = [f"{error.get('jsonPath', '$')}: {error['message']}" for error in problem.get("errors", [])]
        return ["\n".join(errors) or str(problem["detail"])]
    except (ValueError, KeyError, AttributeError):
        return [f"the sandbox answered {response.status_code}"]


def _saved(file: Path) -> SavedState:
    try:
        return SavedState.model_validate_json(file.read_bytes())
    except (ValueError, OSError) as failure:
        raise _Refused(f"{file} holds no sandbox: {' '.join(str(failure).split())[:300]}") from failure


def _change(change: str) -> tuple[str, Any]:
    name, equals, value = change.partition("=")
    if not equals:
        raise click.UsageError(f"{change}: write NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _print_faults(shown: dict[str, Any]) -> None:
    if not shown["faults"]:
        click.echo("nothing fails")
    for rule in shown["faults"]:
        click.echo(", ".join(f"{name} {value}" for name, value in rule.items()))


def _line(entry: dict[str, Any]) -> str:
    """An entry of the log on one line."""
    outcome = (entry.get("response") or {}).get("status") or entry.get("error") or entry.get("message") or "fetched"
    arrow = "←" if entry["kind"] == "api_call" else "→"
    what = entry.get("call") or entry.get("url") or ""
    about = entry.get("orderId") or entry.get("storeId") or ""
    return " ".join(filter(None, (str(entry["number"]), entry["at"], arrow, entry["kind"], what, about, str(outcome))))
