"""First catalog of a store: published before the store's registration, because Gett downloads it during the registration."""

from __future__ import annotations

from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.catalog.check import Severity, check
from webhook_kit.errors import CatalogInvalid, ConfigurationError, OnboardingFailed
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.publishing.publisher import Publisher
from webhook_kit.publishing.sync import CatalogSync
from webhook_kit.stores import StoreDirectory

__all__ = ["FirstCatalog"]


class FirstCatalog:
    """Checks and publishes the catalogs of stores during their onboarding."""

    def __init__(self, stores: StoreDirectory, calls: PosExecutor, sync: CatalogSync, publisher: Publisher) -> None:
        self._stores = stores
        self._calls = calls
        self._sync = sync
        self._publisher = publisher

    def validation_errors(self, store: Store) -> list[str]:
        """Check the POS's catalog and return one line for each error because of which Gett would reject it.

        :raises Exception: whatever the adapter raises when its POS cannot be reached.
        """
        adapter = self._stores.adapter(store)
        catalog: object = self._calls.fetch_catalog(store.id, lambda: adapter.fetch_catalog(store))
        if not isinstance(catalog, CatalogSet):
            raise CatalogInvalid(f"{type(adapter).__name__}.fetch_catalog() returned {type(catalog).__name__}")
        return [str(finding) for finding in check(catalog) if finding.severity is Severity.ERROR]

    def publish(self, store: Store) -> str:
        """Publish the catalog and return its URL.

        :raises OnboardingFailed: the catalog cannot be published.
        :raises ConfigurationError: this installation has no public URL.
        """
        # [D] Its version is derived from the partner's store id as long as there is none of Gett; the next sync replaces it.
        report = self._sync.sync(store)
        if report.failed:
            raise OnboardingFailed(
                f"store {store.id} was not registered: its catalog was not published", *report.reasons
            )
        url = self._publisher.url(store.id)
        if url is None:
            raise ConfigurationError("PUBLIC_URL is not set; Gett downloads the catalog from this address")
        return url

    def on_activated(self, store: Store) -> None:
        """Request another sync, which publishes the catalog under Gett's store id."""
        self._sync.request(store)
