"""What a vendor tells the contract suite: their adapter, how to open a store at their POS, and how to look into it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from webhook_kit.adapter import PosAdapter, Store

__all__ = ["HOOKS", "ContractHooks", "PosTicket", "PosWebhook", "TicketLine"]


@dataclass(frozen=True)
class TicketLine:
    """A line of a ticket, or a choice within one, under the ids that the catalog has for them.

    :ivar quantity: pieces; of a choice, per piece of what it is chosen for.
    :ivar modifiers: the choices; at whatever depth the POS keeps those that nest.
    """

    item_id: str
    quantity: int = 1
    modifiers: Sequence[TicketLine] = ()


@dataclass(frozen=True)
class PosTicket:
    """A ticket as it stands in the POS. What is None is not compared, and the report says so.

    :ivar id: the POS's own order id.
    :ivar total: what the guest pays, tip included, in major units.
    :ivar instructions: where the delivery's instructions ended up, with whatever surrounds them.
    :ivar cancelled: whether it has been cancelled.
    """

    id: str
    lines: Sequence[TicketLine] | None = None
    total: Decimal | None = None
    tip: Decimal | None = None
    instructions: str | None = None
    cancelled: bool | None = None


@dataclass(frozen=True)
class PosWebhook:
    """A webhook as the POS sends it of its own accord."""

    headers: Mapping[str, str]
    body: bytes


class ContractHooks:
    """What differs from adapter to adapter. ``adapter`` and :meth:`tickets` are required; each further hook lets more be proven.

    A hook that a declared capability needs is required, too: without it that capability's tests fail. Any other hook that
    is not defined skips the tests that need it, and the report says so.
    """

    adapter: ClassVar[type[PosAdapter]]
    """The adapter to be proven."""

    known_failures: ClassVar[Mapping[str, str]] = {}
    """Names of tests that fail, each with the reason: they are run, and stand in the report. One that passes is a failure."""

    leave_out: ClassVar[Collection[str]] = ()
    """Ids of items and options that are on the menu and still cannot be ordered just so."""

    base_url_option: ClassVar[str] = "base_url"
    """The store option with the POS's base URL; where it is plain HTTP, replies are lost on the wire, else at the adapter's edge."""

    placing_request: ClassVar[str] = r"(POST|PUT|PATCH) "
    """A pattern for the head of the request with which ``place_order`` makes the POS commit (``POST /v2/orders``)."""

    steps: ClassVar[Sequence[str]] = ("preparing", "ready", "completed")
    """What :meth:`advance` can let an order come to, in this order."""

    signs_events: ClassVar[bool] = True
    """False: the POS's webhooks carry a secret, but nothing that depends on the body."""

    pos_deadline: ClassVar[float] = 2.0
    """Seconds a POS call may take in the tests in which the POS is too slow."""

    directory: Path
    """A directory of the running test's own."""

    # -- required ------------------------------------------------------------------------------------------------------

    def open_store(self) -> AbstractContextManager[Store]:
        """A store at the POS, open for orders, for the length of one test: start a fake here, or name a sandbox.

        The default is :meth:`make_store` without any option.
        """
        return self._just(self.make_store())

    def tickets(self, store: Store) -> Sequence[PosTicket]:
        """Every ticket that the POS has for the store, read from the POS and not through the adapter."""
        raise NotImplementedError

    # -- optional ------------------------------------------------------------------------------------------------------

    def sell_out(self, store: Store, item_id: str) -> PosWebhook | None:
        """Let an item or option run out at the POS.

        :return: the webhook that the POS sends about it; None when it sends none.
        """
        raise NotImplementedError

    def set_price(self, store: Store, item_id: str, price: Decimal) -> None:
        """Let an item or option cost that at the POS from now on."""
        raise NotImplementedError

    def close_store(self, store: Store) -> None:
        """Let the store close at the POS."""
        raise NotImplementedError

    def down(self, store: Store) -> AbstractContextManager[None]:
        """Within it the POS is down. The suite does it by itself where the POS has a plain HTTP base URL."""
        raise NotImplementedError

    def advance(self, store: Store, order_id: str, step: str) -> PosWebhook | None:
        """Let an order of the POS come to one of ``steps``.

        :return: the webhook that the POS sends about it; None when it sends none.
        """
        raise NotImplementedError

    # -- what helps to write the above ---------------------------------------------------------------------------------

    def make_store(
        self, *, credentials: Mapping[str, str] | None = None, timezone: str = "UTC", **options: Any
    ) -> Store:
        """A store of the adapter with these options."""
        return Store(
            id=f"store-{uuid4().hex[:12]}",
            gett_id=str(uuid4()),
            adapter=f"{self.adapter.__module__}:{self.adapter.__qualname__}",
            timezone=ZoneInfo(timezone),
            name="The contract's own",
            credentials=credentials or {},
            options=options,
        )

    @classmethod
    def defines(cls, hook: str) -> bool:
        """Whether the vendor has written this hook."""
        return getattr(cls, hook) is not getattr(ContractHooks, hook)

    @staticmethod
    @contextmanager
    def _just(store: Store) -> Iterator[Store]:
        yield store


HOOKS: Mapping[str, str] = {
    "tickets": "the suite cannot see what the POS has",
    "sell_out": "the suite cannot let an item run out",
    "set_price": "the suite cannot change a price",
    "close_store": "the suite cannot close the store",
    "down": "the suite cannot take the POS down",
    "advance": "the suite cannot let an order progress",
}
"""Each hook, with what cannot be done without it."""
