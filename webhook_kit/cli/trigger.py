"""``webhook-kit trigger``: send a signed webhook, as Gett does, to this installation or to any address."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from webhook_kit.cli.common import examples, json_option, open_kit
from webhook_kit.cli.completion import complete_stores
from webhook_kit.cli.json_path import assign

if TYPE_CHECKING:
    from webhook_kit.cli.trigger_body import TriggeredEvent
    from webhook_kit.cli.trigger_target import Answer, Target
    from webhook_kit.kit import Kit

__all__ = ["command"]

_EVENTS = ("validateOrder", "placeOrder", "orderEvent")
_OF_PLACING = ("payment", "validatedOrderToken", "amounts")
"""Members that placeOrder takes from the answer to validateOrder, or adds."""
_LISTED = 50
"""Violations that are printed at most; ``--json`` prints all."""


@click.command(
    "trigger",
    epilog=examples(
        "webhook-kit trigger validateOrder --store main",
        "webhook-kit trigger placeOrder --set cart.lineItems[0].quantity=3 --set customer.firstName=Ann",
        "webhook-kit trigger placeOrder --dry-run > order.json",
        "webhook-kit trigger placeOrder --file order.json --key 5f0a3c0e-6c3b-4c55-9d1e-6a2b5e0d7c11 --yes",
        "webhook-kit trigger orderEvent --set data.status=shipped --to https://shop.example.org --secret whsec_test",
    ),
)
@click.argument("event", type=click.Choice(_EVENTS))
@click.option(
    "--store", metavar="STORE", help="Store of the order (default: the only one).", shell_complete=complete_stores
)
@click.option(
    "--file", type=click.Path(path_type=Path, allow_dash=True), help="Body to send (JSON; - for standard input)."
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="PATH=VALUE",
    help="Set a place of the body; VALUE is JSON or text (repeatable).",
)
@click.option("--to", metavar="URL", help="Base URL of the webhooks (default: PUBLIC_URL, else http://127.0.0.1:PORT).")
@click.option("--secret", help="Secret that signs (default: the first of GETT_WEBHOOK_SECRETS).")
@click.option("--key", help="Idempotency-Key of placeOrder (default: a new UUID).")
@click.option(
    "--no-validate", is_flag=True, help="Send placeOrder without a validateOrder before it, so without its token."
)
@click.option("--dry-run", is_flag=True, help="Print the body and send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def command(
    event: TriggeredEvent,
    store: str | None,
    file: Path | None,
    assignments: tuple[str, ...],
    to: str | None,
    secret: str | None,
    key: str | None,
    no_validate: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Send a signed webhook, as Gett does: to this installation, or to any address.

    Without --file, an order has one item of the store's catalog that can be ordered now. placeOrder sends a validateOrder first, to
    get its token. Exits with 1 if the webhook is refused, 2 if the command line is wrong.

    placeOrder makes a real ticket at a real POS, so it asks first, unless the address is of this host and the POS is the fake one.
    The same holds for every address that is neither of this host nor PUBLIC_URL.
    """
    from webhook_kit.cli.trigger_body import schema_of
    from webhook_kit.cli.trigger_target import target_of

    kit = open_kit()
    target, key = target_of(kit.settings, to, secret), _key(event, key)
    body, schema = _body(kit, event, store, file), schema_of(event)
    validates = event == "placeOrder" and not (no_validate or dry_run or body.get("validatedOrderToken"))
    later = [each for each in assignments if validates and _is_of_placing(each)]
    for assignment in assignments:
        if assignment not in later:
            assign(body, assignment, schema)
    if dry_run:
        click.echo(json.dumps(body, indent=2, ensure_ascii=False))
        return
    _warn(kit, target, event, body, ask=not yes)
    answers = [target.send("validateOrder", body)] if validates else []
    if all(answer.accepted for answer in answers):
        if event == "placeOrder":
            body.setdefault("payment", {"type": "gettPayment"})
        for answer in answers:
            body |= {name: answer.body[name] for name in _OF_PLACING if name in answer.body}
        for assignment in later:
            assign(body, assignment, schema)
        answers.append(target.send(event, body, key))
    _print(answers, as_json=as_json)
    if not answers[-1].accepted:
        sys.exit(1)


def _key(event: TriggeredEvent, key: str | None) -> str | None:
    if event != "placeOrder":
        if key is not None:
            raise click.UsageError(f"{event} has no Idempotency-Key; --key is for placeOrder")
        return None
    if key is not None and not (key and key.isascii() and key.isprintable()):
        raise click.BadParameter("has to be printable ASCII", param_hint="--key")
    return key or str(uuid4())


def _body(kit: Kit, event: TriggeredEvent, store: str | None, file: Path | None) -> dict[str, Any]:
    from webhook_kit.cli.trigger_body import example_event, example_order, read_body, store_of

    if event == "orderEvent":
        if store is not None:
            raise click.UsageError("an order event is of no store; --store is for orders")
        return example_event() if file is None else read_body(file)
    if file is None:
        return example_order(kit, store_of(kit, store))
    body = read_body(file)
    if store is not None and isinstance(body.get("cart"), dict):
        body["cart"]["storeId"] = store_of(kit, store).gett_id
    return body


def _is_of_placing(assignment: str) -> bool:
    path = assignment.partition("=")[0].removeprefix("$").removeprefix(".")
    return path.partition(".")[0].partition("[")[0] in _OF_PLACING and path != "amounts.tip"


def _warn(kit: Kit, target: Target, event: TriggeredEvent, body: dict[str, Any], *, ask: bool) -> None:
    """Say what the webhook may cause, and ask if it may; nothing if it can cause nothing."""
    from webhook_kit.cli.trigger_target import has_fake_pos

    warnings = []
    if not (target.is_loopback or target.is_public_url):
        warnings.append(f"{target.base} is neither this host nor PUBLIC_URL.")
        if target.is_own_secret:
            warnings.append(
                "It gets a webhook signed with this installation's secret, and could pass it on to it for 5 minutes."
            )
    if event == "placeOrder" and not (target.is_loopback and has_fake_pos(kit, body)):
        warnings.append(
            "The POS makes a real ticket of this order, and a kitchen may cook it. Gett does not know the order: its updates "
            "become dead letters."
        )
    if warnings:
        click.echo("\n".join(warnings), err=True)
        if ask:
            click.confirm("Send it?", abort=True, err=True)


def _print(answers: list[Answer], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**answers[-1].to_dict(), "before": [each.to_dict() for each in answers[:-1]]}))
        return
    for answer in answers:
        click.echo(f"{answer.event}: {answer.status} in {answer.milliseconds:.0f} ms: {answer.summary()}")
        violations = answer.violations()
        for violation in violations[:_LISTED]:
            click.echo(f"  {violation}")
        if len(violations) > _LISTED:
            click.echo(f"  … and {len(violations) - _LISTED} more; --json prints all")
