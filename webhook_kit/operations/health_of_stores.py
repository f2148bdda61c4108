"""Findings about stores: a POS that is down, pauses, catalogs that are not taken, onboardings that failed."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from webhook_kit.errors import StoresUnavailable
from webhook_kit.kit import Kit
from webhook_kit.operations.audit import list_audit
from webhook_kit.operations.catalogs import count_rejected_catalogs, rejected_catalogs
from webhook_kit.operations.findings import HealthFinding, HealthSeverity
from webhook_kit.operations.onboarding import read_onboardings
from webhook_kit.operations.quota import read_quota
from webhook_kit.operations.stores import StoreFilter, StoreView, find_stores
from webhook_kit.stores.status import Owner

__all__ = ["store_findings"]

_NAMED = 5
"""Stores of one kind that have a finding of their own."""


def store_findings(kit: Kit, _now: float) -> Iterator[HealthFinding]:
    """Yield what is wrong with stores, their POS and their catalogs."""
    yield from _unusable(kit)
    yield from _failing(kit)
    yield from _paused(kit)
    yield from _catalogs(kit)
    yield from _onboardings(kit)


def _unusable(kit: Kit) -> Iterator[HealthFinding]:
    for store_id, mistake in list(kit.stores.unusable().items())[:_NAMED]:
        yield HealthFinding(
            "store_unusable",
            HealthSeverity.URGENT,
            f"Store {store_id} is not served, because its record has a mistake: {mistake}.",
            "Correct the record of the store.",
            f"webhook-kit stores edit {store_id}",
        )
    try:
        kit.stores.require_complete()
    except StoresUnavailable as error:
        yield HealthFinding(
            "stores_incomplete", HealthSeverity.URGENT, f"Not all stores are known: {error}.", "Make Redis reachable."
        )


def _failing(kit: Kit) -> Iterator[HealthFinding]:
    page = find_stores(kit, only=StoreFilter.FAILING, limit=_NAMED)
    down = [view for view in page.stores if view.pos_down]
    for view in down:
        name = _name(view)
        consequence = _consequence(view) if view.paused else "Gett still sends it orders."
        yield HealthFinding(
            "pos_down",
            HealthSeverity.URGENT,
            f"The POS of store {name} does not answer its health checks. {consequence}",
            "Call the restaurant: is the POS on, and is it online? When it answers again, "
            + (
                "the store is resumed by itself."
                if view.pause_owner is Owner.MONITOR
                else "nothing else is to be done."
            ),
            f"webhook-kit stores show {view.store.id}",
            f"store?{urlencode({'id': view.store.id})}",
            _untold(kit, view),
            since=view.failing_since,
        )
    if page.total > len(page.stores):
        yield HealthFinding(
            "pos_down_many",
            HealthSeverity.URGENT,
            f"The health checks of {page.total} stores fail.",
            "So many at a time have one cause: look at the POS vendor's service and at your network first.",
            "webhook-kit stores list",
            f"stores?only={StoreFilter.FAILING}",
            count=page.total,
        )


def _paused(kit: Kit) -> Iterator[HealthFinding]:
    page = find_stores(kit, only=StoreFilter.PAUSED, limit=_NAMED)
    for view in page.stores:
        if view.pos_down:  # said already
            continue
        reason = f" ({view.pause_reason.replace('_', ' ')})" if view.pause_reason else ""
        yield HealthFinding(
            "store_paused",
            HealthSeverity.WARNING if view.pause_owner is Owner.MONITOR else HealthSeverity.NOTE,
            f"Store {_name(view)} is paused by {_WHO[view.pause_owner or Owner.PERSON]}{reason}. {_consequence(view)}",
            _PAUSED_ADVICE[view.pause_owner or Owner.PERSON],
            f"webhook-kit stores resume {view.store.id}",
            f"store?{urlencode({'id': view.store.id})}",
            " ".join(filter(None, (_who_paused(kit, view), _untold(kit, view)))),
            since=view.paused_since,
        )
    if page.total > len(page.stores):
        yield HealthFinding(
            "stores_paused",
            HealthSeverity.WARNING,
            f"{page.total} stores are paused.",
            "See who paused them, and resume those that can take orders.",
            "webhook-kit stores list",
            f"stores?only={StoreFilter.PAUSED}",
            count=page.total,
        )


def _consequence(view: StoreView) -> str:
    """Return the effect of a pause at Gett, which may not know of it yet."""
    if view.pause_untold:
        return "The pause is NOT yet at Gett: orders may still come."
    return "Gett knows that it is paused, so that it gets no orders."


def _untold(kit: Kit, view: StoreView) -> str:
    """Return why Gett does not know of a pause, or the empty text."""
    if view.given_up:
        return "The pause for Gett was given up: pause the store again."
    if not view.pause_untold:
        return ""
    return f"The pause waits to be sent. {read_quota(kit).obstacle or ''}".rstrip()


def _who_paused(kit: Kit, view: StoreView) -> str:
    """Return the name and the reason of the person who paused a store, if the audit log has it."""
    if view.pause_owner is not Owner.PERSON:
        return ""
    entries = list_audit(kit, action="pause_store", subject=view.store.id, size=1).entries
    return "".join(f"{entry.who}{f': “{entry.why}”' if entry.why else ''}" for entry in entries if not entry.failed)


_WHO = {Owner.PERSON: "a person", Owner.POS: "its POS", Owner.MONITOR: "the health check"}
_PAUSED_ADVICE = {
    Owner.PERSON: "Resume it when it can take orders again.",
    Owner.POS: "Nothing: the POS says that the store is closed, and resumes it by itself.",
    Owner.MONITOR: "Its POS answers again, so that it is resumed by itself in a moment; if not, resume it.",
}


def _catalogs(kit: Kit) -> Iterator[HealthFinding]:
    for rejected in rejected_catalogs(kit, limit=_NAMED):
        reason = rejected.reasons[0] if rejected.reasons else "no reason was recorded"
        more = f" (and {len(rejected.reasons) - 1} more)" if len(rejected.reasons) > 1 else ""
        yield HealthFinding(
            "catalog_not_taken",
            HealthSeverity.WARNING,
            f"The catalog of store {rejected.name or rejected.store_id} is not taken: {reason}{more}. Gett keeps the last good one.",
            "Correct it in the POS, then synchronize it again.",
            f"webhook-kit catalog sync {rejected.store_id}",
            f"catalog?{urlencode({'id': rejected.store_id})}",
            since=rejected.since,
        )
    if (count := count_rejected_catalogs(kit)) > _NAMED:
        yield HealthFinding(
            "catalogs_not_taken",
            HealthSeverity.WARNING,
            f"The catalogs of {count} stores are not taken.",
            "So many at a time have one cause: look at the newest reason first.",
            "webhook-kit catalog status",
            "catalogs?only=catalog",
            count=count,
        )


def _onboardings(kit: Kit) -> Iterator[HealthFinding]:
    for view in read_onboardings(kit, limit=_NAMED).onboardings:
        if view.failed:
            yield HealthFinding(
                "onboarding_failed",
                HealthSeverity.WARNING,
                f"The onboarding of store {view.name or view.store_id} has stopped: {view.error or 'Gett rejected the catalog'}.",
                f"{view.advice[0].upper()}{view.advice[1:]}.",
                f"webhook-kit stores onboard {view.store_id}",
                "onboarding",
                since=view.at,
            )


def _name(view: StoreView) -> str:
    return view.store.name or view.store.id
