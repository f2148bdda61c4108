"""The menu of a store that Gett does not know yet: published before its registration, for Gett to pull from then on."""

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
    """Checks and publishes the menus of stores that are being onboarded."""

    def __init__(self, stores: StoreDirectory, calls: PosExecutor, sync: CatalogSync, publisher: Publisher) -> None:
        self._stores = stores
        self._calls = calls
        self._sync = sync
        self._publisher = publisher

    def validation_errors(self, store: Store) -> list[str]:
        """What our own check finds in the POS's menu that Gett would not take in, one line each.

        :raises Exception: whatever the adapter raises when its POS cannot be asked.
        """
        adapter = self._stores.adapter(store)
        catalog: object = self._calls.run(store.id, lambda: adapter.fetch_catalog(store))
        if not isinstance(catalog, CatalogSet):
            raise CatalogInvalid(f"{type(adapter).__name__}.fetch_catalog() returned {type(catalog).__name__}")
        return [str(finding) for finding in check(catalog) if finding.severity is Severity.ERROR]

    def publish(self, store: Store) -> str:
        """Publish the menu and say where it is.

        :raises OnboardingFailed: when it cannot be published.
        :raises ConfigurationError: when this installation has no public address.
        """
        # [D] It is named after the partner's own id until there is Gett's; the next synchronisation publishes it under that.
        report = self._sync.sync(store)
        if report.failed:
            raise OnboardingFailed(f"store {store.id} was not registered: its menu was not published", *report.why)
        address = self._publisher.address(store.id)
        if address is None:
            raise ConfigurationError("PUBLIC_URL is not set; Gett fetches the catalog from this address")
        return address

    def on_activated(self, store: Store) -> None:
        """Have it published again, under Gett's id."""
        self._sync.request(store)
