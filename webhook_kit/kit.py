"""The Kit: the object that owns the parts. Web, worker and command line are all built on it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import redis

from webhook_kit import logs
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.client import GettClient
from webhook_kit.monitoring.pos_health import Monitor
from webhook_kit.monitoring.reconciliation import Reconciler
from webhook_kit.monitoring.store_status import StatusCheck
from webhook_kit.monitoring.stuck_orders import Watch
from webhook_kit.outbox.dead_letters import DeadLetters
from webhook_kit.outbox.dispatcher import Pusher, RetryPolicy, lease_seconds
from webhook_kit.outbox.lanes import Lanes
from webhook_kit.outbox.order_updates import Orders
from webhook_kit.outbox.quota import Gate, Quota
from webhook_kit.outbox.rate_limited import DirectWrites
from webhook_kit.placement.idempotency_store import Ledger
from webhook_kit.placement.placement import Placement
from webhook_kit.placement.terms import Terms
from webhook_kit.placement.token import Tokens
from webhook_kit.placement.validation import Assessor
from webhook_kit.pos.executor import PosCalls
from webhook_kit.publishing.availability import Availability
from webhook_kit.publishing.first_catalog import FirstMenu
from webhook_kit.publishing.last_good import Menus
from webhook_kit.publishing.publisher import Addresses, Publisher, RedisShelf, Shelf
from webhook_kit.publishing.s3_storage import BucketShelf
from webhook_kit.publishing.sync import Sync
from webhook_kit.settings import Settings
from webhook_kit.storage.alerts import Alerts
from webhook_kit.storage.connection import connect
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.queues import WakeUp
from webhook_kit.stores.cipher import Vault
from webhook_kit.stores.onboarding import Onboarder
from webhook_kit.stores.repository import StoreBook
from webhook_kit.stores.status import Catalogs, Stores
from webhook_kit.webhooks.order_events import OrderEvents, load_handler
from webhook_kit.webhooks.orders import Receiver
from webhook_kit.webhooks.pos_events import PosEvents

__all__ = ["Kit"]


class Kit:
    """All parts of one installation, each made when first asked for. Nothing connects before it is used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys = Keys(settings.key_prefix)

    @classmethod
    def from_env(cls) -> Kit:
        """The kit as the environment describes it, with its logs set up.

        :raises ConfigurationError: with every mistake at once.
        """
        settings = Settings.from_env()
        logs.configure(settings.log_level, settings.log_format)
        return cls(settings)

    @cached_property
    def redis(self) -> redis.Redis:
        """The Redis client of this process."""
        return connect(self.settings)

    @cached_property
    def stores(self) -> Stores:
        """The stores, their adapters, and their status at Gett.

        :raises ConfigurationError: with every mistake at once.
        """
        return Stores.from_settings(self.settings, self.book).attach(self.redis, self.keys, self.lanes)

    @cached_property
    def book(self) -> StoreBook:
        """The stores that were learned, in Redis."""
        keys = [key.get_secret_value() for key in self.settings.webhook_kit_key]
        return StoreBook(self.redis, self.keys, Vault(keys, in_clear=self.settings.credentials_in_clear))

    @cached_property
    def orders(self) -> Orders:
        """Order progress on its way to Gett."""
        return Orders(self.redis, self.keys, self.lanes)

    @cached_property
    def catalogs(self) -> Catalogs:
        """Menus that were published."""
        return Catalogs(self.lanes, self.stores, self.publisher.address)

    @cached_property
    def calls(self) -> PosCalls:
        """The POS calls of this process."""
        return PosCalls(self.settings)

    @cached_property
    def menus(self) -> Menus:
        """The menus that carts are checked against."""
        return Menus(self.redis, self.keys, self.stores, self.calls, refresh_after=self.settings.catalog_refresh)

    @cached_property
    def addresses(self) -> Addresses:
        """Where the kit itself serves published menus."""
        return Addresses(self.settings.public_url, self.settings.token_keys())

    @cached_property
    def shelf(self) -> Shelf:
        """What keeps published menus.

        :raises ConfigurationError: when a bucket is named that cannot be used.
        """
        settings = self.settings
        if settings.catalog_bucket is None:
            return RedisShelf(self.redis, self.keys, self.addresses)
        where = {"endpoint": settings.catalog_bucket_endpoint, "public_url": settings.catalog_bucket_url}
        return BucketShelf(settings.catalog_bucket, self.addresses, **where)

    @cached_property
    def publisher(self) -> Publisher:
        """Publishes menus."""
        return Publisher(self.redis, self.keys, self.shelf, keep=self.settings.catalog_keep)

    @cached_property
    def availability(self) -> Availability:
        """What has run out."""
        return Availability(
            self.redis,
            self.keys,
            self.stores,
            republish_after=self.settings.republish_after,
            on_change=self.menus.look_again,
        )

    @cached_property
    def sync(self) -> Sync:
        """Menus on their way from the POS to Gett."""
        return Sync(self.redis, self.keys, self.menus, self.availability, self.publisher, self.catalogs, self.alerts)

    @cached_property
    def waker(self) -> WakeUp:
        """What appends to the outbox wake the workers with."""
        return WakeUp(self.redis, self.keys)

    @cached_property
    def ledger(self) -> Ledger:
        """The record of placements."""
        settings = self.settings
        return Ledger(
            self.redis,
            self.keys,
            self.waker,
            lease_seconds=settings.pos_deadline + 10,
            abandon_after=settings.pos_abandon_after,
            key_ttl=settings.idempotency_ttl,
            order_ttl=settings.order_ttl,
        )

    @cached_property
    def tokens(self) -> Tokens:
        """Issues and reads validatedOrderTokens."""
        return Tokens(self.settings.token_keys())

    @cached_property
    def assessor(self) -> Assessor:
        """Checks and prices orders."""
        return Assessor(self.menus, self.stores, self.calls)

    @cached_property
    def placement(self) -> Placement:
        """Places orders exactly once."""
        terms = Terms(self.assessor, self.tokens, self.settings)
        return Placement(self.ledger, self.stores, self.calls, terms, self.settings)

    @cached_property
    def receiver(self) -> Receiver:
        """The parts that the webhooks work with."""
        return Receiver(self.settings, self.stores, self.assessor, self.placement, self.tokens, self.order_events)

    @cached_property
    def order_events(self) -> OrderEvents | None:
        """What becomes of Gett's order events; None when nobody handles them.

        :raises ConfigurationError: when the handler cannot be loaded.
        """
        settings = self.settings
        if settings.order_event_handler is None:
            return None
        handler = load_handler(settings.order_event_handler)
        return OrderEvents(self.redis, self.keys, handler, patience=settings.webhook_deadline, ttl=settings.order_ttl)

    @cached_property
    def alerts(self) -> Alerts:
        """What a person has to look at."""
        # Remembered for longer than the order, so that an order that is about to be forgotten is no news.
        return Alerts(self.redis, self.keys, ttl=2 * self.settings.order_ttl)

    @cached_property
    def pos_events(self) -> PosEvents:
        """The POS systems' own webhooks."""
        return PosEvents(
            self.redis,
            self.keys,
            self.stores,
            self.orders,
            self.sync,
            self.availability,
            self.alerts,
            self.settings,
        )

    @cached_property
    def watch(self) -> Watch:
        """Looks out for orders that go wrong in silence."""
        return Watch(
            self.redis,
            self.keys,
            self.ledger,
            self.orders,
            self.stores,
            self.calls,
            self.dead_letters,
            self.alerts,
            self.settings,
        )

    @cached_property
    def monitor(self) -> Monitor:
        """Pauses stores whose POS is down."""
        return Monitor(self.redis, self.keys, self.stores, self.calls, self.settings)

    @cached_property
    def status_check(self) -> StatusCheck:
        """Compares what Gett says of the stores with what it was told.

        :raises ConfigurationError: when there is no API key.
        """
        return StatusCheck(self.redis, self.keys, self.stores, self.lanes, self.client, self.alerts)

    @cached_property
    def onboarding(self) -> Onboarder:
        """Brings stores into the network.

        :raises ConfigurationError: when there is no API key.
        """
        settings = self.settings
        return Onboarder(
            self.redis,
            self.keys,
            self.stores,
            self.client,
            self.writes,
            self.alerts,
            FirstMenu(self.stores, self.calls, self.sync, self.publisher),
            webhook_url=settings.public_url and settings.public_url + settings.webhook_prefix,
            keep=settings.order_ttl,
        )

    @cached_property
    def reconciler(self) -> Reconciler:
        """Compares what the POS says with what Gett was told."""
        return Reconciler(self.stores, self.orders, self.lanes, self.calls, self.settings)

    @cached_property
    def client(self) -> GettClient:
        """The Commerce API.

        :raises ConfigurationError: when there is no API key.
        """
        key = self.settings.gett_api_key
        if key is None:
            raise ConfigurationError("GETT_API_KEY is missing: without it nothing can be told to Gett")
        return GettClient(
            self.settings.gett_api_url,
            key.get_secret_value(),
            connect_timeout=self.settings.gett_connect_timeout,
            read_timeout=self.settings.gett_read_timeout,
            on_answer=self._learn,
        )

    def _learn(self, status: int, headers: Mapping[str, str]) -> None:
        self.gate.learn(status, headers)

    @cached_property
    def gate(self) -> Gate:
        """What Gett's answers teach about when to send."""
        return Gate(self.redis, self.keys)

    @cached_property
    def quota(self) -> Quota:
        """Gett's writes per minute."""
        return Quota(self.settings.gett_writes_per_minute)

    @cached_property
    def writes(self) -> DirectWrites:
        """Calls that write at Gett outside the lanes; they draw on the same quota."""
        return DirectWrites(self.redis, self.keys, self.gate, self.quota)

    @cached_property
    def lanes(self) -> Lanes:
        """The updates on their way to Gett."""
        return Lanes(self.redis, self.keys, self.waker, self.quota, ttl=self.settings.order_ttl)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """The updates that Gett did not take."""
        return DeadLetters(self.redis, self.keys, self.waker)

    @cached_property
    def pusher(self) -> Pusher:
        """Sends them."""
        retry = RetryPolicy(give_up=self.settings.give_up_after)
        lease = lease_seconds(self.settings.gett_connect_timeout, self.settings.gett_read_timeout)
        threads = self.settings.push_threads
        return Pusher(self.lanes, self.gate, self.client, threads=threads, retry=retry, lease=lease)
