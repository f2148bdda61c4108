"""Check of every store's POS: it answers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from webhook_kit.adapter import Capability, Store
from webhook_kit.errors import AdapterError, PosUnavailable, Unsupported
from webhook_kit.kit import Kit
from webhook_kit.operations.checks.finding import CheckFinding, CheckSeverity
from webhook_kit.printing import described

__all__ = ["check_pos"]

_AT_ONCE = 8
_SECONDS = 10.0


def check_pos(kit: Kit) -> Iterator[CheckFinding]:
    """Yield a finding for every store, in the order of the stores."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(lambda store: _ask(kit, store), kit.stores)


def _ask(kit: Kit, store: Store) -> CheckFinding:
    def finding(severity: CheckSeverity, what: str, advice: str = "") -> CheckFinding:
        return CheckFinding(severity, "pos", "", f"store {store.id}: {what}", advice)

    try:
        adapter = kit.stores.adapter(store)
        if not adapter.offers(Capability.STORE_STATUS):
            return finding(CheckSeverity.INFO, f"the adapter {store.adapter} cannot ask its POS for its status")
        state = kit.pos_executor.run(
            store.id, Capability.STORE_STATUS, lambda: adapter.store_status(store), deadline=_SECONDS
        )
    except AdapterError as error:
        return finding(CheckSeverity.ERROR, str(error))
    except Unsupported:
        return finding(CheckSeverity.INFO, f"the adapter {store.adapter} cannot ask this POS for its status")
    except PosUnavailable as error:
        return finding(CheckSeverity.ERROR, f"its POS does not answer: {error}", "check the POS and its network")
    except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything
        return finding(
            CheckSeverity.ERROR, f"its POS gave no usable answer: {described(error)}", "check options and credentials"
        )
    return finding(CheckSeverity.INFO, f"its POS answers: {state}")
