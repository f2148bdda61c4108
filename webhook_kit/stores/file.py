"""Stores in a TOML file. The kit reads it, also after changes, and writes it only for `webhook-kit stores export`::

[stores.main-street]                    # the partner's own id of the store
gett_id = "5b0c…"                       # Gett's id; omit it until the store is onboarded
adapter = "my_pos.adapter:MyPos"        # or a registered name
timezone = "America/New_York"
fulfillment_types = ["Pickup"]          # optional; any type if omitted
[stores.main-street.credentials]
token = "…"
[stores.main-street.options]
terminal = 3
"""

from __future__ import annotations

import threading
import time
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from webhook_kit.adapter import Store
from webhook_kit.errors import ConfigurationError
from webhook_kit.logs import logger
from webhook_kit.settings import ZoneName
from webhook_kit.stores.source import FixedStores

__all__ = ["FileStores", "StoreTable", "as_toml"]

log = logger("stores")

_CHECK_INTERVAL = 1.0
"""Seconds between two checks for a change of the file."""


class StoreTable(BaseModel):
    """Table of one store in the file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    gett_id: str | None = Field(None, min_length=1)
    adapter: str = Field(min_length=1)
    timezone: ZoneName = "UTC"
    name: str = ""
    fulfillment_types: frozenset[str] | None = None
    credentials: dict[str, SecretStr] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)

    def as_store(self, store_id: str) -> Store:
        """Return the store with this id."""
        return Store(
            id=store_id,
            gett_id=self.gett_id or "",
            adapter=self.adapter,
            timezone=ZoneInfo(self.timezone),
            name=self.name or store_id,
            fulfillment_types=self.fulfillment_types,
            credentials={name: value.get_secret_value() for name, value in self.credentials.items()},
            options=self.options,
        )

    @classmethod
    def of(cls, store: Store) -> Self:
        """Return the table of a store."""
        return cls(
            gett_id=store.gett_id or None,
            adapter=store.adapter,
            timezone=store.timezone.key,
            name="" if store.name == store.id else store.name,
            fulfillment_types=store.fulfillment_types,
            credentials={name: SecretStr(value) for name, value in store.credentials.items()},
            options=dict(store.options),
        )

    def plain(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults, in plain types and without the credentials."""
        fields = self.model_dump(exclude={"credentials"}, exclude_defaults=True)
        if self.fulfillment_types is not None:
            fields["fulfillment_types"] = sorted(self.fulfillment_types)
        return fields


class FileStores:
    """Stores of a file, which is read again after a change. While it contains a mistake, the last valid content is used.

    :raises ConfigurationError: the file is not valid; with one line per mistake.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._fingerprint = _fingerprint(path)
        self._checked_at = time.monotonic()
        self._stores = FixedStores(_read(path))

    def __iter__(self) -> Iterator[Store]:
        return iter(self._current())

    def by_id(self, store_id: str) -> Store | None:
        """Return the store with this id of the partner, or None."""
        return self._current().by_id(store_id)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """Return the store with this id of Gett, or None."""
        return self._current().by_gett_id(gett_store_id)

    def _current(self) -> FixedStores:
        if time.monotonic() - self._checked_at >= _CHECK_INTERVAL and self._lock.acquire(blocking=False):
            try:
                self._checked_at = time.monotonic()
                self._reload_if_changed()
            finally:
                self._lock.release()
        return self._stores

    def _reload_if_changed(self) -> None:
        fingerprint = _fingerprint(self._path)
        if fingerprint == self._fingerprint:
            return
        self._fingerprint = fingerprint
        try:
            self._stores = FixedStores(_read(self._path))
        except ConfigurationError as error:
            log.error("stores_file_rejected", mistakes=error.mistakes)  # noqa: TRY400 - a traceback adds nothing
        else:
            log.info("stores_file_reloaded", stores=[store.id for store in self._stores])


def as_toml(stores: Iterable[Store], *, credentials: bool = True) -> str:
    """Return the content of a file with these stores.

    :param credentials: False omits the credentials.
    """
    tables = {}
    for store in stores:
        table = StoreTable.of(store).plain()
        if credentials and store.credentials:
            table["credentials"] = dict(store.credentials)
        tables[store.id] = table
    return tomli_w.dumps({"stores": tables})


def _fingerprint(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> list[Store]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("stores")
    except OSError as error:
        raise ConfigurationError(f"STORES_FILE {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"STORES_FILE {path}: {error}") from error
    if not isinstance(tables, dict) or not tables:
        raise ConfigurationError(f"STORES_FILE {path}: contains no [stores.<your store id>] table")
    stores, mistakes = [], []
    for store_id, table in tables.items():
        try:
            stores.append(StoreTable.model_validate(table).as_store(store_id))
        except ValidationError as error:
            mistakes += [
                f"STORES_FILE {path}: stores.{'.'.join([store_id, *map(str, e['loc'])])}: {e['msg']}"
                for e in error.errors(include_input=False)
            ]
    if mistakes:
        raise ConfigurationError(*mistakes)
    return stores
