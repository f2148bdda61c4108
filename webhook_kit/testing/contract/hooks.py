"""The part of the contract suite that a vendor writes: the adapter, a store at the POS, and access to the POS's state."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
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
    """A line of a ticket, or an option within one, with the ids of the catalog.

    :ivar quantity: number of pieces; of an option, per piece of the line that it belongs to.
    :ivar modifiers: the options. Nested options can be at any depth, as the POS stores them.
    """

    item_id: str
    quantity: int = 1
    modifiers: Sequence[TicketLine] = ()


@dataclass(frozen=True)
class PosTicket:
    """A ticket as the POS has it. A value of None is not compared, and the report contains the reason.

    :ivar id: the POS's own order id.
    :ivar total: the amount that the customer pays, including the tip, in major units.
    :ivar instructions: the field of the ticket that contains the delivery instructions.
    :ivar cancelled: True if the ticket has been cancelled.
    """

    id: str
    lines: Sequence[TicketLine] | None = None
    total: Decimal | None = None
    tip: Decimal | None = None
    instructions: str | None = None
    cancelled: bool | None = None


@dataclass(frozen=True)
class PosWebhook:
    """A webhook that the POS sends."""

    headers: Mapping[str, str]
    body: bytes


class ContractHooks:
    """The differences between adapters. ``adapter`` and :meth:`tickets` are required; each further hook enables more tests.

    A hook that a declared capability needs is required as well: without it the tests of that capability fail. Without any
    other hook, the tests that need it are skipped, and the report contains the reason.
    """

    adapter: ClassVar[type[PosAdapter]]
    """The adapter to be tested."""

    known_failures: ClassVar[Mapping[str, str]] = {}
    """Names of tests that are expected to fail, each with the reason. They run and appear in the report; if one passes, it fails."""

    leave_out: ClassVar[Collection[str]] = ()
    """Ids of items and options that are in the catalog but cannot be ordered."""

    base_url_option: ClassVar[str] = "base_url"
    """The store option with the POS's base URL. If that is plain HTTP, replies are lost on the wire, otherwise after the adapter."""

    place_order_request: ClassVar[str] = r"(POST|PUT|PATCH) "
    """A pattern for the head of the request with which ``place_order`` makes the POS commit (``POST /v2/orders``)."""

    steps: ClassVar[Sequence[str]] = ("preparing", "ready", "completed")
    """The steps that :meth:`advance` supports, in order."""

    signs_events: ClassVar[bool] = True
    """False if the POS's webhooks carry a secret but no signature of the body."""

    pos_deadline: ClassVar[float] = 2.0
    """Timeout of a POS call in the tests with a slow POS, in seconds."""

    directory: Path
    """A temporary directory of the running test."""

    # -- required ------------------------------------------------------------------------------------------------------

    def open_store(self) -> AbstractContextManager[Store]:
        """Provide a store at the POS, open for orders, for one test: start a fake POS here, or use a sandbox of the vendor.

        The default is :meth:`make_store` without options.
        """
        return nullcontext(self.make_store())

    def tickets(self, store: Store) -> Sequence[PosTicket]:
        """Return every ticket that the POS has for the store, read from the POS and not through the adapter."""
        raise NotImplementedError

    # -- optional ------------------------------------------------------------------------------------------------------

    def sell_out(self, store: Store, item_id: str) -> PosWebhook | None:
        """Make an item or option unavailable at the POS.

        :return: the webhook that the POS sends about it; None when it sends none.
        """
        raise NotImplementedError

    def set_price(self, store: Store, item_id: str, price: Decimal) -> None:
        """Set the price of an item or option at the POS."""
        raise NotImplementedError

    def close_store(self, store: Store) -> None:
        """Close the store at the POS."""
        raise NotImplementedError

    def down(self, store: Store) -> AbstractContextManager[None]:
        """Let every call of the POS fail within the block. Not needed when the POS has a plain HTTP base URL."""
        raise NotImplementedError

    def advance(self, store: Store, order_id: str, step: str) -> PosWebhook | None:
        """Move an order of the POS to one of ``steps``.

        :return: the webhook that the POS sends about it; None when it sends none.
        """
        raise NotImplementedError

    def start_new_day(self, store: Store) -> None:
        """Let the next business day begin at the POS. Define it if the POS numbers its tickets anew each day."""
        raise NotImplementedError

    # -- helpers for the above -----------------------------------------------------------------------------------------

    def make_store(
        self, *, credentials: Mapping[str, str] | None = None, timezone: str = "UTC", **options: Any
    ) -> Store:
        """Return a store of the adapter with these options."""
        return Store(
            id=f"store-{uuid4().hex[:12]}",
            gett_id=str(uuid4()),
            adapter=f"{self.adapter.__module__}:{self.adapter.__qualname__}",
            timezone=ZoneInfo(timezone),
            name="Contract test store",
            credentials=credentials or {},
            options=options,
        )

    @classmethod
    def defines(cls, hook: str) -> bool:
        """Return True if the vendor has defined this hook."""
        return getattr(cls, hook) is not getattr(ContractHooks, hook)


HOOKS: Mapping[str, str] = {
    "tickets": "the suite cannot read the POS's tickets",
    "sell_out": "the suite cannot make an item unavailable",
    "set_price": "the suite cannot change a price",
    "close_store": "the suite cannot close the store",
    "down": "the suite cannot let the POS fail",
    "start_new_day": "the suite cannot let the ticket numbers start again",
    "advance": "the suite cannot move an order to its next step",
}
"""Each hook, with the consequence of not defining it."""
