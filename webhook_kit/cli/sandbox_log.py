"""``webhook-kit sandbox log``: print the traffic log of a running sandbox, filtered, also while it grows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import click

from webhook_kit.cli.common import examples
from webhook_kit.cli.sandbox_client import SandboxUnreachable, ask_sandbox, sandbox_url

__all__ = ["log"]

_LONG_POLL = 20
"""Seconds for which the sandbox waits for a new entry."""
_RETRY_SECONDS = 0.5
"""Seconds between two attempts to reach a sandbox that is being restarted."""


@click.command(
    epilog=examples(
        "webhook-kit sandbox log --follow --failed",
        "webhook-kit sandbox log --call placeOrder,setOrderStatus --store main --json",
    )
)
@sandbox_url
@click.option("--store", metavar="STORE", help="Only entries of this store: the partner's id or Gett's.")
@click.option(
    "--call", metavar="NAME", help="Only this call or webhook, or several with commas: placeOrder,orderEvent."
)
@click.option("--failed", is_flag=True, help="Only failures: no answer, a status from 400, or a finding.")
@click.option("--after", type=click.IntRange(0), default=0, help="Only entries after this number.")
@click.option(
    "--follow", is_flag=True, help="Wait for new entries until interrupted, also over a restart of the sandbox."
)
@click.option("--json", "as_json", is_flag=True, help="Output JSON, one entry per line.")
def log(url: str, store: str | None, call: str | None, failed: bool, after: int, follow: bool, as_json: bool) -> None:
    """Print the traffic log: API calls, webhooks, order events and catalog pulls. The filters are combined."""
    wanted = _Filter(url, store, frozenset(name.strip() for name in call.split(",")) if call else None, failed)
    with suppress(KeyboardInterrupt):  # the usual end of --follow
        for entries in _followed(url, after) if follow else _read(url, after):
            for entry in wanted.select(entries):
                click.echo(json.dumps(entry) if as_json else _line(entry))


def _read(url: str, after: int) -> Iterator[list[dict[str, Any]]]:
    while entries := ask_sandbox("GET", f"{url}/__sandbox/log?after={after}")["entries"]:
        yield entries
        after = entries[-1]["number"]


def _followed(url: str, after: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the entries after a number as they come. A sandbox that has restarted begins again at 1."""
    known = ask_sandbox("GET", f"{url}/__sandbox/log?after={after}")["log"]
    while True:
        try:
            answer = ask_sandbox("GET", f"{url}/__sandbox/log?after={after}&wait={_LONG_POLL}")
        except SandboxUnreachable:
            click.echo(f"the sandbox at {url} has stopped; waiting for it", err=True)
            answer = _wait_for_sandbox(url)
        if answer["log"] != known:
            click.echo(f"the sandbox at {url} has restarted", err=True)
            known, after = answer["log"], 0
            continue
        if entries := answer["entries"]:
            yield entries
            after = entries[-1]["number"]


def _wait_for_sandbox(url: str) -> Any:
    while True:
        with suppress(SandboxUnreachable):
            return ask_sandbox("GET", f"{url}/__sandbox/log")
        time.sleep(_RETRY_SECONDS)


@dataclass(frozen=True)
class _Filter:
    url: str
    store: str | None
    calls: frozenset[str] | None
    failed: bool

    def select(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if self.calls is not None:
            entries = [entry for entry in entries if entry.get("call", entry["kind"]) in self.calls]
        if self.failed:
            entries = [entry for entry in entries if _has_failed(entry)]
        if self.store is not None and entries:
            ids = self._store_ids()
            entries = [entry for entry in entries if entry.get("storeId") in ids]
        return entries

    def _store_ids(self) -> set[str | None]:
        """Return the ids that mean the store. They are asked for each time, because a store can be created meanwhile."""
        with suppress(SandboxUnreachable):
            stores = ask_sandbox("GET", f"{self.url}/__sandbox/stores")["stores"]
            return {self.store, *(each["store"]["storeId"] for each in stores if each["partnerStoreId"] == self.store)}
        return {self.store}


def _has_failed(entry: dict[str, Any]) -> bool:
    status = (entry.get("response") or {}).get("status")
    if entry["kind"] == "finding" or entry.get("error"):
        return True
    return entry["kind"] != "catalog_pull" and (status is None or status >= 400)


def _line(entry: dict[str, Any]) -> str:
    """Return an entry of the traffic log as one line."""
    outcome = (entry.get("response") or {}).get("status") or entry.get("error") or entry.get("message") or "fetched"
    arrow = "←" if entry["kind"] == "api_call" else "→"
    name = entry.get("call") or entry.get("url") or ""
    subject = entry.get("orderId") or entry.get("storeId") or ""
    return " ".join(
        filter(None, (str(entry["number"]), entry["at"], arrow, entry["kind"], name, subject, str(outcome)))
    )
