"""Ingestion of catalogs: pull from the partner, check, and accept all or nothing (``gett-protocol.md §2``)."""

from __future__ import annotations

import time
from uuid import UUID

import requests

from webhook_kit.catalog.check import Severity, check_bytes
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.gett.models.store import OnboardingStatus
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.state import OnboardingRecord, Pull, StoreRecord
from webhook_kit.web import AnswerTooLarge, fetch

__all__ = ["Ingestion", "IngestionFailed"]

_MAX_LISTED = 5  # findings of a catalog that the error lists


class IngestionFailed(Exception):
    """A catalog was not ingested; the message gives the reason."""


class Ingestion:
    """Pulls catalogs in the background, for registrations and for stores."""

    def __init__(self, context: SandboxContext) -> None:
        self._context = context
        context.scheduler.register("begin_ingestion", self._begin)
        context.scheduler.register("pull_for_onboarding", self._pull_for_onboarding)
        context.scheduler.register("pull_for_store", self._pull_for_store)

    def register(self, onboarding_id: str) -> None:
        """Schedule the ingestion of a registration's catalog."""
        self._context.scheduler.add(
            "begin_ingestion", delay=self._context.options.ingestion_seconds, onboarding_id=onboarding_id
        )

    def _begin(self, onboarding_id: str) -> None:
        with self._context.lock:
            record = self._context.state.onboardings.get(onboarding_id)
            if record is None:
                return
            record.status = OnboardingStatus.CATALOG_INGESTING
            delay = self._context.options.ingestion_seconds
            self._context.scheduler.add("pull_for_onboarding", delay=delay, onboarding_id=onboarding_id)

    def _pull_for_onboarding(self, onboarding_id: str) -> None:
        with self._context.lock:
            record = self._context.state.onboardings.get(onboarding_id)
            if record is None:
                return
            url = record.request.catalog_callback_url
        pull = self._pull(url, record)
        with self._context.lock:
            record.status = OnboardingStatus.CATALOG_FAILED if pull.error else OnboardingStatus.READY_TO_ACTIVATE
            record.error = pull.error

    def _pull_for_store(self, store_id: str, url: str) -> None:
        with self._context.lock:
            record = self._context.state.stores.get(store_id)
        if record is not None:
            self._pull(url, record)

    def _pull(self, url: str, record: StoreRecord | OnboardingRecord) -> Pull:
        """Pull a catalog for a store or registration; a failed pull is recorded and keeps the previous catalog."""
        at, started = self._context.clock.now(), time.monotonic()
        pull = Pull(at=at, url=url, seconds=0)
        catalog = None
        try:
            raw = self._fetch(url)
            pull.seconds = round(time.monotonic() - started, 6)
            catalog = _parse(raw, self._context.options.pull_max_bytes)
        except IngestionFailed as error:
            pull.error = str(error)
            pull.seconds = pull.seconds or round(time.monotonic() - started, 6)
        with self._context.lock:
            if catalog is not None:
                if catalog.catalog_set_id is None:
                    catalog = catalog.model_copy(update={"catalog_set_id": self._context.random.uuid("catalog set")})
                pull.catalog_set_id = record.catalog_set_id = str(catalog.catalog_set_id)
                self._context.state.catalogs[record.catalog_set_id] = catalog
            record.pulls.append(pull)
        self._context.log.append(
            "catalog_pull",
            pull.at,
            storeId=record.store.store_id if isinstance(record, StoreRecord) else record.store_id,
            **pull.model_dump(mode="json", by_alias=True, exclude={"at"}),
        )
        return pull

    def _fetch(self, url: str) -> bytes:
        """Return the body at a URL, limited in size and time.

        :raises IngestionFailed: when it cannot be downloaded.
        """
        limit, seconds = self._context.options.pull_max_bytes, self._context.options.pull_timeout
        end = time.monotonic() + seconds
        try:
            response = fetch(
                "GET",
                url,
                seconds=seconds,
                limit=limit,
                headers={"Accept": "application/json"},
                follow=True,
                trust_env=False,
            )
        except AnswerTooLarge:
            raise IngestionFailed(f"{url}: the CatalogSet is larger than {limit} bytes") from None
        except (requests.RequestException, OSError, ValueError) as error:
            if time.monotonic() < end:
                raise IngestionFailed(f"{url} did not answer ({type(error).__name__})") from error
            raise IngestionFailed(f"{url}: not downloaded within {seconds:g} s") from error
        if response.status_code != 200:
            raise IngestionFailed(f"{url} answered {response.status_code}")
        return response.content


def _parse(raw: bytes, limit: int) -> ExternalCatalogSet:
    """Return a catalog without errors.

    :raises IngestionFailed: with its errors; a single dangling reference is one.
    """
    catalog, findings = check_bytes(raw, limit=limit)
    errors = [f"{finding.path}: {finding.message}" for finding in findings if finding.severity is Severity.ERROR]
    if catalog is not None and catalog.catalog_set_id is not None and not _is_uuid(catalog.catalog_set_id):
        errors.append(f"$.catalogSetId: “{catalog.catalog_set_id}” is not a canonical UUID")
    if errors or catalog is None:
        raise _failed(errors)
    return catalog


def _failed(errors: list[str]) -> IngestionFailed:
    more = [f"… and {len(errors) - _MAX_LISTED} more"] if len(errors) > _MAX_LISTED else []
    return IngestionFailed("the CatalogSet is not valid: " + "; ".join(errors[:_MAX_LISTED] + more))


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
