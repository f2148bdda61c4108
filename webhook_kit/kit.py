"""Composition root: the object that builds the parts of an installation from its settings.

The web application, the workers and the command line are built on it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from webhook_kit import logs
from webhook_kit.connections import Connections
from webhook_kit.settings import Settings

if TYPE_CHECKING:
    from webhook_kit.monitoring.data_loss import DataLossDetector
    from webhook_kit.monitoring.pos_health import HealthMonitor
    from webhook_kit.monitoring.reconciliation import Reconciler
    from webhook_kit.monitoring.store_status import StoreStatusCheck
    from webhook_kit.monitoring.stuck_orders import StuckOrderMonitor
    from webhook_kit.outbox.archive import OrderArchive
    from webhook_kit.outbox.dead_letters import DeadLetters
    from webhook_kit.outbox.dispatcher import Dispatcher
    from webhook_kit.outbox.order_updates import OrderUpdates
    from webhook_kit.placement.idempotency_store import PlacementStore
    from webhook_kit.placement.lost_orders import LostOrders
    from webhook_kit.placement.order_search import OrderSearch
    from webhook_kit.placement.placement import Placement
    from webhook_kit.placement.recovery import PlacementRecovery
    from webhook_kit.placement.token import Tokens
    from webhook_kit.placement.validation import OrderValidator
    from webhook_kit.publishing.availability import ItemAvailability
    from webhook_kit.publishing.damage import CatalogDamage
    from webhook_kit.publishing.last_good import LastGoodCatalogs
    from webhook_kit.publishing.notifications import CatalogNotifications
    from webhook_kit.publishing.publisher import Publisher
    from webhook_kit.publishing.storage import CatalogStorage
    from webhook_kit.publishing.sync import CatalogSync
    from webhook_kit.publishing.urls import CatalogUrls
    from webhook_kit.stores import StoreDirectory
    from webhook_kit.stores.onboarding import Onboarder
    from webhook_kit.stores.status import StoreStatusService
    from webhook_kit.webhooks.order_events import OrderEventReceiver
    from webhook_kit.webhooks.orders import OrderWebhooks
    from webhook_kit.webhooks.pos_events import PosEvents

__all__ = ["Kit"]


class Kit(Connections):
    """All parts of one installation, each imported and built on first use. Nothing connects before it is used.

    So a command that reads a lane loads neither Flask nor the catalog checks.

    An application uses ``stores``, ``store_status``, ``order_updates``, ``availability``, ``catalog_sync``,
    ``catalog_notifications``, ``onboarding``, ``reconciler``, ``placement_store``, ``order_search`` and ``dead_letters``; these
    come first below. All other attributes are parts that these are built from.
    """

    @classmethod
    def from_env(cls) -> Kit:
        """Return a kit with the settings of the environment, and set up the logs of this process.

        :raises ConfigurationError: with one line per mistake in the environment.
        """
        settings = Settings.from_env()
        logs.configure(settings.log_level, settings.log_format)
        return cls(settings)

    # -- called by applications and the command line -------------------------------------------------------------------

    @cached_property
    def stores(self) -> StoreDirectory:
        """Directory of the stores, and their adapters.

        :raises ConfigurationError: with one line per mistake in the configured stores.
        """
        from webhook_kit.stores import StoreDirectory

        return StoreDirectory.from_settings(self.settings, self.store_repository)

    @cached_property
    def store_status(self) -> StoreStatusService:
        """Pause and resume of stores at Gett."""
        from webhook_kit.stores.status import StoreStatusService

        return StoreStatusService(self.redis, self.keys, self.stores, self.lanes)

    @cached_property
    def order_updates(self) -> OrderUpdates:
        """Progress of orders, sent to Gett through the outbox."""
        from webhook_kit.outbox.order_updates import OrderUpdates

        return OrderUpdates(self.redis, self.keys, self.lanes, self.alerts)

    @cached_property
    def availability(self) -> ItemAvailability:
        """Unavailable items of each store (the "86" list)."""
        from webhook_kit.publishing.availability import ItemAvailability

        return ItemAvailability(
            self.redis,
            self.keys,
            self.stores,
            publish_debounce=self.settings.publish_debounce,
            on_change=self.catalogs.invalidate,
        )

    @cached_property
    def catalog_sync(self) -> CatalogSync:
        """Synchronisation of catalogs from the POS to Gett."""
        from webhook_kit.publishing.sync import CatalogSync

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
    def catalog_notifications(self) -> CatalogNotifications:
        """Notifications to Gett that a catalog has changed."""
        from webhook_kit.publishing.notifications import CatalogNotifications

        return CatalogNotifications(self.lanes, self.stores, self.publisher.url)

    @cached_property
    def onboarding(self) -> Onboarder:
        """Onboarding of stores at Gett.

        :raises ConfigurationError: GETT_API_KEY is not set.
        """
        from webhook_kit.publishing.first_catalog import FirstCatalog
        from webhook_kit.stores.onboarding import Onboarder

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
        """Comparison of the POS with the updates that were sent to Gett."""
        from webhook_kit.monitoring.reconciliation import Reconciler

        return Reconciler(
            self.stores, self.store_status, self.order_updates, self.lanes, self.pos_executor, self.settings
        )

    @cached_property
    def placement_store(self) -> PlacementStore:
        """Idempotency store: the records of all placements."""
        from webhook_kit.placement.idempotency_store import PlacementStore

        settings = self.settings
        return PlacementStore(
            self.redis,
            self.keys,
            self.worker_notification,
            lease_seconds=settings.pos_deadline + 10,
            abandon_after=settings.pos_abandon_after,
            key_ttl=settings.idempotency_ttl,
            order_ttl=settings.order_ttl,
            replicated=self.replicated_writes,
        )

    @cached_property
    def order_search(self) -> OrderSearch:
        """Search of the placement records."""
        from webhook_kit.placement.order_search import OrderSearch

        return OrderSearch(self.redis, self.keys)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """Updates that Gett rejected or that failed for too long."""
        from webhook_kit.outbox.dead_letters import DeadLetters

        return DeadLetters(self.redis, self.keys, self.worker_notification)

    # -- called by the web application and the workers -----------------------------------------------------------------

    @cached_property
    def order_webhooks(self) -> OrderWebhooks:
        """Receipt of the webhooks of Gett."""
        from webhook_kit.webhooks.orders import OrderWebhooks

        return OrderWebhooks(
            self.settings, self.stores, self.order_validator, self.placement, self.tokens, self.order_events
        )

    @cached_property
    def pos_events(self) -> PosEvents:
        """Receipt of the POS systems' own webhooks."""
        from webhook_kit.webhooks.pos_events import PosEvents
        from webhook_kit.webhooks.pos_order_events import PosOrderEvents

        hold = self.settings.event_hold_timeout
        orders = PosOrderEvents(
            self.redis, self.keys, self.stores, self.order_updates, self.lost_orders, self.alerts, hold
        )
        return PosEvents(orders, self.stores, self.store_status, self.catalog_sync, self.availability, self.settings)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """Dispatch of the updates in the lanes."""
        from webhook_kit.outbox.dispatcher import Dispatcher, lease_seconds
        from webhook_kit.outbox.retry_policy import RetryPolicy

        retry = RetryPolicy(max_age=self.settings.outbox_max_age)
        lease = lease_seconds(self.settings.gett_connect_timeout, self.settings.gett_read_timeout)
        threads = self.settings.push_threads
        return Dispatcher(
            self.lanes, self.sending, self.client, threads=threads, retry=retry, lease=lease, alerts=self.alerts
        )

    @cached_property
    def order_archive(self) -> OrderArchive:
        """Archive of the orders at rest."""
        from webhook_kit.outbox.archive import OrderArchive

        return OrderArchive(self.redis, self.keys)

    @cached_property
    def placement_recovery(self) -> PlacementRecovery:
        """Look-up of orders in doubt at the POS."""
        from webhook_kit.placement.recovery import PlacementRecovery

        return PlacementRecovery(self.placement_store, self.placement)

    @cached_property
    def stuck_orders(self) -> StuckOrderMonitor:
        """Detection of orders that are stuck without an error."""
        from webhook_kit.monitoring.stuck_orders import StuckOrderMonitor

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
    def data_loss(self) -> DataLossDetector:
        """Detection of a loss of data in Redis."""
        from webhook_kit.monitoring.data_loss import DataLossDetector

        return DataLossDetector(self.redis, self.keys, self.stores, self.alerts)

    @cached_property
    def pos_health(self) -> HealthMonitor:
        """Health checks of POS systems; pauses the stores of failing ones."""
        from webhook_kit.monitoring.pos_health import HealthMonitor

        return HealthMonitor(self.redis, self.keys, self.stores, self.store_status, self.pos_executor, self.settings)

    @cached_property
    def store_status_check(self) -> StoreStatusCheck:
        """Comparison of the status of stores at Gett with the last update sent.

        :raises ConfigurationError: GETT_API_KEY is not set.
        """
        from webhook_kit.monitoring.store_status import StoreStatusCheck

        return StoreStatusCheck(self.redis, self.keys, self.store_status, self.lanes, self.client, self.alerts)

    # -- parts of these: stores and catalogs ---------------------------------------------------------------------------

    @cached_property
    def catalogs(self) -> LastGoodCatalogs:
        """Last good catalog of each store; carts are validated against it."""
        from webhook_kit.publishing.last_good import LastGoodCatalogs

        return LastGoodCatalogs(
            self.redis,
            self.keys,
            self.stores,
            self.pos_executor,
            refresh_after=self.settings.catalog_refresh,
            cache_items=self.settings.catalog_cache_items,
            on_damage=self.catalog_damage.report_last_good,
        )

    @cached_property
    def catalog_damage(self) -> CatalogDamage:
        """Alerts about stored catalogs that cannot be read."""
        from webhook_kit.publishing.damage import CatalogDamage

        return CatalogDamage(self.alerts, self.stores, self.publisher)

    @cached_property
    def publisher(self) -> Publisher:
        """Publication of catalogs."""
        from webhook_kit.publishing.publisher import Publisher

        return Publisher(self.redis, self.keys, self.catalog_storage, retention=self.settings.catalog_retention)

    @cached_property
    def catalog_storage(self) -> CatalogStorage:
        """Storage of published catalogs: Redis, or an S3 bucket.

        :raises ConfigurationError: the configured bucket cannot be used.
        """
        from webhook_kit.publishing.s3_storage import S3CatalogStorage
        from webhook_kit.publishing.storage import RedisCatalogStorage

        settings = self.settings
        if settings.catalog_bucket is None:
            return RedisCatalogStorage(self.redis, self.keys, self.catalog_urls)
        where = {"endpoint": settings.catalog_bucket_endpoint, "public_url": settings.catalog_bucket_url}
        return S3CatalogStorage(settings.catalog_bucket, self.catalog_urls, **where)

    @cached_property
    def catalog_urls(self) -> CatalogUrls:
        """Addresses at which the kit itself serves published catalogs."""
        from webhook_kit.publishing.urls import CatalogUrls

        return CatalogUrls(self.settings.public_url, self.settings.token_keys())

    # -- parts of these: orders ----------------------------------------------------------------------------------------

    @cached_property
    def order_validator(self) -> OrderValidator:
        """Validation and pricing of orders."""
        from webhook_kit.placement.validation import OrderValidator

        return OrderValidator(self.catalogs, self.stores, self.pos_executor)

    @cached_property
    def tokens(self) -> Tokens:
        """Issue and verification of validatedOrderTokens."""
        from webhook_kit.placement.token import Tokens

        return Tokens(self.settings.token_keys())

    @cached_property
    def placement(self) -> Placement:
        """Placement of orders, exactly once."""
        from webhook_kit.placement.placement import Placement
        from webhook_kit.placement.pricing import Pricing

        pricing = Pricing(self.order_validator, self.tokens, self.settings)
        return Placement(self.placement_store, self.stores, self.pos_executor, pricing, self.settings)

    @cached_property
    def lost_orders(self) -> LostOrders:
        """Look-up of orders that Redis has lost."""
        from webhook_kit.placement.lost_orders import LostOrders

        return LostOrders(
            self.redis,
            self.keys,
            self.stores,
            self.pos_executor,
            self.order_updates,
            ttl=self.settings.order_ttl,
        )

    @cached_property
    def order_events(self) -> OrderEventReceiver | None:
        """Handling of Gett's order events; None if no handler is set.

        :raises ConfigurationError: the configured handler cannot be loaded.
        """
        from webhook_kit.webhooks.order_events import OrderEventReceiver, load_handler

        settings = self.settings
        if settings.order_event_handler is None:
            return None
        handler = load_handler(settings.order_event_handler)
        return OrderEventReceiver(
            self.redis, self.keys, handler, timeout=settings.webhook_deadline, ttl=settings.order_ttl
        )
