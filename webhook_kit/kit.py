"""The Kit: the object that owns the parts. Web, worker and command line are all built on it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import redis

from webhook_kit import logs
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.client import GettClient
from webhook_kit.monitoring.pos_health import HealthMonitor
from webhook_kit.monitoring.reconciliation import Reconciler
from webhook_kit.monitoring.store_status import StoreStatusCheck
from webhook_kit.monitoring.stuck_orders import StuckOrderMonitor
from webhook_kit.outbox.dead_letters import DeadLetters
from webhook_kit.outbox.dispatcher import Dispatcher, RetryPolicy, lease_seconds
from webhook_kit.outbox.lanes import Lanes
from webhook_kit.outbox.order_updates import OrderUpdates
from webhook_kit.outbox.quota import Quota, SendingState
from webhook_kit.outbox.rate_limited import RateLimitedClient
from webhook_kit.placement.idempotency_store import PlacementStore
from webhook_kit.placement.placement import Placement
from webhook_kit.placement.terms import PriceAgreement
from webhook_kit.placement.token import Tokens
from webhook_kit.placement.validation import OrderValidator
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.publishing.availability import ItemAvailability
from webhook_kit.publishing.first_catalog import FirstCatalog
from webhook_kit.publishing.last_good import LastGoodCatalogs
from webhook_kit.publishing.notifications import CatalogNotifications
from webhook_kit.publishing.publisher import CatalogStorage, CatalogUrls, Publisher, RedisCatalogStorage
from webhook_kit.publishing.s3_storage import S3CatalogStorage
from webhook_kit.publishing.sync import CatalogSync
from webhook_kit.settings import Settings
from webhook_kit.storage.alerts import Alerts
from webhook_kit.storage.connection import connect
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.queues import WorkerNotification
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.cipher import CredentialCipher
from webhook_kit.stores.onboarding import Onboarder
from webhook_kit.stores.repository import RedisStoreRepository
from webhook_kit.stores.status import StoreStatusService
from webhook_kit.webhooks.order_events import OrderEvents, load_handler
from webhook_kit.webhooks.orders import OrderWebhooks
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
    def stores(self) -> StoreDirectory:
        """The stores and their adapters.

        :raises ConfigurationError: with every mistake at once.
        """
        return StoreDirectory.from_settings(self.settings, self.store_repository)

    @cached_property
    def store_status(self) -> StoreStatusService:
        """The stores' status at Gett: pause and resume."""
        return StoreStatusService(self.stores, self.redis, self.keys, self.lanes)

    @cached_property
    def store_repository(self) -> RedisStoreRepository:
        """The stores that were learned, in Redis."""
        keys = [key.get_secret_value() for key in self.settings.webhook_kit_key]
        return RedisStoreRepository(
            self.redis, self.keys, CredentialCipher(keys, in_clear=self.settings.allow_plaintext_credentials)
        )

    @cached_property
    def order_updates(self) -> OrderUpdates:
        """Order progress on its way to Gett."""
        return OrderUpdates(self.redis, self.keys, self.lanes)

    @cached_property
    def catalog_notifications(self) -> CatalogNotifications:
        """Menus that were published."""
        return CatalogNotifications(self.lanes, self.stores, self.publisher.address)

    @cached_property
    def pos_executor(self) -> PosExecutor:
        """The POS calls of this process."""
        return PosExecutor(self.settings)

    @cached_property
    def catalogs(self) -> LastGoodCatalogs:
        """The menus that carts are checked against."""
        return LastGoodCatalogs(
            self.redis, self.keys, self.stores, self.pos_executor, refresh_after=self.settings.catalog_refresh
        )

    @cached_property
    def catalog_urls(self) -> CatalogUrls:
        """Where the kit itself serves published menus."""
        return CatalogUrls(self.settings.public_url, self.settings.token_keys())

    @cached_property
    def catalog_storage(self) -> CatalogStorage:
        """What keeps published menus.

        :raises ConfigurationError: when a bucket is named that cannot be used.
        """
        settings = self.settings
        if settings.catalog_bucket is None:
            return RedisCatalogStorage(self.redis, self.keys, self.catalog_urls)
        where = {"endpoint": settings.catalog_bucket_endpoint, "public_url": settings.catalog_bucket_url}
        return S3CatalogStorage(settings.catalog_bucket, self.catalog_urls, **where)

    @cached_property
    def publisher(self) -> Publisher:
        """Publishes menus."""
        return Publisher(self.redis, self.keys, self.catalog_storage, keep=self.settings.catalog_retention)

    @cached_property
    def availability(self) -> ItemAvailability:
        """What has run out."""
        return ItemAvailability(
            self.redis,
            self.keys,
            self.stores,
            publish_debounce=self.settings.publish_debounce,
            on_change=self.catalogs.invalidate,
        )

    @cached_property
    def catalog_sync(self) -> CatalogSync:
        """Menus on their way from the POS to Gett."""
        return CatalogSync(
            self.redis,
            self.keys,
            self.catalogs,
            self.availability,
            self.publisher,
            self.catalog_notifications,
            self.alerts,
        )

    @cached_property
    def worker_notification(self) -> WorkerNotification:
        """What appends to the outbox wake the workers with."""
        return WorkerNotification(self.redis, self.keys)

    @cached_property
    def placement_store(self) -> PlacementStore:
        """The record of placements."""
        settings = self.settings
        return PlacementStore(
            self.redis,
            self.keys,
            self.worker_notification,
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
    def order_validator(self) -> OrderValidator:
        """Checks and prices orders."""
        return OrderValidator(self.catalogs, self.stores, self.pos_executor)

    @cached_property
    def placement(self) -> Placement:
        """Places orders exactly once."""
        terms = PriceAgreement(self.order_validator, self.tokens, self.settings)
        return Placement(self.placement_store, self.stores, self.pos_executor, terms, self.settings)

    @cached_property
    def order_webhooks(self) -> OrderWebhooks:
        """The parts that the webhooks work with."""
        return OrderWebhooks(
            self.settings, self.stores, self.order_validator, self.placement, self.tokens, self.order_events
        )

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
            self.store_status,
            self.order_updates,
            self.catalog_sync,
            self.availability,
            self.alerts,
            self.settings,
        )

    @cached_property
    def stuck_orders(self) -> StuckOrderMonitor:
        """Looks out for orders that go wrong in silence."""
        return StuckOrderMonitor(
            self.redis,
            self.keys,
            self.placement_store,
            self.order_updates,
            self.stores,
            self.pos_executor,
            self.dead_letters,
            self.alerts,
            self.settings,
        )

    @cached_property
    def pos_health(self) -> HealthMonitor:
        """Pauses stores whose POS is down."""
        return HealthMonitor(self.redis, self.keys, self.stores, self.store_status, self.pos_executor, self.settings)

    @cached_property
    def store_status_check(self) -> StoreStatusCheck:
        """Compares what Gett says of the stores with what it was told.

        :raises ConfigurationError: when there is no API key.
        """
        return StoreStatusCheck(
            self.redis, self.keys, self.stores, self.store_status, self.lanes, self.client, self.alerts
        )

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
            self.rate_limited_client,
            self.alerts,
            FirstCatalog(self.stores, self.pos_executor, self.catalog_sync, self.publisher),
            webhook_url=settings.public_url and settings.public_url + settings.webhook_prefix,
            keep=settings.order_ttl,
        )

    @cached_property
    def reconciler(self) -> Reconciler:
        """Compares what the POS says with what Gett was told."""
        return Reconciler(
            self.stores, self.store_status, self.order_updates, self.lanes, self.pos_executor, self.settings
        )

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
        self.sending.record_rate_limit_headers(status, headers)

    @cached_property
    def sending(self) -> SendingState:
        """What Gett's answers teach about when to send."""
        return SendingState(self.redis, self.keys)

    @cached_property
    def quota(self) -> Quota:
        """Gett's writes per minute."""
        return Quota(self.settings.gett_writes_per_minute)

    @cached_property
    def rate_limited_client(self) -> RateLimitedClient:
        """Calls that write at Gett outside the lanes; they draw on the same quota."""
        return RateLimitedClient(self.redis, self.keys, self.sending, self.quota)

    @cached_property
    def lanes(self) -> Lanes:
        """The updates on their way to Gett."""
        return Lanes(self.redis, self.keys, self.worker_notification, self.quota, ttl=self.settings.order_ttl)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """The updates that Gett did not take."""
        return DeadLetters(self.redis, self.keys, self.worker_notification)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """Sends them."""
        retry = RetryPolicy(give_up=self.settings.outbox_max_age)
        lease = lease_seconds(self.settings.gett_connect_timeout, self.settings.gett_read_timeout)
        threads = self.settings.push_threads
        return Dispatcher(self.lanes, self.sending, self.client, threads=threads, retry=retry, lease=lease)
