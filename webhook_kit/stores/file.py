"""Stores in a TOML file: read while the kit runs, never written by it but for an export::

[stores.main-street]                    # the partner's own id of the store
gett_id = "5b0c…"                       # Gett's; left out until the store is onboarded
adapter = "my_pos.adapter:MyPos"        # or a registered name
timezone = "America/New_York"
fulfillment_types = ["Pickup"]          # left out: any
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

_LOOK_AGAIN = 1.0
"""Seconds between two looks whether the file has changed."""


class StoreTable(BaseModel):
    """A store as it is written down."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    gett_id: str | None = Field(None, min_length=1)
    adapter: str = Field(min_length=1)
    timezone: ZoneName = "UTC"
    name: str = ""
    fulfillment_types: frozenset[str] | None = None
    credentials: dict[str, SecretStr] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)

    def as_store(self, store_id: str) -> Store:
        """The store of that id."""
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
        """The table that says this store."""
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
        """What was said, in plain types and without the credentials; what was left out stays so."""
        said = self.model_dump(exclude={"credentials"}, exclude_defaults=True)
        if self.fulfillment_types is not None:
            said["fulfillment_types"] = sorted(self.fulfillment_types)
        return said


class FileStores:
    """The stores of a file. It is read again when it has changed; while it holds a mistake, the last good one stands.

    :raises ConfigurationError: with every mistake of the file at once, when it has never been good.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._mark = _mark(path)
        self._looked = time.monotonic()
        self._stores = FixedStores(_read(path))

    def __iter__(self) -> Iterator[Store]:
        return iter(self._current())

    def by_id(self, store_id: str) -> Store | None:
        """The store that the partner calls so."""
        return self._current().by_id(store_id)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """The store that Gett calls so."""
        return self._current().by_gett_id(gett_store_id)

    def _current(self) -> FixedStores:
        if time.monotonic() - self._looked >= _LOOK_AGAIN and self._lock.acquire(blocking=False):
            try:
                self._looked = time.monotonic()
                self._look_again()
            finally:
                self._lock.release()
        return self._stores

    def _look_again(self) -> None:
        mark = _mark(self._path)
        if mark == self._mark:
            return
        self._mark = mark
        try:
            self._stores = FixedStores(_read(self._path))
        except ConfigurationError as error:
            log.error("stores_file not read again, the last good one stays", mistakes=error.mistakes)  # noqa: TRY400 - they say it all
        else:
            log.info("stores_file read again", stores=[store.id for store in self._stores])


def as_toml(stores: Iterable[Store], *, credentials: bool = True) -> str:
    """The file that says these stores.

    :param credentials: False leaves them out.
    """
    tables = {}
    for store in stores:
        table = StoreTable.of(store).plain()
        if credentials and store.credentials:
            table["credentials"] = dict(store.credentials)
        tables[store.id] = table
    return tomli_w.dumps({"stores": tables})


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> list[Store]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("stores")
    except OSError as error:
        raise ConfigurationError(f"STORES_FILE {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"STORES_FILE {path}: {error}") from error
    if not isinstance(tables, dict) or not tables:
        raise ConfigurationError(f"STORES_FILE {path}: holds no [stores.<your store id>] table")
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
